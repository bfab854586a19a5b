//! The query suite side by side. In flow figures by query and engine, out flow tables and JSON. Always holds: a query stays
//! in the tables whatever became of it; a time that an engine did not come in under its limit stands for the limit, and
//! what is made of it is marked as a bound.

use crate::report::{PAIRS, new_table, right_aligned, shown};
use comfy_table::Table;
use quadrille_benches::queries::{Growth, SuiteQuery};
use quadrille_benches::query_step::{
    FAILURE_UNIT, HASH_UNIT, PREFIX, ROWS_UNIT, TIME_UNIT, TIMEOUT_UNIT,
};
use quadrille_benches::{Measurement, Outcome, median};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// From how many rows on an answer is a large one.
const LARGE_ROWS: u64 = 100_000;
/// The group of the large ones.
const LARGE: &str = "100 000 rows and more";
/// Engines whose rows must agree; others are told apart in the table.
const MUST_AGREE: [&str; 2] = ["quadrille-", "oxigraph-"];

/// What the figures are about.
#[derive(Clone, Debug)]
pub struct QueryHeader {
    /// The number of quads.
    pub quads: u64,
    /// How many of them each of the network's properties has.
    pub quads_by_property: BTreeMap<String, u64>,
    /// The seed of the data.
    pub seed: u64,
    /// How many rounds there were.
    pub rounds: usize,
    /// How long a query may take, in seconds.
    pub limit_seconds: u64,
}

/// What became of one query on one engine.
#[derive(Clone, Default, Debug)]
struct Cell {
    /// Milliseconds, one of each round.
    times: Vec<f64>,
    /// Count and hash of the rows, of each round.
    rows: Vec<u64>,
    hashes: Vec<u64>,
    timeouts: usize,
    failures: usize,
}

/// A time, or why there is none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Time {
    /// The median, in milliseconds.
    Milliseconds(f64),
    /// More than the limit, in milliseconds.
    Above(f64),
    /// The engine failed.
    Failed,
    /// Not measured.
    Missing,
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Milliseconds(time) if *time < 0.995 => write!(formatter, "{time:.3}"),
            Self::Milliseconds(time) => formatter.write_str(&shown(Some(*time))),
            Self::Above(limit) => write!(formatter, "> {}", shown(Some(*limit))),
            Self::Failed => formatter.write_str("failed"),
            Self::Missing => formatter.write_str("-"),
        }
    }
}

/// How many times as fast one engine is as another.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Ratio {
    times: f64,
    /// `≥` or `≤` where one of them did not come in.
    bound: &'static str,
}

impl Ratio {
    fn of(ours: Time, theirs: Time) -> Option<Self> {
        let (times, bound) = match (ours, theirs) {
            (Time::Milliseconds(ours), Time::Milliseconds(theirs)) => (theirs / ours, ""),
            (Time::Milliseconds(ours), Time::Above(theirs)) => (theirs / ours, "≥ "),
            (Time::Above(ours), Time::Milliseconds(theirs)) => (theirs / ours, "≤ "),
            _ => return None,
        };
        Some(Self { times, bound })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.bound, shown(Some(self.times)))
    }
}

/// All figures of the suite at one scale.
pub struct QueryReport {
    header: QueryHeader,
    engines: Vec<String>,
    queries: Vec<SuiteQuery>,
    cells: BTreeMap<(String, String), Cell>,
    /// Figures that are no query's, such as the rate of the load.
    others: BTreeMap<(String, String, String), Vec<f64>>,
}

