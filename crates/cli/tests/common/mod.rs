//! What the tests of the program share: running it, and sample data.
//!
//! What flows in: arguments and standard input. What flows out: the exit code and both outputs as text. What always
//! holds: every test has a folder of its own.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Six quads: a default graph, two named graphs, languages, a number, a blank node.
pub(crate) const SAMPLE: &str = r#"<http://e/room/1> <http://www.w3.org/2000/01/rdf-schema#label> "Hall"@en .
<http://e/room/1> <http://www.w3.org/2000/01/rdf-schema#label> "Salle"@fr .
<http://e/room/2> <http://e/size> "42"^^<http://www.w3.org/2001/XMLSchema#integer> .
<http://e/vase> <http://e/in> <http://e/room/1> <http://e/graph/2023> .
<http://e/vase> <http://e/in> <http://e/room/2> <http://e/graph/2024> .
_:loan <http://e/of> <http://e/vase> <http://e/graph/2024> .
"#;

/// The IRI of `rdfs:label`.
pub(crate) const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    /// Standard output of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// The lines of standard output, sorted, of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn sorted(self) -> Vec<String> {
        let mut lines: Vec<String> = self.ok().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// Standard error of a run that must have failed with this code and written no data.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.err);
        assert_eq!(self.out, "");
        assert!(self.err.starts_with("error: "), "{}", self.err);
        self.err
    }
}

/// A command of the program, its streams piped.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quadrille"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn quadrille(arguments: &[&str]) -> Ran {
    finish(command(arguments).spawn().expect("the program starts"))
}

/// Runs the program to its end with this standard input.
pub(crate) fn quadrille_with_input(arguments: &[&str], input: &str) -> Ran {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(input.as_bytes()).expect("input is read");
    drop(stdin);
    finish(child)
}

/// Waits for the end.
pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().expect("the program ends");
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A folder that goes away with the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Writes a file into a folder and gives its path.
pub(crate) fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    text_of(&path)
}

/// A path as an argument.
pub(crate) fn text_of(path: &Path) -> String {
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// A location in the folder for each backend of this build that keeps its quads.
pub(crate) fn locations(folder: &TempDir) -> Vec<String> {
    let schemes: &[&str] = &[
        #[cfg(feature = "lmdb")]
        "lmdb",
        #[cfg(feature = "rocksdb")]
        "rocksdb",
    ];
    schemes
        .iter()
        .map(|scheme| format!("{scheme}:{}", text_of(&folder.path().join(scheme))))
        .collect()
}

/// The folder of a location.
pub(crate) fn path_of(location: &str) -> PathBuf {
    location
        .split_once(':')
        .map(|(_, path)| PathBuf::from(path))
        .expect("a location with a path")
}

/// A location for each backend, each with the sample loaded.
pub(crate) fn loaded_locations(folder: &TempDir) -> Vec<String> {
    let sample = file(folder, "sample.nq", SAMPLE);
    let locations = locations(folder);
    for location in &locations {
        quadrille(&["load", "--store", location, &sample]).ok();
    }
    locations
}

/// Many N-Quads lines in two graphs.
pub(crate) fn many_quads(count: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..count {
        let graph = number % 2;
        writeln!(
            text,
            "<http://e/item/{number}> <http://e/number> \"{number}\" <http://e/graph/{graph}> ."
        )
        .expect("memory");
    }
    text
}
