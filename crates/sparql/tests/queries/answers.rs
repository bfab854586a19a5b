//! What queries answer: on stores, snapshots and transactions; terms that the store has never seen; triple terms.

use crate::common::{answer, store};
use oxrdf::{GraphName, NamedNode, Quad, Term, Variable};
use quadrille_sparql::{Query, QueryError, QueryForm, QueryOptions, QueryResults, SparqlExt};
use std::collections::HashSet;

fn quad(subject: &str) -> Quad {
    let node = |name: &str| NamedNode::new_unchecked(format!("http://example.com/{name}"));
    Quad::new(node(subject), node("p"), node("o"), GraphName::DefaultGraph)
}

#[test]
fn a_transaction_sees_its_own_writes_and_others_do_not() {
    let store = store(":before :p :o . :removed :p :o .");
    let query = "SELECT ?s { ?s :p :o }";
    let mut transaction = store.transaction().unwrap();
    transaction.insert(&quad("inserted")).unwrap();
    transaction.remove(&quad("removed")).unwrap();
    assert_eq!(
        answer(&transaction, query).unwrap(),
        ["<:before>", "<:inserted>"]
    );
    assert_eq!(answer(&store, query).unwrap(), ["<:before>", "<:removed>"]);
    transaction.commit().unwrap();
    assert_eq!(answer(&store, query).unwrap(), ["<:before>", "<:inserted>"]);
}

#[test]
fn results_keep_the_state_they_were_asked_on() {
    let store = store(":s :p :o .");
    let snapshot = store.snapshot().unwrap();
    let QueryResults::Solutions(solutions) = store.query("SELECT ?s { ?s ?p ?o }").unwrap() else {
        panic!("a SELECT")
    };
    store.insert(&quad("later")).unwrap();
    assert_eq!(solutions.count(), 1);
    assert_eq!(
        answer(&snapshot, "SELECT ?s { ?s ?p ?o }").unwrap(),
        ["<:s>"]
    );
}

#[test]
fn results_outlive_store_and_query() {
    let solutions = {
        let store = store(":s :p 1, 2, 3 .");
        let query = Query::parse("SELECT (?o + 1 AS ?next) { ?s ?p ?o }", None).unwrap();
        assert_eq!(query.form(), QueryForm::Select);
        match query.prepare(QueryOptions::new()).execute(&store).unwrap() {
            QueryResults::Solutions(solutions) => solutions,
            _ => panic!("a SELECT"),
        }
    };
    let values: Result<Vec<_>, QueryError> = solutions
        .map(|row| Ok(row?.get("next").unwrap().to_string()))
        .collect();
    assert_eq!(values.unwrap().len(), 3);
}

#[test]
fn terms_that_the_store_lacks_are_equal_when_their_terms_are() {
    let store = store(":s :p 5 .");
    for (query, rows) in [
        (
            "SELECT * { VALUES ?x { :new } VALUES ?x { :new :other } }",
            1,
        ),
        (
            "SELECT DISTINCT ?x { VALUES ?x { \"a\" \"a\"@en \"a\" } }",
            2,
        ),
        (
            "SELECT * { BIND(CONCAT('a', 'b') AS ?x) FILTER(sameTerm(?x, 'ab')) }",
            1,
        ),
        (
            "SELECT * { ?s :p ?o BIND(2 + 3 AS ?o2) FILTER(sameTerm(?o, ?o2)) }",
            1,
        ),
        (
            "SELECT * { ?s ?p ?o . BIND(IRI('http://example.com/s') AS ?t) ?t ?p ?q }",
            1,
        ),
        ("SELECT * { :new ?p ?o }", 0),
        (
            "SELECT * { ?s ?p \"05\"^^<http://www.w3.org/2001/XMLSchema#integer> }",
            0,
        ),
        (
            "SELECT DISTINCT ?b { VALUES ?twice { 1 2 } BIND(BNODE() AS ?b) }",
            2,
        ),
    ] {
        assert_eq!(answer(&store, query).unwrap().len(), rows, "{query}");
    }
}

