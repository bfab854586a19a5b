//! The steps that are timed. In flow an engine, its folder and the data; out flow measurements, one at a time. Always
//! holds: inputs are made before the clock starts, and what a step inserts it removes again.

use crate::data::{Files, Sample};
use crate::engine::{CommitSync, Engine, Outcome};
use crate::query_step::{self, QueryWork};
use oxrdf::Quad;
use quadrille_backend::allocated_bytes;
use quadrille_io::RdfFormat;
use quadrille_measure::{Measurement, median, memory_bytes, percentile};
use quadrille_store::QuadPattern;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The names of the permutations, as they stand in the names of keyspaces.
const PERMUTATIONS: [&str; 4] = ["spoc", "pocs", "ocsp", "cspo"];

/// A group of figures that one process measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Step {
    /// Bulk load into a new store, and its size.
    Load,
    /// Look-ups, scans and counts over the loaded store.
    Read,
    /// Inserts and removals in commits of several sizes, nothing waiting for the disk.
    Write,
    /// The same, each commit waiting for the disk.
    Durable,
    /// Many graphs of one quad, against the same quads in few graphs.
    Graphs,
    /// The query suite, over a network of theatres.
    Query,
}

/// What a process works on.
#[derive(Clone, Debug)]
pub struct Work {
    /// Where the engine keeps its stores.
    pub store: PathBuf,
    /// The data files.
    pub files: Files,
    /// How many look-ups are timed.
    pub lookups: usize,
    /// The format of the file that is loaded in the step of that name.
    pub format: RdfFormat,
    /// What the step `query` works on.
    pub query: QueryWork,
}

/// Where figures go.
pub type Emit<'a> = &'a mut dyn FnMut(Measurement);

/// Runs a step on an engine.
///
/// # Errors
/// What the engine fails with, and an engine that cannot do the step.
pub fn run<E: Engine>(step: Step, work: &Work, emit: Emit<'_>) -> Outcome<()> {
    match step {
        Step::Load => load::<E>(work, emit),
        Step::Read => read(&open_loaded::<E>(work, CommitSync::EachCommit)?, work, emit),
        Step::Write => {
            let plans = CommitPlan::unsynced();
            write(
                &open_loaded::<E>(work, CommitSync::Never)?,
                "",
                &plans,
                work,
                emit,
            )
        }
        Step::Durable => {
            let plans = CommitPlan::durable();
            let engine = open_loaded::<E>(work, CommitSync::EachCommit)?;
            write(&engine, "durable ", &plans, work, emit)
        }
        Step::Graphs => graphs::<E>(work, emit),
        Step::Query => query_step::run::<E>(work, emit),
    }
}

fn open_loaded<E: Engine>(work: &Work, sync: CommitSync) -> Outcome<E> {
    let engine = E::open(&work.store, sync)?;
    if !engine.is_persistent() {
        engine.load(&work.files.quads)?;
    }
    if engine.quad_count()? == 0 {
        return Err("the store is empty: run the load step first".into());
    }
    Ok(engine)
}

fn seconds<T>(action: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
    let start = Instant::now();
    let result = action()?;
    Ok((result, start.elapsed().as_secs_f64()))
}

fn new_folder(folder: &Path) -> Outcome<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

// ---- load and size

/// The name of a figure of loading: N-Quads go without saying.
pub(crate) fn named(figure: &str, format: RdfFormat) -> String {
    match format {
        RdfFormat::NQuads => figure.to_owned(),
        format => format!("{figure}, {}", format.extension()),
    }
}

