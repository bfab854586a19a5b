//! The expected answers of the suites, in their five syntaxes.
//!
//! What flows in: a result file. What flows out: an [`Answer`]. What always holds: rows are ordered only if the file says
//! so, by an index, or if the query sorts.

use crate::answer::Answer;
use crate::manifest::SuiteFile;
use oxrdf::vocab::rdf;
use oxrdf::{Graph, Literal, NamedNode, NamedOrBlankNodeRef, Term, TermRef, Triple, Variable};
use oxrdfxml::RdfXmlParser;
use oxttl::TurtleParser;
use sparesults::QueryResultsFormat;
use std::collections::BTreeMap;

/// Reads a result; `sorted` says that the query sorts its rows.
pub(crate) fn read(file: &SuiteFile, sorted: bool) -> Result<Answer, String> {
    if matches!(file.extension(), "ttl" | "rdf") {
        let triples = triples(file)?;
        let graph: Graph = triples.iter().map(Triple::as_ref).collect();
        return Ok(result_set(&graph).unwrap_or_else(|| Answer::graph(triples)));
    }
    let format = QueryResultsFormat::from_extension(file.extension())
        .ok_or_else(|| format!("{} is no result", file.url))?;
    let answer = Answer::parse(file.read().as_bytes(), format)?;
    Ok(match answer {
        Answer::Solutions { columns, rows, .. } => Answer::Solutions {
            columns,
            rows,
            ordered: sorted,
        },
        other => other,
    })
}

/// The triples of an RDF file.
pub(crate) fn triples(file: &SuiteFile) -> Result<Vec<Triple>, String> {
    let text = file.read();
    let triples: Result<Vec<_>, String> = if file.extension() == "rdf" {
        let parser = RdfXmlParser::new().with_base_iri(&file.url).unwrap();
        let triples = parser.for_slice(&text);
        triples
            .map(|triple| triple.map_err(|error| error.to_string()))
            .collect()
    } else {
        let parser = TurtleParser::new().with_base_iri(&file.url).unwrap();
        let triples = parser.for_slice(&text);
        triples
            .map(|triple| triple.map_err(|error| error.to_string()))
            .collect()
    };
    triples.map_err(|error| format!("{}: {error}", file.url))
}

/// The result set that a graph describes, if it does.
fn result_set(graph: &Graph) -> Option<Answer> {
    let class = vocabulary("ResultSet");
    let set = graph.subject_for_predicate_object(rdf::TYPE, &class)?;
    if let Some(TermRef::Literal(value)) =
        graph.object_for_subject_predicate(set, &vocabulary("boolean"))
    {
        return Some(Answer::Boolean(value.value() == "true"));
    }
    let variables: Vec<Variable> = graph
        .objects_for_subject_predicate(set, &vocabulary("resultVariable"))
        .filter_map(text)
        .map(|name| Variable::new(name).unwrap())
        .collect();
    let mut solutions: Vec<(Option<i64>, BTreeMap<String, Term>)> = graph
        .objects_for_subject_predicate(set, &vocabulary("solution"))
        .filter_map(node)
        .map(|solution| (index(graph, solution), bindings(graph, solution)))
        .collect();
    solutions.sort_by_key(|(index, _)| *index);
    let ordered = solutions.first().is_some_and(|(index, _)| index.is_some());
    let rows = solutions.into_iter().map(|(_, row)| row).collect();
    Some(Answer::solutions(&variables, rows, ordered))
}

fn index(graph: &Graph, solution: NamedOrBlankNodeRef<'_>) -> Option<i64> {
    let index = graph.object_for_subject_predicate(solution, &vocabulary("index"))?;
    text(index)?.parse().ok()
}

fn bindings(graph: &Graph, solution: NamedOrBlankNodeRef<'_>) -> BTreeMap<String, Term> {
    let bindings = graph.objects_for_subject_predicate(solution, &vocabulary("binding"));
    bindings
        .filter_map(node)
        .filter_map(|binding| {
            let of = |name| graph.object_for_subject_predicate(binding, &vocabulary(name));
            Some((text(of("variable")?)?, of("value")?.into_owned()))
        })
        .collect()
}

fn text(term: TermRef<'_>) -> Option<String> {
    match term {
        TermRef::Literal(literal) => Some(Literal::from(literal).value().to_owned()),
        _ => None,
    }
}

fn node(term: TermRef<'_>) -> Option<NamedOrBlankNodeRef<'_>> {
    match term {
        TermRef::NamedNode(node) => Some(node.into()),
        TermRef::BlankNode(node) => Some(node.into()),
        _ => None,
    }
}

fn vocabulary(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!(
        "http://www.w3.org/2001/sw/DataAccess/tests/result-set#{name}"
    ))
}
