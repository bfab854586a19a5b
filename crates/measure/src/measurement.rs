//! One figure: of which step, in which unit. In flow names and numbers, out flow JSON lines and back. Always holds: a
//! unit says whether more or less of it is better.

use serde_json::{Value, json};

/// One measured figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Measurement {
    /// What was measured, such as `look-up S P ? ?, decoded`.
    pub name: String,
    /// In which unit, such as `quads/s`.
    pub unit: String,
    /// How much.
    pub value: f64,
}

impl Measurement {
    /// A figure.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            value,
        }
    }

    /// The figure as one line of JSON.
    #[must_use]
    pub fn to_line(&self) -> String {
        json!({"name": self.name, "unit": self.unit, "value": self.value}).to_string()
    }

    /// The figure of a line that [`to_line`](Self::to_line) wrote; `None` for any other line.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let name = value.get("name")?.as_str()?;
        let unit = value.get("unit")?.as_str()?;
        Some(Self::new(name, unit, value.get("value")?.as_f64()?))
    }

    /// Whether a larger value is the better one: rates are, times and sizes are not.
    #[must_use]
    pub fn more_is_better(&self) -> bool {
        self.unit.ends_with("/s")
    }
}

/// The middle one of some values (the mean of the two middle ones of an even number); `None` without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// The smallest of some values that a share of them, from 0 to 1, does not exceed; `None` without values.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::{Measurement, median, percentile};

    #[test]
    fn a_line_comes_back_as_the_figure_it_was() {
        let figure = Measurement::new("full scan, \"decoded\"", "quads/s", 1234.5);
        assert_eq!(Measurement::from_line(&figure.to_line()), Some(figure));
        assert_eq!(Measurement::from_line("loading …"), None);
    }

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.99), Some(99.0));
        assert_eq!(percentile(&hundred, 0.5), Some(50.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
