//! Quads without regard to the names of their blank nodes.
//!
//! What flows in: quads. What flows out: a text for each, sorted, in which a blank node is told by what is said of it. What
//! always holds: quads that differ by a renaming alone give the same texts, and nearly all others do not.

use oxrdf::{BlankNodeRef, GraphNameRef, NamedOrBlankNodeRef, Quad, TermRef};
use std::collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};

/// How far a blank node is looked around.
const ROUNDS: usize = 3;

/// The texts of different quads.
pub(crate) fn alike(quads: &[Quad]) -> Vec<String> {
    let quads: BTreeMap<_, _> = quads.iter().map(|quad| (quad.to_string(), quad)).collect();
    let quads: Vec<&Quad> = quads.into_values().collect();
    let mut colours: BTreeMap<String, u64> = BTreeMap::new();
    for quad in &quads {
        visit(quad, &mut |node| {
            colours.insert(node.as_str().to_owned(), 0);
            String::new()
        });
    }
    for _ in 0..ROUNDS {
        let mut around: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for quad in &quads {
            let mut nodes = BTreeSet::new();
            visit(quad, &mut |node| {
                nodes.insert(node.as_str().to_owned());
                String::new()
            });
            for own in nodes {
                let text = visit(quad, &mut |node| match node.as_str() == own {
                    true => "_:self".to_owned(),
                    false => format!("_:{:016x}", colours[node.as_str()]),
                });
                let (own, _) = colours.get_key_value(&own).expect("it was seen");
                around.entry(own).or_default().push(text);
            }
        }
        colours = around
            .into_iter()
            .map(|(node, mut texts)| {
                texts.sort();
                let mut hasher = DefaultHasher::new();
                texts.hash(&mut hasher);
                (node.to_owned(), hasher.finish())
            })
            .collect();
    }
    let named = |quad: &&Quad| {
        visit(quad, &mut |node| {
            format!("_:{:016x}", colours[node.as_str()])
        })
    };
    let mut texts: Vec<String> = quads.iter().map(named).collect();
    texts.sort();
    texts
}

/// The text of a quad, its blank nodes named by a function.
fn visit(quad: &Quad, name: &mut dyn FnMut(BlankNodeRef<'_>) -> String) -> String {
    let subject = node(quad.subject.as_ref(), name);
    let object = term(quad.object.as_ref(), name);
    let graph = match quad.graph_name.as_ref() {
        GraphNameRef::BlankNode(node) => name(node),
        graph => graph.to_string(),
    };
    format!("{subject} {} {object} {graph}", quad.predicate)
}

fn node(node: NamedOrBlankNodeRef<'_>, name: &mut dyn FnMut(BlankNodeRef<'_>) -> String) -> String {
    match node {
        NamedOrBlankNodeRef::BlankNode(node) => name(node),
        NamedOrBlankNodeRef::NamedNode(iri) => iri.to_string(),
    }
}

fn term(term: TermRef<'_>, name: &mut dyn FnMut(BlankNodeRef<'_>) -> String) -> String {
    match term {
        TermRef::BlankNode(node) => name(node),
        TermRef::Triple(triple) => {
            let subject = node(triple.subject.as_ref(), name);
            let object = self::term(triple.object.as_ref(), name);
            format!("<<( {subject} {} {object} )>>", triple.predicate)
        }
        term => term.to_string(),
    }
}
