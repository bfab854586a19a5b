//! Times of calls: each is taken, and the typical and the bad ones are shown.

use super::Emit;
use crate::failure::Failure;
use quadrille_measure::{Measurement, percentile};
use std::time::{Duration, Instant};

/// The unit of latencies.
pub(crate) const MICROSECONDS: &str = "µs";

/// The times of calls of one kind, in microseconds.
#[derive(Default)]
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    /// Times a call.
    pub(crate) fn time<T>(
        &mut self,
        call: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let result = call()?;
        self.0.push(start.elapsed().as_secs_f64() * 1e6);
        Ok(result)
    }

    /// Times calls until there were enough of them or the time is up, but at least one; what the first tenth of the
    /// allowed calls took is forgotten.
    pub(crate) fn repeat<T>(
        &mut self,
        calls: usize,
        limit: Duration,
        mut call: impl FnMut(usize) -> Result<T, Failure>,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        let warm_up = calls / 10;
        for number in 0..warm_up {
            call(number)?;
            if start.elapsed() > limit / 4 {
                break;
            }
        }
        let start = Instant::now();
        for number in warm_up..warm_up + calls {
            self.time(|| call(number))?;
            if start.elapsed() > limit {
                break;
            }
        }
        Ok(())
    }

    /// Emits the middle one of the times.
    pub(crate) fn emit_median(&self, name: &str, emit: Emit<'_>) {
        if let Some(value) = percentile(&self.0, 0.5) {
            emit(Measurement::new(
                format!("{name}, p50"),
                MICROSECONDS,
                value,
            ));
        }
    }

    /// Emits the middle, the 95th and 99th of a hundred, and the longest of the times.
    pub(crate) fn emit(&self, name: &str, emit: Emit<'_>) {
        for (label, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("maximum", 1.0)] {
            if let Some(value) = percentile(&self.0, share) {
                emit(Measurement::new(
                    format!("{name}, {label}"),
                    MICROSECONDS,
                    value,
                ));
            }
        }
    }
}

/// Runs something once and says how many seconds it took.
pub(crate) fn seconds<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<(T, f64), Failure> {
    let start = Instant::now();
    let result = call()?;
    // A clock that has not moved means: faster than it can tell.
    Ok((result, start.elapsed().as_secs_f64().max(1e-9)))
}
