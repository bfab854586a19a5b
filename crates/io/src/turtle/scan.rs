//! Finds the ends of statements, by jumping from one byte that matters to the next.
//!
//! What flows in: text, as much as has been read of it. What flows out: places to cut it at. What always holds: a cut
//! stands behind a line end. It is a good guess and no more: whoever cuts there looks whether it was right. So only
//! what is usual needs to be known here, and anything else ends the scan. The same holds of the ends of single statements,
//! behind which no line needs to end.

use super::{Scope, TurtleFormat};
use memchr::{memchr, memchr2, memchr3};

/// Behind this many triple terms a chunk ends early: a parser refuses many at once, as they might be nested.
const TRIPLE_TERMS_ENOUGH: usize = 1_000;

/// With more prefixes, parsers would spend more time on them than on the statements of a chunk.
const PREFIXES_MAX: usize = 4_096;

/// What a scan came to.
#[derive(Debug)]
pub(super) enum Scanned {
    /// A place to cut at, and what is in force there.
    Cut(usize, Scope),
    /// The end of what has been read.
    End,
    /// Something that is not known here.
    Lost,
}

/// Why a token has no end.
enum Stop {
    End,
    Lost,
}

/// A scan of a text that is cut again and again.
pub(super) struct Scanner {
    format: TurtleFormat,
    /// The base and the prefixes.
    scope: Scope,
    /// The text before the `{` of the graph block that is open.
    label: Option<Vec<u8>>,
    /// Whether that block was found to have a name that cannot be said once more.
    is_nameless: bool,
    /// How far the scan has come.
    at: usize,
    /// Where the statement begins that it is in.
    statement: Option<usize>,
    triple_terms: usize,
}

/// The bytes that may end a statement, or begin what may hold them with another meaning.
const MATTERS: [bool; 256] = {
    let mut matters = [false; 256];
    let bytes = b"\"'<#.\\{}|";
    let mut index = 0;
    while index < bytes.len() {
        matters[bytes[index] as usize] = true;
        index += 1;
    }
    matters
};

impl Scanner {
    pub(super) fn new(format: TurtleFormat, scope: Scope) -> Self {
        Self {
            format,
            scope,
            label: None,
            is_nameless: false,
            at: 0,
            statement: None,
            triple_terms: 0,
        }
    }

    /// Goes on in a text, to the first place behind this many bytes at which it can be cut. Behind a cut, it is called
    /// with the text that begins there.
    pub(super) fn scan(&mut self, text: &[u8], chunk_bytes: usize) -> Scanned {
        loop {
            let step = match self.statement {
                Some(start) => self.statement(text, start),
                None => self.between(text),
            };
            match step {
                Ok(false) => {}
                Ok(true) if self.at < chunk_bytes && self.triple_terms < TRIPLE_TERMS_ENOUGH => {}
                Ok(true) => {
                    if let Some(scope) = self.scope_here() {
                        let cut = std::mem::take(&mut self.at);
                        self.triple_terms = 0;
                        return Scanned::Cut(cut, scope);
                    }
                }
                Err(Stop::End) => return Scanned::End,
                Err(Stop::Lost) => return Scanned::Lost,
            }
        }
    }

    /// What is in force between two statements, if it can be told.
    fn scope_here(&mut self) -> Option<Scope> {
        let Some(label) = &self.label else {
            return Some(self.scope.clone());
        };
        if self.is_nameless {
            return None;
        }
        let scope = self.scope.in_graph(label);
        self.is_nameless = scope.is_none();
        scope
    }

