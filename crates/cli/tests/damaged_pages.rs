//! `quadrille verify` on LMDB stores whose pages are damaged: it names them and ends in order, whatever the bits say.
#![cfg(feature = "lmdb")]

mod common;

use common::{file, folder, many_quads, path_of, quadrille, text_of};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const PAGE_BYTES: usize = 4096;

/// A store of some hundred pages, and its data file.
fn store(folder: &TempDir) -> (String, PathBuf) {
    let location = format!("lmdb:{}", text_of(&folder.path().join("store")));
    let quads = file(folder, "many.nq", &many_quads(20_000));
    quadrille(&["load", "--store", &location, &quads]).ok();
    let data = path_of(&location).join("data.mdb");
    (location, data)
}

/// A number below the bound; the same ones in each run.
fn next(state: &mut u64, bound: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    (*state >> 33) as usize % bound
}

#[test]
fn flips_in_the_heads_of_pages_end_no_process() {
    let folder = folder();
    let (location, data) = store(&folder);
    let whole = fs::read(&data).expect("the file");
    let before = quadrille(&["dump", "--store", &location]).sorted();
    let (mut state, mut found, mut harmless) = (7, 0, 0);
    for _ in 0..100 {
        let page = next(&mut state, whole.len() / PAGE_BYTES);
        // The head, the offsets of the first entries and, on the metas, the records.
        let place = page * PAGE_BYTES + next(&mut state, 48);
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << next(&mut state, 8);
        fs::write(&data, &damaged).expect("the file");
        let ran = quadrille(&["verify", "--store", &location]);
        match ran.code {
            Some(8) => {
                found += 1;
                let line = ran.out.lines().next().unwrap_or_default();
                assert!(line.starts_with("data.mdb, page "), "{}", ran.out);
                assert!(ran.err.contains("was not opened"), "{}", ran.err);
            }
            // Padding, and pages that are free.
            Some(0) => {
                harmless += 1;
                let after = quadrille(&["dump", "--store", &location]).sorted();
                assert!(after == before, "byte {place}");
            }
            code => panic!("byte {place}: {code:?}: {}{}", ran.out, ran.err),
        }
    }
    assert!(
        found > 15 && harmless > 0,
        "{found} found, {harmless} harmless"
    );
}

#[test]
fn a_file_that_was_cut_off_is_named() {
    let folder = folder();
    let (location, data) = store(&folder);
    let whole = fs::read(&data).expect("the file");
    // The last pages may be free ones, which nobody misses.
    for length in [0, 1, 5000, whole.len() / 2, whole.len() / 4 * 3] {
        fs::write(&data, &whole[..length]).expect("the file");
        let ran = quadrille(&["verify", "--store", &location]);
        assert_eq!(ran.code, Some(8), "{length}: {}", ran.err);
        assert!(ran.out.starts_with("data.mdb, page "), "{}", ran.out);
    }
}
