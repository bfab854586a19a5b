//! Small random data: few terms, so that patterns meet, of every kind that a query tells apart.
//!
//! What flows in: a random generator. What flows out: quads, and the terms that queries draw from. What
//! always holds: data are text, so that a failing case can be pasted; `:` and `xsd:` are the prefixes of data and queries.

use fastrand::Rng;
use oxrdf::Quad;
use oxttl::TriGParser;
use std::fmt;

/// What `:` stands for.
pub(crate) const EXAMPLE: &str = "http://example.com/";
/// What `xsd:` stands for.
pub(crate) const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// Subjects and objects.
pub(crate) const NODES: [&str; 5] = [":a", ":b", ":c", ":d", ":e"];
/// Blank nodes of the data. Queries cannot name them.
const BLANK_NODES: [&str; 3] = ["_:x", "_:y", "_:z"];
/// Predicates.
pub(crate) const PREDICATES: [&str; 4] = [":p", ":q", ":r", ":s"];
/// Named graphs.
pub(crate) const GRAPHS: [&str; 3] = [":g", ":h", ":k"];

/// Numbers, as Turtle and SPARQL both read them.
pub(crate) const NUMBERS: [&str; 25] = [
    "0",
    "1",
    "2",
    "3",
    "10",
    "-1",
    "1.0",
    "1.5",
    "2.50",
    "0.0",
    "1e0",
    "2.5e0",
    "\"01\"^^xsd:integer",
    "\"+2\"^^xsd:integer",
    "\"-0\"^^xsd:integer",
    "\"3\"^^xsd:int",
    "\"2\"^^xsd:byte",
    "\"1\"^^xsd:nonNegativeInteger",
    "\"1.5\"^^xsd:float",
    "\"NaN\"^^xsd:double",
    "\"INF\"^^xsd:double",
    "\"-INF\"^^xsd:float",
    "\"-0\"^^xsd:double",
    "\"9007199254740993\"^^xsd:integer",
    "\"9223372036854775807\"^^xsd:integer",
];

/// Strings and what looks like them.
pub(crate) const STRINGS: [&str; 17] = [
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"ab\"",
    "\"abc\"",
    "\"A\"",
    "\"1\"",
    "\"01\"",
    "\"true\"",
    "\"a b\"",
    "\"a longer string, beyond what an id holds\"",
    "\"\u{e9}t\u{e9}\"",
    "\"a\"@en",
    "\"a\"@en-gb",
    "\"b\"@de",
    "\"\"@en",
    "\"http://example.com/a\"",
];

/// Times, durations and the parts of dates.
pub(crate) const TIMES: [&str; 17] = [
    "\"2020-01-01\"^^xsd:date",
    "\"2020-01-02\"^^xsd:date",
    "\"2020-01-01Z\"^^xsd:date",
    "\"2020-01-01+02:00\"^^xsd:date",
    "\"2020-01-01T00:00:00\"^^xsd:dateTime",
    "\"2020-01-01T00:00:00Z\"^^xsd:dateTime",
    "\"2020-01-01T02:00:00+02:00\"^^xsd:dateTime",
    "\"2020-01-01T05:30:00.5\"^^xsd:dateTime",
    "\"2021-06-15T12:00:00-05:00\"^^xsd:dateTime",
    "\"0000-01-01T00:00:00Z\"^^xsd:dateTime",
    "\"12:30:00\"^^xsd:time",
    "\"12:30:00Z\"^^xsd:time",
    "\"2020\"^^xsd:gYear",
    "\"P1Y2M\"^^xsd:yearMonthDuration",
    "\"PT1H\"^^xsd:dayTimeDuration",
    "\"P1DT1H\"^^xsd:duration",
    "\"P1Y\"^^xsd:duration",
];

