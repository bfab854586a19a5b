//! `SERVICE`: who is asked what, how often, and what becomes of answers and failures.

use crate::common::{Store, answer, answer_with, store};
use oxrdf::{BlankNode, Literal, NamedNode, Term};
use quadrille_sparql::{
    Query, QueryError, QueryOptions, QueryResults, ServiceError, ServiceRequest, ServiceRows,
    SparqlExt,
};
use quadrille_store::CancelToken;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Who was asked, and what.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

fn endpoint(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("http://example.com/{name}"))
}

/// Options whose services answer from stores, and remember what they were asked.
fn federation(stores: Vec<(&str, Store)>) -> (QueryOptions, Asked) {
    let asked = Asked::default();
    let mut options = QueryOptions::new();
    for (name, store) in stores {
        let asked = Arc::clone(&asked);
        let handler = move |request: &ServiceRequest| {
            let entry = (
                request.endpoint().as_str().to_owned(),
                request.query().to_owned(),
            );
            asked.lock().unwrap().push(entry);
            let QueryResults::Solutions(solutions) = store.query(request.query())? else {
                return Err("no solutions".into());
            };
            assert_eq!(solutions.variables(), request.variables());
            let rows = solutions.map(|solution| Ok(solution?.values().to_vec()));
            Ok(Box::new(rows) as ServiceRows)
        };
        options = options.with_service(endpoint(name), handler);
    }
    (options, asked)
}

fn names(asked: &Asked) -> Vec<String> {
    let mut names: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|(name, _)| name.replace("http://example.com/", ""))
        .collect();
    names.sort();
    names
}

/// A handler that gives these rows for whatever it is asked.
fn rows(
    rows: Vec<Vec<Option<Term>>>,
) -> impl Fn(&ServiceRequest) -> Result<ServiceRows, ServiceError> + Send + Sync + 'static {
    move |_| Ok(Box::new(rows.clone().into_iter().map(Ok)) as ServiceRows)
}

fn number(value: i32) -> Option<Term> {
    Some(Literal::from(value).into())
}

#[test]
fn an_answer_is_joined_and_the_pattern_is_asked_as_text() {
    let here = store(":a :p :b, :c .");
    let (options, asked) = federation(vec![("there", store(":b :name 'B' . :d :name 'D' ."))]);
    let query = "SELECT * { :a :p ?x SERVICE :there { ?x :name ?n FILTER(STRLEN(?n) = 1) } }";
    assert_eq!(
        answer_with(&here, query, &options).unwrap(),
        ["<:b>\t\"B\""]
    );
    let asked = asked.lock().unwrap();
    let [(_, text)] = asked.as_slice() else {
        panic!("asked once: {asked:?}")
    };
    assert!(
        text.starts_with("SELECT ?x ?n WHERE {") && text.contains("<http://example.com/name>"),
        "{text}"
    );
}

#[test]
fn the_text_means_what_the_pattern_means() {
    let here = store(":a :n 1, 4 . :b :n 2 .");
    for pattern in [
        "?s :n ?n BIND(12 / (?n + 2) AS ?m) BIND(-(?n - 1) * 2 AS ?k)",
        "?s :n ?n FILTER(!(?n - 1)) { ?s :n ?m FILTER(BOUND(?n)) }",
        "{ ?s :n ?n FILTER(!BOUND(?m)) } ?s :n ?m",
        "?s :n ?n OPTIONAL { { ?s :n ?m FILTER(?n = ?m) } }",
        "?s :n ?n { ?x :n ?n OPTIONAL { ?s :n 2 } }",
        "?s :n ?n { ?s :n ?m MINUS { ?s :n 2 } }",
        "{ SELECT ?s { ?s :n ?n } ORDER BY DESC(?n) LIMIT 1 }",
        "{ SELECT (?n AS ?k) { { SELECT DISTINCT ?n { ?s :n ?n . ?x :n ?y } } { ?x :n ?y } } }",
        "{ SELECT (?w AS ?y) { { SELECT DISTINCT * { ?s :n ?n . ?x :n ?z } } } }",
        "{ SELECT (COUNT(*) AS ?y) { { SELECT REDUCED ?s { ?s :n ?n } ORDER BY ?n LIMIT 2 } } }",
        "{ SELECT ?s { { SELECT ?s ?n { ?s :n ?n } ORDER BY ?n LIMIT 2 } } ORDER BY DESC(?n) LIMIT 1 }",
        "{ SELECT ?s (SUM(?n) AS ?k) { ?s :n ?n FILTER(?n > 1) } GROUP BY ?s HAVING (SUM(?n) > 2) }",
        "?a :n _:n . ?b :n+ ?c . ?d :n _:n . ?e (:n|^:n)* _:m . _:m :n ?f",
        "?s (:n|^:n)+ ?n",
    ] {
        let (options, _) = federation(vec![("there", store(":a :n 1, 4 . :b :n 2 ."))]);
        let direct = answer(&here, &format!("SELECT * {{ {pattern} }}")).unwrap();
        let query = format!("SELECT * {{ SERVICE :there {{ {pattern} }} }}");
        assert_eq!(
            answer_with(&here, &query, &options).unwrap(),
            direct,
            "{pattern}"
        );
    }
}

