//! From the bytes of a token to a term of a batch: checked once, and then known by its bytes.
//!
//! What flows in: tokens of one chunk of text. What flows out: their terms in the batch, or nothing when the token is not
//! one, or of a form that is left to the parser of the whole grammar. What always holds: what is accepted is what oxttl
//! accepts, and means the same; tests with random lines compare them.

use crate::tokens::{KnownTokens, escaped, valid_language};
use memchr::memchr2;
use oxiri::Iri;
use oxrdf::vocab::rdf;
use oxrdf::{LiteralRef, NamedNodeRef};
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};
use std::str;

/// The terms of a chunk by their tokens.
pub(super) struct Terms {
    known: KnownTokens,
    reader: TermReader,
}

impl Terms {
    pub(super) fn new(blank_nodes: BlankNodes) -> Self {
        Self {
            known: KnownTokens::new(),
            reader: TermReader {
                blank_nodes,
                datatype: Vec::new(),
                text: String::new(),
                language: String::new(),
            },
        }
    }

    /// Forgets the tokens, whose text goes away.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Forgets the tokens from a place of the text on, whose terms the batch is to forget too.
    pub(super) fn forget_from(&mut self, start: usize) {
        self.known.forget_from(start);
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
        let Self { known, reader } = self;
        known.term(text, token, position, || reader.new_term(batch, token))
    }
}

/// Makes terms of tokens that are not known.
struct TermReader {
    blank_nodes: BlankNodes,
    /// A datatype that is a valid IRI, between its brackets: few come.
    datatype: Vec<u8>,
    text: String,
    language: String,
}

impl TermReader {
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

/// Undoes the escapes of one letter up to the closing quotation mark; what follows that. Others are left to the parser.
fn unescape<'a>(mut token: &'a [u8], out: &mut String) -> Option<&'a [u8]> {
    out.clear();
    loop {
        let end = memchr2(b'"', b'\\', token)?;
        out.push_str(str::from_utf8(&token[..end]).ok()?);
        if token[end] == b'"' {
            return Some(&token[end + 1..]);
        }
        out.push(escaped(*token.get(end + 1)?)?);
        token = &token[end + 2..];
    }
}
