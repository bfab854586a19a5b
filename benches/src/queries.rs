//! The query suite: one file a query, in the folder `queries`. In flows the folder, out flow queries with what their
//! heads say of them. Always holds: a head is complete, names are those of the files, and no two are the same.
//!
//! | line of the head | what it says |
//! |---|---|
//! | `# name:` | the name, that of the file |
//! | `# shape:` | the group that it is reported in |
//! | `# shows:` | what it is there for |
//! | `# growth:` | how its time may grow with the data: [`Growth`] |
//! | `# compare:` | how answers are compared: [`Comparison`] |
//! | `# rows:` | how many rows it has in so many quads of seed 1, `N in Q quads, N in Q`: some, and not too many |
//! | `# empty:` | only where it is so: it may find nothing in so many quads or fewer |

use crate::engine::Outcome;
use std::path::{Path, PathBuf};

/// How the time of a query may grow with the data.
#[derive(Clone, PartialEq, Debug)]
pub enum Growth {
    /// Not at all: `constant`.
    Constant,
    /// As its rows: `output`.
    Output,
    /// As the data that it must read, and its rows if these grow faster: `input`.
    Input,
    /// As the bound of Atserias, Grohe and Marx on a cyclic join, `agm P^W …`: the product of the sizes of the predicates
    /// P, each to the power of its weight W in the smallest fractional edge cover.
    Agm(Vec<(String, f64)>),
}

impl Growth {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let growth = match words.next()? {
            "constant" => Self::Constant,
            "output" => Self::Output,
            "input" => Self::Input,
            "agm" => {
                let weighted = |word: &str| {
                    let (predicate, weight) = word.split_once('^')?;
                    Some((predicate.to_owned(), weight.parse().ok()?))
                };
                let cover: Vec<_> = words.by_ref().map(weighted).collect::<Option<_>>()?;
                (!cover.is_empty()).then_some(Self::Agm(cover))?
            }
            _ => return None,
        };
        words.next().is_none().then_some(growth)
    }

    /// The word for it, with the exponent of a bound: `agm 1.5`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Constant => "constant".to_owned(),
            Self::Output => "output".to_owned(),
            Self::Input => "input".to_owned(),
            Self::Agm(cover) => {
                let weights: f64 = cover.iter().map(|(_, weight)| weight).sum();
                format!("agm {weights}")
            }
        }
    }
}

/// How the answers of two engines are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// The same rows, in any order: `rows`.
    Rows,
    /// The same rows in the same order: `ordered`.
    Ordered,
    /// As many rows, whichever: `count`.
    Count,
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "rows" => Some(Self::Rows),
            "ordered" => Some(Self::Ordered),
            "count" => Some(Self::Count),
            _ => None,
        }
    }
}

/// A query of the suite.
#[derive(Clone, PartialEq, Debug)]
pub struct SuiteQuery {
    /// Its name.
    pub name: String,
    /// The group that it is reported in.
    pub shape: String,
    /// What it is there for.
    pub shows: String,
    /// How its time may grow.
    pub growth: Growth,
    /// How its answers are compared.
    pub comparison: Comparison,
    /// How many rows it has: pairs of a number of quads, of seed 1, and the rows in them.
    pub rows: Vec<(u64, u64)>,
    /// In how many quads it may find nothing.
    pub empty_up_to: u64,
    /// The text, head included.
    pub text: String,
}