#[test]
fn an_answer_takes_part_in_every_form_of_join() {
    let here = store(":a :p :b . :c :p :d .");
    let there = || store(":b :name 'B' .");
    for (query, rows) in [
        (
            "SELECT * { ?s :p ?x OPTIONAL { SERVICE :there { ?x :name ?n } } }",
            vec!["<:a>\t<:b>\t\"B\"", "<:c>\t<:d>\t"],
        ),
        (
            "SELECT * { ?s :p ?x MINUS { SERVICE :there { ?x :name ?n } } }",
            vec!["<:c>\t<:d>"],
        ),
        (
            "SELECT ?s { ?s :p ?x FILTER EXISTS { SERVICE :there { ?x :name ?n } } }",
            vec!["<:a>"],
        ),
        (
            "SELECT ?n { { ?n :p :b } UNION { SERVICE :there { ?x :name ?n } } }",
            vec!["\"B\"", "<:a>"],
        ),
        (
            "SELECT (COUNT(*) AS ?n) { SERVICE :there { :b :name 'B' } }",
            vec!["1"],
        ),
    ] {
        let (options, asked) = federation(vec![("there", there())]);
        assert_eq!(
            answer_with(&here, query, &options).unwrap(),
            rows,
            "{query}"
        );
        assert_eq!(names(&asked), ["there"], "{query}");
    }
}

#[test]
fn an_endpoint_that_rows_name_is_asked_once() {
    let here = store(
        ":a :at :one ; :x 1 . :b :at :two ; :x 1 . :c :at :one ; :x 2 . :d :x 3 . :e :at :three ; :x 9 .",
    );
    let stores = || {
        vec![
            (
                "one",
                store("[] :x 1 ; :n 'one 1' . [] :x 2 ; :n 'one 2' ."),
            ),
            (
                "two",
                store("[] :x 1 ; :n 'two 1' . [] :x 2 ; :n 'two 2' ."),
            ),
            ("three", store("")),
        ]
    };
    let service = "SERVICE ?at { ?y :x ?x ; :n ?n }";
    for (query, rows) in [
        (
            format!("SELECT ?s ?n {{ ?s :at ?at ; :x ?x {service} }}"),
            vec!["<:a>\t\"one 1\"", "<:b>\t\"two 1\"", "<:c>\t\"one 2\""],
        ),
        (
            format!("SELECT ?s ?n {{ {service} ?s :at ?at ; :x ?x FILTER(STRENDS(?n, '2')) }}"),
            vec!["<:c>\t\"one 2\""],
        ),
        (
            format!(
                "SELECT ?s ?n {{ ?s :at ?at ; :x ?x OPTIONAL {{ {service} FILTER(?x = 1) }} }}"
            ),
            vec!["<:a>\t\"one 1\"", "<:b>\t\"two 1\"", "<:c>\t", "<:e>\t"],
        ),
        (
            format!("SELECT ?s {{ ?s :at ?at ; :x ?x FILTER NOT EXISTS {{ {service} }} }}"),
            vec!["<:e>"],
        ),
    ] {
        let (options, asked) = federation(stores());
        assert_eq!(
            answer_with(&here, &query, &options).unwrap(),
            rows,
            "{query}"
        );
        assert_eq!(names(&asked), ["one", "three", "two"], "{query}");
    }
    let (options, asked) = federation(stores());
    let values = format!("SELECT ?n {{ VALUES ?at {{ :two }} BIND(2 AS ?x) {service} }}");
    assert_eq!(
        answer_with(&here, &values, &options).unwrap(),
        ["\"two 2\""]
    );
    assert_eq!(names(&asked), ["two"]);
}

