//! A plan in words: the tree of operators, what they are thought to cost and what they did cost.
//!
//! What flows in: a plan, and the counters of its run if it was run. What flows out: an [`Explanation`], as text or JSON.
//! What always holds: the tree shown is the one that runs, node by node.

use crate::algebra::{GraphPlace, Place, Quads, Scalar, Slot};
use crate::batch::Batch;
use crate::error::QueryError;
use crate::execution::Execution;
use crate::expression::IdRange;
use crate::operators::{BoxedOperator, Operator};
use crate::paths::WalkFrom;
use crate::plan::{JoinKind, JoinMethod, Node, PathPlan, Plan, Probed, lie_together};
use oxrdf::Term;
use quadrille_store::{Tag, TermId, blocks_read};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An operator of a plan, with those below it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// What the operator does, in a few words.
    pub operator: String,
    /// What it does it with: patterns, conditions, keys.
    pub details: String,
    /// The columns of its rows.
    pub columns: Vec<String>,
    /// How many rows the planner expected.
    pub estimated_rows: f64,
    /// What the operator did, if the query was run.
    pub actual: Option<ActualFigures>,
    /// The operators below.
    pub children: Vec<Explanation>,
}

/// What an operator did in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActualFigures {
    /// The rows that it gave.
    pub rows: u64,
    /// How often it was started: more than once where it runs for each batch or row of another.
    pub starts: u64,
    /// The blocks of the store's indexes read by it and by those below it, blocks of several quads each.
    pub blocks: u64,
    /// The time spent in it and in those below it; for what ran on several threads, that of all of them.
    pub time: Duration,
}

impl Explanation {
    /// The tree as JSON: one object an operator, with `operator`, `details`, `columns`, `estimated_rows` and `children`; if
    /// the query was run, also `actual_rows`, `starts`, `blocks_read` and `time_ns`, the time in nanoseconds.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) {
        use fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(
            json,
            "{{\"operator\":{},\"details\":{},\"columns\":[{}],\"estimated_rows\":{}",
            quoted(&self.operator),
            quoted(&self.details),
            self.columns
                .iter()
                .map(|column| quoted(column))
                .collect::<Vec<_>>()
                .join(","),
            finite(self.estimated_rows).round(),
        );
        if let Some(actual) = self.actual {
            let _ = write!(
                json,
                ",\"actual_rows\":{},\"starts\":{},\"blocks_read\":{},\"time_ns\":{}",
                actual.rows,
                actual.starts,
                actual.blocks,
                actual.time.as_nanos()
            );
        }
        json.push_str(",\"children\":[");
        for (index, child) in self.children.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            child.write_json(json);
        }
        json.push_str("]}");
    }

    fn write_text(&self, formatter: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        write!(formatter, "{:1$}{2}", "", depth * 2, self.operator)?;
        if !self.details.is_empty() {
            write!(formatter, " {}", self.details)?;
        }
        write!(formatter, "  [about {}", rounded(self.estimated_rows))?;
        if let Some(actual) = self.actual {
            write!(formatter, ", got {}", actual.rows)?;
            if actual.starts != 1 {
                write!(formatter, " in {} starts", actual.starts)?;
            }
            if actual.blocks > 0 {
                write!(formatter, ", {} blocks", actual.blocks)?;
            }
            write!(formatter, ", {:?}", actual.time)?;
        }
        writeln!(formatter, "]")?;
        self.children
            .iter()
            .try_for_each(|child| child.write_text(formatter, depth + 1))
    }
}

/// A line an operator, those below it indented.
impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_text(formatter, 0)
    }
}

/// A figure that is a guess, without digits that say nothing.
fn rounded(figure: f64) -> String {
    if figure < 10.0 {
        format!("{}", (figure * 10.0).round() / 10.0)
    } else {
        format!("{}", figure.round())
    }
}

