//! `quadrille query`: results in every format, timings, limits, errors that show the place.

mod common;

use common::{
    SAMPLE, command, file, finish, folder, loaded_locations, many_quads, quadrille,
    quadrille_with_input,
};
use std::io::Read;
use std::process::Command;

const LABELS: &str = "SELECT ?s ?name WHERE { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?name } ORDER BY ?name";

#[test]
fn a_store_and_a_file_answer_alike() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let expected = "\
?s\t?name
<http://e/room/1>\t\"Hall\"@en
<http://e/room/1>\t\"Salle\"@fr
";
    let from_file = quadrille(&["query", "--data", &sample, "--format", "tsv", LABELS]);
    assert_eq!(from_file.ok(), expected);
    for location in loaded_locations(&folder) {
        let from_store = quadrille(&["query", "--store", &location, "--format", "tsv", LABELS]);
        assert_eq!(from_store.ok(), expected);
    }
}

#[test]
fn a_table_is_what_people_get() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let table = quadrille(&["query", "--data", &sample, LABELS]).ok();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(
        lines[0].contains("s ") && lines[0].contains("name"),
        "{table}"
    );
    assert!(
        lines[2].contains("<http://e/room/1>") && lines[2].contains("\"Hall\"@en"),
        "{table}"
    );
    assert_eq!(lines[4], "(2 rows)");
}

#[test]
fn several_files_are_one_data_set() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let more = file(&folder, "more.ttl", "<http://e/room/3> <http://e/size> 7 .");
    let query = "SELECT (SUM(?size) AS ?total) { ?room <http://e/size> ?size }";
    let ran = quadrille(&[
        "query", "--data", &sample, "--data", &more, "--format", "csv", query,
    ]);
    assert_eq!(ran.ok(), "total\r\n49\r\n");
}

#[test]
fn every_format_holds_the_result() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let run = |format, query| quadrille(&["query", "--data", &sample, "--format", format, query]);
    let json: serde_json::Value = serde_json::from_str(&run("json", LABELS).ok()).expect("JSON");
    assert_eq!(json["results"]["bindings"][1]["name"]["value"], "Salle");
    assert!(
        run("xml", LABELS)
            .ok()
            .contains("<literal xml:lang=\"fr\">Salle</literal>")
    );
    assert_eq!(run("csv", LABELS).ok().lines().count(), 3);
    let graph = "CONSTRUCT WHERE { ?room <http://e/size> ?size }";
    let integer = "http://www.w3.org/2001/XMLSchema#integer";
    assert_eq!(
        run("ntriples", graph).ok(),
        format!("<http://e/room/2> <http://e/size> \"42\"^^<{integer}> .\n")
    );
    let turtle = quadrille(&["query", "--data", &sample, graph]).ok();
    assert_eq!(turtle, run("turtle", graph).ok());
    let describe = "DESCRIBE <http://e/room/1>";
    assert_eq!(run("ntriples", describe).sorted().len(), 2);
    let ask = "ASK { ?s <http://e/size> 42 }";
    assert_eq!(quadrille(&["query", "--data", &sample, ask]).ok(), "true\n");
    assert!(run("json", ask).ok().contains("\"boolean\":true"));
}

#[test]
fn a_format_that_cannot_hold_the_result_is_refused() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for (format, query) in [
        ("turtle", LABELS),
        ("ntriples", "ASK {}"),
        ("csv", "CONSTRUCT WHERE { ?s ?p ?o }"),
    ] {
        let error = quadrille(&["query", "--data", &sample, "--format", format, query]).failed(2);
        assert!(error.contains(format), "{error}");
    }
}

#[test]
fn the_query_can_come_from_a_file_or_standard_input() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let query = file(&folder, "labels.rq", LABELS);
    let expected = quadrille(&["query", "--data", &sample, LABELS]).ok();
    let from_file = quadrille(&["query", "--data", &sample, "--file", &query]);
    assert_eq!(from_file.ok(), expected);
    let from_input = quadrille_with_input(&["query", "--data", &sample, "--file", "-"], LABELS);
    assert_eq!(from_input.ok(), expected);
    let arguments = ["query", "--data", "-", "--input-format", "nq", LABELS];
    assert_eq!(quadrille_with_input(&arguments, SAMPLE).ok(), expected);
    let both = [
        "query",
        "--data",
        "-",
        "--input-format",
        "nq",
        "--file",
        "-",
    ];
    quadrille(&both).failed(2);
}

#[test]
fn the_union_of_graphs_is_an_option() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let query = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }";
    let run = |more: &[&str]| {
        let mut arguments = vec!["query", "--data", &sample, "--format", "csv", query];
        arguments.extend(more);
        quadrille(&arguments).ok()
    };
    assert_eq!(run(&[]), "n\r\n3\r\n");
    assert_eq!(run(&["--union-default-graph"]), "n\r\n6\r\n");
}

