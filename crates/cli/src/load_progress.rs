//! The progress of a load: a bar on a terminal, lines in a pipe when they are wanted, and the time of each stage.
//!
//! What flows in: how far the reading and the later stages are. What flows out: words on standard error, and seconds.
//! What always holds: in a pipe nothing is said unless an interval was given; every moment belongs to one stage.

use crate::output;
use crate::progress::Progress;
use indicatif::{HumanBytes, HumanCount, HumanDuration};
use quadrille::io::Progress as Reading;
use quadrille::{LoadStage, StageProgress};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// The stages whose times are told, in their order.
const STAGES: [&str; 5] = ["reading", "sorting", "indexes", "terms", "committing"];

/// Where a load is.
pub(crate) struct LoadProgress {
    /// How often a line is written.
    interval: Option<Duration>,
    /// When the last line was.
    told: Instant,
    /// What is shown now, since when, and its bar.
    shown: String,
    began: Instant,
    bar: Option<Progress>,
    stage: usize,
    since: Instant,
    durations: [Duration; STAGES.len()],
}

/// How far something is.
struct Part {
    done: u64,
    total: Option<u64>,
}

impl LoadProgress {
    /// Begins with the reading; writes a line every `interval` where there is no terminal.
    pub(crate) fn start(interval: Option<Duration>) -> Self {
        let now = Instant::now();
        Self {
            interval: interval.filter(|_| !stderr().is_terminal()),
            told: now,
            shown: String::new(),
            began: now,
            bar: None,
            stage: 0,
            since: now,
            durations: Default::default(),
        }
    }

    /// Some more was read.
    pub(crate) fn read(&mut self, reading: &Reading<'_>) {
        self.enter(0);
        if self.show(reading.name) {
            self.bar = Some(Progress::of_bytes(reading.name, reading.bytes_total));
        }
        if let Some(bar) = &self.bar {
            bar.update(reading.bytes_read, reading.quads_read);
        }
        let part = Part {
            done: reading.bytes_read,
            total: reading.bytes_total,
        };
        self.tell(&part, HumanBytes, |seconds| {
            let rate = reading.quads_read as f64 / seconds;
            let quads = HumanCount(reading.quads_read);
            format!("{quads} quads, {} quads/s", HumanCount(rate as u64))
        });
    }

    /// Some more was sorted or written.
    pub(crate) fn at(&mut self, progress: &StageProgress) {
        let (stage, name) = named(progress.stage);
        self.enter(stage);
        if self.show(&name) {
            self.bar = Some(Progress::of_stage(&name, progress.total));
        }
        if let Some(bar) = &self.bar {
            bar.update_count(progress.done);
        }
        let part = Part {
            done: progress.done,
            total: progress.total,
        };
        self.tell(&part, HumanCount, |seconds| {
            let rate = progress.done as f64 / seconds;
            format!("{}/s", HumanCount(rate as u64))
        });
    }

    /// Ends the showing; the seconds of each stage.
    pub(crate) fn finish(mut self) -> Vec<(&'static str, f64)> {
        self.enter(0);
        let seconds = self.durations.iter().map(Duration::as_secs_f64);
        STAGES.into_iter().zip(seconds).collect()
    }

    fn enter(&mut self, stage: usize) {
        let now = Instant::now();
        self.durations[self.stage] += now - self.since;
        self.since = now;
        self.stage = stage;
    }

    /// Whether this is another thing than before.
    fn show(&mut self, name: &str) -> bool {
        if self.shown == name {
            return false;
        }
        name.clone_into(&mut self.shown);
        self.began = Instant::now();
        // The bar of before is taken away before the next is drawn.
        self.bar = None;
        true
    }

    /// Writes a line, if it is time for one.
    fn tell<H: std::fmt::Display>(
        &mut self,
        part: &Part,
        human: impl Fn(u64) -> H,
        rate: impl FnOnce(f64) -> String,
    ) {
        let now = Instant::now();
        if self
            .interval
            .is_none_or(|interval| now - self.told < interval)
        {
            return;
        }
        self.told = now;
        let elapsed = now - self.began;
        let done = human(part.done);
        let rate = rate(elapsed.as_secs_f64().max(f64::MIN_POSITIVE));
        let name = &self.shown;
        match part.total.map(human) {
            Some(total) => output::note(format_args!(
                "{name}: {done} of {total}, {rate}{}",
                part.left(elapsed)
            )),
            None => output::note(format_args!("{name}: {done}, {rate}")),
        }
    }
}

impl Part {
    /// The time that the rest takes at the pace so far, in words.
    fn left(&self, elapsed: Duration) -> String {
        let total = self.total.unwrap_or_default();
        if self.done == 0 || self.done >= total {
            return String::new();
        }
        let rest = (total - self.done) as f64 / self.done as f64;
        let left = Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest);
        left.map_or_else(
            |_| String::new(),
            |left| format!(", {} left", HumanDuration(left)),
        )
    }
}

/// The number of a stage among those whose times are told, and what it is called.
fn named(stage: LoadStage) -> (usize, String) {
    match stage {
        LoadStage::Sorting(permutation) => (1, format!("sorting {permutation}")),
        LoadStage::WritingIndex(permutation) => (2, format!("writing {permutation}")),
        LoadStage::WritingHashes => (3, "writing term hashes".to_owned()),
        LoadStage::WritingTerms => (3, "writing terms".to_owned()),
        _ => (4, "committing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_belongs_to_a_stage() {
        let start = Instant::now();
        let mut progress = LoadProgress::start(None);
        std::thread::sleep(Duration::from_millis(20));
        progress.enter(4);
        std::thread::sleep(Duration::from_millis(10));
        let seconds = progress.finish();
        let all: f64 = seconds.iter().map(|(_, seconds)| seconds).sum();
        assert!(seconds[0] >= ("reading", 0.02) && seconds[4] >= ("committing", 0.01));
        assert!(all <= start.elapsed().as_secs_f64() + 1e-6);
    }

    #[test]
    fn the_time_left_is_told_at_the_pace_so_far() {
        let left = |done, total| Part { done, total }.left(Duration::from_secs(10));
        assert_eq!(left(1, Some(4)), ", 30 seconds left");
        for (done, total) in [(0, Some(4)), (4, Some(4)), (5, Some(4)), (5, None)] {
            assert_eq!(left(done, total), "", "{done} of {total:?}");
        }
    }
}