/// A figure that JSON has a number for: an estimate may grow beyond all.
fn finite(figure: f64) -> f64 {
    match figure.is_nan() {
        true => 0.0,
        false => figure.clamp(0.0, f64::MAX),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// The counters of one operator.
#[derive(Default)]
struct Counters {
    rows: AtomicU64,
    starts: AtomicU64,
    blocks: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The counters of the operators of a run, by the place of their plan in memory.
#[derive(Default)]
pub(crate) struct Analysis {
    counters: Mutex<HashMap<usize, Arc<Counters>>>,
}

impl Analysis {
    fn of(&self, plan: &Plan) -> Arc<Counters> {
        let place = std::ptr::from_ref(plan).addr();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(counters.entry(place).or_default())
    }

    /// What an operator did, and those below it.
    fn figures(&self, plan: &Plan, children: &[Explanation]) -> ActualFigures {
        let counters = self.of(plan);
        // Blocks are counted by thread: those that operators below read on others are added here.
        let below = children.iter().filter_map(|child| child.actual);
        let below: u64 = below.map(|actual| actual.blocks).sum();
        ActualFigures {
            rows: counters.rows.load(Ordering::Relaxed),
            starts: counters.starts.load(Ordering::Relaxed),
            blocks: counters.blocks.load(Ordering::Relaxed).max(below),
            time: Duration::from_nanos(counters.nanoseconds.load(Ordering::Relaxed)),
        }
    }

    /// The operator of a plan, with its rows, its blocks and its time counted.
    pub(crate) fn counted(&self, plan: &Plan, operator: BoxedOperator) -> BoxedOperator {
        let counters = self.of(plan);
        counters.starts.fetch_add(1, Ordering::Relaxed);
        Box::new(Counted { operator, counters })
    }
}

/// An operator that counts.
struct Counted {
    operator: BoxedOperator,
    counters: Arc<Counters>,
}

impl Operator for Counted {
    fn next(&mut self, batch: &mut Batch) -> Result<bool, QueryError> {
        let (start, blocks) = (Instant::now(), blocks_read());
        let given = self.operator.next(batch);
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.counters
            .nanoseconds
            .fetch_add(spent, Ordering::Relaxed);
        self.counters
            .blocks
            .fetch_add(blocks_read() - blocks, Ordering::Relaxed);
        self.counters
            .rows
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        given
    }
}

/// Puts a plan into words.
pub(crate) struct Explainer<'a> {
    execution: &'a Execution,
    names: &'a [String],
    analysis: Option<&'a Analysis>,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(
        execution: &'a Execution,
        names: &'a [String],
        analysis: Option<&'a Analysis>,
    ) -> Self {
        Self {
            execution,
            names,
            analysis,
        }
    }

    /// The plan with all below it.
    pub(crate) fn explain(&self, plan: &Plan) -> Explanation {
        let (operator, details) = self.words(&plan.node);
        let children: Vec<_> = plan
            .children()
            .into_iter()
            .map(|child| self.explain(child))
            .collect();
        let actual = self
            .analysis
            .map(|analysis| analysis.figures(plan, &children));
        Explanation {
            operator: operator.to_owned(),
            details,
            columns: plan.columns.iter().map(|slot| self.name(*slot)).collect(),
            estimated_rows: plan.rows,
            actual,
            children,
        }
    }

    fn star(&self, arms: &[Quads]) -> String {
        let arms: Vec<_> = arms.iter().map(|arm| self.quads(arm)).collect();
        format!("star {}", arms.join(" . "))
    }

    fn words(&self, node: &Node) -> (&'static str, String) {
        match node {
            Node::Unit => ("one row", String::new()),
            Node::Input => ("the batch", String::new()),
            Node::Scan {
                quads,
                permutation,
                objects,
            } => {
                let order = permutation
                    .map(|order| format!("{order} "))
                    .unwrap_or_default();
                let ranges = self.ranges(quads, objects.as_deref());
                ("scan", format!("{order}{}{ranges}", self.quads(quads)))
            }
            Node::Multiway {
                patterns,
                variables,
            } => {
                let patterns: Vec<_> = patterns.iter().map(|quads| self.quads(quads)).collect();
                let details = format!("by {}: {}", self.slots(variables), patterns.join(" . "));
                ("multiway join", details)
            }
            Node::Path(walked) => ("path", self.path(walked)),
            Node::NamedGraphs(slot) => ("named graphs", self.name(*slot)),
            Node::Values(rows) => ("table", format!("of {} rows", rows.len())),
            Node::Join {
                kind,
                method,
                filters,
                ..
            } => (join_words(*kind, *method), self.conditions(filters)),
            Node::Lookup {
                kind,
                probed,
                filters,
                ..
            } => {
                let probed = match probed {
                    Probed::Quads(quads) => self.quads(quads),
                    Probed::Path(walked) => format!("path {}", self.path(walked)),
                    Probed::Star(arms) => self.star(arms),
                };
                (
                    lookup_words(*kind),
                    join_texts([probed, self.conditions(filters)]),
                )
            }
            Node::PerBatch { kind, filters, .. } => {
                (per_batch_words(*kind), self.conditions(filters))
            }
            Node::PerRow { kind, shared, .. } => (per_row_words(*kind), self.slots(shared)),
            Node::EachGraph { bound, .. } => ("for each graph", self.name(*bound)),
            Node::Service(service) => ("service", self.place(service.name)),
            Node::ServiceJoin {
                kind,
                service,
                filters,
                ..
            } => {
                let texts = [self.place(service.name), self.conditions(filters)];
                (service_words(*kind), join_texts(texts))
            }
            other => self.modifier_words(other),
        }
    }

    fn modifier_words(&self, node: &Node) -> (&'static str, String) {
        match node {
            Node::Filter { filters, .. } => ("filter", self.conditions(filters)),
            Node::Extend { slot, value, .. } => (
                "bind",
                format!("{} = {}", self.name(*slot), self.scalar(value)),
            ),
            Node::Unpack { triple, parts, .. } => {
                let parts = parts.map(|part| self.place(part)).join(" ");
                ("unpack", format!("{} into {parts}", self.name(*triple)))
            }
            Node::Union(_) => ("union", String::new()),
            Node::Constants { values, .. } => {
                let values = values.iter().map(|(slot, id)| {
                    format!(
                        "{} = {}",
                        self.name(*slot),
                        self.place(Place::Constant(*id))
                    )
                });
                ("constants", values.collect::<Vec<_>>().join(", "))
            }
            Node::Exchange(_) => {
                let threads = self.execution.threads;
                ("exchange", format!("between {threads} threads"))
            }
            Node::Project(_) => ("project", String::new()),
            Node::Distinct { input, grouped } => {
                let is_whole = lie_together(&input.columns, grouped);
                let words = ["distinct", "distinct in order", "distinct in runs"];
                let by = match (is_whole, grouped.is_empty()) {
                    (false, false) => format!("by ({})", self.slots(grouped)),
                    _ => String::new(),
                };
                (in_order(words, grouped, is_whole), by)
            }
            Node::Reduced(_) => ("reduced", String::new()),
            Node::Slice { start, length, .. } => ("slice", slice_words(*start, *length)),
            Node::SliceOfEach {
                slot,
                start,
                length,
                ..
            } => {
                let slot = self.slots(&[*slot]);
                let slice = slice_words(*start, *length);
                ("slice of each", format!("({slot}), {slice}"))
            }
            other => self.sorted_words(other),
        }
    }

    /// Sorts and groups.
    fn sorted_words(&self, node: &Node) -> (&'static str, String) {
        match node {
            Node::Sort {
                keys,
                first,
                sorted,
                ..
            } => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|key| {
                        let direction = if key.descending { " descending" } else { "" };
                        format!("{}{direction}", self.name(key.slot))
                    })
                    .collect();
                match first {
                    _ if *sorted => ("sorted already", format!("by {}", keys.join(", "))),
                    Some(first) => ("top", format!("{first} by {}", keys.join(", "))),
                    None => ("sort", format!("by {}", keys.join(", "))),
                }
            }
            Node::Group {
                keys,
                aggregates,
                grouped,
                ..
            } => {
                let aggregates: Vec<_> = aggregates
                    .iter()
                    .map(|aggregate| self.name(aggregate.slot))
                    .collect();
                let is_whole = keys.iter().all(|key| grouped.contains(key));
                let words = ["group", "group in order", "group in runs"];
                let words = in_order(words, grouped, is_whole);
                let keys = self.slots(keys);
                (words, format!("by ({keys}) into {}", aggregates.join(", ")))
            }
            other => self.header_words(other),
        }
    }

    /// What is read of headers alone.
    fn header_words(&self, node: &Node) -> (&'static str, String) {
        match node {
            Node::Count { quads, .. } => ("count", self.quads(quads)),
            Node::DistinctValues {
                reading,
                slot,
                counts,
            } => {
                let order = reading.request.permutation;
                let order = order.map_or_else(String::new, |order| format!(" {order}"));
                let counted = match counts {
                    Some(slot) => format!(", counted as {}", self.name(*slot)),
                    None => String::new(),
                };
                ("values", format!("{}{order}{counted}", self.name(*slot)))
            }
            _ => ("", String::new()),
        }
    }

    fn name(&self, slot: Slot) -> String {
        self.names
            .get(slot.0 as usize)
            .cloned()
            .unwrap_or_else(|| "?".to_owned())
    }

    fn slots(&self, slots: &[Slot]) -> String {
        let names: Vec<_> = slots.iter().map(|slot| self.name(*slot)).collect();
        names.join(", ")
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::Slot(slot) => self.name(slot),
            Place::Constant(id) => match self.execution.terms.decode(id) {
                Ok(Some(term)) => term.to_string(),
                Ok(None) => "default".to_owned(),
                Err(_) => format!("id {id:x}"),
            },
        }
    }

    fn graph(&self, graph: GraphPlace) -> String {
        match graph {
            GraphPlace::Default => String::new(),
            GraphPlace::Named(place) => format!(" in {}", self.place(place)),
        }
    }

    fn quads(&self, quads: &Quads) -> String {
        let triple = quads.triple.map(|place| self.place(place)).join(" ");
        format!("{triple}{}", self.graph(quads.graph))
    }

    fn ranges(&self, quads: &Quads, objects: Option<&[IdRange]>) -> String {
        let Some(ranges) = objects else {
            return String::new();
        };
        let object = self.place(quads.triple[2]);
        format!(" with {object} in {}", ranges_in_words(ranges))
    }

    fn path(&self, walked: &PathPlan) -> String {
        let path = &walked.path;
        format!(
            "{}: {} {} {}{}",
            walk_words(walked.from),
            self.place(path.subject),
            path.path,
            self.place(path.object),
            self.graph(path.graph)
        )
    }

    fn conditions(&self, filters: &[Scalar]) -> String {
        let conditions: Vec<_> = filters.iter().map(|filter| self.scalar(filter)).collect();
        conditions.join(" && ")
    }

    /// The expression, with the names of its variables instead of their numbers.
    fn scalar(&self, scalar: &Scalar) -> String {
        let mut text = scalar.expression.to_string();
        let mut slots: Vec<_> = scalar.slots.iter().collect();
        slots.reverse();
        for slot in slots {
            text = text.replace(&format!("?{}", slot.0), &self.name(slot));
        }
        text
    }
}

