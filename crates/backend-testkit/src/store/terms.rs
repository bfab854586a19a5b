//! Unusual terms: very long, odd Unicode, triple terms within triple terms, base directions. Whatever the term, it is
//! inserted, found again after reopening, counted, loaded, verified and removed.

use super::StoreContext;
use super::support::{node, open, reopen};
use crate::Factory;
use oxrdf::{BaseDirection, BlankNode, GraphName, Literal, NamedNode, Quad, Term, Triple};
use quadrille_store::{QuadPattern, QuadStore, StorageBackend, StoreOptions};

const LITERAL_BYTES: usize = 10_000_000;
const IRI_BYTES: usize = 100_000;

fn quad(number: usize, object: impl Into<Term>) -> Quad {
    Quad::new(
        node("subject", number),
        node("predicate", 0),
        object,
        GraphName::DefaultGraph,
    )
}

/// The quads, each by itself and all together, as they went in.
fn check<B: StorageBackend>(store: &QuadStore<B>, quads: &[Quad]) {
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.len(), quads.len() as u64);
    for quad in quads {
        assert!(snapshot.contains(quad).unwrap());
        let found = |pattern: &QuadPattern| -> Vec<Quad> {
            let found = snapshot.match_quads(pattern).unwrap();
            found.map(Result::unwrap).collect()
        };
        let whole = QuadPattern::from(quad.clone());
        // No printing of these terms: some have ten million bytes.
        assert!(found(&whole) == [quad.clone()], "the quad itself");
        let mut by_object = QuadPattern::new().with_object(quad.object.clone());
        let same = quads.iter().filter(|other| other.object == quad.object);
        let count = same.count();
        assert_eq!(snapshot.count(&by_object).unwrap(), count as u64);
        by_object.predicate = Some(quad.predicate.clone());
        let by_object = found(&by_object);
        assert!(by_object.iter().any(|other| other == quad), "by its object");
        let by_subject = QuadPattern::new().with_subject(quad.subject.clone());
        assert!(found(&by_subject).iter().any(|other| other == quad));
        let by_graph = QuadPattern::new()
            .with_predicate(quad.predicate.clone())
            .with_graph(quad.graph_name.clone());
        assert!(found(&by_graph).iter().any(|other| other == quad));
    }
    let problems = snapshot.verify().unwrap().problems;
    assert_eq!(problems, []);
}

/// The life of some quads: committed one by one, reopened, removed, loaded in bulk, reopened, compacted.
fn live<F: Factory>(context: &StoreContext<F>, quads: &[Quad]) {
    let options = StoreOptions::default();
    let home = context.home();
    let mut store = open(&home, &options);
    for quad in quads {
        assert!(store.insert(quad).unwrap());
        assert!(!store.insert(quad).unwrap(), "it is there already");
    }
    check(&store, quads);
    store = reopen(&home, store, &options);
    check(&store, quads);
    for quad in quads {
        assert!(store.remove(quad).unwrap());
        assert!(!store.contains(quad).unwrap());
    }
    check(&store, &[]);
    let mut load = store.bulk_load().unwrap();
    for quad in quads.iter().chain(quads) {
        load.push(quad.as_ref()).unwrap();
    }
    assert_eq!(load.finish().unwrap().quads_new, quads.len() as u64);
    check(&store, quads);
    store = reopen(&home, store, &options);
    check(&store, quads);
    store.compact().unwrap();
    check(&store, quads);
    // Found in the chunks, and removed from there.
    for quad in quads {
        assert!(store.remove(quad).unwrap());
    }
    store = reopen(&home, store, &options);
    check(&store, &[]);
}

/// Two literals of ten million bytes that differ in the last one, beside a short one.
pub(crate) fn a_literal_of_ten_megabytes<F: Factory>(context: &StoreContext<F>) {
    let mut text = "a long story, ".repeat(LITERAL_BYTES / 14 + 1);
    text.truncate(LITERAL_BYTES - 1);
    let literal = |last: char| Literal::new_simple_literal(format!("{text}{last}"));
    live(
        context,
        &[
            quad(1, literal('.')),
            quad(2, literal('!')),
            quad(3, Literal::new_simple_literal("a short story")),
        ],
    );
}

