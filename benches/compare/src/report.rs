//! All figures side by side. In flow figures by engine, out flow a table and JSON. Always holds: every figure of every
//! round is kept; a table shows medians, and ratios say how many times better the first engine of a pair is.

use comfy_table::{CellAlignment, Table, presets};
use quadrille_benches::median;
use quadrille_benches::{Measurement, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Which engine is set against which.
pub const PAIRS: [(&str, &str); 8] = [
    ("quadrille-lmdb", "oxigraph-rocksdb"),
    ("quadrille-rocksdb", "oxigraph-rocksdb"),
    ("quadrille-memory", "oxigraph-memory"),
    ("quadrille-lmdb", "oxttl"),
    ("quadrille-lmdb", "raw-lmdb"),
    ("quadrille-rocksdb", "raw-rocksdb"),
    ("quadrille-lmdb", "fluree"),
    ("quadrille-lmdb", "virtuoso"),
];

/// What the figures are about.
#[derive(Clone, Debug)]
pub struct Header {
    /// The number of different quads.
    pub quads: u64,
    /// The estimated entropy of one quad, in bits.
    pub quad_bits: f64,
    /// The information floor, in bytes a quad and index.
    pub floor_bytes: f64,
    /// How many rounds there were.
    pub rounds: usize,
    /// The seed of the data.
    pub seed: u64,
}

/// The figures of one name: a row of the table.
struct Row {
    name: String,
    unit: String,
    more_is_better: bool,
    values: BTreeMap<String, Vec<f64>>,
}

impl Row {
    fn median(&self, engine: &str) -> Option<f64> {
        median(self.values.get(engine)?)
    }

    /// Numbers of rows are the same everywhere, and what is a ratio already is not compared again.
    fn is_comparable(&self) -> bool {
        self.unit != "rows" && self.unit != "times"
    }

    /// How many times better the first engine is.
    fn ratio(&self, (ours, theirs): (&str, &str)) -> Option<f64> {
        let (ours, theirs) = (self.median(ours)?, self.median(theirs)?);
        Some(if self.more_is_better {
            ours / theirs
        } else {
            theirs / ours
        })
    }
}

/// All figures of a comparison.
pub struct Report {
    header: Header,
    engines: Vec<String>,
    rows: Vec<Row>,
}

impl Report {
    /// A report without figures.
    pub fn new(header: Header, engines: &[String]) -> Self {
        Self {
            header,
            engines: engines.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a figure. Those of ids alone go into a column of their own beside the decoded ones.
    pub fn add(&mut self, engine: &str, figure: Measurement) {
        let (name, column) = match figure.name.strip_suffix(", ids") {
            Some(name) => (format!("{name}, decoded"), format!("{engine}, ids")),
            None => (figure.name.clone(), engine.to_owned()),
        };
        let place = self
            .rows
            .iter()
            .position(|row| row.name == name && row.unit == figure.unit);
        let place = place.unwrap_or_else(|| {
            self.rows.push(Row {
                name,
                more_is_better: figure.more_is_better(),
                unit: figure.unit.clone(),
                values: BTreeMap::new(),
            });
            self.rows.len() - 1
        });
        self.rows[place]
            .values
            .entry(column)
            .or_default()
            .push(figure.value);
    }

    /// # Errors
    /// When two engines found different numbers of rows for the same question.
    pub fn check_rows(&self) -> Outcome<()> {
        let counted = self.rows.iter().filter(|row| row.unit == "rows");
        let differ = |row: &&Row| {
            let mut values = row.values.values().flatten();
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        let differing: Vec<&str> = counted
            .filter(differ)
            .map(|row| row.name.as_str())
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        Err(format!("the engines disagree: {}", differing.join("; ")).into())
    }

    /// The number of different quads.
    pub fn quads(&self) -> u64 {
        self.header.quads
    }

    /// The engines, in their order.
    pub fn engines(&self) -> &[String] {
        &self.engines
    }

    /// The medians of an engine for the figures whose names begin so, with these names and the units.
    pub fn medians_of<'a>(
        &'a self,
        engine: &'a str,
        beginning: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, f64)> {
        self.rows
            .iter()
            .filter(move |row| row.name.starts_with(beginning))
            .filter_map(move |row| Some((&*row.name, &*row.unit, row.median(engine)?)))
    }

    fn columns(&self) -> Vec<String> {
        let with_ids = |engine: &String| {
            let ids = format!("{engine}, ids");
            let measured = self.rows.iter().any(|row| row.values.contains_key(&ids));
            std::iter::once(engine.clone()).chain(measured.then_some(ids))
        };
        self.engines.iter().flat_map(with_ids).collect()
    }

    fn pairs(&self) -> Vec<(&'static str, &'static str)> {
        let has = |engine: &str| self.engines.iter().any(|name| name == engine);
        PAIRS
            .into_iter()
            .filter(|(ours, theirs)| has(ours) && has(theirs))
            .collect()
    }

    /// The figures as text: the header, the medians, and how many times better one engine is than another.
    pub fn to_text(&self) -> String {
        let header = self.header_text();
        format!(
            "{header}\n{}\n\n{}",
            self.figure_table(),
            self.ratio_table()
        )
    }

    fn figure_table(&self) -> Table {
        let columns = self.columns();
        let titles = ["figure", "unit"].map(str::to_owned);
        let mut table = new_table(titles.into_iter().chain(columns.iter().cloned()));
        for row in &self.rows {
            let figures = columns.iter().map(|column| shown(row.median(column)));
            let titles = [row.name.clone(), row.unit.clone()];
            table.add_row(titles.into_iter().chain(figures));
        }
        right_aligned(table, 2)
    }

    fn ratio_table(&self) -> Table {
        let pairs = self.pairs();
        let titles = pairs
            .iter()
            .map(|(ours, theirs)| format!("{ours} : {theirs}"));
        let mut table = new_table(std::iter::once("times better".to_owned()).chain(titles));
        for row in self.rows.iter().filter(|row| row.is_comparable()) {
            let ratios: Vec<Option<f64>> = pairs.iter().map(|&pair| row.ratio(pair)).collect();
            if ratios.iter().any(Option::is_some) {
                let ratios = ratios.into_iter().map(shown);
                table.add_row(std::iter::once(row.name.clone()).chain(ratios));
            }
        }
        right_aligned(table, 1)
    }

    fn header_text(&self) -> String {
        let Header {
            quads,
            quad_bits,
            floor_bytes,
            rounds,
            seed,
        } = &self.header;
        let mut text = format!("{quads} quads (seed {seed}), medians of {rounds} rounds\n");
        let four = floor_bytes * 4.0;
        let _ = writeln!(
            text,
            "information floor: H = {quad_bits:.2} bits a quad, (H - log2(N/e))/8 = {floor_bytes:.2} bytes a quad and \
             index, {four:.2} for four"
        );
        text
    }

    /// Every figure of every round.
    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let pairs = self.pairs().into_iter().filter_map(|pair| {
                let name = format!("{} : {}", pair.0, pair.1);
                let ratio = row.ratio(pair).filter(|_| row.is_comparable())?;
                Some((name, json!(ratio)))
            });
            let medians = row
                .values
                .keys()
                .map(|engine| (engine.clone(), json!(row.median(engine))));
            json!({
                "name": row.name,
                "unit": row.unit,
                "medians": medians.collect::<serde_json::Map<_, _>>(),
                "values": row.values,
                "times_better": pairs.collect::<serde_json::Map<_, _>>(),
            })
        });
        json!({
            "quads": self.header.quads,
            "seed": self.header.seed,
            "rounds": self.header.rounds,
            "entropy_bits_per_quad": self.header.quad_bits,
            "floor_bytes_per_quad_and_index": self.header.floor_bytes,
            "figures": rows.collect::<Vec<_>>(),
        })
    }
}