/// The most ranges that are written out.
const RANGES_SHOWN: usize = 4;

/// How many rows from which one on.
fn slice_words(start: usize, length: Option<usize>) -> String {
    let length = length.map_or("all".to_owned(), |length| length.to_string());
    format!("{length} from {start}")
}

/// Ranges of ids: by their values where the ids tell them, else by their tags.
fn ranges_in_words(ranges: &[IdRange]) -> String {
    let value = |id: TermId| match id.decode_inline() {
        Some(Term::Literal(literal)) => Some(literal.value().to_owned()),
        _ => None,
    };
    let words = |(low, high): &IdRange| {
        let [low, high] = [*low, *high].map(TermId::from_raw);
        let tag = low.tag().map_or("reserved", Tag::name);
        match (value(low), value(high)) {
            (Some(low), _) if tag == "boolean" || low.is_empty() => tag.to_owned(),
            (Some(only), _) if low == high => format!("{tag} {only}"),
            (Some(low), Some(high)) => format!("{tag} {low} to {high}"),
            (Some(low), None) => format!("{tag} from {low}"),
            (None, _) => tag.to_owned(),
        }
    };
    let mut texts: Vec<String> = ranges.iter().take(RANGES_SHOWN).map(words).collect();
    if ranges.len() > RANGES_SHOWN {
        texts.push(format!("{} more", ranges.len() - RANGES_SHOWN));
    }
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    texts.join(", ")
}

