//! `quadrille load`: files and standard input into stores, all or nothing.

mod common;

use common::{
    LABEL, SAMPLE, command, file, finish, folder, locations, many_quads, path_of, quadrille,
    quadrille_with_input,
};
use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};

#[test]
fn what_is_loaded_is_there_for_the_next_process() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for location in locations(&folder) {
        let ran = quadrille(&["load", "--store", &location, &sample]);
        assert!(ran.err.contains("loaded 6 quads (6 new)"), "{}", ran.err);
        assert_eq!(ran.ok(), "");
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
        let again = quadrille(&["load", "--store", &location, &sample]);
        // A blank node belongs to its file: the second load brings another one.
        assert!(
            again.err.contains("loaded 6 quads (1 new)"),
            "{}",
            again.err
        );
    }
}

#[test]
fn a_store_in_memory_takes_a_load_and_forgets_it() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let ran = quadrille(&["load", "--store", "memory:", &sample]);
    assert!(ran.err.contains("memory: now holds 6"), "{}", ran.err);
    assert_eq!(ran.ok(), "");
}

#[test]
fn standard_input_needs_its_syntax_said() {
    let folder = folder();
    for location in locations(&folder) {
        let arguments = ["load", "--store", &location, "-"];
        let error = quadrille_with_input(&arguments, SAMPLE).failed(2);
        assert!(error.contains("--input-format"), "{error}");
        let arguments = [
            "load",
            "--store",
            &location,
            "--input-format",
            "nquads",
            "-",
        ];
        quadrille_with_input(&arguments, SAMPLE).ok();
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
    }
}

#[test]
fn a_target_graph_takes_everything() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for location in locations(&folder) {
        let graph = "http://e/all";
        quadrille(&["load", "--store", &location, "--graph", graph, &sample]).ok();
        let count = quadrille(&["count", "--store", &location, "--graph", graph]).ok();
        assert_eq!(count, "6\n");
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
    }
}

#[test]
fn relative_iris_need_a_base() {
    let folder = folder();
    let turtle = file(&folder, "rooms.ttl", "<room/1> <size> 42 .");
    let trig = file(&folder, "rooms.trig", "<g> { <room/2> <size> 43 }");
    for location in locations(&folder) {
        quadrille(&["load", "--store", &location, &turtle]).failed(3);
        let base = "http://e/";
        quadrille(&["load", "--store", &location, "--base", base, &turtle, &trig]).ok();
        let quads = quadrille(&["match", "--store", &location, "-p", "http://e/size"]).sorted();
        let integer = "http://www.w3.org/2001/XMLSchema#integer";
        assert_eq!(
            quads,
            [
                format!("<http://e/room/1> <http://e/size> \"42\"^^<{integer}> ."),
                format!("<http://e/room/2> <http://e/size> \"43\"^^<{integer}> <http://e/g> ."),
            ]
        );
    }
}

#[test]
fn an_error_on_the_last_line_leaves_nothing_of_the_load() {
    let folder = folder();
    let mut text = many_quads(20_000);
    text.push_str("<http://e/a> <http://e/b> oops .\n");
    let (good, bad) = (
        file(&folder, "good.nq", SAMPLE),
        file(&folder, "bad.nq", &text),
    );
    for location in locations(&folder) {
        quadrille(&["load", "--store", &location, &good]).ok();
        let error = quadrille(&["load", "--store", &location, &good, &bad]).failed(3);
        assert!(error.contains("bad.nq:20001:27"), "{error}");
        assert!(
            error.contains("<http://e/a> <http://e/b> oops ."),
            "{error}"
        );
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
        let verified = quadrille(&["verify", "--store", &location]);
        assert_eq!(verified.code, Some(0), "{}", verified.err);
    }
}

#[test]
fn a_lenient_load_takes_what_a_strict_one_refuses() {
    let folder = folder();
    let text = "<http://e/a b> <http://e/p> \"x\" .\n";
    let path = file(&folder, "spaces.nt", text);
    quadrille(&["load", "--store", "memory:", &path]).failed(3);
    let lenient = quadrille(&["load", "--store", "memory:", "--lenient", &path]);
    assert_eq!(lenient.code, Some(0), "{}", lenient.err);
}

#[test]
fn a_file_that_is_not_there_makes_no_store() {
    let folder = folder();
    for location in locations(&folder) {
        let error = quadrille(&["load", "--store", &location, "absent.nq"]).failed(5);
        assert!(error.contains("absent.nq"), "{error}");
        let error = quadrille(&["load", "--store", &location, "museum.csv"]).failed(2);
        assert!(error.contains("--input-format"), "{error}");
        assert!(!path_of(&location).exists());
    }
}

/// Writes more quads than a pipe holds, so that the load behind it has begun when this returns.
fn fill(stdin: Option<&mut ChildStdin>) {
    let quads = many_quads(10_000);
    let stdin = stdin.expect("standard input is piped");
    stdin.write_all(quads.as_bytes()).expect("input is read");
}

#[test]
fn a_second_writer_is_told_that_the_store_is_taken() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for location in locations(&folder) {
        quadrille(&["load", "--store", &location, &sample]).ok();
        let arguments = ["load", "--store", &location, "--input-format", "nq", "-"];
        let mut first = command(&arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        fill(first.stdin.as_mut());
        let refused = quadrille(&["load", "--store", &location, &sample]);
        let error = refused.failed(6);
        assert!(error.contains("locked"), "{error}");
        // Who reads is not in the way, and sees the last commit.
        assert_eq!(
            quadrille(&["count", "--store", &location, "-p", LABEL]).ok(),
            "2\n"
        );
        drop(first.stdin.take());
        finish(first).ok();
        let loaded = quadrille(&["count", "--store", &location, "--predicate", LABEL]);
        assert_eq!(loaded.ok(), "2\n");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_load_leaves_nothing() {
    let folder = folder();
    for location in locations(&folder) {
        let arguments = ["load", "--store", &location, "--input-format", "nq", "-"];
        let mut child = command(&arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        fill(child.stdin.as_mut());
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let endless = std::thread::spawn(move || {
            let quads = many_quads(1000);
            while stdin.write_all(quads.as_bytes()).is_ok() {}
        });
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
        let ran = finish(child);
        endless.join().expect("the input ends");
        assert_eq!(ran.code, Some(130), "{}", ran.err);
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "0\n");
        quadrille(&["verify", "--store", &location]).ok();
    }
}
