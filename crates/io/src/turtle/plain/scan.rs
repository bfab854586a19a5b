//! The tokens of plain statements of Turtle and TriG: where they end.
//!
//! What flows in: text and the place where a token begins. What flows out: the place behind it, or nothing when it is not
//! of the plainest form. What always holds: oxttl's lexer ends a token that begins there at the same place, or finds it
//! wrong; of what is inside IRIs and strings nothing is said.

use memchr::{memchr, memchr2};
use std::ops::Range;

/// IRIs that are longer are left to the parser. It bounds the search where many are not closed.
const IRI_BYTES_MAX: usize = 4096;

/// The bytes of keywords, of prefixes and, with colons, of local names.
const IN_NAME: [bool; 256] = {
    let mut is_in_name = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        is_in_name[byte] =
            (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'-' | b'.');
        byte += 1;
    }
    is_in_name
};

/// Passes white space and comments.
#[inline]
pub(super) fn skip(text: &[u8], mut at: usize) -> usize {
    loop {
        match text.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'#') => {
                let length = memchr2(b'\n', b'\r', &text[at..]);
                at = length.map_or(text.len(), |length| at + length);
            }
            _ => return at,
        }
    }
}

/// The end of a subject or of the label of a graph.
#[inline]
pub(super) fn node_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'<' => iri_end(text, at),
        b'_' => blank_node_end(text, at),
        b':' => local_end(text, at + 1),
        byte if byte.is_ascii_alphabetic() => match word_end(text, at)? {
            Word::Prefix(end) => local_end(text, end),
            Word::Keyword(_) => None,
        },
        _ => None,
    }
}

/// The end of a predicate.
#[inline]
pub(super) fn verb_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'_' => None,
        b'a' => match word_end(text, at)? {
            Word::Prefix(end) => local_end(text, end),
            Word::Keyword(end) => (end == at + 1).then_some(end),
        },
        _ => node_end(text, at),
    }
}

/// The end of an object.
#[inline]
pub(super) fn object_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' | b'\'' => literal_end(text, at),
        b'0'..=b'9' | b'+' | b'-' | b'.' => number_end(text, at),
        b't' | b'f' => match word_end(text, at)? {
            Word::Prefix(end) => local_end(text, end),
            Word::Keyword(end) => matches!(&text[at..end], b"true" | b"false").then_some(end),
        },
        _ => node_end(text, at),
    }
}

/// The end of the keyword that a named graph may begin with, in any case.
pub(super) fn graph_keyword_end(text: &[u8], at: usize) -> Option<usize> {
    match word_end(text, at)? {
        Word::Keyword(end) => text[at..end].eq_ignore_ascii_case(b"graph").then_some(end),
        Word::Prefix(_) => None,
    }
}

/// What is inside a string, and the place behind its quotation marks.
pub(super) fn string(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let quote = *text.get(at)?;
    if text.get(at + 1)? != &quote {
        let end = content_end(text, at + 1, quote)?;
        return Some((at + 1..end, end + 1));
    }
    if text.get(at + 2) != Some(&quote) {
        return Some((at + 1..at + 1, at + 2));
    }
    let mut end = at + 3;
    loop {
        end = content_end(text, end, quote)?;
        if text.get(end + 1)? == &quote && text.get(end + 2)? == &quote {
            return Some((at + 3..end, end + 3));
        }
        end += 1;
    }
}

/// The next quotation mark without a backslash before it.
fn content_end(text: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += memchr2(quote, b'\\', text.get(at..)?)?;
        if text[at] == quote {
            return Some(at);
        }
        at += 2;
    }
}

#[inline]
fn iri_end(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at + 1..)?;
    let near = &rest[..rest.len().min(IRI_BYTES_MAX)];
    if near.first() == Some(&b'<') {
        return None;
    }
    Some(at + 2 + memchr(b'>', near)?)
}

/// What letters may begin, with the place behind it.
enum Word {
    /// With its colon.
    Prefix(usize),
    Keyword(usize),
}

#[inline]
fn word_end(text: &[u8], at: usize) -> Option<Word> {
    let mut end = names_end(text, at);
    match text.get(end) {
        Some(b':') => (!text[at..end].ends_with(b".")).then_some(Word::Prefix(end + 1)),
        Some(byte) if !byte.is_ascii() => None,
        _ => {
            while text[at..end].ends_with(b".") {
                end -= 1;
            }
            Some(Word::Keyword(end))
        }
    }
}

/// The place behind the bytes that names are made of.
#[inline]
fn names_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| IN_NAME[usize::from(*byte)]) {
        at += 1;
    }
    at
}

/// The end of a local name, which may be empty.
#[inline]
fn local_end(text: &[u8], at: usize) -> Option<usize> {
    if let Some(b'-' | b'.') = text.get(at) {
        return Some(at);
    }
    let mut end = at;
    loop {
        end = names_end(text, end);
        end = match text.get(end) {
            Some(b':') => end + 1,
            Some(b'%') => {
                let digits = text.get(end + 1..end + 3)?;
                digits
                    .iter()
                    .all(u8::is_ascii_hexdigit)
                    .then_some(end + 3)?
            }
            Some(b'\\') => return None,
            Some(byte) if !byte.is_ascii() => return None,
            _ => break,
        };
    }
    // Dots at the end are none of its.
    while text[at..end].ends_with(b".") {
        end -= 1;
    }
    Some(end)
}

fn blank_node_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at + 1)? != &b':' || matches!(text.get(at + 2)?, b'-' | b'.') {
        return None;
    }
    let mut end = names_end(text, at + 2);
    if text.get(end).is_some_and(|byte| !byte.is_ascii()) {
        return None;
    }
    while text[at + 2..end].ends_with(b".") {
        end -= 1;
    }
    (end > at + 2).then_some(end)
}

fn literal_end(text: &[u8], at: usize) -> Option<usize> {
    let (_, end) = string(text, at)?;
    match text.get(end)? {
        b'@' => {
            let in_tag = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
            Some(end + 1 + text[end + 1..].iter().take_while(in_tag).count())
        }
        b'^' => match text.get(end + 1..end + 3)? {
            [b'^', b'_'] => None,
            [b'^', _] => node_end(text, end + 2),
            _ => None,
        },
        _ => Some(end),
    }
}

fn number_end(text: &[u8], at: usize) -> Option<usize> {
    let digits_end = |at: usize| {
        let digits = text.get(at..).unwrap_or_default().iter();
        at + digits.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let is_sign = |at: usize| matches!(text.get(at), Some(b'+' | b'-'));
    let whole = at + usize::from(is_sign(at));
    let mut end = digits_end(whole);
    let mut is_empty = end == whole;
    let mut is_dotted = false;
    if text.get(end) == Some(&b'.') {
        let fraction = end + 1;
        let fraction_end = digits_end(fraction);
        is_empty &= fraction_end == fraction;
        is_dotted = fraction_end == fraction;
        end = fraction_end;
    }
    if is_empty {
        return None;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let exponent = end + 1 + usize::from(is_sign(end + 1));
        let exponent_end = digits_end(exponent);
        return (exponent_end > exponent).then_some(exponent_end);
    }
    // A dot without a digit behind it is none of an integer.
    Some(end - usize::from(is_dotted))
}