/// What an operator is called that knows of no order, of all that it compares by, or of some of it.
fn in_order(words: [&'static str; 3], grouped: &[Slot], is_whole: bool) -> &'static str {
    match (is_whole, grouped) {
        (true, _) => words[1],
        (false, []) => words[0],
        (false, _) => words[2],
    }
}

fn join_texts(texts: [String; 2]) -> String {
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join(" where ")
}

fn join_words(kind: JoinKind, method: JoinMethod) -> &'static str {
    match (kind, method) {
        (JoinKind::Inner, JoinMethod::Hash) => "hash join",
        (JoinKind::Inner, JoinMethod::Merge) => "merge join",
        (JoinKind::Left, JoinMethod::Hash) => "optional, hash join",
        (JoinKind::Left, JoinMethod::Merge) => "optional, merge join",
        (JoinKind::Semi, JoinMethod::Hash) => "exists, hash join",
        (JoinKind::Semi, JoinMethod::Merge) => "exists, merge join",
        (JoinKind::Anti, JoinMethod::Hash) => "not exists, hash join",
        (JoinKind::Anti, JoinMethod::Merge) => "not exists, merge join",
        (JoinKind::Minus, _) => "minus",
        (JoinKind::Mark(_), JoinMethod::Hash) => "mark, hash join",
        (JoinKind::Mark(_), JoinMethod::Merge) => "mark, merge join",
    }
}

fn walk_words(from: Option<WalkFrom>) -> &'static str {
    match from {
        Some(WalkFrom::Subject) => "from the subject",
        Some(WalkFrom::Object) => "from the object",
        Some(WalkFrom::Both) => "from both ends",
        None => "from what is bound",
    }
}

