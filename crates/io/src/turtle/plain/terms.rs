//! From the tokens of plain statements to terms of a batch.
//!
//! What flows in: tokens, and the base and prefixes that are in force. What flows out: their terms in the batch, or
//! nothing when the token is wrong, or of a form that is left to the parser. What always holds: what is accepted is what
//! oxttl accepts, and means the same.

use super::scan::string;
use crate::tokens::{KnownTokens, escaped, valid_language};
use crate::turtle::Scope;
use memchr::{memchr, memchr2};
use oxiri::Iri;
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{BlankNode, GraphName, LiteralRef, NamedNode, NamedNodeRef};
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};
use std::str;

/// The terms of a chunk by their tokens.
pub(super) struct Terms {
    known: KnownTokens,
    blank_nodes: BlankNodes,
    names: Names,
    /// The token of the datatype that came last, and its IRI: few come.
    datatype: (Vec<u8>, String),
    value: String,
    language: String,
}

impl Terms {
    pub(super) fn new(blank_nodes: BlankNodes) -> Self {
        Self {
            known: KnownTokens::new(),
            blank_nodes,
            names: Names::default(),
            datatype: (Vec::new(), String::new()),
            value: String::new(),
            language: String::new(),
        }
    }

    /// Forgets all tokens, for a text or a part of it in this scope. `None`, when the scope is not valid.
    pub(super) fn begin(&mut self, scope: &Scope) -> Option<()> {
        self.known.clear();
        self.datatype.0.clear();
        self.names.begin(scope)
    }

    /// Forgets the tokens from a place of the text on, whose terms the batch is to forget too.
    pub(super) fn forget_from(&mut self, start: usize) {
        self.known.forget_from(start);
    }

    /// The term of a token of `text`, in one of the first three positions of a quad.
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
        let Self {
            known,
            blank_nodes,
            names,
            datatype,
            value,
            language,
        } = self;
        known.term(text, token, position, || match token {
            [b'_', b':', label @ ..] => match str::from_utf8(label) {
                Ok(label) => batch.blank_node(label, *blank_nodes).map(Some),
                Err(_) => Ok(None),
            },
            b"a" => batch.term(rdf::TYPE.into()).map(Some),
            [b'"' | b'\'', ..] => match literal(token, names, datatype, value, language) {
                Some(literal) => batch.term(literal.into()).map(Some),
                None => Ok(None),
            },
            b"true" | b"false" | [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => {
                match keyword_or_number(token) {
                    Some(literal) => batch.term(literal.into()).map(Some),
                    None => Ok(None),
                }
            }
            _ => match names.iri(token) {
                Some(iri) => batch
                    .term(NamedNodeRef::new_unchecked(iri).into())
                    .map(Some),
                None => Ok(None),
            },
        })
    }

    /// The graph of a block with this label.
    pub(super) fn graph(&mut self, label: &[u8]) -> Option<GraphName> {
        Some(match label {
            [b'_', b':', label @ ..] => {
                BlankNode::new_unchecked(str::from_utf8(label).ok()?).into()
            }
            label => NamedNode::new_unchecked(self.names.iri(label)?).into(),
        })
    }
}

/// A prefix with what it stands for.
struct Prefix {
    name: String,
    iri: String,
    /// Whether a name of it can be part of the authority, so that each is to be looked at.
    is_open: bool,
}

/// What IRIs are made with.
#[derive(Default)]
struct Names {
    base: Option<Iri<String>>,
    /// In the order of their names.
    prefixes: Vec<Prefix>,
    /// The IRI that was made last.
    iri: String,
}

impl Names {
    fn begin(&mut self, scope: &Scope) -> Option<()> {
        self.base = match scope.base() {
            Some(base) => Some(Iri::parse(base.to_owned()).ok()?),
            None => None,
        };
        self.prefixes.clear();
        for (name, iri) in scope.prefixes() {
            self.prefixes.push(Prefix {
                name: name.clone(),
                is_open: Iri::parse(iri.as_str()).ok()?.path().is_empty(),
                iri: iri.clone(),
            });
        }
        Some(())
    }

