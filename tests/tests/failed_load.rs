//! Loads that fail, on every backend: on the last line of a large file, and in every way that a source can be wrong. The
//! error names file, line, column and text, nothing of the load stays, and the store goes on working.
//!
//! What flows in: files that the test writes. What flows out: two named cases a backend, such as
//! `memory::an_error_on_the_last_line`. What always holds: a persistent store is looked at again after reopening.
#![allow(
    clippy::unwrap_used,
    reason = "what cannot be prepared is a failed test"
)]

use libtest_mimic::{Arguments, Failed, Trial};
use quadrille_backend::StorageBackend;
use quadrille_backend_testkit::Factory;
use quadrille_io::generate::generate;
use quadrille_io::{
    CompressedWriter, Compression, LoadError, RdfFormat, ReadOptions, Source, load_into,
};
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, Read, Write};
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
    let trials = trials.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

type Tested = Result<(), Box<dyn std::error::Error>>;

type Case<F> = fn(&Path, &F) -> Tested;

fn on_backend<F: Factory>(backend: &str, factory: F) -> [Trial; 2] {
    let cases: [(&str, Case<F>); 2] = [
        ("an_error_on_the_last_line", an_error_on_the_last_line),
        ("a_wrong_source_among_five", a_wrong_source_among_five),
    ];
    cases.map(|(name, case)| {
        let factory = factory.clone();
        Trial::test(format!("{backend}::{name}"), move || {
            let folder = tempfile::tempdir().unwrap();
            case(folder.path(), &factory).map_err(Failed::from)
        })
    })
}

fn an_error_on_the_last_line<F: Factory>(folder: &Path, factory: &F) -> Tested {
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

/// What is wrong with a source, and what the error says of it.
type Wrong = (Source, String);

/// A reader whose device fails after some text.
struct Fails(Cursor<Vec<u8>>);

impl Read for Fails {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(std::io::Error::other("the cable was pulled")),
            count => Ok(count),
        }
    }
}

/// Sources that cannot be loaded, each in a way of its own.
fn wrong_sources(folder: &Path) -> Vec<Wrong> {
    let text = {
        let mut text = Vec::new();
        generate(3_000, 3).write_n_quads(&mut text).unwrap();
        text
    };
    let path = |name: &str| folder.join(name);
    let write = |name: &str, parts: &[&[u8]]| {
        std::fs::write(path(name), parts.concat()).unwrap();
        Source::path(path(name))
    };
    let said = |what: &str| what.to_owned();
    let line = b"<http://example.org/a> <http://example.org/p> \"caf\xe9\" .\n";
    let wrong = format!("{WRONG}\r");
    let mut sources = vec![
        (
            write("middle.nq", &[&text, WRONG.as_bytes(), b"\n", &text]),
            said("middle.nq:3001:47: "),
        ),
        (
            write("lone.nt", &[b"# said\r\r# more\r", wrong.as_bytes()]),
            said("lone.nt:4:47: "),
        ),
        (
            write("latin.nq", &[&text, line, &text]),
            said("latin.nq:3001:51: "),
        ),
        (
            write(
                "faulty.trig",
                &[b"@prefix e: <http://example.org/> .\ne:a e:p oops ."],
            ),
            said("faulty.trig:2:"),
        ),
        (
            Source::path(path("absent.ttl")),
            said("absent.ttl: No such file"),
        ),
        (
            Source::path(path("unknown.csv")),
            said("unknown.csv: cannot tell"),
        ),
        (
            Source::reader("device", Fails(Cursor::new(text.clone())))
                .with_format(RdfFormat::NQuads),
            said("device: the cable was pulled"),
        ),
    ];
    std::fs::create_dir(path("folder.nq")).unwrap();
    sources.push((
        Source::path(path("folder.nq")),
        said("folder.nq: is a directory"),
    ));
    for compression in Compression::ALL {
        let name = format!("cut.nq.{}", compression.extension());
        let mut writer = CompressedWriter::new(Vec::new(), Some(compression)).unwrap();
        writer.write_all(&text).unwrap();
        let whole = writer.finish().unwrap();
        for kept in [whole.len() / 2, whole.len() - 1] {
            let name = format!("{kept}.{name}");
            let source = write(&name, &[&whole[..kept]]);
            sources.push((source, format!("{name}: ")));
        }
    }
    sources
}

/// The quads of a store that `verify` finds nothing wrong with.
fn sound_quads<B: StorageBackend>(
    store: &QuadStore<B>,
) -> Result<HashSet<oxrdf::Quad>, Box<dyn std::error::Error>> {
    assert_eq!(store.verify()?.problems, []);
    let quads = store.match_quads(&QuadPattern::new())?;
    Ok(quads.collect::<Result<_, _>>()?)
}

/// The third of five sources is wrong: the error says how, and the store is what it was.
fn a_wrong_source_among_five<F: Factory>(folder: &Path, factory: &F) -> Tested {
    let store_folder = folder.join("store");
    let store = QuadStore::open(factory.open(&store_folder)?)?;
    store.extend(generate(500, 1))?;
    let before = sound_quads(&store)?;
    let right = |number: u32| {
        let text = format!("<http://example.org/{number}> <http://example.org/p> \"{number}\" .\n");
        Source::reader("right", Cursor::new(text.into_bytes())).with_format(RdfFormat::NTriples)
    };
    for (wrong, said) in wrong_sources(folder) {
        let sources = [right(1), right(2), wrong, right(4), right(5)];
        let result = load_into(&store, sources, &ReadOptions::default(), |_| {});
        let error = result.expect_err(&said).to_string();
        assert!(error.contains(&said), "{said}: {error}");
        assert!(sound_quads(&store)? == before, "{said}");
    }
    let sources = [1, 2, 4, 5].map(right);
    load_into(&store, sources, &ReadOptions::default(), |_| {})?;
    let quads = store.len()?;
    assert_eq!(quads, before.len() as u64 + 4);
    let persistent = store.backend().capabilities().persistent;
    store.close()?;
    drop(store);
    if persistent {
        let store = QuadStore::open(factory.open(&store_folder)?)?;
        assert_eq!(sound_quads(&store)?.len() as u64, quads);
    }
    Ok(())
}