#[test]
fn a_name_that_is_no_iri_or_not_bound_is_an_error_unless_silent() {
    let here = store(":a :p 1 .");
    let options = QueryOptions::new().with_default_service(rows(vec![vec![number(1)]]));
    for pattern in ["?s :p ?at", "BIND(1 AS ?x)"] {
        let query = format!("SELECT * {{ {pattern} SERVICE ?at {{ ?a :q :r }} }}");
        let refused = answer_with(&here, &query, &options);
        assert!(
            matches!(refused, Err(QueryError::Service { .. })),
            "{refused:?}"
        );
        let silent = query.replace("SERVICE", "SERVICE SILENT");
        assert_eq!(answer_with(&here, &silent, &options).unwrap().len(), 1);
    }
}

#[test]
fn a_service_without_a_handler_is_an_error_unless_silent() {
    let store = store(":s :p :o .");
    let service = "SERVICE <http://example.org/sparql> { ?s ?p ?o }";
    let refused = answer(&store, &format!("SELECT * {{ {service} }}"));
    assert!(
        matches!(&refused, Err(QueryError::Service { endpoint, .. }) if endpoint == "<http://example.org/sparql>"),
        "{refused:?}"
    );
    let silent = service.replace("SERVICE", "SERVICE SILENT");
    let query = format!("SELECT ?x {{ ?x :p :o {silent} }}");
    assert_eq!(answer(&store, &query).unwrap(), ["<:s>"]);
    let union = format!("SELECT ?s {{ {{ ?s :p :o }} UNION {{ {silent} }} }}");
    assert_eq!(answer(&store, &union).unwrap(), ["", "<:s>"]);
}

#[test]
fn a_failure_within_an_answer_is_the_query_s_or_silent_as_a_whole() {
    let here = store(":a :p 1, 2, 3 .");
    let failing = |_: &ServiceRequest| {
        let rows = [Ok(vec![number(1)]), Err("the line is dead".into())];
        Ok(Box::new(rows.into_iter()) as ServiceRows)
    };
    let options = QueryOptions::new().with_default_service(failing);
    let query = "SELECT ?x { :a :p ?x SERVICE :there { ?s :q ?x } }";
    let failed = answer_with(&here, "SELECT * { SERVICE :there { :q :q ?x } }", &options);
    match failed {
        Err(QueryError::Service { endpoint, source }) => {
            assert_eq!(endpoint, "<http://example.com/there>");
            assert_eq!(source.to_string(), "the line is dead");
        }
        other => panic!("{other:?}"),
    }
    let silent = query
        .replace("SERVICE", "SERVICE SILENT")
        .replace("?s", ":q");
    assert_eq!(
        answer_with(&here, &silent, &options).unwrap(),
        ["1", "2", "3"]
    );
}

#[test]
fn a_row_that_the_pattern_cannot_give_is_refused() {
    let here = store("");
    let query = "SELECT * { SERVICE :there { ?s :q ?x } }";
    for row in [vec![number(1)], vec![number(1), None], vec![None; 3]] {
        let options = QueryOptions::new().with_default_service(rows(vec![row]));
        let refused = answer_with(&here, query, &options);
        assert!(
            matches!(refused, Err(QueryError::Service { .. })),
            "{refused:?}"
        );
    }
    let optional = "SELECT * { SERVICE :there { ?s :q ?x OPTIONAL { ?s :r ?y } } }";
    let row = vec![number(1), number(2), None];
    let options = QueryOptions::new().with_default_service(rows(vec![row]));
    assert_eq!(answer_with(&here, optional, &options).unwrap(), ["1\t2\t"]);
}

#[test]
fn the_handler_of_an_endpoint_goes_before_the_one_of_all() {
    let here = store("");
    let options = QueryOptions::new()
        .with_default_service(rows(vec![vec![number(1)]]))
        .with_service(endpoint("there"), rows(vec![vec![number(2)]]));
    let ask = |name: &str| {
        let query = format!("SELECT * {{ SERVICE :{name} {{ :s :p ?x }} }}");
        answer_with(&here, &query, &options).unwrap()
    };
    assert_eq!(ask("there"), ["2"]);
    assert_eq!(ask("elsewhere"), ["1"]);
}

