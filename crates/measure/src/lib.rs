//! What measuring programs share: figures, what is typical of many of them, and what the system says of a process.
//!
//! What flows in: times and sizes. What flows out: [`Measurement`]s, one JSON line each, from the process that measures
//! to the one that reports. What always holds: nothing is measured here; a figure that the system does not give is
//! absent rather than guessed.

mod measurement;
mod system;

pub use measurement::{Measurement, median, percentile};
pub use system::memory_bytes;