/// Loads, and tells the sizes; of formats other than N-Quads only what loading takes, as the stores are alike.
fn load<E: Engine>(work: &Work, emit: Emit<'_>) -> Outcome<()> {
    new_folder(&work.store)?;
    let resident = memory_bytes("VmRSS");
    let engine = E::open(&work.store, CommitSync::EachCommit)?;
    let file = work.files.in_format(work.format);
    let ((), load_seconds) = seconds(|| engine.load(&file))?;
    let quads = engine.quad_count()?;
    let mut emit_as = |figure: &str, unit: &str, value: f64| {
        emit(Measurement::new(named(figure, work.format), unit, value));
    };
    let a_quad = |bytes: u64| bytes as f64 / quads as f64;
    emit_as("quads", "rows", quads as f64);
    emit_as("bulk load", "quads/s", quads as f64 / load_seconds);
    if let Some(bytes) = memory_bytes("VmHWM") {
        let mebibytes = bytes as f64 / f64::from(1 << 20);
        emit_as("bulk load, peak memory", "MiB", mebibytes);
    }
    if !engine.is_persistent() {
        if let Some((before, after)) = resident.zip(memory_bytes("VmRSS")) {
            let bytes = a_quad(after.saturating_sub(before));
            emit_as("resident after load", "bytes/quad", bytes);
        }
        return engine.close();
    }
    let ((), close_seconds) = seconds(|| engine.close())?;
    emit_as("close after load", "s", close_seconds);
    let loaded = allocated_bytes(&work.store)?;
    emit_as("disk after load", "bytes/quad", a_quad(loaded));
    if work.format != RdfFormat::NQuads {
        return Ok(std::fs::remove_dir_all(&work.store)?);
    }
    compacted_size::<E>(work, quads, emit)
}

fn compacted_size<E: Engine>(work: &Work, quads: u64, emit: Emit<'_>) -> Outcome<()> {
    let engine = E::open(&work.store, CommitSync::EachCommit)?;
    let ((), compact_seconds) = seconds(|| engine.compact())?;
    emit(Measurement::new("compact", "s", compact_seconds));
    let keyspaces = engine.keyspaces()?;
    engine.close()?;
    let allocated = allocated_bytes(&work.store)? as f64;
    let a_quad = |bytes: f64| bytes / quads as f64;
    emit(Measurement::new(
        "disk after compact",
        "bytes/quad",
        a_quad(allocated),
    ));
    let content: f64 = keyspaces.iter().map(|keyspace| keyspace.bytes as f64).sum();
    if content == 0.0 {
        return Ok(());
    }
    let indexes = keyspaces.iter().filter(|keyspace| is_index(&keyspace.name));
    let indexes: f64 = indexes.map(|keyspace| keyspace.bytes as f64).sum();
    emit(Measurement::new(
        "four indexes, keys and values",
        "bytes/quad",
        a_quad(indexes),
    ));
    let share = a_quad(allocated * indexes / content);
    emit(Measurement::new(
        "four indexes, share of the disk",
        "bytes/quad",
        share,
    ));
    for keyspace in keyspaces {
        let name = format!("keyspace {}, keys and values", role(&keyspace.name));
        emit(Measurement::new(
            name,
            "bytes/quad",
            a_quad(keyspace.bytes as f64),
        ));
    }
    Ok(())
}

fn is_index(keyspace: &str) -> bool {
    keyspace.split('.').any(|part| PERMUTATIONS.contains(&part))
}

/// A keyspace's name without the generation that it begins with, which differs from store to store.
fn role(keyspace: &str) -> &str {
    let numbered = |generation: &str| generation.starts_with('g') && generation.len() == 9;
    match keyspace.split_once('.') {
        Some((generation, role)) if numbered(generation) => role,
        _ => keyspace,
    }
}

// ---- reading

fn read<E: Engine>(engine: &E, work: &Work, emit: Emit<'_>) -> Outcome<()> {
    let sample = Sample::read(&work.files.sample)?;
    let lookups = sample.subject_predicate(work.lookups);
    time_lookups(engine, &lookups, emit)?;
    time_scans(engine, "full scan", &[QuadPattern::new()], emit)?;
    let predicates = sample.predicates(4);
    time_scans(engine, "predicate scan", &predicates, emit)?;
    let graphs = sample.predicate_graph(20);
    time_scans(engine, "GRAPH <g> { ?s <p> ?o } scan", &graphs, emit)?;
    time_counts(engine, &predicates, emit)?;
    let (_, len_seconds) = seconds(|| engine.quad_count())?;
    emit(Measurement::new("len", "us", len_seconds * 1e6));
    Ok(())
}