impl QueryReport {
    /// A report without figures.
    pub fn new(header: QueryHeader, engines: &[String], queries: Vec<SuiteQuery>) -> Self {
        Self {
            header,
            engines: engines.to_vec(),
            queries,
            cells: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// Adds a figure of the step `query`.
    pub fn add(&mut self, engine: &str, figure: &Measurement) {
        let Some(query) = figure.name.strip_prefix(PREFIX) else {
            let key = (engine.to_owned(), figure.name.clone(), figure.unit.clone());
            self.others.entry(key).or_default().push(figure.value);
            return;
        };
        let key = (query.to_owned(), engine.to_owned());
        let cell = self.cells.entry(key).or_default();
        match &*figure.unit {
            TIME_UNIT => cell.times.push(figure.value),
            ROWS_UNIT => cell.rows.push(figure.value as u64),
            HASH_UNIT => cell.hashes.push(figure.value as u64),
            TIMEOUT_UNIT => cell.timeouts += 1,
            FAILURE_UNIT => cell.failures += 1,
            _ => {}
        }
    }

    /// What the figures are about.
    pub fn header(&self) -> &QueryHeader {
        &self.header
    }

    /// The engines, in their order.
    pub fn engines(&self) -> &[String] {
        &self.engines
    }

    /// The queries, in their order.
    pub fn queries(&self) -> &[SuiteQuery] {
        &self.queries
    }

    fn cell(&self, query: &SuiteQuery, engine: &str) -> Option<&Cell> {
        self.cells.get(&(query.name.clone(), engine.to_owned()))
    }

    /// The time of a query on an engine: the median of the rounds, in which a timeout stands for the limit.
    pub fn time(&self, query: &SuiteQuery, engine: &str) -> Time {
        let Some(cell) = self.cell(query, engine) else {
            return Time::Missing;
        };
        if cell.failures > 0 {
            return Time::Failed;
        }
        let limit = self.header.limit_seconds as f64 * 1e3;
        let mut times = cell.times.clone();
        times.extend(std::iter::repeat_n(limit, cell.timeouts));
        match median(&times) {
            Some(time) if cell.times.is_empty() || time >= limit => Time::Above(limit),
            Some(time) => Time::Milliseconds(time),
            None => Time::Missing,
        }
    }

    /// The number of rows, as the first engine that came in found it.
    pub fn rows(&self, query: &SuiteQuery) -> Option<u64> {
        let cells = self
            .engines
            .iter()
            .filter_map(|engine| self.cell(query, engine));
        cells.flat_map(|cell| &cell.rows).next().copied()
    }

    /// The engines whose rows are not those of the first engine that came in.
    fn disagreeing(&self, query: &SuiteQuery) -> Vec<&str> {
        let answers = |engine: &str| -> Vec<(u64, u64)> {
            let cell = self.cell(query, engine);
            let pairs = cell.map(|cell| cell.rows.iter().copied().zip(cell.hashes.iter().copied()));
            pairs.into_iter().flatten().collect()
        };
        let first = self
            .engines
            .iter()
            .flat_map(|engine| answers(engine))
            .next();
        let differs =
            |engine: &&String| answers(engine).iter().any(|&answer| Some(answer) != first);
        let engines = self.engines.iter().filter(differs);
        engines.map(String::as_str).collect()
    }

    /// # Errors
    /// When two engines that must agree found different rows.
    pub fn check_rows(&self) -> Outcome<()> {
        let must = |engine: &&str| MUST_AGREE.iter().any(|prefix| engine.starts_with(prefix));
        let wrong = |query: &&SuiteQuery| self.disagreeing(query).iter().any(must);
        let names: Vec<&str> = self
            .queries
            .iter()
            .filter(wrong)
            .map(|query| query.name.as_str())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!("the engines disagree: {}", names.join(", ")).into())
    }

    fn pairs(&self) -> Vec<(&'static str, &'static str)> {
        let engines = self.measured_engines();
        let has = |engine: &str| engines.iter().any(|name| *name == engine);
        PAIRS
            .into_iter()
            .filter(|(ours, theirs)| has(ours) && has(theirs))
            .collect()
    }

    fn ratio(&self, query: &SuiteQuery, (ours, theirs): (&str, &str)) -> Option<Ratio> {
        Ratio::of(self.time(query, ours), self.time(query, theirs))
    }

    /// The engines that ran any query.
    fn measured_engines(&self) -> Vec<&String> {
        let has_run = |engine: &&String| self.cells.keys().any(|(_, name)| name == *engine);
        self.engines.iter().filter(has_run).collect()
    }

    /// The figures as text: what they are about, each query, and each group of them.
    pub fn to_text(&self) -> String {
        let QueryHeader {
            quads,
            seed,
            rounds,
            limit_seconds,
            ..
        } = &self.header;
        let (queries, groups) = (self.query_table(), self.group_table());
        let mut text = format!(
            "{quads} quads (seed {seed}), {} queries, milliseconds, medians of {rounds} rounds, limit {limit_seconds} s\n",
            self.queries.len()
        );
        for ((engine, name, unit), values) in &self.others {
            let value = shown(median(values));
            text.push_str(&format!("{engine}, {name}: {value} {unit}\n"));
        }
        format!("{text}\n{queries}\n\n{groups}")
    }

    fn query_table(&self) -> Table {
        let pairs = self.pairs();
        let titles = ["query", "shape", "growth", "rows"].map(str::to_owned);
        let ratios = pairs
            .iter()
            .map(|(ours, theirs)| format!("{ours} : {theirs}"));
        let engines = self.measured_engines();
        let names = engines.iter().map(|&name| name.clone());
        let note = std::iter::once("note".to_owned());
        let titles = titles.into_iter().chain(names).chain(ratios).chain(note);
        let mut table = new_table(titles);
        for query in &self.queries {
            let rows = self.rows(query).map(|rows| rows as f64);
            let rows = rows.map_or("-".to_owned(), shown_count);
            let begin = [
                query.name.clone(),
                query.shape.clone(),
                query.growth.shown(),
                rows,
            ];
            let times = engines
                .iter()
                .map(|engine| self.time(query, engine).to_string());
            let ratios = pairs.iter().map(|&pair| {
                let ratio = self.ratio(query, pair);
                ratio.map_or("-".to_owned(), |ratio| ratio.to_string())
            });
            let note = std::iter::once(self.note(query));
            table.add_row(begin.into_iter().chain(times).chain(ratios).chain(note));
        }
        right_aligned(table, 3)
    }

    fn note(&self, query: &SuiteQuery) -> String {
        let mut notes = Vec::new();
        for pair in self.pairs() {
            if self
                .ratio(query, pair)
                .is_some_and(|ratio| ratio.times < 1.0)
            {
                notes.push(format!("lost to {}", pair.1));
            }
        }
        for engine in self.disagreeing(query) {
            notes.push(format!("{engine} finds other rows"));
        }
        notes.join("; ")
    }

    /// The groups with their queries: all, the large ones, each shape.
    fn groups(&self) -> Vec<(String, Vec<&SuiteQuery>)> {
        let of = |wanted: &dyn Fn(&SuiteQuery) -> bool| {
            let queries = self.queries.iter().filter(|query| wanted(query));
            queries.collect::<Vec<_>>()
        };
        let is_large = |query: &SuiteQuery| self.rows(query) >= Some(LARGE_ROWS);
        let mut groups = vec![
            ("all".to_owned(), of(&|_| true)),
            (LARGE.to_owned(), of(&is_large)),
        ];
        let mut shapes: Vec<&str> = self.queries.iter().map(|query| &*query.shape).collect();
        shapes.dedup();
        for shape in shapes {
            groups.push((shape.to_owned(), of(&|query| query.shape == shape)));
        }
        groups.retain(|(_, queries)| !queries.is_empty());
        groups
    }

    fn group_table(&self) -> Table {
        let pairs = self.pairs();
        let titles = ["group", "queries"].map(str::to_owned);
        let names = pairs.iter().flat_map(|(ours, theirs)| {
            let pair = format!("{ours} : {theirs}");
            [pair, "least".to_owned(), "lost".to_owned()]
        });
        let mut table = new_table(titles.into_iter().chain(names));
        for (name, queries) in self.groups() {
            let figures = pairs
                .iter()
                .flat_map(|&pair| self.group_figures(&queries, pair));
            let begin = [name, queries.len().to_string()];
            table.add_row(begin.into_iter().chain(figures));
        }
        right_aligned(table, 1)
    }

    /// The geometric mean of the ratios, the least of them, and how many are below one.
    fn group_figures(&self, queries: &[&SuiteQuery], pair: (&str, &str)) -> [String; 3] {
        let ratios = queries
            .iter()
            .filter_map(|query| Some((self.ratio(query, pair)?, &*query.name)));
        let ratios: Vec<(Ratio, &str)> = ratios.collect();
        let least = ratios
            .iter()
            .min_by(|left, right| left.0.times.total_cmp(&right.0.times));
        let Some((least, query)) = least else {
            return ["-"; 3].map(str::to_owned);
        };
        let logarithms: f64 = ratios.iter().map(|(ratio, _)| ratio.times.ln()).sum();
        let mean = Ratio {
            times: (logarithms / ratios.len() as f64).exp(),
            bound: bound_of(&ratios),
        };
        let lost = ratios.iter().filter(|(ratio, _)| ratio.times < 1.0);
        [
            mean.to_string(),
            format!("{least} {query}"),
            lost.count().to_string(),
        ]
    }

    /// Every figure of every round.
    pub fn to_json(&self) -> Value {
        let queries = self.queries.iter().map(|query| {
            let engines = self.engines.iter().filter_map(|engine| {
                let cell = self.cell(query, engine)?;
                let figures = json!({
                    "milliseconds": cell.times,
                    "rows": cell.rows,
                    "hashes": cell.hashes,
                    "timeouts": cell.timeouts,
                    "failures": cell.failures,
                });
                Some((engine.clone(), figures))
            });
            json!({
                "name": query.name,
                "shape": query.shape,
                "growth": query.growth.shown(),
                "engines": engines.collect::<serde_json::Map<_, _>>(),
            })
        });
        let others = self.others.iter().map(|((engine, name, unit), values)| {
            json!({"engine": engine, "name": name, "unit": unit, "values": values})
        });
        json!({
            "quads": self.header.quads,
            "quads_by_property": self.header.quads_by_property,
            "seed": self.header.seed,
            "rounds": self.header.rounds,
            "limit_seconds": self.header.limit_seconds,
            "queries": queries.collect::<Vec<_>>(),
            "others": others.collect::<Vec<_>>(),
        })
    }

    /// The bound of a query's growth at this scale, in rows that it may touch; `None` for what does not grow.
    pub fn bound(&self, query: &SuiteQuery) -> Option<f64> {
        let rows = self.rows(query).unwrap_or_default().max(1) as f64;
        match &query.growth {
            Growth::Constant => None,
            Growth::Output => Some(rows),
            Growth::Input => Some(rows.max(self.header.quads as f64)),
            Growth::Agm(cover) => {
                let size = |property: &String| {
                    let quads = self.header.quads_by_property.get(property);
                    quads.copied().unwrap_or_default().max(1) as f64
                };
                let powers = cover
                    .iter()
                    .map(|(property, weight)| size(property).powf(*weight));
                Some(powers.product())
            }
        }
    }
}

/// The bound of a mean of ratios: unknown when bounds of both kinds are in it.
fn bound_of(ratios: &[(Ratio, &str)]) -> &'static str {
    let has = |bound: &str| ratios.iter().any(|(ratio, _)| ratio.bound == bound);
    match (has("≥ "), has("≤ ")) {
        (false, false) => "",
        (true, false) => "≥ ",
        (false, true) => "≤ ",
        (true, true) => "≈ ",
    }
}

