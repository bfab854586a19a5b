//! `quadrille stats`, `verify`, `compact`, `inspect`, and what all commands have in common: help, locations, exit codes.

mod common;

use common::{
    LABEL, SAMPLE, command, file, finish, folder, loaded_locations, locations, path_of, quadrille,
    text_of,
};
use quadrille::backend::StorageBackend;
use quadrille::{OpenMode, OpenOptions};

const READING: [&str; 7] = [
    "query", "match", "count", "dump", "stats", "verify", "inspect",
];

/// The arguments of a reading command on a store.
fn reading<'a>(command: &'a str, location: &'a str) -> Vec<&'a str> {
    let mut arguments = vec![command, "--store", location];
    if command == "query" {
        arguments.push("ASK {}");
    }
    arguments
}

#[test]
fn statistics_are_exact() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let json = quadrille(&["stats", "--store", &location, "--json"]).ok();
        let stats: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(stats["quads"], 6, "{json}");
        assert_eq!(stats["graphs"], 3, "{json}");
        assert!(
            stats["terms"].as_u64().is_some_and(|terms| terms >= 10),
            "{json}"
        );
        let disk_bytes = stats["disk_bytes"].as_u64().expect("a size");
        assert!(disk_bytes > 0);
        let per_quad = stats["bytes_per_quad"].as_f64().expect("a ratio");
        assert!((per_quad - disk_bytes as f64 / 6.0).abs() < 0.01);
        assert!(stats["open_snapshots"].is_u64(), "{json}");
        let pinned = stats["pinned_bytes"].as_u64();
        let tells =
            location.starts_with("lmdb:") && cfg!(all(target_os = "linux", target_arch = "x86_64"));
        assert_eq!(pinned, tells.then_some(0), "{json}");
        let keyspaces = stats["keyspaces"].as_object().expect("keyspaces");
        assert!(!keyspaces.is_empty());
        for (name, keyspace) in keyspaces {
            assert!(
                keyspace["bytes"].is_u64() && keyspace["entries"].is_u64(),
                "{name}"
            );
        }
        let text = quadrille(&["stats", "--store", &location]).ok();
        let quads = text.lines().next().expect("a line");
        assert_eq!(quads.split_whitespace().collect::<Vec<_>>(), ["quads", "6"]);
        assert!(text.contains("bytes_per_quad"), "{text}");
    }
}

#[test]
fn a_whole_store_verifies_before_and_after_compaction() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let before = quadrille(&["dump", "--store", &location]).sorted();
        for step in ["verify", "compact", "verify"] {
            let ran = quadrille(&[step, "--store", &location]);
            assert!(ran.err.contains(&location), "{}", ran.err);
            assert_eq!(ran.ok(), "");
        }
        assert_eq!(quadrille(&["dump", "--store", &location]).sorted(), before);
    }
}

/// Flips the last byte of an entry's value in the first keyspace whose name ends so.
fn damage(location: &str, keyspace: &str) -> String {
    let location = location.parse().expect("a location");
    let options = OpenOptions::new().mode(OpenMode::MustExist);
    let backend = options.open_backend(&location).expect("the backend");
    let keyspaces = backend.keyspaces().expect("keyspaces");
    let keyspace = keyspaces
        .iter()
        .find(|candidate| candidate.as_str().ends_with(keyspace))
        .expect("the keyspace");
    let mut entries = backend.prefix_scan(keyspace, &[]).expect("a scan");
    let (key, mut value) = entries.next().expect("an entry").expect("a read");
    drop(entries);
    *value.last_mut().expect("a byte") ^= 1;
    backend.put(keyspace, &key, &value).expect("written");
    backend.close().expect("closed");
    keyspace.to_string()
}

