//! The step that runs the query suite. In flow an engine with the network of theatres loaded and the suite; out flow, for
//! each query, its time, the number of its rows and their hash. Always holds: the first run of a query, which is not timed,
//! hashes its rows; the timed runs decode every row and do nothing with it. A query that fails or takes too long is told
//! by a figure of its own, and the next one begins.

use crate::answers::{Digest, Row};
use crate::engine::{CommitSync, Engine, Outcome, QueryStop};
use crate::queries::{self, SuiteQuery};
use crate::steps::{Emit, Work};
use quadrille_measure::{Measurement, median};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The figure that tells that the store is open and the queries begin.
pub const READY: &str = "queries begin";
/// What the names of all figures of a query begin with.
pub const PREFIX: &str = "query ";
/// The unit of a query's time.
pub const TIME_UNIT: &str = "ms";
/// The unit of the number of its rows.
pub const ROWS_UNIT: &str = "rows";
/// The unit of the hash of its rows.
pub const HASH_UNIT: &str = "hash";
/// The unit of a query that took too long; the value is the limit in seconds.
pub const TIMEOUT_UNIT: &str = "timeout";
/// The unit of a query that failed; the value says nothing.
pub const FAILURE_UNIT: &str = "failure";

/// How often a query is timed at most.
const RUNS_MAX: usize = 25;
/// How long is spent on the timed runs of a query, but for its last.
const RUNS_TIME: Duration = Duration::from_secs(1);

/// What the step works on besides what all steps do.
#[derive(Clone, Debug)]
pub struct QueryWork {
    /// The folder of the suite.
    pub queries: PathBuf,
    /// Only queries of these names or shapes, if there are any.
    pub only: Vec<String>,
    /// How long a query may take.
    pub limit: Duration,
}

impl Default for QueryWork {
    /// The whole suite of the source tree, a minute a query.
    fn default() -> Self {
        Self {
            queries: queries::folder(),
            only: Vec::new(),
            limit: Duration::from_secs(60),
        }
    }
}

pub(crate) fn run<E: Engine>(work: &Work, emit: Emit<'_>) -> Outcome<()> {
    let suite = queries::read(&work.query.queries, &work.query.only)?;
    let engine = open::<E>(work, emit)?;
    emit(Measurement::new(READY, "queries", suite.len() as f64));
    for query in &suite {
        measure(&engine, query, work.query.limit, emit);
    }
    engine.close()
}

/// Opens the store with the network; where there is none yet, loads it and brings it into its best form.
///
/// # Errors
/// What the engine fails with, and files that cannot be written.
pub fn open<E: Engine>(work: &Work, emit: Emit<'_>) -> Outcome<E> {
    let loaded = work.store.join("loaded");
    let is_new = !loaded.exists();
    if is_new && work.store.exists() {
        std::fs::remove_dir_all(&work.store)?;
    }
    let folder = work.store.join("store");
    std::fs::create_dir_all(&folder)?;
    let engine = E::open(&folder, CommitSync::EachCommit)?;
    if is_new || !engine.is_persistent() {
        let start = Instant::now();
        engine.load(&work.files.stages)?;
        let rate = engine.quad_count()? as f64 / start.elapsed().as_secs_f64();
        emit(Measurement::new(
            "bulk load of the network",
            "quads/s",
            rate,
        ));
        engine.compact()?;
    }
    if engine.is_persistent() {
        std::fs::write(loaded, "")?;
    }
    Ok(engine)
}

/// Measures one query; emits its time last.
fn measure<E: Engine>(engine: &E, query: &SuiteQuery, limit: Duration, emit: Emit<'_>) {
    let name = format!("{PREFIX}{}", query.name);
    match digest(engine, query, limit).and_then(|digest| Ok((digest, time(engine, query, limit)?)))
    {
        Ok((digest, milliseconds)) => {
            emit(Measurement::new(&name, ROWS_UNIT, digest.rows as f64));
            emit(Measurement::new(&name, HASH_UNIT, digest.hash() as f64));
            emit(Measurement::new(&name, TIME_UNIT, milliseconds));
        }
        Err(QueryStop::Timeout) => {
            emit(Measurement::new(&name, TIMEOUT_UNIT, limit.as_secs_f64()));
        }
        Err(QueryStop::Failure(error)) => {
            eprintln!("{}: {error}", query.name);
            emit(Measurement::new(&name, FAILURE_UNIT, 0.0));
        }
    }
}

/// Count and hash of a query's rows.
///
/// # Errors
/// When the query fails or takes too long.
pub fn digest<E: Engine>(
    engine: &E,
    query: &SuiteQuery,
    limit: Duration,
) -> Result<Digest, QueryStop> {
    let mut digest = Digest::default();
    engine.query(&query.text, limit, &mut |row: Row<'_>| {
        digest.add(row, query.comparison);
    })?;
    Ok(digest)
}

/// The median time of some runs, in milliseconds.
fn time<E: Engine>(engine: &E, query: &SuiteQuery, limit: Duration) -> Result<f64, QueryStop> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < RUNS_MAX && (times.is_empty() || begin.elapsed() < RUNS_TIME) {
        let start = Instant::now();
        engine.query(&query.text, limit, &mut |row| {
            black_box(row);
        })?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&times).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Files;
    use crate::quadrille::Quadrille;
    use quadrille_backend_lmdb::LmdbBackend;
    use quadrille_io::RdfFormat;

    fn figures(work: &Work) -> Vec<Measurement> {
        let mut figures = Vec::new();
        run::<Quadrille<LmdbBackend>>(work, &mut |figure| figures.push(figure)).expect("LMDB");
        figures
    }

    fn units_of<'a>(figures: &'a [Measurement], query: &str) -> Vec<&'a str> {
        let name = format!("{PREFIX}{query}");
        let of_query = figures.iter().filter(|figure| figure.name == name);
        of_query.map(|figure| figure.unit.as_str()).collect()
    }

    #[test]
    fn a_query_that_fails_is_told_and_the_next_one_runs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = Files::within(folder.path());
        let counts = files.write_stages(1_000, 1).expect("the data is written");
        assert!(counts["follows"] > 10);
        let queries = folder.path().join("queries");
        std::fs::create_dir(&queries).expect("a folder is made");
        for (name, text) in [("a", "SELECT"), ("b", "ASK { ?s ?p ?o }")] {
            let head =
                "# shape: x\n# shows: x\n# growth: constant\n# compare: rows\n# rows: 1 in 1";
            let text = format!("# name: {name}\n{head}\n{text}\n");
            std::fs::write(queries.join(format!("{name}.rq")), text).expect("it is written");
        }
        let work = Work {
            store: folder.path().join("store"),
            files,
            lookups: 0,
            format: RdfFormat::NQuads,
            query: QueryWork {
                queries,
                ..QueryWork::default()
            },
        };
        let first = figures(&work);
        assert_eq!(units_of(&first, "a"), [FAILURE_UNIT]);
        assert_eq!(units_of(&first, "b"), [ROWS_UNIT, HASH_UNIT, TIME_UNIT]);
        let loads = |figures: &[Measurement]| {
            let loads = figures
                .iter()
                .filter(|figure| figure.name.starts_with("bulk load"));
            loads.count()
        };
        assert_eq!((loads(&first), loads(&figures(&work))), (1, 0));
    }
}