#[test]
fn a_base_serves_the_query_too() {
    let folder = folder();
    let turtle = file(&folder, "rooms.ttl", "<room/1> <size> 42 .");
    let query = "ASK { <room/1> <size> 42 }";
    let ran = quadrille(&["query", "--data", &turtle, "--base", "http://e/", query]);
    assert_eq!(ran.ok(), "true\n");
}

#[test]
fn timings_are_one_line_of_json_on_standard_error() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let ran = quadrille(&[
        "query", "--data", &sample, "--timing", "--format", "tsv", LABELS,
    ]);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    let timings: serde_json::Value = serde_json::from_str(&ran.err).expect("JSON");
    assert_eq!(timings["rows"], 2);
    for step in ["parse_us", "plan_us", "execute_us"] {
        assert!(timings[step].is_u64(), "{step}: {timings}");
    }
    assert_eq!(ran.ok().lines().count(), 3);
}

#[test]
fn a_syntax_error_shows_the_place() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let query = "SELECT ?s\nWHERE { ?s ?p \"open }";
    let error = quadrille(&["query", "--data", &sample, query]).failed(4);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "error: not a SPARQL query: line 2, column 22");
    assert_eq!(lines[1], "  WHERE { ?s ?p \"open }");
    assert_eq!(lines[2], "                       ^");
}

#[test]
fn a_broken_data_file_shows_the_place() {
    let folder = folder();
    let bad = file(
        &folder,
        "bad.ttl",
        "<http://e/a> <http://e/b> 1 .\n<http://e/a> oops .\n",
    );
    let error = quadrille(&["query", "--data", &bad, "ASK {}"]).failed(3);
    assert!(error.contains("bad.ttl:2:"), "{error}");
    assert!(error.contains("<http://e/a> oops ."), "{error}");
}

#[test]
fn a_query_that_takes_too_long_is_stopped() {
    let folder = folder();
    let many = file(&folder, "many.nq", &many_quads(2_000));
    let query = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } GRAPH ?i { ?j ?k ?l } }";
    let ran = quadrille(&["query", "--data", &many, "--timeout", "200ms", query]);
    assert!(ran.err.contains("ran out of time"), "{}", ran.err);
    assert_eq!(ran.code, Some(124));
}

#[cfg(unix)]
#[test]
fn an_interrupted_query_ends_with_its_own_code() {
    let folder = folder();
    let many = file(&folder, "many.nq", &many_quads(2_000));
    let query = "SELECT * { GRAPH ?g { ?a ?b ?c } GRAPH ?h { ?d ?e ?f } }";
    let mut child = command(&["query", "--data", &many, "--format", "tsv", query])
        .spawn()
        .expect("the program starts");
    // The first rows show that the query runs.
    let mut first = [0];
    let stdout = child.stdout.as_mut().expect("standard output is piped");
    stdout.read_exact(&mut first).expect("a row");
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()));
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(ran.err.contains("error: "), "{}", ran.err);
}

#[test]
fn a_store_or_files_but_not_both() {
    quadrille_usage(&["query", "ASK {}"]);
    quadrille_usage(&["query", "--data", "a.nq", "--store", "memory:", "ASK {}"]);
    quadrille_usage(&["query", "--data", "a.nq"]);
    quadrille_usage(&["query", "--data", "a.nq", "--file", "q.rq", "ASK {}"]);
    quadrille_usage(&["query", "--data", "a.nq", "--format", "html", "ASK {}"]);
    quadrille_usage(&["query", "--data", "a.nq", "--timeout", "soon", "ASK {}"]);
}

#[track_caller]
fn quadrille_usage(arguments: &[&str]) {
    quadrille(arguments).failed(2);
}

#[test]
fn a_plan_is_shown_and_what_its_operators_did() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for location in loaded_locations(&folder) {
        let plan = quadrille(&["query", "--store", &location, "--explain", LABELS]).ok();
        assert!(plan.contains("scan") && plan.contains("sort"), "{plan}");
        assert!(!plan.contains("got"), "{plan}");
        let ran = quadrille(&["query", "--store", &location, "--explain=analyze", LABELS]).ok();
        assert!(ran.contains("got 2"), "{ran}");
    }
    let json = quadrille(&[
        "query",
        "--data",
        &sample,
        "--explain=analyze",
        "--format",
        "json",
        LABELS,
    ]);
    let json: serde_json::Value = serde_json::from_str(&json.ok()).expect("JSON");
    assert_eq!(json["actual_rows"], 2);
    assert!(json["blocks_read"].as_u64() > Some(0), "{json}");
}

