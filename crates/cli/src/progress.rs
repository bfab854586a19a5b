//! Progress bars on a terminal; silence in a pipe.
//!
//! What flows in: how far the work is. What flows out: one line on standard error, redrawn a few times a second. What
//! always holds: nothing is drawn unless standard error is a terminal; the line is gone when the work is done.

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::time::Duration;

/// How often the line is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(100);

const BYTES: &str = "{prefix} {wide_bar} {binary_bytes} of {binary_total_bytes}  {binary_bytes_per_sec}  {msg}  {eta} left";
const BYTES_WITHOUT_TOTAL: &str =
    "{prefix} {spinner} {binary_bytes}  {binary_bytes_per_sec}  {msg}";
const STEPS: &str = "{prefix} {wide_bar} {pos} of {len}  {msg}";
const STAGE: &str = "{prefix} {wide_bar} {percent:>3} %  {human_pos}  {per_sec}  {eta} left";
const STAGE_WITHOUT_TOTAL: &str = "{prefix} {spinner} {human_pos}";
const QUADS: &str = "{prefix} {wide_bar} {percent:>3} %  {human_pos} quads  {eta} left";

/// A line that shows how far the work is, until it is dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over the bytes of a file, or a counter when their number is unknown, as for standard input.
    pub(crate) fn of_bytes(name: &str, bytes_total: Option<u64>) -> Self {
        match bytes_total {
            Some(total) => Self::start(ProgressBar::new(total), name, BYTES),
            None => Self::start(ProgressBar::no_length(), name, BYTES_WITHOUT_TOTAL),
        }
    }

    /// A bar over a known number of quads.
    pub(crate) fn of_quads(name: &str, quads_total: u64) -> Self {
        Self::start(ProgressBar::new(quads_total), name, QUADS)
    }

    /// A bar over a stage of a load, or a counter when it is not known how much there is to do.
    pub(crate) fn of_stage(name: &str, total: Option<u64>) -> Self {
        match total {
            Some(total) => Self::start(ProgressBar::new(total), name, STAGE),
            None => Self::start(ProgressBar::no_length(), name, STAGE_WITHOUT_TOTAL),
        }
    }

    /// A bar over a known number of steps.
    pub(crate) fn of_steps(name: &str, steps: u64) -> Self {
        Self::start(ProgressBar::new(steps), name, STEPS)
    }

    fn start(bar: ProgressBar, name: &str, template: &str) -> Self {
        // Templates that do not parse leave the bar in its default style; a test shows that these parse.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(REDRAW_INTERVAL);
        Self { bar }
    }

    /// Shows bytes and quads read.
    pub(crate) fn update(&self, bytes: u64, quads: u64) {
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{} quads", HumanCount(quads)));
    }

    /// Shows which step begins; the one before it is done.
    pub(crate) fn begin_step(&self, number: u64, name: String) {
        self.bar.set_position(number);
        self.bar.set_message(name);
    }

    /// Shows quads written, or whatever else the bar counts.
    pub(crate) fn update_count(&self, count: u64) {
        self.bar.set_position(count);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse() {
        let templates = [
            BYTES,
            BYTES_WITHOUT_TOTAL,
            STEPS,
            STAGE,
            STAGE_WITHOUT_TOTAL,
            QUADS,
        ];
        for template in templates {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
