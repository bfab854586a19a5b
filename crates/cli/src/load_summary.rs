//! What a load did, for people and for scripts.
//!
//! What flows in: the summaries of one load or several, and what the system and the store tell. What flows out: lines or
//! JSON. What always holds: sizes are bytes, times are seconds; what cannot be told is left out, in JSON null.

use indicatif::{BinaryBytes, HumanCount, HumanDuration};
use quadrille::io::LoadSummary;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The sums of all loads of a command, and the store after them.
#[derive(Default)]
pub(crate) struct Totals {
    sources: u64,
    bytes_read: u64,
    quads_read: u64,
    quads_new: u64,
    rejected: u64,
    terms_new: u64,
    duration: Duration,
    /// The quads that were read before the load was interrupted.
    resumed_after: Option<u64>,
    pub(crate) stages: Vec<(&'static str, f64)>,
    /// The quads in the store.
    pub(crate) quads: u64,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) peak_memory_bytes: Option<u64>,
}

impl Totals {
    /// Adds what one load did.
    pub(crate) fn add(&mut self, summary: &LoadSummary) {
        let report = &summary.report;
        self.sources += summary.sources;
        self.bytes_read += summary.bytes_read;
        self.quads_read += report.quads_read;
        self.quads_new += report.quads_new;
        self.rejected += summary.rejected;
        self.terms_new += report.terms_new;
        self.duration += summary.duration;
        if let Some(from) = &summary.resumed {
            self.resumed_after = Some(from.quads_read);
        }
    }

    /// The sources that were loaded.
    pub(crate) fn sources(&self) -> u64 {
        self.sources
    }

    fn duplicates(&self) -> u64 {
        self.quads_read.saturating_sub(self.quads_new)
    }

    /// The bytes on disk for each quad in the store.
    fn bytes_per_quad(&self) -> Option<f64> {
        let bytes = self.disk_bytes.filter(|_| self.quads > 0)?;
        Some(bytes as f64 / self.quads as f64)
    }

    /// The lines for people.
    pub(crate) fn text(&self, store: &str) -> String {
        let mut text = format!(
            "loaded {} quads ({} new) in {}; {store} now holds {}\n  {} duplicates, {} rejected, {} new terms; read {}\n ",
            HumanCount(self.quads_read),
            HumanCount(self.quads_new),
            duration(self.duration),
            HumanCount(self.quads),
            HumanCount(self.duplicates()),
            HumanCount(self.rejected),
            HumanCount(self.terms_new),
            BinaryBytes(self.bytes_read),
        );
        if let Some(quads) = self.resumed_after {
            text.push_str(&format!(
                " resumed after {}; the times are those since then\n ",
                HumanCount(quads)
            ));
        }
        let stages = self.stages.iter();
        let stages: Vec<String> = stages
            .map(|(name, seconds)| format!(" {name} {seconds:.2} s"))
            .collect();
        text.push_str(&stages.join(","));
        if let Some(bytes) = self.peak_memory_bytes {
            text.push_str(&format!("\n  peak memory {}", BinaryBytes(bytes)));
        }
        if let Some(bytes) = self.bytes_per_quad() {
            text.push_str(&format!("\n  {bytes:.1} bytes a quad on disk"));
        }
        text
    }

    /// The same as JSON.
    pub(crate) fn as_json(&self) -> Value {
        let stages = self.stages.iter();
        let stages: Map<String, Value> = stages
            .map(|(name, seconds)| ((*name).to_owned(), json!(seconds)))
            .collect();
        json!({
            "sources": self.sources,
            "bytes_read": self.bytes_read,
            "quads_read": self.quads_read,
            "quads_new": self.quads_new,
            "duplicates": self.duplicates(),
            "rejected": self.rejected,
            "terms_new": self.terms_new,
            "resumed_after_quads": self.resumed_after,
            "quads": self.quads,
            "seconds": self.duration.as_secs_f64(),
            "seconds_by_stage": stages,
            "peak_memory_bytes": self.peak_memory_bytes,
            "disk_bytes": self.disk_bytes,
            "bytes_per_quad": self.bytes_per_quad(),
        })
    }
}

/// A duration in the words that fit its length.
fn duration(duration: Duration) -> String {
    if duration.as_secs() < 60 {
        format!("{:.2} s", duration.as_secs_f64())
    } else {
        HumanDuration(duration).to_string()
    }
}