#[test]
fn damage_is_found_and_named() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let keyspace = damage(&location, ".pocs");
        let ran = quadrille(&["verify", "--store", &location]);
        assert_eq!(ran.code, Some(8), "{}", ran.err);
        assert!(ran.out.lines().count() >= 1);
        assert!(
            ran.out.starts_with(&format!("{keyspace}, key ")),
            "{}",
            ran.out
        );
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
        let label = ["count", "--store", &location, "-p", LABEL];
        let error = quadrille(&label).failed(7);
        assert!(error.contains("corrupted"), "{error}");
        damage(&location, "root");
        quadrille(&["verify", "--store", &location]).failed(7);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_has_a_code_of_its_own() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let error = quadrille(&["dump", "--data", &sample, "--output", "/dev/full"]).failed(9);
    assert!(error.contains("/dev/full"), "{error}");
    let full = || std::fs::File::create("/dev/full").expect("the full device");
    for arguments in [
        &["match", "--data", &sample][..],
        &["count", "--data", &sample],
        &["stats", "--data", &sample],
        &["query", "--data", &sample, "ASK {}"],
    ] {
        let child = command(arguments).stdout(full()).spawn();
        let ran = finish(child.expect("the program starts"));
        assert_eq!(ran.code, Some(9), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn inspect_shows_the_root_the_keyspaces_and_their_entries() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let all = quadrille(&["inspect", "--store", &location]).ok();
        let json = quadrille(&["stats", "--store", &location, "--json"]).ok();
        let stats: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        for (name, keyspace) in stats["keyspaces"].as_object().expect("keyspaces") {
            assert!(all.contains(name), "{name}: {all}");
            let one = ["inspect", "--store", &location, "--keyspace", name];
            let lines = quadrille(&one).ok().lines().count() as u64;
            assert_eq!(Some(lines), keyspace["entries"].as_u64(), "{name}");
        }
        let spoc = all.lines().find(|line| line.contains("spoc:"));
        let full_name = spoc
            .and_then(|line| line.split(':').next())
            .expect("an index");
        let one = [
            "inspect",
            "--store",
            &location,
            "--keyspace",
            full_name,
            "--limit",
            "1",
        ];
        assert_eq!(quadrille(&one).ok().lines().count(), 1);
        let unknown = [
            "inspect",
            "--store",
            &location,
            "--keyspace",
            "no-such-keyspace",
        ];
        quadrille(&unknown).failed(5);
    }
}

#[test]
fn inspect_shows_the_encodings_of_every_column() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let json = quadrille(&["stats", "--store", &location, "--json"]).ok();
        let stats: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let text = quadrille(&["inspect", "--store", &location, "--encodings"]).ok();
        for column in [
            "spoc subject",
            "pocs graph",
            "ocsp object",
            "cspo predicate",
        ] {
            let lines = text.lines().filter(|line| line.starts_with(column));
            let rows = lines.filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                words[words.len() - 4].parse::<u64>().ok()
            });
            assert_eq!(Some(rows.sum::<u64>()), stats["quads"].as_u64(), "{text}");
        }
    }
}

#[test]
fn a_reading_command_makes_no_store() {
    let folder = folder();
    for location in locations(&folder) {
        for command in READING {
            let error = quadrille(&reading(command, &location)).failed(5);
            assert!(error.contains("there is no"), "{error}");
        }
        quadrille(&["compact", "--store", &location]).failed(5);
        assert!(!path_of(&location).exists());
    }
}

#[test]
fn a_store_of_another_engine_says_how_to_open_it() {
    let folder = folder();
    let path = text_of(folder.path());
    std::fs::create_dir(folder.path().join("rocksdb")).expect("a folder");
    let sample = file(&folder, "rocksdb/CURRENT", SAMPLE);
    let lmdb = format!("lmdb:{path}");
    let error = quadrille(&["count", "--store", &lmdb]).failed(2);
    assert!(error.contains(&format!("rocksdb:{path}")), "{error}");
    let load = ["load", "--store", &lmdb, "--input-format", "nq", &sample];
    quadrille(&load).failed(2);
    let error = quadrille(&["count", "--store", &path]).failed(2);
    assert!(error.contains(&format!("rocksdb:{path}")), "{error}");
}

#[cfg(not(feature = "rocksdb"))]
#[test]
fn a_missing_backend_names_its_feature() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let location = format!("rocksdb:{}", text_of(&folder.path().join("store")));
    let error = quadrille(&["load", "--store", &location, &sample]).failed(10);
    assert!(error.contains("feature `rocksdb`"), "{error}");
}

#[test]
fn what_is_no_store_is_refused_untouched() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    for location in locations(&folder) {
        std::fs::write(path_of(&location), "a file").expect("a file");
        let error = quadrille(&["load", "--store", &location, &sample]).failed(2);
        assert!(error.contains("is a file"), "{error}");
        let left = std::fs::read_to_string(path_of(&location)).expect("the file");
        assert_eq!(left, "a file");
    }
}

#[test]
fn help_lists_exit_codes_and_examples() {
    let help = quadrille(&["--help"]).ok();
    for words in ["Exit codes:", "124  `--timeout` passed", "lmdb:PATH"] {
        assert!(help.contains(words), "{help}");
    }
    for command in READING.into_iter().chain(["load", "compact"]) {
        assert!(help.contains(command), "{help}");
        let help = quadrille(&[command, "--help"]).ok();
        assert!(help.contains("Examples:"), "{help}");
        assert!(help.contains(&format!("quadrille {command} ")), "{help}");
    }
    assert!(quadrille(&["--version"]).ok().starts_with("quadrille 0."));
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [
        &["lod"][..],
        &["load", "--store", "memory:"],
        &["count"],
        &["count", "--store", "sled:x"],
        &["count", "--store", "lmdb:"],
        &["dump", "--store", "memory:", "--format", "csv"],
        &["dump", "--store", "memory:", "--prefix", "ex"],
    ] {
        let error = quadrille(arguments).failed(2);
        assert!(!error.contains("panicked"), "{error}");
    }
}
