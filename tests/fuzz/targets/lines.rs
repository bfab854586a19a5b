//! Any bytes as N-Triples or N-Quads: a load gives what the parser of the whole grammar gives, stopping and skipping.
#![no_main]

#[path = "../../../crates/io/tests/lines/alike.rs"]
mod alike;
#[path = "../../../crates/io/tests/lines/compare.rs"]
mod compare;

use libfuzzer_sys::fuzz_target;
use quadrille_io::{BlankNodeScope, RdfFormat, ReadOptions};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let format = match choice & 1 {
        0 => RdfFormat::NTriples,
        _ => RdfFormat::NQuads,
    };
    let options = ReadOptions {
        blank_nodes: (choice & 2 != 0).then(BlankNodeScope::as_written),
        ..ReadOptions::default()
    };
    compare::check_in(text, format, &options);
});
