//! Prepared queries: their plans are kept, and never outlive what they rest on.

use crate::common::{Store, store};
use oxrdf::{GraphName, Literal, NamedNode, Quad, Term, TermRef, Variable};
use quadrille_backend::InMemoryBackend;
use quadrille_sparql::{PreparedQuery, QuadSource, Query, QueryOptions, QueryResults, SparqlExt};
use quadrille_store::{
    IdPattern, IdScan, ReadContext, Snapshot, StorageResult, TermId, ViewIdentity,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn node(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("http://example.com/{name}"))
}

fn prepared(text: &str) -> PreparedQuery {
    let text = format!("PREFIX : <http://example.com/>\n{text}");
    Query::parse(&text, None)
        .unwrap()
        .prepare(QueryOptions::new())
}

fn rows<T: SparqlExt>(query: &PreparedQuery, target: &T) -> Vec<String> {
    let QueryResults::Solutions(solutions) = query.execute(target).unwrap() else {
        panic!("a SELECT")
    };
    let mut rows: Vec<String> = solutions
        .map(|solution| {
            let solution = solution.unwrap();
            let values = solution.values().iter();
            let texts = values.map(|term| term.as_ref().map_or(String::new(), Term::to_string));
            texts
                .collect::<Vec<_>>()
                .join(" ")
                .replace("http://example.com/", ":")
        })
        .collect();
    rows.sort();
    rows
}

fn bound(query: &PreparedQuery, name: &str, value: impl Into<Term>) -> PreparedQuery {
    query
        .clone()
        .with_binding(Variable::new_unchecked(name), value)
}

fn insert(store: &Store, subject: &str, predicate: &str, object: impl Into<Term>) {
    let graph = GraphName::DefaultGraph;
    let quad = Quad::new(node(subject), node(predicate), object, graph);
    store.insert(&quad).unwrap();
}

/// A snapshot that counts the questions of the planner, and those for ids.
#[derive(Clone)]
struct Counted {
    snapshot: Snapshot<InMemoryBackend>,
    estimates: Arc<AtomicUsize>,
    encoded: Arc<AtomicUsize>,
}

impl Counted {
    fn new(store: &Store) -> Self {
        Self {
            snapshot: store.snapshot().unwrap(),
            estimates: Arc::default(),
            encoded: Arc::default(),
        }
    }

    /// How often each was asked since the last call.
    fn asked(&self) -> (usize, usize) {
        let estimates = self.estimates.swap(0, Ordering::Relaxed);
        (estimates, self.encoded.swap(0, Ordering::Relaxed))
    }
}

impl QuadSource for Counted {
    type Scan = IdScan<InMemoryBackend>;

    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Self::Scan> {
        QuadSource::scan(&self.snapshot, pattern, context)
    }

    fn count(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::count(&self.snapshot, pattern)
    }

    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64> {
        self.estimates.fetch_add(1, Ordering::Relaxed);
        QuadSource::estimate(&self.snapshot, pattern)
    }

    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        if matches!(term, TermRef::NamedNode(_)) {
            self.encoded.fetch_add(1, Ordering::Relaxed);
        }
        QuadSource::encode(&self.snapshot, term)
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        QuadSource::decode(&self.snapshot, id)
    }

    fn graphs(
        &self,
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + 'static> {
        QuadSource::graphs(&self.snapshot)
    }

    fn identity(&self) -> Option<ViewIdentity> {
        QuadSource::identity(&self.snapshot)
    }
}

impl SparqlExt for Counted {
    type Source = Self;

    fn query_source(&self) -> StorageResult<Self> {
        Ok(self.clone())
    }
}

