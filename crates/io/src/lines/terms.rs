//! From the bytes of a token to a term of a batch: checked once, and then known by its bytes.
//!
//! What flows in: tokens of one chunk of text. What flows out: their terms in the batch, or nothing when the token is not
//! one, or of a form that is left to the parser of the whole grammar. What always holds: what is accepted is what oxttl
//! accepts, and means the same; tests with random lines compare them.

use memchr::memchr2;
use oxilangtag::LanguageTag;
use oxiri::Iri;
use oxrdf::vocab::rdf;
use oxrdf::{LiteralRef, NamedNodeRef};
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};
use std::ops::Range;
use std::str;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A token that came before, and its term.
struct Known {
    hash: u64,
    token: Range<usize>,
    term: BatchTerm,
}

/// The terms of a chunk by their tokens.
pub(super) struct Terms {
    table: hashbrown::HashTable<Known>,
    /// The hashes of its tokens, in the order of the text.
    order: Vec<u64>,
    /// The seed of the table's hashes: nobody can write tokens that all meet in it.
    seed: u64,
    blank_nodes: BlankNodes,
    /// The token that came last in each position: it often comes again.
    last: [Option<(Range<usize>, BatchTerm)>; 4],
    /// A datatype that is a valid IRI, between its brackets: few come.
    datatype: Vec<u8>,
    text: String,
    language: String,
}

impl Terms {
    pub(super) fn new(blank_nodes: BlankNodes, seed: u64) -> Self {
        Self {
            table: hashbrown::HashTable::new(),
            order: Vec::new(),
            seed,
            blank_nodes,
            last: [const { None }; 4],
            datatype: Vec::new(),
            text: String::new(),
            language: String::new(),
        }
    }

    /// Forgets the tokens, whose text goes away.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.order.clear();
        self.last = [const { None }; 4];
    }

    /// Forgets the tokens from a place of the text on, whose terms the batch is to forget too.
    pub(super) fn forget_from(&mut self, start: usize) {
        while let Some(&hash) = self.order.last() {
            let is_late = |known: &Known| known.hash == hash && known.token.start >= start;
            let Ok(entry) = self.table.find_entry(hash, is_late) else {
                break;
            };
            entry.remove();
            self.order.pop();
        }
        for last in &mut self.last {
            last.take_if(|(token, _)| token.start >= start);
        }
    }

    /// The term of a token of `text`, in one of the four positions of a quad.
    ///
    /// # Errors
    /// When the batch is full.
    #[inline]
    pub(super) fn term(
        &mut self,
        batch: &mut QuadBatch,
        text: &[u8],
        token: &[u8],
        position: usize,
    ) -> StorageResult<Option<BatchTerm>> {
        if let Some((last, term)) = &self.last[position]
            && text[last.clone()] == *token
        {
            return Ok(Some(*term));
        }
        let hash = xxh3_64_with_seed(token, self.seed);
        let same = |known: &Known| known.hash == hash && text[known.token.clone()] == *token;
        let (range, term) = match self.table.find(hash, same) {
            Some(known) => (known.token.clone(), known.term),
            None => {
                let Some(term) = self.new_term(batch, token)? else {
                    return Ok(None);
                };
                let start = token.as_ptr().addr() - text.as_ptr().addr();
                let range = start..start + token.len();
                let known = Known {
                    hash,
                    token: range.clone(),
                    term,
                };
                self.table.insert_unique(hash, known, |known| known.hash);
                self.order.push(hash);
                (range, term)
            }
        };
        self.last[position] = Some((range, term));
        Ok(Some(term))
    }

    fn new_term(
        &mut self,
        batch: &mut QuadBatch,
        token: &[u8],
    ) -> StorageResult<Option<BatchTerm>> {
        match token {
            [b'<', iri @ .., b'>'] => match valid_iri(iri) {
                Some(iri) => batch
                    .term(NamedNodeRef::new_unchecked(iri).into())
                    .map(Some),
                None => Ok(None),
            },
            [b'_', b':', label @ ..] => match str::from_utf8(label) {
                Ok(label) => batch.blank_node(label, self.blank_nodes).map(Some),
                Err(_) => Ok(None),
            },
            [b'"', rest @ ..] => self.literal(batch, rest),
            _ => Ok(None),
        }
    }

    /// The literal of a token without its first quotation mark.
    fn literal(&mut self, batch: &mut QuadBatch, token: &[u8]) -> StorageResult<Option<BatchTerm>> {
        let (value, suffix) = match memchr2(b'"', b'\\', token) {
            Some(end) if token[end] == b'"' => {
                (str::from_utf8(&token[..end]).ok(), &token[end + 1..])
            }
            _ => match unescape(token, &mut self.text) {
                Some(suffix) => (Some(self.text.as_str()), suffix),
                None => (None, &token[..0]),
            },
        };
        let Some(value) = value else {
            return Ok(None);
        };
        if memchr2(b'\n', b'\r', &token[..token.len() - suffix.len()]).is_some() {
            return Ok(None);
        }
        let literal = match suffix {
            [] => LiteralRef::new_simple_literal(value),
            [b'@', tag @ ..] => match valid_language(tag, &mut self.language) {
                Some(language) => {
                    LiteralRef::new_language_tagged_literal_unchecked(value, language)
                }
                None => return Ok(None),
            },
            [b'^', b'^', b'<', iri @ .., b'>'] => match valid_datatype(iri, &mut self.datatype) {
                Some(datatype) => LiteralRef::new_typed_literal(value, datatype),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        batch.term(literal.into()).map(Some)
    }
}

fn valid_iri(iri: &[u8]) -> Option<&str> {
    let iri = str::from_utf8(iri).ok()?;
    Iri::parse(iri).ok().map(Iri::into_inner)
}

fn valid_datatype<'a>(iri: &'a [u8], known: &mut Vec<u8>) -> Option<NamedNodeRef<'a>> {
    // Nothing is known at first, and an empty IRI is not valid.
    let text = if !iri.is_empty() && iri == known.as_slice() {
        str::from_utf8(iri).ok()?
    } else {
        let text = valid_iri(iri)?;
        known.clear();
        known.extend_from_slice(iri);
        text
    };
    let datatype = NamedNodeRef::new_unchecked(text);
    // These two need what stands elsewhere in a literal.
    (datatype != rdf::LANG_STRING && datatype != rdf::DIR_LANG_STRING).then_some(datatype)
}

/// The language in lower case. A base direction is left to the parser.
fn valid_language<'a>(tag: &[u8], lower: &'a mut String) -> Option<&'a str> {
    let tag = str::from_utf8(tag).ok()?;
    let primary = tag.split('-').next()?;
    let is_plain = primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !tag.split('-').any(str::is_empty);
    if !is_plain || LanguageTag::parse(tag).is_err() {
        return None;
    }
    lower.clear();
    lower.push_str(tag);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// Undoes the escapes of one letter up to the closing quotation mark; what follows that. Others are left to the parser.
fn unescape<'a>(mut token: &'a [u8], out: &mut String) -> Option<&'a [u8]> {
    out.clear();
    loop {
        let end = memchr2(b'"', b'\\', token)?;
        out.push_str(str::from_utf8(&token[..end]).ok()?);
        if token[end] == b'"' {
            return Some(&token[end + 1..]);
        }
        out.push(match token.get(end + 1)? {
            b't' => '\t',
            b'b' => '\u{8}',
            b'n' => '\n',
            b'r' => '\r',
            b'f' => '\u{c}',
            b'"' => '"',
            b'\'' => '\'',
            b'\\' => '\\',
            _ => return None,
        });
        token = &token[end + 2..];
    }
}
