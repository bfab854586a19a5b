//! How late queries end that have passed their deadline: `deadlines ENGINE --store FOLDER --data FOLDER`.
//!
//! In flow the suite and a store with its network, which is loaded first if there is none; out flows a line for each
//! query. Always holds: each query is stopped at several moments of its run, spread evenly from its begin to its end, and
//! its lateness ends when all that it held has been given back.

use clap::Parser;
use quadrille_backend::InMemoryBackend;
use quadrille_backend_lmdb::LmdbBackend;
use quadrille_benches::data::Files;
use quadrille_benches::engine::QueryStop;
use quadrille_benches::quadrille::Quadrille;
use quadrille_benches::query_step::{self, QueryWork};
use quadrille_benches::{Engine, Outcome, RdfFormat, queries, steps::Work};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Queries that no patience sees the end of: a cross product, and a path through all that there is.
const RUNAWAYS: [(&str, &str); 3] = [
    (
        "runaway cross product",
        "SELECT (COUNT(*) AS ?count) { ?a ?b ?c . ?d ?e ?f FILTER (STR(?c) != STR(?f)) }",
    ),
    (
        "runaway rows",
        "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    ),
    (
        "runaway path",
        "SELECT (COUNT(*) AS ?count) { ?from (!<http://stages.example.org/none>)* ?to }",
    ),
];

#[derive(Parser)]
#[command(about = "Tells how long after their deadlines queries end")]
struct Arguments {
    /// The engine: `quadrille-memory`, `quadrille-lmdb` or, with the feature, `quadrille-rocksdb`.
    engine: String,
    /// The folder of the engine's store.
    #[arg(long)]
    store: PathBuf,
    /// The folder of the data file.
    #[arg(long)]
    data: PathBuf,
    /// How many quads the data file is written with, where there is none.
    #[arg(long, default_value_t = 1_000_000)]
    quads: u64,
    /// Only queries of these names and shapes.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How long a query may take, in seconds; one that takes longer is stopped at moments before that.
    #[arg(long, default_value_t = 4)]
    limit: u64,
    /// At how many moments each query is stopped.
    #[arg(long, default_value_t = 8)]
    stops: u32,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    match arguments.engine.as_str() {
        "quadrille-memory" => run::<Quadrille<InMemoryBackend>>(&arguments),
        "quadrille-lmdb" => run::<Quadrille<LmdbBackend>>(&arguments),
        #[cfg(feature = "rocksdb")]
        "quadrille-rocksdb" => {
            run::<Quadrille<quadrille_backend_rocksdb::RocksDbBackend>>(&arguments)
        }
        engine => Err(format!("no engine {engine} in this program").into()),
    }
}

fn run<E: Engine>(arguments: &Arguments) -> Outcome<()> {
    let files = Files::within(&arguments.data);
    if !files.stages.exists() {
        std::fs::create_dir_all(&arguments.data)?;
        files.write_stages(arguments.quads, 1)?;
    }
    let work = Work {
        store: arguments.store.clone(),
        files,
        lookups: 0,
        format: RdfFormat::NQuads,
        query: QueryWork::default(),
    };
    let engine: E = query_step::open(&work, &mut |_| ())?;
    let suite = queries::read(&work.query.queries, &arguments.only)?;
    let suite = suite.into_iter().map(|query| (query.name, query.text));
    let runaways = RUNAWAYS.map(|(name, text)| (name.to_owned(), text.to_owned()));
    println!(
        "{:>10} {:>10} {:>10}  query",
        "late (ms)", "at (ms)", "all (ms)"
    );
    let mut latest = Lateness::default();
    for (name, text) in suite.chain(runaways) {
        let found =
            measure(&engine, &text, arguments).map_err(|error| format!("{name}: {error}"))?;
        println!("{found}  {name}");
        if found.late > latest.late {
            latest = found;
        }
    }
    println!("{latest}  the latest of all");
    engine.close()
}

/// How late a query ended at most, at which deadline, and how long it takes when it may.
#[derive(Clone, Copy, Default)]
struct Lateness {
    late: Duration,
    deadline: Duration,
    whole: Duration,
}

impl std::fmt::Display for Lateness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let (late, deadline) = (milliseconds(self.late), milliseconds(self.deadline));
        write!(
            f,
            "{late:>10.2} {deadline:>10.2} {:>10.2}",
            milliseconds(self.whole)
        )
    }
}

fn measure<E: Engine>(engine: &E, text: &str, arguments: &Arguments) -> Outcome<Lateness> {
    let limit = Duration::from_secs(arguments.limit);
    let whole = ended_after(engine, text, limit)?.min(limit);
    let mut latest = Lateness {
        whole,
        ..Lateness::default()
    };
    for stop in 1..=arguments.stops {
        let deadline = whole * stop / (arguments.stops + 1);
        let late = ended_after(engine, text, deadline)?.saturating_sub(deadline);
        if late > latest.late {
            latest = Lateness {
                late,
                deadline,
                whole,
            };
        }
    }
    Ok(latest)
}

/// When the query ended, by itself or by its deadline.
fn ended_after<E: Engine>(engine: &E, text: &str, deadline: Duration) -> Outcome<Duration> {
    let start = Instant::now();
    match engine.query(text, deadline, &mut |row| {
        black_box(row);
    }) {
        Ok(()) | Err(QueryStop::Timeout) => Ok(start.elapsed()),
        Err(QueryStop::Failure(error)) => Err(error),
    }
}
