//! Golden scripts: data, queries and the rows they must give, on every backend.
//!
//! What flows in: the scripts of `tests/queries`. A script is made of sections that begin with a line `--- data` (TriG),
//! `--- query`, or `--- query union` (the union of all graphs as the default graph), each query followed by `--- rows`:
//! the answer as a table for solutions and booleans, as N-Triples for graphs, sorted unless the query sorts. What flows
//! out: one case a script and backend. What always holds: with `QUADRILLE_BLESS=1` the rows are rewritten by what the
//! memory backend answers, to be reviewed like any other change.
#![allow(clippy::unwrap_used, reason = "a broken script is a failed test")]

use libtest_mimic::{Arguments, Failed, Trial};
use oxttl::TriGParser;
use quadrille_backend::{InMemoryBackend, StorageBackend};
use quadrille_backend_testkit::Factory;
use quadrille_sparql::{Query, QueryForm, QueryOptions, ResultFormat, ResultWriter};
use quadrille_store::QuadStore;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "there are scripts");
    if std::env::var_os("QUADRILLE_BLESS").is_some() {
        for script in &scripts {
            let text = fs::read_to_string(script).unwrap();
            let blessed = run(&text, InMemoryBackend::new()).unwrap();
            fs::write(script, blessed).unwrap();
        }
    }
    let mut trials = on_backend(&scripts, "memory", quadrille_tests::Memory);
    #[cfg(feature = "lmdb")]
    trials.extend(on_backend(&scripts, "lmdb", quadrille_tests::Lmdb));
    #[cfg(feature = "rocksdb")]
    trials.extend(on_backend(&scripts, "rocksdb", quadrille_tests::RocksDb));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One case for each script, in a fresh store of the factory in an empty folder.
fn on_backend<F: Factory + Copy + Send + 'static>(
    scripts: &[PathBuf],
    backend: &str,
    factory: F,
) -> Vec<Trial> {
    let trial = |script: &PathBuf| {
        let script = script.clone();
        let name = script.file_stem().unwrap().to_string_lossy();
        Trial::test(format!("{backend}::{name}"), move || {
            let folder = tempfile::tempdir()?;
            let expected = fs::read_to_string(&script)?;
            let got = run(&expected, factory.open(folder.path())?)?;
            if got == expected {
                return Ok(());
            }
            Err(Failed::from(format!("expected\n{expected}\ngot\n{got}")))
        })
    };
    scripts.iter().map(trial).collect()
}

/// Runs a script and returns it with the rows that its queries gave.
fn run<B: StorageBackend>(script: &str, backend: B) -> Result<String, Failed> {
    let store = QuadStore::open(backend)?;
    let mut out = String::new();
    let (introduction, sections) = script.split_once("--- ").ok_or("no section")?;
    out.push_str(introduction);
    for section in sections.split("\n--- ") {
        let (name, body) = section.split_once('\n').unwrap_or((section, ""));
        match name.trim() {
            "data" => load(&store, body)?,
            "query" => push_rows(&mut out, section, &answer(&store, body, false)?),
            "query union" => push_rows(&mut out, section, &answer(&store, body, true)?),
            "rows" => continue,
            other => return Err(format!("no such section: {other}").into()),
        }
        if name.trim() == "data" {
            out.push_str(&format!("--- {section}\n"));
        }
    }
    Ok(out)
}

fn push_rows(out: &mut String, query: &str, rows: &str) {
    out.push_str(&format!("--- {query}\n--- rows\n{rows}\n"));
}

fn load<B: StorageBackend>(store: &QuadStore<B>, data: &str) -> Result<(), Failed> {
    let parser = TriGParser::new().with_base_iri("http://example.com/")?;
    let quads: Result<Vec<_>, _> = parser.for_slice(data).collect();
    store.extend(quads?)?;
    Ok(())
}

fn answer<B: StorageBackend>(
    store: &QuadStore<B>,
    text: &str,
    union: bool,
) -> Result<String, Failed> {
    let query = Query::parse(text, Some("http://example.com/"))?;
    let format = match query.form() {
        QueryForm::Select | QueryForm::Ask => ResultFormat::Table,
        QueryForm::Construct | QueryForm::Describe => ResultFormat::NTriples,
    };
    let options = QueryOptions::new().with_union_default_graph(union);
    let mut written = Vec::new();
    ResultWriter::new(format).write(query.prepare(options).execute(store)?, &mut written)?;
    let written = String::from_utf8(written)?;
    let mut lines: Vec<&str> = written.lines().collect();
    if !text.contains("ORDER BY") {
        sort_rows(&mut lines, format);
    }
    Ok(lines.join("\n"))
}

/// Sorts the lines between a table's rule and its number of rows, or all lines of N-Triples.
fn sort_rows(lines: &mut [&str], format: ResultFormat) {
    let rows = match format {
        ResultFormat::Table if lines.len() > 3 => 2..lines.len() - 1,
        ResultFormat::Table => 0..0,
        _ => 0..lines.len(),
    };
    lines[rows].sort_unstable();
}
