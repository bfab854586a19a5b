//! What the text of a query shows before it is parsed: how deep it nests, and in which order its variables come.
//!
//! What flows in: query text. What flows out: an [`Outline`]. What always holds: comments, strings and IRIs count for
//! nothing; the counts are upper bounds of the depth of the parse and of the algebra, which are walked by recursion.

use std::collections::HashSet;

/// What a glance at the text tells.
#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// How deep brackets nest.
    pub(crate) nesting: usize,
    /// How many parts are chained by operators and separators, each of which may deepen the algebra by one.
    pub(crate) chained: usize,
    /// The names of the variables, by first appearance.
    pub(crate) variables: Vec<String>,
    /// Whether the first `SELECT` is a `SELECT *`.
    pub(crate) selects_all: bool,
}

impl Outline {
    /// Reads the outline of a text, whether or not it is a query.
    pub(crate) fn of(text: &str) -> Self {
        let mut reader = Reader {
            rest: text,
            outline: Self::default(),
            known: HashSet::new(),
            brackets: Vec::new(),
            select: Select::Awaited,
            values: None,
        };
        while reader.step() {}
        reader.outline
    }
}

/// How far the search for `SELECT *` has come.
#[derive(PartialEq)]
enum Select {
    Awaited,
    Begun,
    Over,
}

struct Reader<'a> {
    rest: &'a str,
    outline: Outline,
    known: HashSet<&'a str>,
    brackets: Vec<char>,
    select: Select,
    /// The number of brackets open outside a running `VALUES` block, whose rows are data and nest nothing.
    values: Option<usize>,
}

impl<'a> Reader<'a> {
    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        let length = match first {
            '#' => self.rest.find('\n').unwrap_or(self.rest.len()),
            '<' => iri_length(self.rest).unwrap_or(1),
            '"' | '\'' => string_length(self.rest, first),
            '?' | '$' => self.variable(),
            _ if first.is_alphabetic() => self.word(),
            _ => {
                self.sign(first);
                first.len_utf8()
            }
        };
        self.rest = &self.rest[length..];
        true
    }

    fn variable(&mut self) -> usize {
        let rest: &'a str = self.rest;
        let name = name_at(&rest[1..]);
        if !name.is_empty() && self.known.insert(name) {
            self.outline.variables.push(name.to_owned());
        }
        self.end_select();
        1 + name.len()
    }

    fn word(&mut self) -> usize {
        let word = name_at(self.rest);
        let is_prefix = self.rest[word.len()..].starts_with(':');
        if is_prefix {
            self.end_select();
        } else if word.eq_ignore_ascii_case("VALUES") {
            self.values = Some(self.brackets.len());
        } else if word.eq_ignore_ascii_case("SELECT") && self.select == Select::Awaited {
            self.select = Select::Begun;
        } else if !["DISTINCT", "REDUCED"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name))
        {
            self.end_select();
        }
        word.len()
    }

    fn sign(&mut self, sign: char) {
        if self.select == Select::Begun && !sign.is_whitespace() {
            self.outline.selects_all = sign == '*';
            self.select = Select::Over;
        }
        let in_values = self.values.is_some();
        match sign {
            '(' | '[' | '{' => {
                self.brackets.push(sign);
                self.outline.nesting = self.outline.nesting.max(self.brackets.len());
                self.outline.chained += usize::from(!in_values);
            }
            ')' | ']' | '}' => {
                self.brackets.pop();
                if sign == '}' && self.values == Some(self.brackets.len()) {
                    self.values = None;
                }
            }
            // Within parentheses a comma lists arguments, which lie side by side.
            ',' => {
                let chains = self.brackets.last() != Some(&'(');
                self.outline.chained += usize::from(chains);
            }
            '|' | '&' | '!' | '+' | '-' | '*' | '/' | '^' | '.' | ';' if !in_values => {
                self.outline.chained += 1;
            }
            _ => {}
        }
    }

    fn end_select(&mut self) {
        if self.select == Select::Begun {
            self.select = Select::Over;
        }
    }
}

/// The letters, digits and underscores that a text begins with.
fn name_at(text: &str) -> &str {
    let end = text
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(text.len());
    &text[..end]
}

/// The length of the IRI that a text begins with, if it does: `<` may also be a comparison or open a triple term.
fn iri_length(text: &str) -> Option<usize> {
    let ends = |character: char| character <= ' ' || "<>\"{}|^`".contains(character);
    let end = text[1..].find(ends)?;
    text[1 + end..].starts_with('>').then_some(end + 2)
}

/// The length of the string that a text begins with; one that never ends goes to the end of the text.
fn string_length(text: &str, quote: char) -> usize {
    let long: String = std::iter::repeat_n(quote, 3).collect();
    let delimiter = if text.starts_with(&long) { 3 } else { 1 };
    let mut at = delimiter;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(&long[..delimiter]) {
            return at + delimiter;
        }
        let mut characters = rest.chars();
        let escaped = characters.next() == Some('\\');
        at += rest.len() - characters.as_str().len();
        if escaped {
            at += characters.next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::Outline;

    fn variables(text: &str) -> String {
        Outline::of(text).variables.join(" ")
    }

    #[test]
    fn variables_come_in_order_and_once() {
        assert_eq!(variables("SELECT * { ?s ?p ?o . $o ?p ?s2 }"), "s p o s2");
        assert_eq!(
            variables("ASK { <?no> ?yes '?no' \"\"\"?no \\\"?no\"\"\" # ?no\n ?x }"),
            "yes x"
        );
        assert_eq!(
            variables("ASK { FILTER(?x < ?y && ?y > ?z) ?a :p? ?b }"),
            "x y z a b"
        );
        assert_eq!(variables("ASK { ?été ?p 'never ends ?no"), "été p");
    }

    #[test]
    fn the_first_select_tells_whether_all_is_selected() {
        for text in [
            "SELECT * {}",
            "PREFIX select: <a:b> #\n select distinct * {}",
            "SELECT* {}",
        ] {
            assert!(Outline::of(text).selects_all, "{text}");
        }
        for text in [
            "SELECT ?x { SELECT * {} }",
            "SELECT (COUNT(*) AS ?n) {}",
            "ASK {}",
            "",
            "SELECT",
        ] {
            assert!(!Outline::of(text).selects_all, "{text}");
        }
    }

    #[test]
    fn data_and_arguments_do_not_count_as_depth() {
        let rows = "(1.5 -2)".repeat(1000);
        let outline = Outline::of(&format!(
            "SELECT * {{ VALUES (?a ?b) {{ {rows} }} ?a ?b ?c . }}"
        ));
        assert!(outline.chained < 10 && outline.nesting == 3, "{outline:?}");
        let arguments = "1, ".repeat(1000);
        let outline = Outline::of(&format!("ASK {{ FILTER(?x IN ({arguments} 2)) }}"));
        assert!(outline.chained < 10, "{outline:?}");
        let outline = Outline::of(&"(".repeat(500));
        assert_eq!((outline.nesting, outline.chained), (500, 500));
        assert!(Outline::of(&"?s ?p ?o .".repeat(500)).chained == 500);
    }
}
