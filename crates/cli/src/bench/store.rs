//! The quad store on a backend: its load, its size, patterns, queries and commits.

use super::sample::{KINDS, Sample, kind_name, pattern};
use super::timing::{Latencies, seconds};
use super::{Emit, Work, queries};
use crate::failure::Failure;
use oxrdf::{Literal, NamedNode, Quad};
use quadrille::io::{ReadOptions, Source, load_into};
use quadrille::{AnyBackend, Location, OpenMode, OpenOptions, QuadPattern, QuadStore};
use quadrille_measure::{Measurement, memory_bytes};
use std::time::Duration;

/// How often each pattern is looked up, how long at most, and how many rows of it are read.
const LOOK_UPS: usize = 200;
const PATTERN_TIME_MAX: Duration = Duration::from_millis(500);
const ROWS_MAX: usize = 1000;
/// How often commits are timed, and how long at most.
const COMMITS: usize = 100;
const LARGE_COMMITS: usize = 20;
const LARGE_COMMIT_QUADS: usize = 1000;
const COMMIT_TIME_MAX: Duration = Duration::from_secs(5);

/// Measures a store that is loaded with the data.
pub(crate) fn measure(work: Work, emit: Emit<'_>) -> Result<(), Failure> {
    let location = work.backend.within(&work.folder.join("store"));
    let store = load(&location, work.source, &work.options, emit)?;
    let sample = Sample::draw(&store)?;
    scans(&store, &sample, emit)?;
    if let Some(bytes) = memory_bytes("VmRSS") {
        emit(Measurement::new(
            "size: resident memory",
            "MiB",
            mebibytes(bytes),
        ));
    }
    patterns(&store, &sample, emit)?;
    queries::measure(&store, &sample, &work.queries, emit)?;
    commits(&store, &sample, emit)?;
    store.close()?;
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Loads the data; a store with files is closed and opened again.
fn load(
    location: &Location,
    source: Source,
    options: &ReadOptions,
    emit: Emit<'_>,
) -> Result<QuadStore<AnyBackend>, Failure> {
    let before = memory_bytes("VmRSS");
    let store = OpenOptions::new().open(location)?;
    let (summary, load_seconds) = seconds(|| Ok(load_into(&store, [source], options, |_| {})?))?;
    let read = summary.report.quads_read as f64;
    emit(Measurement::new(
        "load: rate",
        "quads/s",
        read / load_seconds,
    ));
    if let Some(bytes) = memory_bytes("VmHWM") {
        emit(Measurement::new(
            "load: peak memory",
            "MiB",
            mebibytes(bytes),
        ));
    }
    let quads = store.len()?;
    emit(Measurement::new("size: quads", "quads", quads as f64));
    let a_quad = |bytes: u64| bytes as f64 / quads.max(1) as f64;
    if location.path().is_none() {
        if let Some((before, after)) = before.zip(memory_bytes("VmRSS")) {
            let bytes = a_quad(after.saturating_sub(before));
            emit(Measurement::new("size: in memory", "bytes/quad", bytes));
        }
        return Ok(store);
    }
    store.close()?;
    drop(store);
    let (store, open_seconds) = seconds(|| {
        Ok(OpenOptions::new()
            .mode(OpenMode::MustExist)
            .open(location)?)
    })?;
    let disk = store.statistics()?.disk_bytes;
    emit(Measurement::new(
        "size: on disk",
        "bytes/quad",
        a_quad(disk),
    ));
    emit(Measurement::new(
        "load: opening again",
        "ms",
        open_seconds * 1e3,
    ));
    Ok(store)
}

fn scans(store: &QuadStore<AnyBackend>, sample: &Sample, emit: Emit<'_>) -> Result<(), Failure> {
    let all = QuadPattern::new();
    let (rows, full_seconds) = seconds(|| rows(store, &all, usize::MAX))?;
    emit(Measurement::new(
        "scans: full",
        "quads/s",
        rows as f64 / full_seconds,
    ));
    let Some(quad) = sample.quads.first() else {
        return Ok(());
    };
    let predicate = pattern(quad, 0b0010);
    let (counted, scan_seconds) = seconds(|| self::rows(store, &predicate, usize::MAX))?;
    emit(Measurement::new(
        "scans: a predicate",
        "quads/s",
        counted as f64 / scan_seconds,
    ));
    let mut counts = Latencies::default();
    counts.repeat(LOOK_UPS, PATTERN_TIME_MAX, |_| Ok(store.count(&predicate)?))?;
    counts.emit_median("scans: count of a predicate", emit);
    let mut lengths = Latencies::default();
    lengths.repeat(LOOK_UPS, PATTERN_TIME_MAX, |_| Ok(store.len()?))?;
    lengths.emit_median("scans: number of quads", emit);
    Ok(())
}

/// The rows of a pattern, decoded, at most so many.
fn rows(
    store: &QuadStore<AnyBackend>,
    pattern: &QuadPattern,
    limit: usize,
) -> Result<usize, Failure> {
    let mut count = 0;
    for quad in store.match_quads(pattern)?.take(limit) {
        std::hint::black_box(quad?);
        count += 1;
    }
    Ok(count)
}

fn patterns(store: &QuadStore<AnyBackend>, sample: &Sample, emit: Emit<'_>) -> Result<(), Failure> {
    if sample.quads.is_empty() {
        return Ok(());
    }
    for kind in KINDS {
        let patterns: Vec<_> = sample
            .quads
            .iter()
            .map(|quad| pattern(quad, kind))
            .collect();
        let mut latencies = Latencies::default();
        let mut found = (0, 0);
        latencies.repeat(LOOK_UPS, PATTERN_TIME_MAX, |number| {
            let rows = rows(store, &patterns[number % patterns.len()], ROWS_MAX)?;
            found = (found.0 + rows, found.1 + 1);
            Ok(())
        })?;
        let name = format!("patterns: {}", kind_name(kind));
        latencies.emit_median(&name, emit);
        emit(Measurement::new(
            format!("{name}, rows"),
            "rows",
            found.0 as f64 / f64::from(found.1.max(1)),
        ));
    }
    Ok(())
}

fn commits(store: &QuadStore<AnyBackend>, sample: &Sample, emit: Emit<'_>) -> Result<(), Failure> {
    let mut fresh = fresh_quads(sample);
    let mut single = Latencies::default();
    single.repeat(COMMITS, COMMIT_TIME_MAX, |_| match fresh.next() {
        Some(quad) => Ok(store.insert(&quad)?),
        None => Ok(false),
    })?;
    single.emit("commits: 1 quad, durable", emit);
    let mut large = Latencies::default();
    large.repeat(LARGE_COMMITS, COMMIT_TIME_MAX, |_| {
        let quads: Vec<_> = fresh.by_ref().take(LARGE_COMMIT_QUADS).collect();
        Ok(store.extend(quads)?)
    })?;
    large.emit("commits: 1,000 quads, durable", emit);
    Ok(())
}

/// Quads that the store does not hold, with predicates and graphs that it does; none without a sample.
fn fresh_quads(sample: &Sample) -> impl Iterator<Item = Quad> {
    sample
        .quads
        .iter()
        .cycle()
        .enumerate()
        .map(|(number, quad)| {
            Quad::new(
                NamedNode::new_unchecked(format!("http://bench.example/{number}")),
                quad.predicate.clone(),
                Literal::new_simple_literal(format!("text of number {number}")),
                quad.graph_name.clone(),
            )
        })
}