    /// The IRI of an IRI between its brackets or of a prefixed name.
    fn iri(&mut self, token: &[u8]) -> Option<&str> {
        self.iri.clear();
        if let [b'<', iri @ .., b'>'] = token {
            let iri = str::from_utf8(iri).ok()?;
            match &self.base {
                Some(base) => base.resolve_into(iri, &mut self.iri).ok()?,
                None => self.iri.push_str(Iri::parse(iri).ok()?.as_str()),
            }
            return Some(&self.iri);
        }
        let (name, local) = token.split_at_checked(memchr(b':', token)?)?;
        let local = str::from_utf8(local.get(1..)?).ok()?;
        let place = |prefix: &Prefix| prefix.name.as_bytes().cmp(name);
        let place = self.prefixes.binary_search_by(place).ok()?;
        let prefix = self.prefixes.get(place)?;
        self.iri.push_str(&prefix.iri);
        self.iri.push_str(local);
        if prefix.is_open || local.contains(':') {
            Iri::parse(self.iri.as_str()).ok()?;
        }
        Some(&self.iri)
    }
}

fn keyword_or_number(token: &[u8]) -> Option<LiteralRef<'_>> {
    let datatype = match token {
        b"true" | b"false" => xsd::BOOLEAN,
        _ if memchr2(b'e', b'E', token).is_some() => xsd::DOUBLE,
        _ if memchr(b'.', token).is_some() => xsd::DECIMAL,
        _ => xsd::INTEGER,
    };
    let value = str::from_utf8(token).ok()?;
    Some(LiteralRef::new_typed_literal(value, datatype))
}

fn literal<'a>(
    token: &'a [u8],
    names: &mut Names,
    datatype: &'a mut (Vec<u8>, String),
    value: &'a mut String,
    language: &'a mut String,
) -> Option<LiteralRef<'a>> {
    let (content, end) = string(token, 0)?;
    let is_long = content.start == 3;
    let content = token.get(content)?;
    if !is_long && memchr2(b'\n', b'\r', content).is_some() {
        return None;
    }
    let value = match memchr(b'\\', content) {
        None => str::from_utf8(content).ok()?,
        Some(_) => unescaped(content, value)?,
    };
    match token.get(end..)? {
        [] => Some(LiteralRef::new_simple_literal(value)),
        [b'@', tag @ ..] => {
            let language = valid_language(tag, language)?;
            Some(LiteralRef::new_language_tagged_literal_unchecked(
                value, language,
            ))
        }
        [b'^', b'^', name @ ..] => {
            if datatype.0 != name {
                let iri = names.iri(name)?;
                // These two need what stands elsewhere in a literal.
                if iri == rdf::LANG_STRING.as_str() || iri == rdf::DIR_LANG_STRING.as_str() {
                    return None;
                }
                datatype.0.clear();
                datatype.0.extend_from_slice(name);
                datatype.1.clear();
                datatype.1.push_str(iri);
            }
            let datatype = NamedNodeRef::new_unchecked(&datatype.1);
            Some(LiteralRef::new_typed_literal(value, datatype))
        }
        _ => None,
    }
}

/// Undoes the escapes of a string.
fn unescaped<'a>(mut content: &[u8], value: &'a mut String) -> Option<&'a str> {
    value.clear();
    while let Some(before) = memchr(b'\\', content) {
        value.push_str(str::from_utf8(&content[..before]).ok()?);
        let (escape, length) = match content.get(before + 1)? {
            b'u' => (code_point(content.get(before + 2..before + 6)?)?, 6),
            b'U' => (code_point(content.get(before + 2..before + 10)?)?, 10),
            letter => (escaped(*letter)?, 2),
        };
        value.push(escape);
        content = &content[before + length..];
    }
    value.push_str(str::from_utf8(content).ok()?);
    Some(value)
}

fn code_point(digits: &[u8]) -> Option<char> {
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        char::from(*digit)
            .to_digit(16)
            .map(|digit| number << 4 | u64::from(digit))
    });
    char::from_u32(u32::try_from(number?).ok()?)
}
