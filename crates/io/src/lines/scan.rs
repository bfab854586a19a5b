//! The tokens of an ordinary statement of N-Triples and N-Quads, found without a look at what is in them.
//!
//! What flows in: text and the start of a line. What flows out: the bytes of its terms and where the next line begins, or
//! nothing when the line is not of the plainest form. What always holds: a statement that is found here is one in the
//! grammar if each of its terms is, and then its terms are those that the grammar says; nothing is said of their inside,
//! not even that no line ends in it.
//!
//! RDF 1.1 N-Quads, section 4, of which this is the part that programs write: no comment behind a statement, no character
//! beyond ASCII in blank node labels, no escape in them.

use memchr::{memchr, memchr2};

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Subject, predicate, object and graph, the last empty in the default graph.
    Statement([&'a [u8]; 4]),
    /// White space alone.
    Blank,
}

/// The line at `start` and where the next one begins; `None` when a parser of the whole grammar is to look at it.
#[inline]
pub(super) fn scan(text: &[u8], start: usize, with_graph: bool) -> Option<(Line<'_>, usize)> {
    let subject = skip_space(text, start);
    if let Some(next) = line_end(text, subject) {
        return Some((Line::Blank, next));
    }
    let subject_end = node_end(text, subject)?;
    let predicate = skip_space(text, subject_end);
    let predicate_end = iri_end(text, predicate)?;
    let object = skip_space(text, predicate_end);
    let object_end = object_end(text, object)?;
    let graph = skip_space(text, object_end);
    let graph_end = match text.get(graph)? {
        b'.' => graph,
        _ if with_graph => node_end(text, graph)?,
        _ => return None,
    };
    let point = skip_space(text, graph_end);
    if *text.get(point)? != b'.' {
        return None;
    }
    let next = line_end(text, skip_space(text, point + 1))?;
    let terms = [
        &text[subject..subject_end],
        &text[predicate..predicate_end],
        &text[object..object_end],
        &text[graph..graph_end],
    ];
    Some((Line::Statement(terms), next))
}

#[inline]
fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Where the next line begins, if a line ends here: at `\n`, `\r` or both together. The end of the text ends a line too.
#[inline]
fn line_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at) {
        None => Some(at),
        Some(b'\n') => Some(at + 1),
        Some(b'\r') => Some(at + 1 + usize::from(text.get(at + 1) == Some(&b'\n'))),
        Some(_) => None,
    }
}

/// Where the line after the next line end begins; the end of the text, if there is none.
pub(super) fn next_line(text: &[u8], start: usize) -> usize {
    let end = memchr2(b'\n', b'\r', &text[start..]).map(|at| start + at);
    end.and_then(|end| line_end(text, end))
        .unwrap_or(text.len())
}

/// IRIs that are longer are left to the parser. It bounds the search where many are not closed.
const IRI_BYTES_MAX: usize = 4096;

#[inline]
fn iri_end(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix(b"<")?;
    let near = &rest[..rest.len().min(IRI_BYTES_MAX)];
    Some(at + 2 + memchr(b'>', near)?)
}

#[inline]
fn node_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'<' => iri_end(text, at),
        b'_' => blank_node_end(text, at),
        _ => None,
    }
}

fn blank_node_end(text: &[u8], at: usize) -> Option<usize> {
    let label = text.get(at..)?.strip_prefix(b"_:")?;
    let in_label = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = label.iter().take_while(|byte| in_label(byte)).count();
    let first = label.first().filter(|byte| !matches!(byte, b'-' | b'.'))?;
    let is_plain =
        in_label(first) && label[length - 1] != b'.' && label.get(length).is_none_or(u8::is_ascii);
    is_plain.then_some(at + 2 + length)
}

#[inline]
fn object_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => literal_end(text, at),
        _ => node_end(text, at),
    }
}

fn literal_end(text: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        if text[end] == b'"' {
            break;
        }
        end += 2;
    }
    end += 1;
    match text.get(end)? {
        b'@' => {
            let in_tag = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
            Some(end + 1 + text[end + 1..].iter().take_while(in_tag).count())
        }
        b'^' if text.get(end + 1) == Some(&b'^') => iri_end(text, end + 2),
        b'^' => None,
        // Between a string and what belongs to it there may be space, though nobody writes it.
        b' ' | b'\t' if matches!(text.get(skip_space(text, end)), Some(b'@' | b'^')) => None,
        _ => Some(end),
    }
}