#[test]
fn a_query_is_planned_once_for_a_view() {
    let store = store(":a :p :b . :b :p :c ; :q 1 .");
    let counted = Counted::new(&store);
    let query = prepared("SELECT ?x ?y ?n { ?x :p ?y . ?y :q ?n }");
    assert_eq!(rows(&query, &counted).len(), 1);
    let (estimates, encoded) = counted.asked();
    assert!(estimates > 0 && encoded == 2);
    assert_eq!(rows(&query.clone(), &counted).len(), 1);
    assert_eq!(counted.asked(), (0, 0));
    insert(&store, "c", "q", Literal::from(2));
    assert_eq!(rows(&query, &counted).len(), 1, "the old view");
    assert_eq!(counted.asked(), (0, 0));
    let later = Counted::new(&store);
    assert_eq!(rows(&query, &later).len(), 2);
    let (estimates, encoded) = later.asked();
    assert!(estimates > 0 && encoded == 2);
}

#[test]
fn a_plan_of_one_pattern_serves_any_value() {
    let store = store(":a :p 1, 2 . :b :p 3 .");
    let counted = Counted::new(&store);
    let query = prepared("SELECT ?s ?o { ?s :p ?o FILTER(?o != 2) } ORDER BY ?o LIMIT 5");
    assert_eq!(rows(&bound(&query, "s", node("a")), &counted).len(), 1);
    assert_eq!(counted.asked(), (0, 2), "there is nothing to choose");
    let integer = "^^<http://www.w3.org/2001/XMLSchema#integer>";
    assert_eq!(
        rows(&bound(&query, "s", node("b")), &counted),
        [format!("<:b> \"3\"{integer}")]
    );
    assert_eq!(counted.asked(), (0, 1));
    assert_eq!(rows(&bound(&query, "s", node("nobody")), &counted).len(), 0);
    assert_eq!(
        rows(&bound(&query, "s", node("a")), &counted),
        [format!("<:a> \"1\"{integer}")]
    );
}

#[test]
fn a_plan_of_one_subject_serves_any_other() {
    let store = store(":a :p 1, 2 ; :q :x ; :r :y . :b :p 3 ; :q :y ; :r :x .");
    let counted = Counted::new(&store);
    let query = prepared("SELECT ?s ?o ?x { ?s :p ?o ; :q ?x ; :r ?y }");
    assert_eq!(rows(&bound(&query, "s", node("a")), &counted).len(), 2);
    assert!(counted.asked().0 > 0, "the ways were weighed");
    assert_eq!(rows(&bound(&query, "s", node("b")), &counted).len(), 1);
    assert_eq!(counted.asked(), (0, 1));
    assert_eq!(rows(&bound(&query, "s", node("nobody")), &counted).len(), 0);
}

#[test]
fn values_of_every_kind_may_follow_each_other() {
    let store = store(":a :p :p, :a, 1 . :p :p :a . :q :p 'text' . :x :q :a .");
    let names = ["a", "p", "q", "nobody", "x", "elsewhere"];
    for text in [
        "SELECT ?s ?o { ?s :p ?o }",
        "SELECT ?s ?o { ?s :p ?o FILTER(?s != ?o) }",
        "SELECT DISTINCT ?s ?o { ?s ?o ?x }",
        "SELECT ?s ?o { ?o ?s ?x }",
        "SELECT ?s ?o (STR(?s) AS ?t) { ?s ?p ?o }",
        "SELECT ?s ?o { ?s :p ?o . ?o :p ?x }",
        "SELECT ?s ?o { ?s :p ?o ; :q ?x }",
        "SELECT ?s ?o { ?s :p ?x ; :p ?o ; :p ?y }",
        "SELECT ?s ?o { ?s :p* ?o }",
        "SELECT ?s ?o { ?s :p ?o OPTIONAL { ?o :p ?s } }",
        "SELECT ?s ?o { { ?s :p ?o } UNION { ?s :q ?o } }",
        "SELECT ?s (COUNT(*) AS ?o) { ?s :p ?x } GROUP BY ?s",
    ] {
        let kept = prepared(text);
        for first in names {
            for second in names {
                let (first, second) = (node(first), node(second));
                let both = |query: &PreparedQuery| {
                    let query = bound(&bound(query, "s", first.clone()), "o", second.clone());
                    rows(&query, &store)
                };
                assert_eq!(
                    both(&kept),
                    both(&prepared(text)),
                    "{text} {first} {second}"
                );
                let one = |query: &PreparedQuery| rows(&bound(query, "s", first.clone()), &store);
                assert_eq!(one(&kept), one(&prepared(text)), "{text} {first}");
            }
        }
    }
}