#[test]
fn a_variable_takes_its_value_from_the_command_line() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let query = "SELECT ?s ?name { ?s <http://www.w3.org/2000/01/rdf-schema#label> ?name }";
    let run = |parameter: &str| {
        quadrille(&[
            "query", "--data", &sample, "--format", "csv", "--param", parameter, query,
        ])
    };
    assert_eq!(
        run("name=\"Salle\"@fr").ok(),
        "s,name\r\nhttp://e/room/1,Salle\r\n"
    );
    assert_eq!(run("?s=<http://e/room/none>").ok(), "s,name\r\n");
    let wrong = run("name=Salle");
    assert_eq!(wrong.code, Some(2), "{}", wrong.err);
    run("other=<http://e/x>").failed(4);
}

#[test]
fn a_value_may_be_that_of_a_variable_that_is_not_selected() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let run = |parameter: &str, query: &str| {
        quadrille(&[
            "query", "--data", &sample, "--format", "csv", "--param", parameter, query,
        ])
    };
    let room = "room=<http://e/room/1>";
    let selected = run(room, "SELECT ?o { ?room ?p ?o }").ok();
    assert!(selected.contains("Salle"), "{selected}");
    let rows = selected.lines().count() - 1;
    let counted = run(room, "SELECT (COUNT(*) AS ?n) { ?room ?p ?o }").ok();
    assert_eq!(counted, format!("n\r\n{rows}\r\n"));
    let error = run("salle=1", "SELECT ?o { ?room ?p ?o }").failed(4);
    assert!(error.contains("?salle"), "{error}");
}

/// The lines of standard error behind the last that is none of `--timing`.
fn timing_lines(error: &str) -> usize {
    let lines = error.lines().rev();
    lines
        .take_while(|line| line.starts_with("{\"parse_us\":") || line.contains("\"plan_us\":"))
        .count()
}

#[test]
fn several_queries_run_in_one_process_and_each_run_is_timed() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let first = file(&folder, "first.rq", "SELECT (1 AS ?one) {}");
    let second = file(&folder, "second.rq", "SELECT (2 AS ?two) {}");
    let both = [
        "query", "--data", &sample, "--format", "csv", "--file", &first, "--file", &second,
    ];
    for (more, lines) in [
        (vec!["--repeat", "3", "--timing"], 6),
        (vec!["--repeat", "3"], 6),
        (vec!["--timing"], 2),
        (vec![], 0),
    ] {
        let ran = quadrille(&[both.as_slice(), more.as_slice()].concat());
        assert_eq!(timing_lines(&ran.err), lines, "{more:?} {}", ran.err);
        assert_eq!(ran.ok(), "one\r\n1\r\ntwo\r\n2\r\n");
    }
}

#[test]
fn the_times_of_runs_before_a_failure_are_told() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let first = file(&folder, "first.rq", "SELECT (1 AS ?one) {}");
    let second = file(&folder, "second.rq", LABELS);
    let ran = quadrille(&[
        "query",
        "--data",
        &sample,
        "--format",
        "csv",
        "--file",
        &first,
        "--file",
        &second,
        "--repeat",
        "2",
        "--max-rows",
        "1",
    ]);
    let lines = ran.err.lines().filter(|line| line.starts_with('{'));
    assert_eq!(lines.count(), 2, "{}", ran.err);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("more than 1 rows"), "{}", ran.err);
}

#[test]
fn a_plan_is_shown_without_times() {
    for option in [["--timing"].as_slice(), &["--repeat", "2"]] {
        let ran = quadrille(&[&["query", "--explain=analyze", LABELS], option].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
    }
}

#[test]
fn a_result_of_more_rows_than_allowed_is_a_failure() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let run = |limit: &str| quadrille(&["query", "--data", &sample, "--max-rows", limit, LABELS]);
    assert!(run("2").ok().contains("(2 rows)"));
    let error = run("1").failed(4);
    assert!(error.contains("more than 1 rows"), "{error}");
}

#[test]
fn a_query_beyond_its_memory_goes_on_in_files_or_says_so() {
    let folder = folder();
    let data: String = (0..20_000)
        .map(|n| format!("<http://e/s{n}> <http://e/p> \"{n}\" .\n"))
        .collect();
    let data = file(&folder, "data.nt", &data);
    let run = |query: &str| {
        quadrille(&[
            "query", "--data", &data, "--memory", "256KiB", "--format", "csv", query,
        ])
    };
    let distinct = run("SELECT (COUNT(*) AS ?n) { SELECT DISTINCT ?s ?o { ?s ?p ?o } }");
    assert_eq!(distinct.ok(), "n\r\n20000\r\n");
    let path = run("SELECT (COUNT(*) AS ?n) { ?s (<http://e/p>|<http://e/q>)* ?o }");
    assert_eq!(path.code, Some(4), "{}", path.err);
    assert!(path.err.contains("memory"), "{}", path.err);
}
