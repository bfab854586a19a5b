//! Runs the measuring processes, round by round, and gathers their figures.
//!
//! What flows in: which backends, how many rounds. What flows out: for each figure and backend a value a round. What
//! always holds: one process at a time; the order of the backends is shuffled in each round, so that none always runs on
//! a machine that another has warmed; the stores of a process are gone before the next one starts.

use super::BackendName;
use crate::failure::{Exit, Failure};
use crate::interrupt;
use quadrille::io::generate::Random;
use quadrille_measure::{Measurement, median};
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is to be run.
pub(crate) struct Plan {
    pub(crate) backends: Vec<BackendName>,
    /// Rounds whose figures count, and rounds before them whose figures do not.
    pub(crate) rounds: u32,
    pub(crate) warm_up: u32,
}

/// One figure of all backends.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// By backend, in the order of the plan, a value for each round.
    pub(crate) values: Vec<Vec<f64>>,
}

impl Row {
    /// The typical value of a backend: of the longest times the longest, else the middle one of the rounds.
    pub(crate) fn typical(&self, backend: usize) -> Option<f64> {
        let values = self.values.get(backend)?;
        if self.name.ends_with("maximum") {
            return values.iter().copied().max_by(f64::total_cmp);
        }
        median(values)
    }
}

/// Runs all rounds; `progress` hears what runs next.
pub(crate) fn run(
    plan: &Plan,
    folder: &Path,
    mut progress: impl FnMut(u64, String),
) -> Result<Vec<Row>, Failure> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut random = Random::new(seed.map_or(0, |time| time.as_nanos() as u64));
    let mut rows = Vec::new();
    let mut step = 0;
    for round in 0..plan.warm_up + plan.rounds {
        let counts = round >= plan.warm_up;
        for backend in shuffled(plan.backends.len(), &mut random) {
            let name = plan.backends[backend];
            let words = match counts {
                true => format!(
                    "round {} of {}: {name}",
                    round + 1 - plan.warm_up,
                    plan.rounds
                ),
                false => format!("warm-up: {name}"),
            };
            progress(step, words);
            step += 1;
            for figure in run_one(name, folder)? {
                if counts {
                    add(&mut rows, plan.backends.len(), backend, figure);
                }
            }
        }
    }
    Ok(rows)
}

fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).collect();
    for place in (1..count).rev() {
        order.swap(place, random.below(place as u64 + 1) as usize);
    }
    order
}

fn add(rows: &mut Vec<Row>, backends: usize, backend: usize, figure: Measurement) {
    let known = rows.iter().position(|row| row.name == figure.name);
    let index = known.unwrap_or_else(|| {
        rows.push(Row {
            name: figure.name,
            unit: figure.unit,
            values: vec![Vec::new(); backends],
        });
        rows.len() - 1
    });
    rows[index].values[backend].push(figure.value);
}

/// The arguments that make this program measure one backend.
fn arguments(name: BackendName, folder: &Path) -> Vec<OsString> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    arguments.push("--measure-one".into());
    arguments.push(name.to_string().into());
    arguments.push("--work-folder".into());
    arguments.push(folder.into());
    arguments
}

/// Measures one backend in a process of its own.
fn run_one(name: BackendName, folder: &Path) -> Result<Vec<Measurement>, Failure> {
    let failed = |error| Failure::io(format!("cannot start a process to measure {name}"), error);
    let stores = tempfile::tempdir_in(folder).map_err(failed)?;
    let mut child = std::env::current_exe()
        .and_then(|program| {
            Command::new(program)
                .args(arguments(name, stores.path()))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
        })
        .map_err(failed)?;
    let mut figures = Vec::new();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            figures.extend(Measurement::from_line(&line.map_err(failed)?));
        }
    }
    let status = child.wait().map_err(failed)?;
    if interrupt::is_interrupted() {
        return Err(Failure::new(Exit::Interrupted, "interrupted"));
    }
    if !status.success() {
        let exit = status.code().map_or(Exit::Failed, Exit::from_code);
        return Err(Failure::new(exit, format!("measuring {name} failed")));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation() {
        let mut random = Random::new(3);
        for count in 0..5 {
            let mut order = shuffled(count, &mut random);
            order.sort_unstable();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn figures_are_gathered_by_name_and_backend() {
        let mut rows = Vec::new();
        let figure = |name: &str, value| Measurement::new(name, "µs", value);
        for (backend, name, value) in [
            (0, "a", 1.0),
            (1, "a", 9.0),
            (0, "a", 3.0),
            (0, "a", 2.0),
            (1, "b, maximum", 5.0),
            (1, "b, maximum", 4.0),
        ] {
            add(&mut rows, 2, backend, figure(name, value));
        }
        let typical = |row: usize| [rows[row].typical(0), rows[row].typical(1)];
        assert_eq!(typical(0), [Some(2.0), Some(9.0)]);
        assert_eq!(typical(1), [None, Some(5.0)]);
    }
}
