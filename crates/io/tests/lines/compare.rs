//! A load of lines against the parser of the whole grammar: the same quads, the same errors at the same places.
//!
//! What flows in: any bytes. What flows out: nothing, or a panic that says where the two differ. What always holds: where
//! faulty lines are left out, a line is what lies between two of `\n`, `\r` and `\r\n`, and each is parsed by itself; a line
//! that is left out leaves nothing in the store.

use super::alike::alike;
use oxrdf::Quad;
use quadrille_backend::InMemoryBackend;
use quadrille_io::{
    BlankNodeScope, LoadError, LoadObserver, LoadSummary, OnError, Progress, RdfFormat,
    ReadOptions, Source, SyntaxError, load_observed, read_quads,
};
use quadrille_store::{QuadPattern, QuadStore};

/// What is wrong with a text, or the quads of it.
type Outcome = Result<Vec<String>, Fault>;

/// An error, by all that it tells.
#[derive(PartialEq, Debug)]
enum Fault {
    Placed(SyntaxError),
    Other(String),
}

impl Fault {
    /// The error of a text that begins at a place, as one of the whole text.
    fn behind(mut self, lines: u64, offset: usize) -> Self {
        if let Self::Placed(error) = &mut self {
            error.line += lines;
            error.offset += offset as u64;
        }
        self
    }
}

impl From<&LoadError> for Fault {
    fn from(error: &LoadError) -> Self {
        match error {
            LoadError::Syntax(error) => Self::Placed(SyntaxError::clone(error)),
            error => Self::Other(error.to_string()),
        }
    }
}

/// What was left out.
#[derive(Default)]
struct Rejected(Vec<(Fault, Vec<u8>)>);

impl LoadObserver for Rejected {
    fn progress(&mut self, _: &Progress<'_>) {}

    fn rejected(&mut self, error: &LoadError, line: &[u8]) -> Result<(), LoadError> {
        self.0.push((error.into(), line.to_vec()));
        Ok(())
    }
}

fn source(text: &[u8], format: RdfFormat) -> Source {
    Source::reader("text", std::io::Cursor::new(text.to_vec())).with_format(format)
}

/// By the parser of the whole grammar alone.
fn parsed(text: &[u8], format: RdfFormat, options: &ReadOptions) -> Result<Vec<Quad>, Fault> {
    let mut quads = Vec::new();
    let receive = |quad| {
        quads.push(quad);
        Ok(())
    };
    match read_quads(source(text, format), options, receive, |_| {}) {
        Ok(_) => Ok(quads),
        Err(error) => Err((&error).into()),
    }
}

/// Through a load.
fn loaded(
    text: &[u8],
    format: RdfFormat,
    options: &ReadOptions,
    observer: &mut Rejected,
) -> Result<(Vec<Quad>, LoadSummary), Fault> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let summary = load_observed(&store, [source(text, format)], options, observer);
    let summary = summary.map_err(|error| Fault::from(&error))?;
    let all = store.match_quads(&QuadPattern::new());
    let quads: Result<Vec<_>, _> = all.expect("a store can be read").collect();
    Ok((quads.expect("a store can be read"), summary))
}

/// The lines of a text, their ends included.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = match end {
            None => rest.len(),
            Some(end) if rest[end..].starts_with(b"\r\n") => end + 2,
            Some(end) => end + 1,
        };
        let (line, behind) = rest.split_at(length);
        lines.push(line);
        rest = behind;
    }
    lines
}

/// Compares a load with the parser, stopping at the first error.
pub(crate) fn check_stopping(text: &[u8], format: RdfFormat, options: &ReadOptions) {
    let expected: Outcome = parsed(text, format, options).map(|quads| alike(&quads));
    let found = loaded(text, format, options, &mut Rejected::default());
    let found: Outcome = found.map(|(quads, _)| alike(&quads));
    let shown = String::from_utf8_lossy(text);
    assert_eq!(found, expected, "{format}, stopping: {shown:?}");
}

/// Compares a load with what the parser says of each line, leaving out what is faulty.
fn check_skipping(text: &[u8], format: RdfFormat, options: &ReadOptions) {
    let shown = String::from_utf8_lossy(text);
    let own_labels = ReadOptions {
        blank_nodes: Some(BlankNodeScope::as_written()),
        ..options.clone()
    };
    let (mut quads, mut faults, mut right) = (Vec::new(), Vec::new(), Vec::new());
    let mut offset = 0;
    for (number, line) in (0..).zip(lines(text)) {
        match parsed(line, format, &own_labels) {
            Ok(more) => {
                quads.extend(more);
                right.extend_from_slice(line);
            }
            Err(fault) => faults.push((fault.behind(number, offset), line.to_vec())),
        }
        offset += line.len();
    }
    let skipping = ReadOptions {
        on_error: OnError::Skip,
        ..options.clone()
    };
    let mut rejected = Rejected::default();
    let (found, summary) = loaded(text, format, &skipping, &mut rejected).expect("it is skipped");
    assert_eq!(
        alike(&found),
        alike(&quads),
        "{format}, skipping: {shown:?}"
    );
    assert_eq!(rejected.0, faults, "{format}, skipping: {shown:?}");
    assert_eq!(summary.rejected, faults.len() as u64);
    if !faults.is_empty() {
        let (_, without) = loaded(&right, format, options, &mut Rejected::default())
            .expect("what is right is taken");
        let terms = (summary.report.terms_new, without.report.terms_new);
        assert_eq!(
            terms.0, terms.1,
            "{format}: terms of faulty lines stay: {shown:?}"
        );
    }
}

/// Compares in both ways, in one format.
pub(crate) fn check_in(text: &[u8], format: RdfFormat, options: &ReadOptions) {
    check_stopping(text, format, options);
    check_skipping(text, format, options);
}
