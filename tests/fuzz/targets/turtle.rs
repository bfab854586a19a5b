//! Any bytes as Turtle or TriG: a load in small chunks gives what one parser gives.
#![no_main]

#[path = "../../../crates/io/tests/lines/alike.rs"]
mod alike;

use alike::alike;
use libfuzzer_sys::fuzz_target;
use quadrille_backend::InMemoryBackend;
use quadrille_io::{LoadError, RdfFormat, ReadOptions, Source, fuzzing, read_quads};
use quadrille_store::{QuadPattern, QuadStore};

/// The texts of the quads, or of the error.
type Outcome = Result<Vec<String>, String>;

fn source(text: &[u8], format: RdfFormat) -> Source {
    Source::reader("text", std::io::Cursor::new(text.to_vec())).with_format(format)
}

fn told(error: LoadError) -> String {
    format!("{error:?}")
}

fn whole(text: &[u8], format: RdfFormat, options: &ReadOptions) -> Outcome {
    let mut quads = Vec::new();
    let receive = |quad| {
        quads.push(quad);
        Ok(())
    };
    read_quads(source(text, format), options, receive, |_| {}).map_err(told)?;
    Ok(alike(&quads))
}

fn by_chunks(text: &[u8], format: RdfFormat, options: &ReadOptions, bytes: usize) -> Outcome {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    fuzzing::load_in_chunks(&store, source(text, format), options, bytes).map_err(told)?;
    let all = store.match_quads(&QuadPattern::new());
    let quads: Result<Vec<_>, _> = all.expect("a store can be read").collect();
    Ok(alike(&quads.expect("a store can be read")))
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let format = match choice & 1 {
        0 => RdfFormat::Turtle,
        _ => RdfFormat::TriG,
    };
    let options = ReadOptions {
        base: (choice & 2 != 0).then(|| "http://start.example/a/b".to_owned()),
        ..ReadOptions::default()
    };
    let chunk_bytes = 1 << (choice >> 2 & 7);
    let expected = whole(text, format, &options);
    let found = by_chunks(text, format, &options, chunk_bytes);
    assert_eq!(found, expected, "{format}, chunks of {chunk_bytes}");
});
