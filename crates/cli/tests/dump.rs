//! `quadrille dump`: every format, one graph, files, and readers that go away.

mod common;

use common::{
    SAMPLE, command, file, finish, folder, loaded_locations, many_quads, quadrille, text_of,
};
use std::io::{BufRead, BufReader};

#[test]
fn a_dump_loads_as_the_same_quads() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        for format in ["nquads", "trig"] {
            let text = quadrille(&["dump", "--store", &location, "--format", format]).ok();
            let path = file(&folder, "dumped", &text);
            let source = ["--data", &path, "--input-format", format];
            let count = |more: &[&str]| {
                let arguments = [&["count"], &source[..], more].concat();
                quadrille(&arguments).ok()
            };
            assert_eq!(count(&[]), "6\n", "{text}");
            assert_eq!(count(&["--graph", "default"]), "3\n");
            assert_eq!(count(&["--graph", "http://e/graph/2024"]), "2\n");
        }
        assert_eq!(quadrille(&["dump", "--store", &location]).sorted().len(), 6);
    }
}

#[test]
fn named_graphs_are_not_lost_silently() {
    let folder = folder();
    let output = folder.path().join("out.nt");
    for location in loaded_locations(&folder) {
        for format in ["ntriples", "turtle"] {
            let error = quadrille(&["dump", "--store", &location, "--format", format]).failed(2);
            assert!(
                error.contains("3 of the quads are in named graphs"),
                "{error}"
            );
            assert!(error.contains("--merge-graphs"), "{error}");
            let merged = [
                "dump",
                "--store",
                &location,
                "--format",
                format,
                "--merge-graphs",
            ];
            let path = file(&folder, "merged", &quadrille(&merged).ok());
            let count = ["count", "--data", &path, "--input-format", format];
            assert_eq!(quadrille(&count).ok(), "6\n");
        }
        quadrille(&["dump", "--store", &location, "--output", &text_of(&output)]).failed(2);
        assert!(!output.exists());
    }
}

#[test]
fn one_graph_fits_every_format() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let graph = "http://e/graph/2023";
        let arguments = [
            "dump", "--store", &location, "-g", graph, "--format", "ntriples",
        ];
        assert_eq!(
            quadrille(&arguments).ok(),
            "<http://e/vase> <http://e/in> <http://e/room/1> .\n"
        );
        let arguments = ["dump", "--store", &location, "-g", graph];
        assert_eq!(
            quadrille(&arguments).ok(),
            "<http://e/vase> <http://e/in> <http://e/room/1> <http://e/graph/2023> .\n"
        );
    }
}

#[test]
fn the_extension_of_the_output_tells_the_format() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let output = text_of(&folder.path().join("out.trig"));
    assert_eq!(
        quadrille(&["dump", "--data", &sample, "--output", &output]).ok(),
        ""
    );
    let text = std::fs::read_to_string(&output).expect("the dump");
    assert!(text.contains("<http://e/graph/2023> {"), "{text}");
    assert_eq!(quadrille(&["count", "--data", &output]).ok(), "6\n");
    let error = quadrille(&["dump", "--data", &sample, "--output", "/absent/out.nq"]).failed(5);
    assert!(error.contains("/absent/out.nq"), "{error}");
}

#[test]
fn a_reader_that_goes_away_ends_the_dump_quietly() {
    let folder = folder();
    let many = file(&folder, "many.nq", &many_quads(20_000));
    for arguments in [
        &["dump", "--data", &many][..],
        &["match", "--data", &many, "--format", "trig"],
        &[
            "query",
            "--data",
            &many,
            "--format",
            "csv",
            "SELECT * { GRAPH ?g { ?s ?p ?o } }",
        ],
        &[
            "query",
            "--data",
            &many,
            "SELECT * { GRAPH ?g { ?s ?p ?o } }",
        ],
    ] {
        let mut child = command(arguments).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert!(!line.is_empty());
        let ran = finish(child);
        assert_eq!(ran.err, "");
        assert_eq!(ran.code, Some(141), "{arguments:?}");
    }
}
