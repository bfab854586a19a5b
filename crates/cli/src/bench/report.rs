//! Shows what was measured: a table for people, JSON for programs.

use super::rounds::{Plan, Row};
use super::timing::MICROSECONDS;
use indicatif::HumanCount;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// What a storage engine under a quad store should reach at least, in microseconds.
const AIMS: [(&str, &str, f64); 4] = [
    ("a get under 1 ms", "engine: get, p99", 1e3),
    (
        "a put under 2 ms, not synced",
        "engine: put, not synced, p99",
        2e3,
    ),
    (
        "a scan of 1,000 under 100 ms",
        "engine: scan of 1,000, p99",
        1e5,
    ),
    (
        "a batch of 10,000 under 5 s",
        "engine: batch of 10,000, not synced, p99",
        5e6,
    ),
];

/// The unit of figures that only say how much work others stand for.
const ROWS: &str = "rows";

const LABEL_WIDTH: usize = 34;
const VALUE_WIDTH: usize = 13;

/// An aim, and how the slowest backend does.
struct Reached {
    aim: &'static str,
    slowest: String,
    microseconds: f64,
    times_better: f64,
}

fn reached(plan: &Plan, rows: &[Row]) -> Vec<Reached> {
    let of_aim = |(aim, name, bound): &(&'static str, &str, f64)| {
        let row = rows.iter().find(|row| row.name == *name)?;
        let (backend, microseconds) = plan
            .backends
            .iter()
            .enumerate()
            .filter_map(|(index, backend)| Some((backend, row.typical(index)?)))
            .max_by(|left, right| left.1.total_cmp(&right.1))?;
        Some(Reached {
            aim,
            slowest: backend.to_string(),
            microseconds,
            times_better: bound / microseconds,
        })
    };
    AIMS.iter().filter_map(of_aim).collect()
}

/// The rows with their sections and labels; a section stands where its first row does, whichever backend has that row.
fn by_section(rows: &[Row]) -> Vec<(&str, &str, &Row)> {
    let shown = rows.iter().filter(|row| row.unit != ROWS);
    let mut parts: Vec<_> = shown
        .map(|row| {
            let (group, label) = row.name.split_once(": ").unwrap_or(("", &row.name));
            (group, label, row)
        })
        .collect();
    let mut sections: Vec<&str> = Vec::new();
    for (group, ..) in &parts {
        if !sections.contains(group) {
            sections.push(group);
        }
    }
    parts.sort_by_key(|(group, ..)| sections.iter().position(|section| section == group));
    parts
}

/// Writes the table.
pub(crate) fn write_table(plan: &Plan, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let mut section = "";
    for (group, label, row) in by_section(rows) {
        if group != section {
            if !section.is_empty() {
                writeln!(out)?;
            }
            let mut head = format!("{group:<LABEL_WIDTH$}");
            for backend in &plan.backends {
                let _ = write!(head, " {:>VALUE_WIDTH$}", backend.to_string());
            }
            writeln!(out, "{head}")?;
            section = group;
        }
        let mut line = format!("  {label:<width$}", width = LABEL_WIDTH - 2);
        for backend in 0..plan.backends.len() {
            let value = row.typical(backend).map_or("–".to_owned(), shown);
            let _ = write!(line, " {value:>VALUE_WIDTH$}");
        }
        writeln!(out, "{line}  {}", row.unit)?;
    }
    for (index, reached) in reached(plan, rows).into_iter().enumerate() {
        if index == 0 {
            writeln!(out, "\naims, and the slowest backend's 99th of 100")?;
        }
        writeln!(
            out,
            "  {:<width$} {:>VALUE_WIDTH$} {:>VALUE_WIDTH$}  {MICROSECONDS}, {} times better",
            reached.aim,
            reached.slowest,
            shown(reached.microseconds),
            shown(reached.times_better),
            width = LABEL_WIDTH - 2,
        )?;
    }
    Ok(())
}

/// Three digits or more, the thousands apart.
fn shown(value: f64) -> String {
    match value {
        _ if value >= 100.0 => HumanCount(value.round() as u64).to_string(),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Everything as JSON: the typical value and the value of each round.
pub(crate) fn as_json(data: &str, plan: &Plan, rows: &[Row]) -> Value {
    let figures: Vec<Value> = rows
        .iter()
        .map(|row| {
            let mut values = Map::new();
            for (index, backend) in plan.backends.iter().enumerate() {
                let figure = json!({ "typical": row.typical(index), "rounds": row.values[index] });
                values.insert(backend.to_string(), figure);
            }
            json!({ "name": row.name, "unit": row.unit, "backends": values })
        })
        .collect();
    let aims: Vec<Value> = reached(plan, rows)
        .into_iter()
        .map(|reached| {
            json!({
                "aim": reached.aim,
                "slowest": reached.slowest,
                "microseconds": reached.microseconds,
                "times_better": reached.times_better,
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": data,
        "rounds": plan.rounds,
        "warm_up_rounds": plan.warm_up,
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "figures": figures,
        "aims": aims,
    })
}

#[cfg(test)]
mod tests {
    use super::super::BackendName;
    use super::*;

    fn plan() -> Plan {
        Plan {
            backends: vec![BackendName::Memory, BackendName::Lmdb],
            rounds: 1,
            warm_up: 0,
        }
    }

    fn rows() -> Vec<Row> {
        let row = |name: &str, unit: &str, values| Row {
            name: name.into(),
            unit: unit.into(),
            values,
        };
        vec![
            row("load: rate", "quads/s", vec![vec![1234567.0], vec![2.5]]),
            row("engine: get, p99", "µs", vec![vec![2.0], vec![5.0]]),
            row(
                "patterns: S ? ? ?, rows",
                "rows",
                vec![vec![7.0], vec![7.0]],
            ),
            row("queries: mine", "µs", vec![vec![], vec![12.34]]),
            row("load: opening again", "ms", vec![vec![], vec![3.0]]),
        ]
    }

    #[test]
    fn the_table_has_sections_and_aims() {
        let mut out = Vec::new();
        write_table(&plan(), &rows(), &mut out).expect("writing to memory");
        let text = String::from_utf8(out).expect("text");
        let lines: Vec<_> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "load memory lmdb",
                "rate 1,234,567 2.50 quads/s",
                "opening again – 3.00 ms",
                "",
                "engine memory lmdb",
                "get, p99 2.00 5.00 µs",
                "",
                "queries memory lmdb",
                "mine – 12.3 µs",
                "",
                "aims, and the slowest backend's 99th of 100",
                "a get under 1 ms lmdb 5.00 µs, 200 times better",
            ]
        );
    }

    #[test]
    fn json_has_every_round() {
        let json = as_json("a.nq", &plan(), &rows());
        assert_eq!(
            json["figures"][0]["backends"]["memory"]["rounds"][0],
            1234567.0
        );
        assert_eq!(
            json["figures"][3]["backends"]["memory"]["typical"],
            Value::Null
        );
        assert_eq!(json["aims"][0]["times_better"], 200.0);
    }
}
