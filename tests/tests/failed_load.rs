//! A load that fails on the last line of a large file, on every backend: the error names file, line, column and text,
//! nothing of the load stays, and the store goes on working.
//!
//! What flows in: files that the test writes. What flows out: one named case a backend, such as
//! `memory::an_error_on_the_last_line`. What always holds: a persistent store is looked at again after reopening.
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::StorageBackend;
use quadrille_backend_testkit::Factory;
use quadrille_io::generate::generate;
use quadrille_io::{LoadError, ReadOptions, Source, load_into};
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Some 20 MB.
const QUADS: u64 = 120_000;
const QUADS_BEFORE: usize = 1_000;
const WRONG: &str = "<http://example.org/é> <http://example.org/p> oops .";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        on_backend("memory", quadrille_tests::Memory),
        #[cfg(feature = "lmdb")]
        on_backend("lmdb", quadrille_tests::Lmdb),
        #[cfg(feature = "rocksdb")]
        on_backend("rocksdb", quadrille_tests::RocksDb),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn on_backend<F: Factory>(backend: &str, factory: F) -> Trial {
    let name = format!("{backend}::an_error_on_the_last_line");
    Trial::test(name, move || {
        let folder = tempfile::tempdir().unwrap();
        an_error_on_the_last_line(folder.path(), &factory).map_err(Failed::from)
    })
}

fn an_error_on_the_last_line(
    folder: &Path,
    factory: &impl Factory,
) -> Result<(), Box<dyn std::error::Error>> {
    let path = folder.join("large.nq");
    let mut file = File::create(&path)?;
    generate(QUADS, 1).write_n_quads(&mut file)?;
    writeln!(file, "{WRONG}")?;
    drop(file);

    let store_folder = folder.join("store");
    let store = QuadStore::open(factory.open(&store_folder)?)?;
    // Some of what was there is in the file too, some is not.
    let before: HashSet<_> = generate(QUADS, 1)
        .take(QUADS_BEFORE / 2)
        .chain(generate(QUADS, 2).take(QUADS_BEFORE / 2))
        .collect();
    store.extend(before.iter().cloned())?;

    let options = ReadOptions::default();
    let error = load_into(&store, [Source::path(&path)], &options, |_| {}).unwrap_err();
    let LoadError::Syntax(error) = &error else {
        return Err(format!("not a syntax error: {error}").into());
    };
    assert_eq!(error.name, path.display().to_string());
    assert_eq!((error.line, error.column), (QUADS + 1, 47));
    assert_eq!(error.excerpt.as_ref().unwrap().text, WRONG);
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("{}:{}:47: ", path.display(), QUADS + 1)),
        "{shown}"
    );

    let held: HashSet<_> = store
        .match_quads(&QuadPattern::new())?
        .collect::<Result<_, _>>()?;
    assert!(held == before, "the failed load left something behind");

    // The same file without its last line loads, into the store that refused it.
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.strip_suffix(&format!("{WRONG}\n")).unwrap())?;
    let summary = load_into(&store, [Source::path(&path)], &options, |_| {})?;
    assert_eq!(summary.report.quads_read, QUADS);
    let in_all: HashSet<_> = before.iter().cloned().chain(generate(QUADS, 1)).collect();
    let quads = in_all.len() as u64;
    assert_eq!(summary.report.quads_new, quads - before.len() as u64);
    assert_eq!(store.len()?, quads);
    let persistent = store.backend().capabilities().persistent;
    store.close()?;
    drop(store);
    if persistent {
        assert_eq!(QuadStore::open(factory.open(&store_folder)?)?.len()?, quads);
    }
    Ok(())
}