fn time_lookups<E: Engine>(engine: &E, patterns: &[QuadPattern], emit: Emit<'_>) -> Outcome<()> {
    let decoded = |patterns: &[QuadPattern]| -> Outcome<u64> {
        patterns
            .iter()
            .map(|pattern| engine.scan(pattern, usize::MAX))
            .sum()
    };
    decoded(&patterns[..patterns.len() / 10])?;
    let (rows, elapsed) = seconds(|| decoded(patterns))?;
    let each = |elapsed: f64| elapsed * 1e6 / patterns.len() as f64;
    emit(Measurement::new("rows of look-ups", "rows", rows as f64));
    emit(Measurement::new(
        "look-up S P ? ?, decoded",
        "us",
        each(elapsed),
    ));
    let by_id = || -> Outcome<Option<u64>> {
        patterns
            .iter()
            .map(|pattern| engine.scan_ids(pattern))
            .sum()
    };
    if let (Some(_), elapsed) = seconds(by_id)? {
        emit(Measurement::new(
            "look-up S P ? ?, ids",
            "us",
            each(elapsed),
        ));
    }
    Ok(())
}

fn time_scans<E: Engine>(
    engine: &E,
    name: &str,
    patterns: &[QuadPattern],
    emit: Emit<'_>,
) -> Outcome<()> {
    let decoded = || -> Outcome<u64> {
        patterns
            .iter()
            .map(|pattern| engine.scan(pattern, usize::MAX))
            .sum()
    };
    let (rows, elapsed) = seconds(decoded)?;
    emit(Measurement::new(
        format!("rows of {name}"),
        "rows",
        rows as f64,
    ));
    emit(Measurement::new(
        format!("{name}, decoded"),
        "quads/s",
        rows as f64 / elapsed,
    ));
    let by_id = || -> Outcome<Option<u64>> {
        patterns
            .iter()
            .map(|pattern| engine.scan_ids(pattern))
            .sum()
    };
    if let (Some(rows), elapsed) = seconds(by_id)? {
        emit(Measurement::new(
            format!("{name}, ids"),
            "quads/s",
            rows as f64 / elapsed,
        ));
    }
    Ok(())
}

fn time_counts<E: Engine>(engine: &E, patterns: &[QuadPattern], emit: Emit<'_>) -> Outcome<()> {
    let count = || -> Outcome<u64> { patterns.iter().map(|pattern| engine.count(pattern)).sum() };
    let (rows, elapsed) = seconds(count)?;
    emit(Measurement::new("rows counted", "rows", rows as f64));
    let each = elapsed * 1e6 / patterns.len() as f64;
    emit(Measurement::new("count of a predicate", "us", each));
    Ok(())
}

// ---- writing

/// How many commits of which size.
#[derive(Clone, Copy, Debug)]
pub struct CommitPlan {
    /// The quads of each commit.
    pub quads_per_commit: usize,
    /// The number of commits.
    pub commits: usize,
}

impl CommitPlan {
    const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

    /// 20 000 quads of each size, in at least 10 commits.
    #[must_use]
    pub fn unsynced() -> Vec<Self> {
        Self::of(20_000, 5_000, 10)
    }

    /// Fewer, since each waits for the disk.
    #[must_use]
    pub fn durable() -> Vec<Self> {
        Self::of(20_000, 200, 5)
    }

    fn of(quads: usize, commits_max: usize, commits_min: usize) -> Vec<Self> {
        let plan = |quads_per_commit: usize| Self {
            quads_per_commit,
            commits: (quads / quads_per_commit).clamp(commits_min, commits_max),
        };
        Self::SIZES.into_iter().map(plan).collect()
    }
}

/// How long each commit took.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    microseconds: Vec<f64>,
    total: Duration,
}

impl Timings {
    /// Times one commit.
    ///
    /// # Errors
    /// What the commit fails with.
    pub fn time(&mut self, commit: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
        let start = Instant::now();
        commit()?;
        let elapsed = start.elapsed();
        self.total += elapsed;
        self.microseconds.push(elapsed.as_secs_f64() * 1e6);
        Ok(())
    }

