//! Random expressions: mostly of the type that their place asks for, so that not all of them are errors, but not always.

use crate::data::{NODES, NUMBERS, PREDICATES, STRINGS, TIMES, literal, one_of};
use crate::grammar::Grammar;
use crate::tree::{Kind, Piece, Tree, pieces};

/// Tests of one term.
const TESTS: [&str; 7] = [
    "isTRIPLE",
    "isIRI",
    "isBLANK",
    "isLITERAL",
    "isNUMERIC",
    "!",
    "xsd:boolean",
];
/// Comparisons, equality most often.
const COMPARISONS: [&str; 8] = ["=", "=", "!=", "!=", "<", "<=", ">", ">="];
/// Functions from two strings to a boolean.
const STRING_TESTS: [&str; 4] = ["CONTAINS", "STRSTARTS", "STRENDS", "LANGMATCHES"];
/// Functions of one number or time that give a number.
const NUMBER_FUNCTIONS: [&str; 15] = [
    "ABS",
    "CEIL",
    "FLOOR",
    "ROUND",
    "STRLEN",
    "YEAR",
    "MONTH",
    "DAY",
    "HOURS",
    "MINUTES",
    "SECONDS",
    "xsd:integer",
    "xsd:decimal",
    "xsd:double",
    "xsd:float",
];
/// Functions of one term that give a string.
const STRING_FUNCTIONS: [&str; 12] = [
    "STR",
    "LANG",
    "UCASE",
    "LCASE",
    "ENCODE_FOR_URI",
    "MD5",
    "SHA1",
    "SHA256",
    "SHA384",
    "SHA512",
    "TZ",
    "xsd:string",
];
/// Regular expressions, one of them broken.
const REGEXES: [&str; 6] = [
    "\"a\"",
    "\"^a\"",
    "\"[0-9]+\"",
    "\"B$\"",
    "\"(\"",
    "\"a.b\"",
];
const FLAGS: [&str; 5] = ["\"\"", "\"i\"", "\"s\"", "\"x\"", "\"q\""];

