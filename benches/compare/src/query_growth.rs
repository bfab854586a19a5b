//! How queries fare as the data grow. In flow the reports of several scales, out flow a table of exponents and a plot of
//! the cyclic queries. Always holds: a query's exponent is set against that of what it may grow by, and what exceeds it
//! is marked.

use crate::query_report::{QueryReport, Time};
use crate::report::{new_table, right_aligned};
use comfy_table::Table;
use plotters::prelude::*;
use quadrille_benches::Outcome;
use quadrille_benches::queries::{Growth, SuiteQuery};
use std::path::Path;

/// What an exponent may be above its bound: deeper indexes, colder caches.
const SLACK: f64 = 0.15;
/// Below this time, in milliseconds, an exponent says nothing.
const TIME_MIN_MS: f64 = 1.0;
/// The size of one panel of the plot, in pixels.
const PANEL: (u32, u32) = (420, 320);
/// How many panels stand side by side.
const PANELS_WIDE: usize = 3;

type PlotResult = Result<(), Box<dyn std::error::Error>>;

/// Reports of the same queries at rising scales.
pub struct QueryGrowth<'a> {
    reports: &'a [QueryReport],
    first: &'a QueryReport,
    last: &'a QueryReport,
}

impl<'a> QueryGrowth<'a> {
    /// Sets reports side by side; `None` of fewer than two.
    pub fn new(reports: &'a [QueryReport]) -> Option<Self> {
        let [first, .., last] = reports else {
            return None;
        };
        Some(Self {
            reports,
            first,
            last,
        })
    }

    /// The exponent that makes `from` grow to `to` as the quads grow.
    fn exponent(&self, from: f64, to: f64) -> f64 {
        let quads = self.last.header().quads as f64 / self.first.header().quads as f64;
        (to / from).ln() / quads.ln()
    }

    fn bound(&self, query: &SuiteQuery) -> f64 {
        let bounds = self.first.bound(query).zip(self.last.bound(query));
        bounds.map_or(0.0, |(from, to)| self.exponent(from, to))
    }

    fn rows(&self, query: &SuiteQuery) -> Option<f64> {
        let rows = |report: &QueryReport| Some(report.rows(query)?.max(1) as f64);
        Some(self.exponent(rows(self.first)?, rows(self.last)?))
    }

    fn time(&self, query: &SuiteQuery, engine: &str) -> String {
        let times = (
            self.first.time(query, engine),
            self.last.time(query, engine),
        );
        match times {
            (Time::Milliseconds(from), Time::Milliseconds(to)) => {
                let exponent = self.exponent(from, to);
                let is_above = to >= TIME_MIN_MS && exponent > self.bound(query) + SLACK;
                format!("{exponent:.2}{}", if is_above { " above" } else { "" })
            }
            (Time::Milliseconds(from), Time::Above(to)) => {
                format!("> {:.2} above", self.exponent(from, to))
            }
            _ => "-".to_owned(),
        }
    }

    /// The table of exponents: of the bound, of the rows, of each engine's time.
    pub fn to_text(&self) -> Table {
        let titles = ["query", "growth", "bound", "rows"].map(str::to_owned);
        let engines = self.last.engines();
        let mut table = new_table(titles.into_iter().chain(engines.iter().cloned()));
        for query in self.last.queries() {
            let rows = self.rows(query);
            let begin = [
                query.name.clone(),
                query.growth.shown(),
                format!("{:.2}", self.bound(query)),
                rows.map_or("-".to_owned(), |rows| format!("{rows:.2}")),
            ];
            let times = engines.iter().map(|engine| self.time(query, engine));
            table.add_row(begin.into_iter().chain(times));
        }
        right_aligned(table, 2)
    }

    /// Draws the times of the cyclic queries against the quads, with the AGM bound through the first engine's first time.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn plot(&self, path: &Path) -> Outcome<()> {
        let is_cyclic = |query: &&SuiteQuery| matches!(query.growth, Growth::Agm(_));
        let cyclic: Vec<&SuiteQuery> = self.last.queries().iter().filter(is_cyclic).collect();
        let rows = cyclic.len().div_ceil(PANELS_WIDE).max(1);
        let size = (PANEL.0 * PANELS_WIDE as u32, PANEL.1 * rows as u32);
        let drawn = || -> PlotResult {
            let area = SVGBackend::new(path, size).into_drawing_area();
            area.fill(&WHITE)?;
            for (query, panel) in cyclic.iter().zip(area.split_evenly((rows, PANELS_WIDE))) {
                self.plot_query(query, &panel)?;
            }
            Ok(area.present()?)
        };
        drawn().map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// The points of an engine: quads, and milliseconds.
    fn points(&self, query: &SuiteQuery, engine: &str) -> Vec<(f64, f64)> {
        let point = |report: &QueryReport| match report.time(query, engine) {
            Time::Milliseconds(time) => Some((report.header().quads as f64, time)),
            _ => None,
        };
        self.reports.iter().filter_map(point).collect()
    }