    /// The rate, the median and the 99th percentile.
    pub fn emit(&self, action: &str, plan: &CommitPlan, emit: Emit<'_>) {
        let name = format!("{action}, {} a commit", plan.quads_per_commit);
        let quads = (plan.quads_per_commit * self.microseconds.len()) as f64;
        emit(Measurement::new(
            &name,
            "quads/s",
            quads / self.total.as_secs_f64(),
        ));
        if let Some(p50) = median(&self.microseconds) {
            emit(Measurement::new(format!("{name}, p50"), "us", p50));
        }
        if let Some(p99) = percentile(&self.microseconds, 0.99) {
            emit(Measurement::new(format!("{name}, p99"), "us", p99));
        }
    }
}

fn write<E: Engine>(
    engine: &E,
    prefix: &str,
    plans: &[CommitPlan],
    work: &Work,
    emit: Emit<'_>,
) -> Outcome<()> {
    let sample = Sample::read(&work.files.sample)?;
    let mut fresh = sample.fresh_quads();
    let before = engine.quad_count()?;
    for plan in plans {
        let quads: Vec<Quad> = fresh
            .by_ref()
            .take(plan.quads_per_commit * plan.commits)
            .collect();
        let (mut inserts, mut removals) = (Timings::default(), Timings::default());
        for commit in quads.chunks(plan.quads_per_commit) {
            inserts.time(|| engine.insert(commit))?;
        }
        for commit in quads.chunks(plan.quads_per_commit) {
            removals.time(|| engine.remove(commit))?;
        }
        inserts.emit(&format!("{prefix}insert"), plan, emit);
        removals.emit(&format!("{prefix}delete"), plan, emit);
    }
    if engine.quad_count()? != before {
        return Err("the removals did not undo the inserts".into());
    }
    Ok(())
}

// ---- many graphs

/// What is measured of a store with some number of graphs.
struct GraphFigures {
    load_rate: f64,
    first_row_us: f64,
    look_up_us: f64,
    bytes_a_quad: Option<f64>,
}

fn graphs<E: Engine>(work: &Work, emit: Emit<'_>) -> Outcome<()> {
    let many = graph_figures::<E>("a graph a quad", &work.files.many_graphs, work, emit)?;
    let few = graph_figures::<E>("100 graphs", &work.files.few_graphs, work, emit)?;
    let times = |name: &str, value: f64| {
        Measurement::new(format!("many graphs against few: {name}"), "times", value)
    };
    emit(times("load time", few.load_rate / many.load_rate));
    if let Some((many, few)) = many.bytes_a_quad.zip(few.bytes_a_quad) {
        emit(times("bytes a quad", many / few));
    }
    let name = "a graph a quad: first row of GRAPH ?g against a point look-up";
    let against_look_up = many.first_row_us / many.look_up_us;
    emit(Measurement::new(name, "times", against_look_up));
    new_folder(&work.store)
}

fn graph_figures<E: Engine>(
    name: &str,
    file: &Path,
    work: &Work,
    emit: Emit<'_>,
) -> Outcome<GraphFigures> {
    new_folder(&work.store)?;
    let engine = E::open(&work.store, CommitSync::EachCommit)?;
    let ((), elapsed) = seconds(|| engine.load(file))?;
    let quads = engine.quad_count()? as f64;
    let (row, first_row_us) = time_often(|| engine.first_graph_row())?;
    let pattern = QuadPattern::from(row);
    let (_, look_up_us) = time_often(|| engine.scan(&pattern, 1))?;
    let persistent = engine.is_persistent();
    engine.close()?;
    let bytes_a_quad = if persistent {
        compact_folder::<E>(&work.store)?;
        Some(allocated_bytes(&work.store)? as f64 / quads)
    } else {
        None
    };
    let mut figure = |what: &str, unit, value| {
        emit(Measurement::new(format!("{name}: {what}"), unit, value));
    };
    figure("quads", "rows", quads);
    figure("bulk load", "quads/s", quads / elapsed);
    figure("first row of GRAPH ?g", "us", first_row_us);
    figure("point look-up", "us", look_up_us);
    if let Some(bytes) = bytes_a_quad {
        figure("disk after compact", "bytes/quad", bytes);
    }
    Ok(GraphFigures {
        load_rate: quads / elapsed,
        first_row_us,
        look_up_us,
        bytes_a_quad,
    })
}