impl Grammar<'_> {
    /// An expression of any type.
    pub(crate) fn expression(&mut self, depth: u8) -> Tree {
        match self.rng.u8(..10) {
            0..2 => self.condition(depth),
            2..5 => self.number(depth),
            5..7 => self.string(depth),
            7..9 => self.term(depth),
            _ => self.leaf(),
        }
    }

    /// A variable or a constant.
    fn leaf(&mut self) -> Tree {
        let text = match self.rng.u8(..10) {
            0..7 => self.variable(),
            7 => one_of(self.rng, &NODES),
            _ => literal(self.rng),
        };
        made(pieces![text])
    }

    /// An expression that mostly has a truth value.
    pub(crate) fn condition(&mut self, depth: u8) -> Tree {
        if depth == 0 {
            let variable = self.variable();
            return match self.rng.u8(..6) {
                0 => made(pieces![format!("BOUND({variable})")]),
                1 => self.leaf(),
                _ => self.comparison(0),
            };
        }
        let below = depth - 1;
        let parts = match self.rng.u8(..100) {
            0..32 => return self.comparison(below),
            32..42 => pieces!["(", self.condition(below), "&&", self.condition(below), ")"],
            42..52 => pieces!["(", self.condition(below), "||", self.condition(below), ")"],
            52..57 => pieces!["!(", self.condition(below), ")"],
            57..63 => self.membership(below),
            63..67 => {
                let (left, right) = (self.expression(below), self.expression(below));
                pieces!["sameTerm(", left, ",", right, ")"]
            }
            67..73 => {
                let test = one_of(self.rng, &TESTS);
                pieces![format!("{test}("), self.expression(below), ")"]
            }
            73..80 => {
                let test = one_of(self.rng, &STRING_TESTS);
                let (left, right) = (self.string(below), self.string(below));
                pieces![format!("{test}("), left, ",", right, ")"]
            }
            80..84 => {
                let tail = format!(", {})", self.pattern_and_flags());
                pieces!["REGEX(", self.string(below), tail]
            }
            84..88 => self.alternatives(below, Self::condition),
            88..90 => return self.expression(below),
            _ => {
                let not = if self.rng.bool() { "NOT " } else { "" };
                pieces![format!("{not}EXISTS"), self.group(below)]
            }
        };
        made(parts)
    }

    fn comparison(&mut self, depth: u8) -> Tree {
        let operator = one_of(self.rng, &COMPARISONS);
        let sides: fn(&mut Self, u8) -> Tree = match self.rng.u8(..10) {
            0..4 => Self::number,
            4..6 => Self::string,
            6..8 => Self::term,
            _ => Self::expression,
        };
        let (left, right) = (sides(self, depth), sides(self, depth));
        made(pieces!["(", left, operator, right, ")"])
    }

    fn membership(&mut self, depth: u8) -> Vec<Piece> {
        let not = if self.rng.bool() { "NOT IN" } else { "IN" };
        let mut parts = pieces!["(", self.expression(depth), format!("{not} (")];
        for place in 0..self.rng.u8(..4) {
            let comma = if place == 0 { "" } else { "," };
            parts.extend(pieces![comma, self.expression(0)]);
        }
        parts.push("))".into());
        parts
    }

    /// IF or COALESCE of expressions of a type.
    fn alternatives(&mut self, depth: u8, make: fn(&mut Self, u8) -> Tree) -> Vec<Piece> {
        if self.rng.bool() {
            let condition = self.condition(depth);
            let (left, right) = (make(self, depth), make(self, depth));
            return pieces!["IF(", condition, ",", left, ",", right, ")"];
        }
        pieces!["COALESCE(", make(self, depth), ",", make(self, depth), ")"]
    }

    fn number(&mut self, depth: u8) -> Tree {
        if depth == 0 {
            let variable = self.variable();
            let number = one_of(self.rng, &NUMBERS);
            return made(pieces![if self.chance(65) { variable } else { number }]);
        }
        let below = depth - 1;
        let parts = match self.rng.u8(..20) {
            0..3 => return self.number(0),
            3..9 => {
                let operator = one_of(self.rng, &["+", "-", "*", "/"]);
                pieces!["(", self.number(below), operator, self.number(below), ")"]
            }
            9 => pieces!["(-", self.number(below), ")"],
            10 => pieces!["(+", self.number(below), ")"],
            11 => self.alternatives(below, Self::number),
            12 => return self.expression(below),
            _ => {
                let function = one_of(self.rng, &NUMBER_FUNCTIONS);
                let argument = match function {
                    "STRLEN" => self.string(below),
                    "YEAR" | "MONTH" | "DAY" | "HOURS" | "MINUTES" | "SECONDS" => self.time(),
                    "xsd:integer" | "xsd:decimal" | "xsd:double" | "xsd:float" => {
                        self.expression(below)
                    }
                    _ => self.number(below),
                };
                pieces![format!("{function}("), argument, ")"]
            }
        };
        made(parts)
    }

    fn string(&mut self, depth: u8) -> Tree {
        if depth == 0 {
            let variable = self.variable();
            let string = one_of(self.rng, &STRINGS);
            return made(match self.rng.u8(..10) {
                0..4 => pieces![variable],
                4..7 => pieces![format!("STR({variable})")],
                _ => pieces![string],
            });
        }
        let below = depth - 1;
        let parts = match self.rng.u8(..20) {
            0..4 => return self.string(0),
            4..10 => {
                let function = one_of(self.rng, &STRING_FUNCTIONS);
                pieces![format!("{function}("), self.expression(below), ")"]
            }
            10..12 => pieces!["CONCAT(", self.string(below), ",", self.string(below), ")"],
            12..14 => {
                let start = self.number(0);
                let mut parts = pieces!["SUBSTR(", self.string(below), ",", start];
                if self.rng.bool() {
                    parts.extend(pieces![",", self.number(0)]);
                }
                parts.push(")".into());
                parts
            }
            14 => {
                let tail = one_of(
                    self.rng,
                    &["\"\"", "\"x\"", "\"$0$0\"", "\"$1\"", "\"\\\\\""],
                );
                let regex = one_of(self.rng, &REGEXES);
                let tail = format!(", {regex}, {tail})");
                pieces!["REPLACE(", self.string(below), tail]
            }
            15 | 16 => {
                let function = one_of(self.rng, &["STRBEFORE", "STRAFTER"]);
                let (left, right) = (self.string(below), self.string(0));
                pieces![format!("{function}("), left, ",", right, ")"]
            }
            17 => {
                let tag = one_of(self.rng, &["\"en\"", "\"DE\"", "\"\"", "\"no tag\""]);
                pieces!["STRLANG(", self.string(below), format!(", {tag})")]
            }
            18 => self.alternatives(below, Self::string),
            _ => return self.expression(below),
        };
        made(parts)
    }

    fn term(&mut self, depth: u8) -> Tree {
        if depth == 0 {
            return self.leaf();
        }
        let below = depth - 1;
        let parts = match self.rng.u8(..20) {
            0..4 => return self.leaf(),
            4 => {
                let part = one_of(self.rng, &["SUBJECT", "PREDICATE", "OBJECT"]);
                pieces![format!("{part}("), self.expression(below), ")"]
            }
            5 => {
                let predicate = one_of(self.rng, &PREDICATES);
                let (subject, object) = (self.leaf(), self.expression(below));
                pieces!["TRIPLE(", subject, format!(", {predicate},"), object, ")"]
            }
            6..9 => pieces!["IRI(", self.string(below), ")"],
            9..12 => pieces!["DATATYPE(", self.expression(below), ")"],
            12..14 => {
                let datatype = ["xsd:integer", "xsd:string", ":unknown", "xsd:dateTime"];
                let datatype = one_of(self.rng, &datatype);
                pieces!["STRDT(", self.string(below), format!(", {datatype})")]
            }
            14 => pieces!["TIMEZONE(", self.time(), ")"],
            15 => pieces!["xsd:dateTime(", self.expression(below), ")"],
            16 => pieces!["xsd:date(", self.expression(below), ")"],
            17 => {
                let operator = one_of(self.rng, &["+", "-"]);
                pieces!["(", self.time(), operator, self.time(), ")"]
            }
            _ => self.alternatives(below, Self::term),
        };
        made(parts)
    }

    fn time(&mut self) -> Tree {
        let variable = self.variable();
        let time = one_of(self.rng, &TIMES);
        made(pieces![if self.rng.bool() { variable } else { time }])
    }

    fn pattern_and_flags(&mut self) -> String {
        let regex = one_of(self.rng, &REGEXES);
        if self.rng.bool() {
            return regex.to_owned();
        }
        let flags = one_of(self.rng, &FLAGS);
        format!("{regex}, {flags}")
    }
}

fn made(parts: Vec<Piece>) -> Tree {
    Tree::new(Kind::Expression, parts)
}
