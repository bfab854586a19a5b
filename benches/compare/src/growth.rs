//! How loads fare as the data grow. In flow the reports of several numbers of quads, out flows a table with a column for
//! each. Always holds: rows are those of the reports, so a rate that does not stay the same shows.

use crate::report::{Report, new_table, right_aligned, shown};
use comfy_table::Table;

/// What the names of the figures begin with that are shown.
const SHOWN: [&str; 3] = ["bulk load", "resident after load", "disk after load"];

/// Reports of different numbers of quads.
pub struct Growth<'a> {
    reports: &'a [Report],
}

impl<'a> Growth<'a> {
    /// Sets reports of the same engines side by side.
    pub fn new(reports: &'a [Report]) -> Self {
        Self { reports }
    }

    /// The table.
    pub fn to_text(&self) -> Table {
        let titles = ["engine", "figure", "unit"].map(str::to_owned);
        let numbers = self.reports.iter().map(|report| {
            let quads = shown(Some(report.quads() as f64));
            format!("{quads} quads")
        });
        let mut table = new_table(titles.into_iter().chain(numbers));
        let engines = self.reports.first().map(Report::engines);
        for engine in engines.into_iter().flatten() {
            for (name, unit) in self.figures(engine) {
                let medians = self.reports.iter().map(|report| {
                    let mut figures = report.medians_of(engine, name);
                    let same = figures.find(|figure| figure.0 == name);
                    shown(same.map(|figure| figure.2))
                });
                let titles = [engine.as_str(), name, unit].map(str::to_owned);
                table.add_row(titles.into_iter().chain(medians));
            }
        }
        right_aligned(table, 3)
    }

    /// The figures to show of an engine: those of the first report.
    fn figures(&self, engine: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let of_report = move |report: &'a Report| {
            SHOWN
                .into_iter()
                .flat_map(move |beginning| report.medians_of(engine, beginning))
        };
        let figures = self.reports.first().into_iter().flat_map(of_report);
        figures.map(|(name, unit, _)| (name, unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Header;
    use quadrille_benches::Measurement;

    #[test]
    fn the_same_figure_of_several_sizes_is_one_row() {
        let report = |quads, rate| {
            let header = Header {
                quads,
                quad_bits: 0.0,
                floor_bytes: 0.0,
                rounds: 1,
                seed: 1,
            };
            let mut report = Report::new(header, &["oxttl".to_owned()]);
            report.add("oxttl", Measurement::new("bulk load, ttl", "quads/s", rate));
            report.add("oxttl", Measurement::new("compact", "s", 1.0));
            report
        };
        let reports = [report(1_000, 30.0), report(20_000, 20.0)];
        let text = Growth::new(&reports).to_text().to_string();
        let row = text.lines().find(|line| line.contains("bulk load, ttl"));
        let row = row.expect("the figure is there");
        assert!(row.contains("30.00") && row.contains("20.00"));
        assert!(text.contains("20 000 quads") && !text.contains("compact"));
    }
}