fn compact_folder<E: Engine>(folder: &Path) -> Outcome<()> {
    let engine = E::open(folder, CommitSync::EachCommit)?;
    engine.compact()?;
    engine.close()
}

/// The result of an action and the median time of 101 runs, in microseconds.
fn time_often<T>(action: impl Fn() -> Outcome<T>) -> Outcome<(T, f64)> {
    let mut times = Vec::new();
    let mut result = action()?;
    for _ in 0..101 {
        let start = Instant::now();
        result = action()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok((result, median(&times).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::{CommitPlan, Step, Work, is_index, role, run};
    use crate::data::Files;
    use crate::quadrille::Quadrille;
    use crate::query_step::QueryWork;
    use quadrille_backend::InMemoryBackend;
    use quadrille_backend_lmdb::LmdbBackend;
    use quadrille_io::RdfFormat;

    #[test]
    fn keyspaces_are_named_by_role() {
        assert_eq!(role("g0000000a.spoc.summary"), "spoc.summary");
        assert_eq!(role("root"), "root");
        assert!(is_index("g0000000a.spoc.summary") && !is_index("g0000000a.hashes"));
    }

    #[test]
    fn plans_hold_every_size_within_bounds() {
        let plans = CommitPlan::durable();
        let sizes: Vec<usize> = plans.iter().map(|plan| plan.quads_per_commit).collect();
        assert_eq!(sizes, [1, 10, 100, 1_000, 10_000]);
        assert!(plans.iter().all(|plan| (5..=200).contains(&plan.commits)));
    }

    #[test]
    fn loading_and_reading_find_the_same_rows_on_two_backends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = Files::within(folder.path());
        files.write(2_000, 100, 1).expect("the data is written");
        let work = |name: &str| Work {
            store: folder.path().join(name),
            files: files.clone(),
            lookups: 100,
            format: RdfFormat::NQuads,
            query: QueryWork::default(),
        };
        let (mut memory, mut lmdb) = (Vec::new(), Vec::new());
        for step in [Step::Load, Step::Read, Step::Graphs] {
            let mut emit = |figure| memory.push(figure);
            run::<Quadrille<InMemoryBackend>>(step, &work("memory"), &mut emit).expect("memory");
        }
        for step in [Step::Load, Step::Read] {
            let mut emit = |figure| lmdb.push(figure);
            run::<Quadrille<LmdbBackend>>(step, &work("lmdb"), &mut emit).expect("LMDB");
        }
        let rows = |figures: &[crate::Measurement], name: &str| {
            let figure = figures.iter().find(|figure| figure.name == name);
            figure.map(|figure| figure.value)
        };
        for name in [
            "quads",
            "rows of full scan",
            "rows of look-ups",
            "rows counted",
        ] {
            assert_eq!(rows(&memory, name), rows(&lmdb, name), "{name}");
        }
        assert_eq!(rows(&memory, "rows of full scan"), Some(2_000.0));
        let mut other_formats = Vec::new();
        for format in [RdfFormat::TriG, RdfFormat::Turtle] {
            files
                .write_format(format, 2_000, 1)
                .expect("the data is written");
            let work = Work {
                format,
                ..work("format")
            };
            let mut emit = |figure| other_formats.push(figure);
            run::<Quadrille<LmdbBackend>>(Step::Load, &work, &mut emit).expect("LMDB");
            assert!(!work.store.exists());
        }
        assert_eq!(rows(&other_formats, "quads, trig"), Some(2_000.0));
        assert!(rows(&other_formats, "quads, ttl").is_some_and(|triples| triples <= 2_000.0));
        assert_eq!(rows(&memory, "a graph a quad: quads"), Some(100.0));
    }
}