#[test]
fn prepared_queries_run_again_with_other_values() {
    let store = store(":a :p 1 . :b :p 2 .");
    let variable = Variable::new_unchecked("s");
    let query = Query::parse("SELECT ?s ?o { ?s <http://example.com/p> ?o }", None)
        .unwrap()
        .prepare(QueryOptions::new());
    for (name, value) in [("a", "1"), ("b", "2")] {
        let subject = NamedNode::new_unchecked(format!("http://example.com/{name}"));
        let bound = query.clone().with_binding(variable.clone(), subject);
        let QueryResults::Solutions(solutions) = bound.execute(&store).unwrap() else {
            panic!("a SELECT")
        };
        let rows: Vec<_> = solutions.map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        assert!(
            matches!(rows[0].get("o"), Some(Term::Literal(literal)) if literal.value() == value)
        );
    }
}

#[test]
fn triple_terms_are_matched_made_and_taken_apart() {
    let store = store(":said :that <<( :s :p :o )>> . :said :too <<( :s :p 1 )>> .");
    assert_eq!(
        answer(&store, "SELECT ?o { :said ?p <<( :s :p ?o )>> }").unwrap(),
        ["1", "<:o>"]
    );
    assert_eq!(
        answer(
            &store,
            "SELECT ?o { ?s ?p ?t FILTER(isTRIPLE(?t)) BIND(OBJECT(?t) AS ?o) }"
        )
        .unwrap(),
        ["1", "<:o>"]
    );
    assert_eq!(
        answer(
            &store,
            "ASK { BIND(TRIPLE(:s, :p, :o) AS ?t) :said :that ?t }"
        )
        .unwrap(),
        ["true"]
    );
    assert_eq!(
        answer(
            &store,
            "SELECT ?t { BIND(<<( :never :seen 1 )>> AS ?t) FILTER(SUBJECT(?t) = :never) }"
        )
        .unwrap(),
        ["<<( <:never> <:seen> 1 )>>"]
    );
}

#[test]
fn syntax_errors_say_where() {
    for (text, line) in [("SELECT *\nWHERE {\n ?s ?p }", 3), ("SELEKT", 1), ("", 1)] {
        let Err(QueryError::Syntax(error)) = Query::parse(text, None) else {
            panic!("{text} is no query")
        };
        assert_eq!(error.line(), Some(line), "{error}");
        assert!(error.column().is_some() && !error.message().is_empty());
    }
    let error = Query::parse("ASK {}", Some("not an IRI")).unwrap_err();
    assert!(
        matches!(&error, QueryError::Syntax(error) if error.line().is_none()),
        "{error}"
    );
    let update = Query::parse("INSERT DATA { <a:s> <a:p> <a:o> }", None);
    assert!(matches!(update, Err(QueryError::Syntax(_))));
}

#[test]
fn a_label_has_one_blank_node_in_a_solution() {
    let data: String = (0..3000)
        .map(|n| format!(":s{n} :p \"{}\" ; :q \"{}\" .\n", n % 5, n % 3))
        .collect();
    let store = store(&data);
    let query = "SELECT ?s ?x ?y (BNODE(?x) AS ?a) (1 AS ?one) (BNODE(?y) AS ?b) (BNODE(?x) AS ?c)
        { ?s :p ?x ; :q ?y }";
    let rows = answer(&store, query).unwrap();
    assert_eq!(rows.len(), 3000);
    let mut seen = HashSet::new();
    for row in &rows {
        let columns: Vec<&str> = row.split('\t').collect();
        let [_, x, y, a, _, b, c] = columns[..] else {
            panic!("{row}");
        };
        assert!(a.starts_with("_:"), "{row}");
        assert_eq!(a, c, "{row}");
        assert_eq!(a == b, x == y, "{row}");
        assert!(seen.insert(a.to_owned()), "{row}");
        assert!(a == b || seen.insert(b.to_owned()), "{row}");
    }
}