impl SuiteQuery {
    /// Reads a query and its head.
    ///
    /// # Errors
    /// When a line of the head is missing or says nothing that is known.
    pub fn parse(name: &str, text: &str) -> Outcome<Self> {
        let optional = |key: &str| {
            let beginning = format!("# {key}: ");
            text.lines().find_map(|line| line.strip_prefix(&*beginning))
        };
        let line = |key: &str| optional(key).ok_or_else(|| format!("{name}: no line # {key}:"));
        let unknown = |key: &str| format!("{name}: what stands at # {key}: is not known");
        if line("name")? != name {
            return Err(unknown("name").into());
        }
        let empty = optional("empty").map(str::parse).transpose();
        Ok(Self {
            name: name.to_owned(),
            shape: line("shape")?.to_owned(),
            shows: line("shows")?.to_owned(),
            growth: Growth::parse(line("growth")?).ok_or_else(|| unknown("growth"))?,
            comparison: Comparison::parse(line("compare")?).ok_or_else(|| unknown("compare"))?,
            rows: parse_rows(line("rows")?).ok_or_else(|| unknown("rows"))?,
            empty_up_to: empty.map_err(|_| unknown("empty"))?.unwrap_or(0),
            text: text.to_owned(),
        })
    }
}

fn parse_rows(text: &str) -> Option<Vec<(u64, u64)>> {
    let pair = |part: &str| {
        let (rows, quads) = part.trim().split_once(" in ")?;
        let quads = quads.strip_suffix(" quads").unwrap_or(quads);
        Some((quads.parse().ok()?, rows.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

/// The folder of the suite in the source tree.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")
}

/// Reads all queries of a folder, by shape and name; with names given, only those and those of the shapes given.
///
/// # Errors
/// When a file cannot be read, a head is not complete, or a name is that of no query and no shape.
pub fn read(folder: &Path, only: &[String]) -> Outcome<Vec<SuiteQuery>> {
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rq") {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            let name = name.ok_or("a query whose name is no text")?;
            queries.push(SuiteQuery::parse(name, &std::fs::read_to_string(&path)?)?);
        }
    }
    let named = |query: &SuiteQuery, word: &String| query.name == *word || query.shape == *word;
    if let Some(word) = only
        .iter()
        .find(|word| !queries.iter().any(|query| named(query, word)))
    {
        return Err(format!("no query and no shape {word} in {}", folder.display()).into());
    }
    queries.retain(|query| only.is_empty() || only.iter().any(|word| named(query, word)));
    queries.sort_by(|left, right| (&left.shape, &left.name).cmp(&(&right.shape, &right.name)));
    Ok(queries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# name: a\n# shape: cycle\n# shows: x\n# growth: agm follows^1.5\n# compare: rows\n\
        # rows: 1 in 20 quads, 7 in 100\nASK {}\n";

    #[test]
    fn a_head_is_read() {
        let query = SuiteQuery::parse("a", HEAD).expect("the head is complete");
        assert_eq!(query.growth, Growth::Agm(vec![("follows".to_owned(), 1.5)]));
        assert_eq!(query.growth.shown(), "agm 1.5");
        assert_eq!(query.comparison, Comparison::Rows);
        assert_eq!(query.rows, [(20, 1), (100, 7)]);
        assert_eq!(query.empty_up_to, 0);
    }

    #[test]
    fn an_incomplete_head_is_an_error() {
        assert!(SuiteQuery::parse("b", HEAD).is_err());
        for (line, other) in [
            ("# shape: cycle\n", ""),
            ("agm follows^1.5", "agm"),
            ("agm follows^1.5", "output twice"),
            ("compare: rows", "compare: columns"),
            ("# compare", "# empty: none\n# compare"),
            ("1 in 20", "1 of 20"),
        ] {
            let text = HEAD.replace(line, other);
            assert_ne!(text, HEAD);
            assert!(SuiteQuery::parse("a", &text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_suite_is_complete_and_can_be_narrowed() {
        let all = read(&folder(), &[]).expect("the suite is read");
        assert!(all.len() >= 40);
        let only = ["cycle".to_owned(), "point-ask".to_owned()];
        let some = read(&folder(), &only).expect("both are there");
        assert!(some.len() > 2 && some.len() < all.len());
        assert!(
            some.iter()
                .all(|query| query.shape == "cycle" || query.name == "point-ask")
        );
        assert!(read(&folder(), &["triangles".to_owned()]).is_err());
    }
}