/// Booleans, invalid lexical forms and datatypes that nobody knows.
pub(crate) const ODDITIES: [&str; 14] = [
    "true",
    "false",
    "\"1\"^^xsd:boolean",
    "\"0\"^^xsd:boolean",
    "\"maybe\"^^xsd:boolean",
    "\"one\"^^xsd:integer",
    "\"1.5\"^^xsd:integer",
    "\"\"^^xsd:integer",
    "\"x\"^^xsd:double",
    "\"300\"^^xsd:byte",
    "\"2020-13-01\"^^xsd:date",
    "\"never\"^^xsd:dateTime",
    "\"1\"^^:unknown",
    "\"a\"^^:unknown",
];

/// Triple terms.
pub(crate) const TRIPLES: [&str; 6] = [
    "<<( :a :p :b )>>",
    "<<( :a :p :c )>>",
    "<<( :b :q 1 )>>",
    "<<( :b :q \"01\"^^xsd:integer )>>",
    "<<( :c :r \"a\" )>>",
    "<<( :a :p <<( :c :r \"a\" )>> )>>",
];

/// One of a list.
pub(crate) fn one_of<'a>(rng: &mut Rng, list: &[&'a str]) -> &'a str {
    list[rng.usize(..list.len())]
}

/// A literal of any kind, numbers most often.
pub(crate) fn literal(rng: &mut Rng) -> &'static str {
    match rng.u8(..10) {
        0..4 => one_of(rng, &NUMBERS),
        4..7 => one_of(rng, &STRINGS),
        7..9 => one_of(rng, &TIMES),
        _ => one_of(rng, &ODDITIES),
    }
}

/// A quad by its terms as text; without a graph, in the default graph.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Statement {
    pub(crate) graph: Option<&'static str>,
    pub(crate) subject: &'static str,
    pub(crate) predicate: &'static str,
    pub(crate) object: &'static str,
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let triple = format!("{} {} {}", self.subject, self.predicate, self.object);
        match self.graph {
            Some(graph) => write!(formatter, "{graph} {{ {triple} }}"),
            None => write!(formatter, "{triple} ."),
        }
    }
}

/// Random quads.
pub(crate) fn quads(rng: &mut Rng) -> Vec<Statement> {
    let count = match rng.u8(..10) {
        0 => rng.usize(0..5),
        1..7 => rng.usize(5..25),
        _ => rng.usize(25..=60),
    };
    // Few literals a case, so that they repeat.
    let literals: Vec<&str> = (0..rng.usize(2..12)).map(|_| literal(rng)).collect();
    let mut quads: Vec<Statement> = (0..count).map(|_| quad(rng, &literals)).collect();
    quads.sort();
    quads.dedup();
    quads
}

fn quad(rng: &mut Rng, literals: &[&'static str]) -> Statement {
    let subject = node(rng);
    let object = match rng.u8(..10) {
        0..4 => one_of(rng, literals),
        // A loop of one edge.
        4 => subject,
        5 => one_of(rng, &GRAPHS),
        6 if rng.bool() => one_of(rng, &TRIPLES),
        _ => node(rng),
    };
    Statement {
        graph: (rng.u8(..10) < 4).then(|| one_of(rng, &GRAPHS)),
        subject,
        predicate: one_of(rng, &PREDICATES),
        object,
    }
}

fn node(rng: &mut Rng) -> &'static str {
    if rng.u8(..8) == 0 {
        one_of(rng, &BLANK_NODES)
    } else {
        one_of(rng, &NODES)
    }
}

/// The quads of TriG statements, with the labels of their blank nodes.
///
/// # Panics
/// If the text is no TriG.
pub(crate) fn parse(statements: &[String]) -> Vec<Quad> {
    let text = statements.join("\n");
    TriGParser::new()
        .with_prefix("", EXAMPLE)
        .and_then(|parser| parser.with_prefix("xsd", XSD))
        .expect("the prefixes are IRIs")
        .for_slice(&text)
        .map(|quad| quad.unwrap_or_else(|error| panic!("{error} in\n{text}")))
        .collect()
}