    /// Passes what stands between two statements; true behind a line end.
    fn between(&mut self, text: &[u8]) -> Result<bool, Stop> {
        let at = self.at;
        match *text.get(at).ok_or(Stop::End)? {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\n' => {
                self.at += 1;
                return Ok(true);
            }
            b'#' => self.at = comment_end(text, at)?,
            b'}' => {
                self.label.take().ok_or(Stop::Lost)?;
                self.at += 1;
            }
            b'@' if self.label.is_none() => {
                let end = declared_end(text, at + 1)?;
                self.declare(text, at, dot_end(text, end)?)?;
            }
            b'b' | b'B' | b'p' | b'P' | b'v' | b'V'
                if self.label.is_none() && is_directive(text, at)? =>
            {
                self.declare(text, at, declared_end(text, at)?)?;
            }
            _ => self.statement = Some(at),
        }
        Ok(false)
    }

    fn declare(&mut self, text: &[u8], start: usize, end: usize) -> Result<(), Stop> {
        self.scope.declare(&text[start..end]).ok_or(Stop::Lost)?;
        self.at = end;
        if self.scope.prefixes().len() > PREFIXES_MAX {
            return Err(Stop::Lost);
        }
        Ok(())
    }

    /// Passes the rest of a statement, or what opens or closes a graph block.
    fn statement(&mut self, text: &[u8], start: usize) -> Result<bool, Stop> {
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            let Some(passed) = rest.iter().position(|byte| MATTERS[usize::from(*byte)]) else {
                self.at = text.len().max(self.at);
                return Err(Stop::End);
            };
            self.at += passed;
            let at = self.at;
            let next = text.get(at + 1).copied();
            self.at = match text[at] {
                b'"' | b'\'' => string_end(text, at)?,
                b'<' => match next.ok_or(Stop::End)? {
                    b'<' => {
                        let third = text.get(at + 2).ok_or(Stop::End)?;
                        self.triple_terms += usize::from(*third == b'(');
                        at + 2
                    }
                    _ => past(memchr(b'>', &text[at..]), at)?,
                },
                b'#' => comment_end(text, at)?,
                b'\\' => at + 2,
                b'|' if next.ok_or(Stop::End)? == b'}' => at + 2,
                b'{' if next.ok_or(Stop::End)? == b'|' => at + 2,
                // Any other dot that ends a statement does so without a place to cut behind it.
                b'.' if is_space(next.ok_or(Stop::End)?) => {
                    self.statement = None;
                    self.at += 1;
                    return Ok(false);
                }
                b'.' | b'|' => at + 1,
                brace => {
                    self.brace(brace, &text[start..at])?;
                    self.statement = None;
                    self.at += 1;
                    return Ok(false);
                }
            };
        }
    }

    /// Opens or closes a graph block.
    fn brace(&mut self, brace: u8, before: &[u8]) -> Result<(), Stop> {
        let opens = brace == b'{';
        if opens != self.label.is_none() || !self.format.has_graphs() {
            return Err(Stop::Lost);
        }
        self.label = opens.then(|| before.to_vec());
        self.is_nameless = false;
        Ok(())
    }
}

/// Where a statement may end whose start is the next that is no white space: behind its dot, or behind a directive that
/// needs none. `None`, if something else comes first.
pub(super) fn statement_end(text: &[u8], start: usize) -> Option<usize> {
    let passed = text
        .get(start..)?
        .iter()
        .position(|byte| !is_space(*byte))?;
    let first = start + passed;
    if text[first].is_ascii_alphabetic() && is_directive(text, first).ok()? {
        return declared_end(text, first).ok();
    }
    let mut scanner = Scanner::new(TurtleFormat::Turtle, Scope::default());
    scanner.at = start;
    scanner.statement(text, start).ok()?;
    Some(scanner.at)
}

/// The place behind a byte that was looked for from another place on.
fn past(found: Option<usize>, from: usize) -> Result<usize, Stop> {
    found.map(|found| from + found + 1).ok_or(Stop::End)
}

/// Whether a dot before this byte is a token of its own, whatever is before it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'#')
}

/// Where the line ends that a comment is in.
fn comment_end(text: &[u8], start: usize) -> Result<usize, Stop> {
    memchr2(b'\n', b'\r', &text[start..])
        .map(|length| start + length)
        .ok_or(Stop::End)
}

fn string_end(text: &[u8], start: usize) -> Result<usize, Stop> {
    let quote = text[start];
    let is_long = text.get(start + 1).ok_or(Stop::End)? == &quote
        && text.get(start + 2).ok_or(Stop::End)? == &quote;
    let mut at = start + if is_long { 3 } else { 1 };
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let found = if is_long {
            memchr2(quote, b'\\', rest)
        } else {
            memchr3(quote, b'\\', b'\n', rest)
        };
        at += found.ok_or(Stop::End)?;
        match text[at] {
            b'\\' => at += 2,
            b'\n' => return Err(Stop::Lost),
            _ if !is_long => return Ok(at + 1),
            _ => {
                let second = text.get(at + 1).ok_or(Stop::End)?;
                let third = text.get(at + 2).ok_or(Stop::End)?;
                if *second == quote && *third == quote {
                    return Ok(at + 3);
                }
                at += 1;
            }
        }
    }
}

/// Whether a word is one of those that begin a directive, in any case.
fn is_directive(text: &[u8], start: usize) -> Result<bool, Stop> {
    let word = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let next = *text.get(start + word).ok_or(Stop::End)?;
    let word = &text[start..start + word];
    let is_whole = is_space(next) || matches!(next, b'<' | b'"' | b'\'');
    let names = [&b"base"[..], b"prefix", b"version"];
    Ok(is_whole && names.iter().any(|name| name.eq_ignore_ascii_case(word)))
}

/// Where the IRI or the string of a directive ends.
fn declared_end(text: &[u8], start: usize) -> Result<usize, Stop> {
    let mut at = start;
    loop {
        match *text.get(at).ok_or(Stop::End)? {
            b'<' => return past(memchr(b'>', &text[at..]), at),
            b'"' | b'\'' => return string_end(text, at),
            b'#' => at = comment_end(text, at)?,
            _ => at += 1,
        }
    }
}

/// The place behind the dot that is next.
fn dot_end(text: &[u8], start: usize) -> Result<usize, Stop> {
    let mut at = start;
    loop {
        match *text.get(at).ok_or(Stop::End)? {
            b'.' => return Ok(at + 1),
            b'#' => at = comment_end(text, at)?,
            byte if is_space(byte) => at += 1,
            _ => return Err(Stop::Lost),
        }
    }
}
