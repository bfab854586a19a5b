//! Options of storage backends: each takes its own, says what it has when one is wrong, and makes no store then.
//!
//! What flows in: `--backend-option` and `--durability`. What flows out: what they change of a store, or exit code 2.

mod common;

use common::{SAMPLE, file, folder, locations, path_of, quadrille};
#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use common::{many_quads, text_of};
use tempfile::TempDir;

/// Arguments of a load with options.
fn load<'a>(location: &'a str, data: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["load", "--store", location, data];
    for option in options {
        arguments.extend(["--backend-option", option]);
    }
    arguments
}

#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
fn location_in(folder: &TempDir, scheme: &str) -> String {
    format!("{scheme}:{}", text_of(&folder.path().join(scheme)))
}

fn sample(folder: &TempDir) -> String {
    file(folder, "sample.nq", SAMPLE)
}

#[test]
fn a_wrong_name_lists_those_that_the_backend_has() {
    let folder = folder();
    let sample = sample(&folder);
    for location in locations(&folder) {
        let error = quadrille(&load(&location, &sample, &["colour=blue"])).failed(2);
        let (scheme, other) = match location.starts_with("lmdb:") {
            true => ("lmdb", "map_bytes, map_bytes_max, growth_wait"),
            false => ("rocksdb", "compression, block_bytes, filter_bits_per_key"),
        };
        let words = format!("the backend {scheme} has no option `colour`; it has {other}");
        assert!(error.contains(&words), "{error}");
        assert!(!path_of(&location).exists(), "no store is made");
    }
    let memory = ["count", "--data", &sample, "--backend-option", "map=1"];
    let error = quadrille(&memory).failed(2);
    assert!(
        error.contains("memory has no option `map`; it has bytes_max"),
        "{error}"
    );
}

#[test]
fn an_option_without_a_value_says_how_to_write_it() {
    let ran = quadrille(&["count", "--data", "x.nq", "--backend-option", "bytes_max"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("NAME=VALUE"), "{}", ran.err);
}

#[test]
fn memory_is_bounded_by_its_option() {
    let folder = folder();
    let sample = sample(&folder);
    let count = |option: &str| quadrille(&["count", "--data", &sample, "--backend-option", option]);
    assert_eq!(count("bytes_max=1MiB").ok(), "6\n");
    let error = count("bytes_max=1000").failed(9);
    assert!(error.contains("may hold 1000 bytes"), "{error}");
    let error = count("bytes_max=lots").failed(2);
    assert!(
        error.contains("`lots` is no value of the backend option `bytes_max`"),
        "{error}"
    );
}

#[cfg(feature = "lmdb")]
#[test]
fn lmdb_takes_its_options() {
    let folder = folder();
    let (sample, location) = (sample(&folder), location_in(&folder, "lmdb"));
    for (option, words) in [
        ("read_ahead=yes", "which is on or off"),
        ("map_bytes=much", "which is a size such as"),
        ("growth_wait=5", "which is a duration such as"),
        ("readers_max=0", "readers_max is 0; 1 to 65536 is legal"),
        ("map_bytes_max=1MiB", "below map_bytes, which is"),
    ] {
        let error = quadrille(&load(&location, &sample, &[option])).failed(2);
        assert!(error.contains(words), "{error}");
    }
    let tight = ["map_bytes=1MiB", "map_bytes_max=1MiB"];
    let many = file(&folder, "many.nq", &many_quads(100_000));
    let error = quadrille(&load(&location, &many, &tight)).failed(9);
    assert!(error.contains("map_bytes"), "{error}");
    let roomy = ["map_bytes=64MiB", "growth_wait=1s", "read_ahead=off"];
    quadrille(&load(&location, &sample, &roomy)).ok();
    let count =
        |option: &str| quadrille(&["count", "--store", &location, "--backend-option", option]);
    assert_eq!(count("read_ahead=off").ok(), "6\n");
    for option in ["ingest_commit_bytes=1MiB", "map_bytes_max=1TiB"] {
        let error = count(option).failed(2);
        assert!(error.contains("this command only reads"), "{error}");
    }
}

#[cfg(feature = "rocksdb")]
#[test]
fn rocksdb_takes_its_options_and_keeps_those_that_shape_files() {
    let folder = folder();
    let (sample, location) = (sample(&folder), location_in(&folder, "rocksdb"));
    for (option, words) in [
        ("compression=lzma", "which is none, lz4, snappy or zstd"),
        ("cache_bytes=-1", "which is a size such as"),
        (
            "background_jobs=0",
            "background_jobs is 0; 1 to 64 are legal",
        ),
    ] {
        let error = quadrille(&load(&location, &sample, &[option])).failed(2);
        assert!(error.contains(words), "{error}");
    }
    let settings =
        || std::fs::read_to_string(path_of(&location).join("settings")).expect("the settings");
    let options = ["compression=zstd", "write_buffer_bytes=16MiB"];
    quadrille(&load(&location, &sample, &options)).ok();
    assert!(settings().contains("compression zstd"), "{}", settings());
    quadrille(&load(&location, &sample, &["block_bytes=8KiB"])).ok();
    let kept = settings();
    assert!(
        kept.contains("compression zstd\nblock_bytes 8192\n"),
        "{kept}"
    );
    let many = file(&folder, "many.nq", &many_quads(10_000));
    quadrille(&load(&location, &many, &["bytes_max=16KiB"])).failed(9);
    let count =
        |option: &str| quadrille(&["count", "--store", &location, "--backend-option", option]);
    assert_eq!(count("cache_bytes=1MiB").ok(), "7\n");
    let error = count("compression=none").failed(2);
    assert!(error.contains("this command only reads"), "{error}");
    assert_eq!(settings(), kept);
}

#[test]
fn every_backend_takes_every_durability() {
    let folder = folder();
    let sample = sample(&folder);
    let with = |location: &str, word: &str| {
        quadrille(&["load", "--store", location, "--durability", word, &sample])
    };
    for location in locations(&folder) {
        for word in ["durable", "prefix", "unsafe"] {
            with(&location, word).ok();
            let log = std::fs::read_to_string(path_of(&location).join("settings"));
            let stored = log.is_ok_and(|log| log.contains(&format!("log {word}\n")));
            assert_eq!(stored, location.starts_with("rocksdb:"), "{location}");
        }
        // Its blank node is another one in each of the three loads.
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "8\n");
        assert_eq!(with(&location, "mostly").code, Some(2));
    }
    with("memory:", "prefix").ok();
}

#[test]
fn help_names_the_options_of_each_backend() {
    for command in [
        "load", "query", "match", "count", "dump", "stats", "verify", "inspect",
    ] {
        let help = quadrille(&[command, "--help"]).ok();
        assert!(help.contains("--backend-option <NAME=VALUE>"), "{command}");
        assert!(help.contains("memory:"), "{command}");
        assert_eq!(help.contains("map_bytes_max"), cfg!(feature = "lmdb"));
    }
    assert!(quadrille(&["load", "--help"]).ok().contains("--durability"));
}