fn lookup_words(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "look up",
        JoinKind::Left => "optional, look up",
        JoinKind::Semi => "exists, look up",
        JoinKind::Anti | JoinKind::Minus => "not exists, look up",
        JoinKind::Mark(_) => "mark, look up",
    }
}

fn service_words(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "service, each endpoint once",
        JoinKind::Left => "optional, service, each endpoint once",
        JoinKind::Semi => "exists, service, each endpoint once",
        JoinKind::Anti | JoinKind::Minus => "not exists, service, each endpoint once",
        JoinKind::Mark(_) => "mark, service, each endpoint once",
    }
}

fn per_batch_words(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "for each batch",
        JoinKind::Left => "optional, for each batch",
        JoinKind::Semi => "exists, for each batch",
        JoinKind::Anti | JoinKind::Minus => "not exists, for each batch",
        JoinKind::Mark(_) => "mark, for each batch",
    }
}

fn per_row_words(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Anti | JoinKind::Minus => "not exists, for each value of",
        JoinKind::Mark(_) => "mark, for each value of",
        JoinKind::Inner | JoinKind::Left | JoinKind::Semi => "exists, for each value of",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(details: &str, estimated_rows: f64, children: Vec<Explanation>) -> Explanation {
        Explanation {
            operator: "scan".to_owned(),
            details: details.to_owned(),
            columns: vec!["?s".to_owned(), "?o".to_owned()],
            estimated_rows,
            actual: None,
            children,
        }
    }

    #[test]
    fn json_has_the_operators_below_and_escapes_texts() {
        let mut first = shown("\"a\\b\"\n\r\t\u{1}é", 1.4, Vec::new());
        first.actual = Some(ActualFigures {
            rows: 1,
            starts: 2,
            blocks: 3,
            time: Duration::from_micros(4),
        });
        let second = shown("", 0.0, Vec::new());
        let head = "\"columns\":[\"?s\",\"?o\"],\"estimated_rows\"";
        assert_eq!(
            shown("of both", 2.0, vec![first, second]).to_json(),
            format!(
                "{{\"operator\":\"scan\",\"details\":\"of both\",{head}:2,\"children\":[\
                 {{\"operator\":\"scan\",\"details\":\"\\\"a\\\\b\\\"\\n\\r\\t\\u0001é\",{head}:1,\
                 \"actual_rows\":1,\"starts\":2,\"blocks_read\":3,\"time_ns\":4000,\"children\":[]}},\
                 {{\"operator\":\"scan\",\"details\":\"\",{head}:0,\"children\":[]}}]}}"
            )
        );
    }

    #[test]
    fn json_has_a_number_for_every_estimate() {
        for estimate in [f64::INFINITY, f64::NAN, f64::NEG_INFINITY, f64::MAX] {
            let json = shown("", estimate, Vec::new()).to_json();
            let (_, rest) = json.split_once("\"estimated_rows\":").unwrap();
            let (number, _) = rest.split_once(',').unwrap();
            assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{json}");
        }
    }
}
