//! `quadrille match` and `quadrille count`: patterns of every kind of term.

mod common;

use common::{LABEL, SAMPLE, file, folder, loaded_locations, quadrille};

/// Runs both commands with a pattern over a file and every backend, and compares their answers with what is expected.
#[track_caller]
fn check(pattern: &[&str], expected: &[&str]) {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let mut sources = vec![["--data".to_owned(), sample]];
    for location in loaded_locations(&folder) {
        sources.push(["--store".to_owned(), location]);
    }
    for [option, value] in &sources {
        let run = |command: &str| {
            let mut arguments: Vec<&str> = vec![command, option, value];
            arguments.extend(pattern);
            quadrille(&arguments)
        };
        assert_eq!(run("match").sorted(), expected, "{pattern:?} on {value}");
        assert_eq!(run("count").ok(), format!("{}\n", expected.len()));
    }
}

#[test]
fn each_position_binds() {
    let (hall, salle) = (
        r#"<http://e/room/1> <http://www.w3.org/2000/01/rdf-schema#label> "Hall"@en ."#,
        r#"<http://e/room/1> <http://www.w3.org/2000/01/rdf-schema#label> "Salle"@fr ."#,
    );
    let (in_1, in_2) = (
        "<http://e/vase> <http://e/in> <http://e/room/1> <http://e/graph/2023> .",
        "<http://e/vase> <http://e/in> <http://e/room/2> <http://e/graph/2024> .",
    );
    check(&["--predicate", LABEL], &[hall, salle]);
    check(&["--subject", "<http://e/vase>"], &[in_1, in_2]);
    check(&["--object", "\"Hall\"@en"], &[hall]);
    check(&["--object", "\"Hall\""], &[]);
    check(
        &["-s", "http://e/vase", "-g", "http://e/graph/2024"],
        &[in_2],
    );
    check(&["-s", "http://e/unknown"], &[]);
}

#[test]
fn the_default_graph_is_not_any_graph() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let count = |more: &[&str]| {
            let mut arguments = vec!["count", "--store", &location];
            arguments.extend(more);
            quadrille(&arguments).ok()
        };
        assert_eq!(count(&[]), "6\n");
        assert_eq!(count(&["--graph", "default"]), "3\n");
        assert_eq!(count(&["--graph", "http://e/graph/2024"]), "2\n");
    }
}

#[test]
fn typed_literals_are_written_as_n_triples() {
    let object = "\"42\"^^<http://www.w3.org/2001/XMLSchema#integer>";
    let quad = format!("<http://e/room/2> <http://e/size> {object} .");
    check(&["--object", object], &[&quad]);
}

#[test]
fn other_syntaxes_are_an_option() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let arguments = [
        "match",
        "--data",
        &sample,
        "-s",
        "http://e/vase",
        "--format",
        "trig",
        "--prefix",
        "e=http://e/",
    ];
    let trig = quadrille(&arguments).ok();
    assert!(trig.starts_with("@prefix e: <http://e/> ."), "{trig}");
    assert!(trig.contains("e:vase e:in"), "{trig}");
    quadrille(&["match", "--data", &sample, "--format", "turtle"]).failed(2);
    let in_one_graph = [
        "match", "--data", &sample, "-g", "default", "--format", "turtle",
    ];
    assert!(quadrille(&in_one_graph).ok().contains("\"Salle\"@fr"));
}

#[test]
fn what_is_no_term_is_a_usage_error() {
    for (option, text) in [
        ("--subject", "\"text\""),
        ("--predicate", "_:b"),
        ("--predicate", "label"),
        ("--object", "42"),
        ("--object", "\"open"),
        ("--graph", "Default"),
    ] {
        let error = quadrille(&["match", "--store", "memory:", option, text]).failed(2);
        assert!(error.contains(option), "{error}");
    }
}