/// A number with as many digits as it deserves, thousands apart; a dash when there is none.
pub fn shown(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

pub fn new_table(titles: impl Iterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(titles);
    table
}

pub fn right_aligned(mut table: Table, first: usize) -> Table {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{Header, Report, shown};
    use quadrille_benches::Measurement;

    fn report() -> Report {
        let header = Header {
            quads: 1,
            quad_bits: 0.0,
            floor_bytes: 0.0,
            rounds: 1,
            seed: 1,
        };
        let engines = ["quadrille-memory".to_owned(), "oxigraph-memory".to_owned()];
        Report::new(header, &engines)
    }

    #[test]
    fn ratios_say_how_many_times_better() {
        let mut report = report();
        report.add(
            "quadrille-memory",
            Measurement::new("scan, decoded", "quads/s", 30.0),
        );
        report.add(
            "oxigraph-memory",
            Measurement::new("scan, decoded", "quads/s", 10.0),
        );
        report.add(
            "quadrille-memory",
            Measurement::new("scan, ids", "quads/s", 90.0),
        );
        report.add("quadrille-memory", Measurement::new("len", "us", 2.0));
        report.add("oxigraph-memory", Measurement::new("len", "us", 10.0));
        let pair = ("quadrille-memory", "oxigraph-memory");
        assert_eq!(report.rows.len(), 2);
        assert_eq!(report.rows[0].ratio(pair), Some(3.0));
        assert_eq!(report.rows[0].median("quadrille-memory, ids"), Some(90.0));
        assert_eq!(report.rows[1].ratio(pair), Some(5.0));
    }

    #[test]
    fn different_numbers_of_rows_are_an_error() {
        let mut report = report();
        report.add(
            "quadrille-memory",
            Measurement::new("rows of scan", "rows", 3.0),
        );
        report.add(
            "oxigraph-memory",
            Measurement::new("rows of scan", "rows", 3.0),
        );
        assert!(report.check_rows().is_ok());
        report.add(
            "oxigraph-memory",
            Measurement::new("rows of scan", "rows", 4.0),
        );
        assert!(report.check_rows().is_err());
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(shown(Some(1_234_567.8)), "1 234 568");
        assert_eq!(shown(Some(1.239)), "1.24");
        assert_eq!(shown(None), "-");
    }
}