#[test]
fn a_term_that_comes_with_a_commit_is_found() {
    let store = store(":a :p 1 .");
    let query = prepared("SELECT ?s { ?s :new :other }");
    assert_eq!(rows(&query, &store).len(), 0);
    assert_eq!(rows(&query, &store).len(), 0);
    insert(&store, "a", "new", node("other"));
    assert_eq!(rows(&query, &store), ["<:a>"]);
    let absent = prepared("SELECT ?x ?y { VALUES ?x { :absent } BIND(:missing AS ?y) }");
    for _ in 0..3 {
        assert_eq!(rows(&absent, &store), ["<:absent> <:missing>"]);
    }
}

#[test]
fn a_transaction_sees_its_own_writes_between_two_runs() {
    let store = store(":a :p 1 .");
    let query = prepared("SELECT ?s { ?s :p ?o }");
    let mut transaction = store.transaction().unwrap();
    assert_eq!(rows(&query, &transaction).len(), 1);
    let quad = Quad::new(node("b"), node("p"), node("c"), GraphName::DefaultGraph);
    transaction.insert(&quad).unwrap();
    assert_eq!(rows(&query, &transaction).len(), 2);
    drop(transaction);
    assert_eq!(rows(&query, &store).len(), 1);
}

#[test]
fn the_graphs_of_a_dataset_are_those_of_the_view() {
    let store = store(":g { :a :p 1 }");
    let query = prepared("SELECT ?s FROM :g FROM :h { ?s :p ?o }");
    assert_eq!(rows(&query, &store), ["<:a>"]);
    assert_eq!(rows(&query, &store), ["<:a>"]);
    let quad = Quad::new(node("b"), node("p"), node("c"), node("h"));
    store.insert(&quad).unwrap();
    assert_eq!(rows(&query, &store), ["<:a>", "<:b>"]);
}

#[test]
fn threads_share_a_prepared_query() {
    let store = store(":a :p 1, 2 . :b :p 3 .");
    let query = prepared("SELECT ?s ?o { ?s :p ?o }");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (store, query) = (&store, &query);
            scope.spawn(move || {
                for round in 0..200 {
                    let (name, count) = [("a", 2), ("b", 1), ("c", 0)][(number + round) % 3];
                    assert_eq!(rows(&bound(query, "s", node(name)), store).len(), count);
                }
            });
        }
    });
}

#[test]
fn a_condition_on_the_time_is_one_on_that_of_the_run() {
    let store = store("");
    let soon = oxsdatatypes::DateTime::now()
        .checked_add_day_time_duration("PT0.3S".parse::<oxsdatatypes::DayTimeDuration>().unwrap())
        .unwrap();
    insert(&store, "a", "due", Literal::from(soon));
    let query = prepared("SELECT ?s { ?s :due ?time FILTER(?time < NOW()) }");
    assert!(rows(&query, &store).is_empty());
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(rows(&query, &store), ["<:a>"]);
}

#[test]
fn a_value_that_a_condition_names_too_is_told_from_it() {
    let store = store(":a :p :b . :a :p :a . :b :p :a .");
    let query = prepared("SELECT ?s ?o { ?s :p ?o FILTER(?s = :a) }");
    let with = |name| rows(&bound(&query, "o", node(name)), &store);
    assert_eq!(with("a"), ["<:a> <:a>"]);
    assert_eq!(with("b"), ["<:a> <:b>"]);
}