#[test]
fn blank_nodes_of_an_answer_are_its_own() {
    let label = BlankNode::new_unchecked("b");
    let here = store("_:b :p 1 .");
    let row = vec![Some(label.clone().into()), Some(label.into())];
    let options = QueryOptions::new().with_default_service(rows(vec![row]));
    let equal = "SELECT ?x { SERVICE :there { ?x :q ?y } FILTER(SAMETERM(?x, ?y)) }";
    assert_eq!(answer_with(&here, equal, &options).unwrap().len(), 1);
    let joined = "SELECT ?x { SERVICE :there { ?x :q ?y } ?x :p 1 }";
    assert_eq!(answer_with(&here, joined, &options).unwrap().len(), 0);
    let twice = "SELECT ?x { SERVICE :there { ?x :q ?y } SERVICE :elsewhere { ?x :q ?z } }";
    assert_eq!(answer_with(&here, twice, &options).unwrap().len(), 0);
}

#[test]
fn values_given_with_the_query_are_part_of_what_is_asked() {
    let here = store("");
    let (options, asked) = federation(vec![("there", store(":a :n 1 . :b :n 2 ."))]);
    let text = "SELECT ?at ?s ?n { SERVICE ?at { ?s <http://example.com/n> ?n } }";
    let query = Query::parse(text, None)
        .unwrap()
        .prepare(options)
        .with_binding(oxrdf::Variable::new_unchecked("at"), endpoint("there"))
        .with_binding(oxrdf::Variable::new_unchecked("s"), endpoint("b"));
    let QueryResults::Solutions(solutions) = query.execute(&here).unwrap() else {
        panic!("a SELECT")
    };
    let rows: Vec<_> = solutions.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get("n"), number(2).as_ref());
    let asked = asked.lock().unwrap();
    assert!(asked[0].1.contains("VALUES"), "{asked:?}");
}

#[test]
fn the_limits_of_the_query_hold_for_what_a_service_gives() {
    let here = store(":a :p 1 .");
    let endless = |_: &ServiceRequest| {
        Ok(Box::new((0..).map(|value: i32| Ok(vec![number(value)]))) as ServiceRows)
    };
    let rows = "SELECT * { SERVICE :there { :s :p ?x } }";
    let silent = "SELECT * { SERVICE SILENT :there { :s :p ?x } }";
    let count = "SELECT (COUNT(*) AS ?n) { SERVICE :there { :s :p ?x } }";
    let joined = "SELECT * { SERVICE :there { :s :p ?x } SERVICE :elsewhere { :s :p ?x } }";
    let options = QueryOptions::new().with_default_service(endless);
    let timed = options.clone().with_timeout(Duration::from_millis(50));
    for query in [count, silent, joined] {
        let stopped = answer_with(&here, query, &timed);
        assert!(matches!(stopped, Err(QueryError::Timeout)), "{stopped:?}");
    }
    let limited = options.clone().with_max_rows(10);
    let stopped = answer_with(&here, rows, &limited);
    assert!(
        matches!(stopped, Err(QueryError::Rows { limit: 10 })),
        "{stopped:?}"
    );
    let small = options.clone().with_memory(1 << 16);
    let stopped = answer_with(&here, silent, &small);
    assert!(
        matches!(stopped, Err(QueryError::Memory { .. })),
        "{stopped:?}"
    );
    let first = format!("{rows} LIMIT 2");
    assert_eq!(answer_with(&here, &first, &options).unwrap().len(), 2);
}

#[test]
fn a_handler_knows_when_the_query_ends() {
    let here = store("");
    let token = CancelToken::new();
    let seen = token.clone();
    let handler = move |request: &ServiceRequest| -> Result<ServiceRows, ServiceError> {
        assert!(request.deadline().is_some());
        assert!(request.cancel_token().is_some());
        seen.cancel();
        Err("given up".into())
    };
    let options = QueryOptions::new()
        .with_default_service(handler)
        .with_timeout(Duration::from_secs(100))
        .with_cancel_token(token);
    let query = "SELECT * { SERVICE SILENT :there { ?s ?p ?o } }";
    let stopped = answer_with(&here, query, &options);
    assert!(matches!(stopped, Err(QueryError::Cancelled)), "{stopped:?}");
}