    /// The bound, scaled to go through the first engine's first point.
    fn bound_points(&self, query: &SuiteQuery) -> Vec<(f64, f64)> {
        let engines = self.last.engines().iter();
        let first = engines
            .filter_map(|engine| self.points(query, engine).first().copied())
            .next();
        let from = self.first.bound(query);
        let point = |report: &QueryReport| {
            let growth = report.bound(query)? / from?;
            Some((report.header().quads as f64, first?.1 * growth))
        };
        self.reports.iter().filter_map(point).collect()
    }

    fn plot_query<DB: DrawingBackend>(
        &self,
        query: &SuiteQuery,
        panel: &DrawingArea<DB, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        DB::ErrorType: 'static,
    {
        let bound = self.bound_points(query);
        let engines = self.last.engines().iter();
        let lines = engines.map(|engine| (engine.as_str(), self.points(query, engine)));
        let lines: Vec<_> = lines.filter(|(_, points)| !points.is_empty()).collect();
        let all = lines.iter().flat_map(|(_, points)| points).chain(&bound);
        let times = all.map(|point| point.1.max(1e-3));
        let (least, most) = times.fold((f64::MAX, 1e-3_f64), |(least, most), time| {
            (least.min(time), most.max(time))
        });
        let quads = |report: &QueryReport| report.header().quads as f64;
        let x = (quads(self.first)..quads(self.last)).log_scale();
        let y = (least.min(most) / 2.0..most * 2.0).log_scale();
        let mut chart = ChartBuilder::on(panel)
            .caption(
                format!("{}, {}", query.name, query.growth.shown()),
                ("sans-serif", 16),
            )
            .margin(8)
            .margin_right(24)
            .x_label_area_size(30)
            .y_label_area_size(50)
            .build_cartesian_2d(x, y)?;
        let mesh = &mut chart.configure_mesh();
        mesh.x_desc("quads").y_desc("ms").draw()?;
        let dashed = DashedLineSeries::new(bound, 4, 4, BLACK.into());
        let line = |(x, y)| PathElement::new([(x, y), (x + 16, y)], BLACK);
        chart.draw_series(dashed)?.label("AGM bound").legend(line);
        for (place, (engine, points)) in lines.into_iter().enumerate() {
            let colour = Palette99::pick(place).to_rgba();
            chart
                .draw_series(LineSeries::new(points, colour).point_size(3))?
                .label(engine)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        let labels = &mut chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).draw()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query_report::tests::{OURS, add, query, report};
    use quadrille_benches::query_step::{ROWS_UNIT, TIME_UNIT};

    fn reports() -> [QueryReport; 2] {
        [(1_000, 10.0), (10_000, 400.0)].map(|(quads, time)| {
            let queries = vec![
                query("triangle", "agm follows^1.5"),
                query("square", "agm follows^2"),
            ];
            let mut report = report(quads, queries);
            for name in ["triangle", "square"] {
                add(&mut report, OURS, name, ROWS_UNIT, quads as f64);
                add(&mut report, OURS, name, TIME_UNIT, time);
            }
            report
        })
    }

    #[test]
    fn what_grows_by_more_than_its_bound_is_marked() {
        let reports = reports();
        let growth = QueryGrowth::new(&reports).expect("two reports");
        let table = growth.to_text().to_string();
        let line = |name: &str| table.lines().find(|line| line.contains(name));
        let triangle = line("triangle").expect("the query is there");
        assert!(triangle.contains("1.50") && triangle.contains("1.60"));
        assert!(!triangle.contains("above"), "{triangle}");
        assert!(line("square").is_some_and(|line| line.contains("2.00")));
        assert!(QueryGrowth::new(&reports[..1]).is_none());
    }

    #[test]
    fn cyclic_queries_are_plotted() {
        let reports = reports();
        let growth = QueryGrowth::new(&reports).expect("two reports");
        let folder = std::env::temp_dir().join(format!("growth-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder is made");
        let path = folder.join("growth.svg");
        growth.plot(&path).expect("the plot is drawn");
        let text = std::fs::read_to_string(&path).expect("the plot is there");
        assert!(text.contains("triangle") && text.contains("AGM bound"));
        std::fs::remove_dir_all(folder).expect("the folder goes");
    }
}
