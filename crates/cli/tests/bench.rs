//! `quadrille bench`: every figure of every backend, what is refused, and nothing left behind.

mod common;

use common::{SAMPLE, quadrille};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in Unicode")
}

/// The names of figures and, by figure, the backends that have it.
fn figures(json: &Value) -> Vec<(&str, Vec<&str>)> {
    let figures = json["figures"].as_array().expect("a list");
    figures
        .iter()
        .map(|figure| {
            let backends = figure["backends"].as_object().expect("backends");
            let measured = backends
                .iter()
                .filter(|(_, value)| value["typical"].is_f64());
            let name = figure["name"].as_str().expect("a name");
            (
                name,
                measured.map(|(backend, _)| backend.as_str()).collect(),
            )
        })
        .collect()
}

#[test]
fn backends_are_measured_on_generated_quads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let query = folder.path().join("mine.rq");
    std::fs::write(&query, "SELECT * { ?s ?p ?o } LIMIT 3").expect("a file");
    let backends: &[&str] = if cfg!(feature = "lmdb") {
        &["lmdb", "memory"]
    } else {
        &["memory"]
    };
    let out = quadrille(&[
        "bench",
        "--data",
        "generated:2000",
        "--rounds",
        "2",
        "--warm-up",
        "0",
        "--json",
        "--backends",
        &backends.join(","),
        "--query",
        text(&query),
        "--folder",
        text(folder.path()),
    ])
    .ok();
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let figures = figures(&json);
    let names: BTreeSet<_> = figures.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), figures.len(), "no name twice");
    let patterns = names
        .iter()
        .filter(|name| name.starts_with("patterns: ") && name.ends_with("p50"));
    assert_eq!(patterns.count(), 16);
    for (name, of) in &figures {
        let own = match *name {
            "size: in memory" => vec!["memory"],
            "size: on disk" | "load: opening again" => vec!["lmdb"],
            name if name.starts_with("engine: ") && name.contains("durable") => vec!["lmdb"],
            _ => backends.to_vec(),
        };
        let expected: Vec<_> = own
            .into_iter()
            .filter(|name| backends.contains(name))
            .collect();
        assert_eq!(*of, expected, "{name}");
    }
    for name in [
        "load: rate",
        "engine: get, p99",
        "queries: mine.rq, p50",
        "commits: 1 quad, durable, maximum",
    ] {
        assert!(names.contains(name), "{name}");
    }
    let quads = json["figures"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|figure| figure["name"] == "size: quads");
    assert_eq!(
        quads.expect("quads")["backends"]["memory"]["rounds"],
        serde_json::json!([2000.0, 2000.0])
    );
    assert_eq!(json["aims"].as_array().map(Vec::len), Some(4));
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1, "the stores are gone, the query is there");
}

#[test]
fn a_file_is_measured_and_shown_as_a_table() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data.nq");
    std::fs::write(&data, SAMPLE).expect("a file");
    let out = quadrille(&[
        "bench",
        "--data",
        text(&data),
        "--backends",
        "memory",
        "--rounds",
        "1",
        "--warm-up",
        "0",
    ])
    .ok();
    for part in ["load", "rate", "quads/s", "S P ? ?, p50", "times better"] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broken = folder.path().join("broken.nq");
    std::fs::write(&broken, "<http://e/a> <http://e/b> .\n").expect("a file");
    let one_round = ["--backends", "memory", "--rounds", "1", "--warm-up", "0"];
    let bench = |data: &str| quadrille(&[&["bench", "--data", data], &one_round[..]].concat());
    assert!(bench(text(&broken)).failed(3).contains("broken.nq"));
    bench("absent.nq").failed(5);
    for data in ["-", "generated:0", "generated:many"] {
        assert_eq!(bench(data).code, Some(2), "{data}");
    }
    let unknown = quadrille(&["bench", "--data", text(&broken), "--backends", "sled"]);
    assert_eq!(unknown.code, Some(2));
    if !cfg!(feature = "rocksdb") {
        quadrille(&["bench", "--data", "generated:10", "--backends", "rocksdb"]).failed(10);
    }
}