/// A whole number, thousands apart.
fn shown_count(count: f64) -> String {
    let text = shown(Some(count));
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const OURS: &str = "quadrille-lmdb";
    pub const THEIRS: &str = "oxigraph-rocksdb";

    pub fn query(name: &str, growth: &str) -> SuiteQuery {
        let text = format!(
            "# name: {name}\n# shape: cycle\n# shows: x\n# growth: {growth}\n# compare: rows\n\
             # rows: 1 in 1 quads\nASK {{}}\n"
        );
        SuiteQuery::parse(name, &text).expect("the head is complete")
    }

    pub fn report(quads: u64, queries: Vec<SuiteQuery>) -> QueryReport {
        let header = QueryHeader {
            quads,
            quads_by_property: [("follows".to_owned(), quads / 8)].into(),
            seed: 1,
            rounds: 2,
            limit_seconds: 1,
        };
        QueryReport::new(header, &[OURS.to_owned(), THEIRS.to_owned()], queries)
    }

    pub fn add(report: &mut QueryReport, engine: &str, query: &str, unit: &str, value: f64) {
        let name = format!("{PREFIX}{query}");
        report.add(engine, &Measurement::new(name, unit, value));
    }

    #[test]
    fn what_does_not_come_in_stands_for_the_limit() {
        let queries = vec![
            query("a", "output"),
            query("b", "output"),
            query("c", "output"),
        ];
        let mut report = report(1_000, queries);
        add(&mut report, OURS, "a", TIME_UNIT, 10.0);
        add(&mut report, THEIRS, "a", TIME_UNIT, 40.0);
        add(&mut report, OURS, "b", TIME_UNIT, 10.0);
        add(&mut report, THEIRS, "b", TIMEOUT_UNIT, 1.0);
        add(&mut report, OURS, "c", TIME_UNIT, 10.0);
        add(&mut report, THEIRS, "c", FAILURE_UNIT, 0.0);
        let queries = report.queries().to_vec();
        let all: Vec<&SuiteQuery> = queries.iter().collect();
        let figures = report.group_figures(&all, (OURS, THEIRS));
        assert_eq!(figures, ["≥ 20.00", "4.00 a", "0"]);
        assert_eq!(report.time(&queries[1], THEIRS), Time::Above(1_000.0));
        assert_eq!(report.time(&queries[2], THEIRS), Time::Failed);
        assert!(report.to_text().contains("> 1 000"));
    }

    #[test]
    fn other_rows_are_told_and_an_error() {
        let mut report = report(1_000, vec![query("a", "output")]);
        for (engine, hash) in [(OURS, 7.0), (THEIRS, 7.0)] {
            add(&mut report, engine, "a", ROWS_UNIT, 200_000.0);
            add(&mut report, engine, "a", HASH_UNIT, hash);
        }
        assert!(report.check_rows().is_ok());
        assert!(report.groups().iter().any(|(name, _)| name == LARGE));
        add(&mut report, THEIRS, "a", ROWS_UNIT, 200_000.0);
        add(&mut report, THEIRS, "a", HASH_UNIT, 8.0);
        assert!(report.check_rows().is_err());
        assert!(
            report
                .to_text()
                .contains("oxigraph-rocksdb finds other rows")
        );
    }
}