/// In every position that an IRI can have.
pub(crate) fn very_long_iris<F: Factory>(context: &StoreContext<F>) {
    let long = |last: &str| {
        let path = "so/long/".repeat(IRI_BYTES / 8);
        NamedNode::new(format!("http://example.org/{path}{last}")).unwrap()
    };
    let typed = Literal::new_typed_literal("1", long("type"));
    live(
        context,
        &[
            Quad::new(long("s"), long("p"), long("o"), long("g")),
            Quad::new(long("s"), long("p"), long("o"), GraphName::DefaultGraph),
            Quad::new(long("s"), long("q"), typed, long("g")),
            Quad::new(node("s", 1), node("p", 1), node("o", 1), node("g", 1)),
        ],
    );
}

/// Every length around those at which terms change their place: inlined, in a chunk, out of line.
pub(crate) fn literals_of_every_size<F: Factory>(context: &StoreContext<F>) {
    let lengths = (0..12).chain(120..140).chain(2030..2070);
    let quads: Vec<Quad> = lengths
        .map(|length| quad(length, Literal::new_simple_literal("x".repeat(length))))
        .collect();
    live(context, &quads);
}

/// What looks the same is not: no text is normalised, cut or read as a terminator.
pub(crate) fn odd_unicode<F: Factory>(context: &StoreContext<F>) {
    let texts = [
        "",
        "\0",
        "a\0b",
        "a\0",
        "\u{1}\u{7f}\u{80}\u{9f}",
        "\u{fffd}\u{fffe}\u{ffff}",
        "\u{d7ff}\u{e000}",
        "\u{10000}\u{1f980}\u{10ffff}",
        "\u{e9}",
        "e\u{301}",
        "\u{202e}desrever\u{202c}",
        "\u{feff}",
        "line\nline\r\nline\ttab \"quoted\" \\back",
        " a ",
        "a",
    ];
    let mut quads = Vec::new();
    for (number, text) in texts.into_iter().enumerate() {
        let long = text.repeat(1500);
        quads.push(quad(number, Literal::new_simple_literal(text)));
        if !text.is_empty() {
            quads.push(quad(number + 100, Literal::new_simple_literal(long)));
        }
        let french = Literal::new_language_tagged_literal(text, "fr").unwrap();
        quads.push(quad(number + 200, french));
        let typed = Literal::new_typed_literal(text, node("type", 1));
        quads.push(quad(number + 300, typed));
    }
    for text in ["\u{e9}", "e\u{301}", "\u{1f980}", "\u{ffff0}"] {
        let iri = NamedNode::new_unchecked(format!("http://example.org/{text}"));
        quads.push(Quad::new(iri.clone(), iri.clone(), iri.clone(), iri));
    }
    live(context, &quads);
}

/// Triple terms in triple terms, with long literals and blank nodes in them.
pub(crate) fn nested_triple_terms<F: Factory>(context: &StoreContext<F>) {
    let mut object = Term::from(Literal::new_simple_literal("x".repeat(5000)));
    let mut quads = Vec::new();
    for depth in 0..20 {
        let triple = match depth % 2 {
            0 => Triple::new(node("thing", depth), node("predicate", 0), object),
            _ => Triple::new(
                BlankNode::new(format!("b{depth}")).unwrap(),
                node("predicate", 0),
                object,
            ),
        };
        object = Term::from(triple);
        quads.push(quad(depth % 7, object.clone()));
    }
    live(context, &quads);
}

/// The same text with and without a language and a base direction is five terms.
pub(crate) fn base_directions<F: Factory>(context: &StoreContext<F>) {
    let mut quads = Vec::new();
    for text in ["", "text", &"a longer text ".repeat(300)] {
        let directed = |direction| {
            Literal::new_directional_language_tagged_literal(text, "ar", direction).unwrap()
        };
        quads.push(quad(1, Literal::new_simple_literal(text)));
        for literal in [
            directed(BaseDirection::Ltr),
            directed(BaseDirection::Rtl),
            Literal::new_language_tagged_literal(text, "ar").unwrap(),
            Literal::new_language_tagged_literal(text, "ar-x-rtl").unwrap(),
        ] {
            quads.push(quad(1, literal));
        }
    }
    live(context, &quads);
}
