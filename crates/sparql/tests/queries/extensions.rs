//! Functions and aggregates that the caller of a query brings.

use crate::common::{answer, answer_with, store};
use oxrdf::{Literal, NamedNode, Term};
use quadrille_sparql::{AggregateAccumulator, Query, QueryError, QueryOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn name(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("http://example.com/{name}"))
}

/// Twice an integer; an error for anything else.
fn doubled(terms: &[Term]) -> Option<Term> {
    let [Term::Literal(literal)] = terms else {
        return None;
    };
    let value: i64 = literal.value().parse().ok()?;
    Some(Literal::from(2 * value).into())
}

/// The values of a group in the order of their text.
#[derive(Default)]
struct Listed {
    texts: Vec<String>,
    missing: usize,
}

impl AggregateAccumulator for Listed {
    fn add(&mut self, value: Option<Term>) {
        match value {
            Some(Term::Literal(literal)) => self.texts.push(literal.value().to_owned()),
            _ => self.missing += 1,
        }
    }

    fn finish(&mut self) -> Option<Term> {
        if self.texts.is_empty() {
            return None;
        }
        self.texts.sort();
        let text = format!("{}/{}", self.texts.join(" "), self.missing);
        Some(Literal::new_simple_literal(text).into())
    }

    fn bytes(&self) -> usize {
        self.texts
            .iter()
            .map(|text| text.len() + size_of::<String>())
            .sum()
    }
}

fn options() -> QueryOptions {
    QueryOptions::new()
        .with_function(name("doubled"), doubled)
        .with_aggregate(name("listed"), || Box::new(Listed::default()))
}

#[test]
fn a_function_is_called_wherever_an_expression_stands() {
    let store = store(":a :p 1 . :b :p 2 . :c :p 'x' .");
    for (query, rows) in [
        (
            "SELECT ?s (:doubled(?o) AS ?d) { ?s :p ?o }",
            vec!["<:a>\t2", "<:b>\t4", "<:c>\t"],
        ),
        (
            "SELECT ?s { ?s :p ?o FILTER(:doubled(?o) = 4) }",
            vec!["<:b>"],
        ),
        (
            "SELECT ?o { ?s :p ?o } ORDER BY DESC(:doubled(?o)) LIMIT 1",
            vec!["2"],
        ),
        (
            "SELECT (COALESCE(:doubled(:doubled(?o)), 0) AS ?d) { ?s :p ?o }",
            vec!["0", "4", "8"],
        ),
        (
            "SELECT (SUM(:doubled(?o)) AS ?d) { ?s :p ?o FILTER(ISNUMERIC(?o)) }",
            vec!["6"],
        ),
        ("SELECT (:doubled() AS ?d) {}", vec![""]),
    ] {
        assert_eq!(
            answer_with(&store, query, &options()).unwrap(),
            rows,
            "{query}"
        );
    }
}

#[test]
fn a_function_sees_terms_as_they_are_and_no_errors() {
    let store = store(":a :p '01'^^<http://www.w3.org/2001/XMLSchema#integer> , _:b .");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let options = QueryOptions::new().with_function(name("text"), move |terms: &[Term]| {
        counted.fetch_add(1, Ordering::Relaxed);
        match terms {
            [Term::Literal(literal)] => Some(Literal::new_simple_literal(literal.value()).into()),
            _ => None,
        }
    });
    let query = "SELECT (:text(?o) AS ?t) { ?s :p ?o FILTER(ISLITERAL(?o)) }";
    assert_eq!(answer_with(&store, query, &options).unwrap(), ["\"01\""]);
    assert_eq!(calls.swap(0, Ordering::Relaxed), 1);
    let errors = "SELECT (:text(?nobody) AS ?t) (:text(1 / 0) AS ?u) {}";
    assert_eq!(answer_with(&store, errors, &options).unwrap(), ["\t"]);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[test]
fn functions_that_nobody_knows_are_errors() {
    let store = store("");
    let unknown = answer(&store, "SELECT (:doubled(1) AS ?d) {}");
    assert!(
        matches!(&unknown, Err(QueryError::Evaluation(text)) if text.contains("doubled")),
        "{unknown:?}"
    );
}

#[test]
fn an_aggregate_gathers_by_group() {
    let store = store(":a :p 1, 2, 3 . :b :p 2 ; :q 2 . :c :p :c .");
    for (query, rows) in [
        (
            "SELECT ?s (:listed(?o) AS ?l) { ?s ?p ?o } GROUP BY ?s",
            vec!["<:a>\t\"1 2 3/0\"", "<:b>\t\"2 2/0\"", "<:c>\t"],
        ),
        (
            "SELECT (:listed(1 / (?o - 2)) AS ?l) { :a :p ?o }",
            vec!["\"-1 1/1\""],
        ),
        (
            "SELECT ?s { ?s ?p ?o } GROUP BY ?s HAVING(STRLEN(:listed(?o)) > 5)",
            vec!["<:a>"],
        ),
        ("SELECT (:listed(?o) AS ?l) { ?s :none ?o }", vec![""]),
    ] {
        assert_eq!(
            answer_with(&store, query, &options()).unwrap(),
            rows,
            "{query}"
        );
    }
}

#[test]
fn an_aggregate_is_one_only_if_the_query_is_parsed_with_it() {
    let store = store(":a :p 1 .");
    let text = "SELECT (<http://example.com/listed>(?o) AS ?l) { ?s ?p ?o }";
    let parsed = Query::parse_with(text, &options()).unwrap();
    assert!(parsed.prepare(options()).execute(&store).is_ok());
    let unknown = parsed.prepare(QueryOptions::new()).execute(&store);
    assert!(matches!(unknown, Err(QueryError::Evaluation(_))));
    let called = Query::parse(text, None).unwrap().prepare(options());
    assert!(matches!(
        called.execute(&store),
        Err(QueryError::Evaluation(_))
    ));
}

#[test]
fn what_an_aggregate_gathers_counts_against_the_memory_of_the_query() {
    let triples: String = (0..2_000)
        .map(|number| format!(":s :p 'a text that goes on for a while, number {number}' .\n"))
        .collect();
    let store = store(&triples);
    let query = "SELECT (:listed(?o) AS ?l) { ?s ?p ?o }";
    let small = options().with_memory(1 << 15);
    let stopped = answer_with(&store, query, &small);
    assert!(
        matches!(stopped, Err(QueryError::Memory { .. })),
        "{stopped:?}"
    );
    assert_eq!(answer_with(&store, query, &options()).unwrap().len(), 1);
}
