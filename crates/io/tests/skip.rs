//! Loads that go on behind what is not of its format: what is left out, what is told of it, and what is loaded.
#![allow(clippy::unwrap_used)]

use quadrille_backend::InMemoryBackend;
use quadrille_io::{
    LoadError, LoadObserver, LoadSummary, OnError, Progress, RdfFormat, ReadOptions, Source,
    load_observed,
};
use quadrille_store::{QuadStore, StageProgress};
use std::fmt::Write;
use std::io::Cursor;

/// What was left out: line and column of each fault, and its text.
#[derive(Default)]
struct Kept {
    rejected: Vec<(u64, u64, String)>,
    stages: usize,
}

impl LoadObserver for Kept {
    fn progress(&mut self, _: &Progress<'_>) {}

    fn rejected(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        let LoadError::Syntax(error) = error else {
            panic!("{error}");
        };
        let line = String::from_utf8_lossy(line).into_owned();
        self.rejected.push((error.line, error.column, line));
        Ok(())
    }

    fn stage(&mut self, _: &StageProgress) {
        self.stages += 1;
    }
}

fn load(
    format: RdfFormat,
    text: &str,
    on_error: OnError,
) -> (Result<LoadSummary, LoadError>, Kept, u64) {
    let store = QuadStore::open(InMemoryBackend::new()).unwrap();
    let source = Source::reader("test", Cursor::new(text.as_bytes().to_vec())).with_format(format);
    let options = ReadOptions {
        on_error,
        ..ReadOptions::default()
    };
    let mut kept = Kept::default();
    let result = load_observed(&store, [source], &options, &mut kept);
    let quads = store.len().unwrap();
    (result, kept, quads)
}

const FAULTY: &str = "<http://e/a> <http://e/p> oops .\n";

/// Many chunks, with a fault in a hundred lines, the first and the last line among them.
#[test]
fn every_line_behind_a_fault_is_loaded() {
    const LINES: u64 = 40_001;
    for format in [RdfFormat::NTriples, RdfFormat::NQuads] {
        let mut text = String::new();
        for number in 0..LINES {
            if number % 100 == 0 {
                text.push_str(FAULTY);
            } else {
                let long = "x".repeat(100);
                writeln!(
                    text,
                    "<http://e/{number}> <http://e/p> \"{long}{number}\" ."
                )
                .unwrap();
            }
        }
        let (summary, kept, quads) = load(format, &text, OnError::Skip);
        let summary = summary.unwrap();
        let faulty = LINES.div_ceil(100);
        assert_eq!(
            (quads, summary.rejected),
            (LINES - faulty, faulty),
            "{format}"
        );
        assert_eq!(summary.report.quads_new, LINES - faulty);
        let expected = (0..faulty).map(|number| (number * 100 + 1, 27, FAULTY.to_owned()));
        assert!(kept.rejected.into_iter().eq(expected), "{format}");
        assert!(kept.stages > 0);
    }
}

#[test]
fn a_last_line_without_its_end_is_told_as_it_is() {
    let text = format!("{FAULTY}<http://e/a> <http://e/p> <http://e/o> .\n<http://e/a>");
    let (summary, kept, quads) = load(RdfFormat::NTriples, &text, OnError::Skip);
    assert_eq!((summary.unwrap().rejected, quads), (2, 1));
    assert_eq!(kept.rejected[1].0, 3);
    assert_eq!(kept.rejected[1].2, "<http://e/a>");
}

#[test]
fn statements_behind_a_faulty_one_are_loaded() {
    let text =
        "<http://e/a> <http://e/p> 1 .\n<http://e/b> oops 2 .\n<http://e/c> <http://e/p> 3 .\n";
    for format in [RdfFormat::Turtle, RdfFormat::TriG, RdfFormat::N3] {
        let (summary, kept, quads) = load(format, text, OnError::Skip);
        assert!(summary.unwrap().rejected > 0, "{format}");
        assert_eq!(quads, 2, "{format}");
        assert_eq!((kept.rejected[0].0, kept.rejected[0].2.as_str()), (2, ""));
    }
}

#[test]
fn documents_without_lines_or_statements_end_the_load() {
    for (format, text) in [
        (RdfFormat::JsonLd, "{\"@id\": \"http://e/a\", oops"),
        (RdfFormat::RdfXml, "<rdf:RDF><oops"),
    ] {
        let (result, kept, quads) = load(format, text, OnError::Skip);
        assert!(matches!(result, Err(LoadError::Syntax(_))), "{format}");
        assert!(kept.rejected.is_empty() && quads == 0, "{format}");
    }
}

#[test]
fn nothing_is_left_out_unless_it_is_asked_for() {
    let text = format!("<http://e/a> <http://e/p> <http://e/o> .\n{FAULTY}");
    let (result, kept, quads) = load(RdfFormat::NQuads, &text, OnError::Stop);
    assert!(
        matches!(result, Err(LoadError::Syntax(error)) if (error.line, error.column) == (2, 27))
    );
    assert!(kept.rejected.is_empty() && quads == 0);
}
