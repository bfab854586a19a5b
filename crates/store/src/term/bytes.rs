//! The byte form of terms that the dictionary keeps, one layout a tag; it is part of the file format.
//! What all terms of a kind share (datatype, language) comes first, so that neighbours have long prefixes in common:
//!
//! | tag | bytes |
//! |---|---|
//! | `Iri`, `LabelledBlank`, `String` | the text |
//! | `Number`, `Temporal` | position of the datatype in its list (1 byte), lexical form |
//! | `LanguageString` | varint of 4 · length of the language + direction (0 none, 1 left to right, 2 right to left), language, value |
//! | `OtherLiteral` | varint of the datatype's length, datatype, lexical form |
//! | `TripleTerm` | the ids of subject, predicate and object, big-endian, so that equal tags and small payloads are a prefix |

use super::id::TermId;
use super::inline::{TermClass, classify};
use super::tag::{Tag, TagKind};
use oxrdf::vocab::xsd;
use oxrdf::{
    BaseDirection, BlankNode, Literal, LiteralRef, NamedNode, NamedNodeRef, Term, TermRef,
};
use quadrille_backend::{StorageError, StorageResult};

/// The datatypes of `Tag::Number`; a position, once given, stays.
const NUMBER_DATATYPES: [NamedNodeRef<'static>; 16] = [
    xsd::INTEGER,
    xsd::DECIMAL,
    xsd::DOUBLE,
    xsd::FLOAT,
    xsd::LONG,
    xsd::INT,
    xsd::SHORT,
    xsd::BYTE,
    xsd::NON_NEGATIVE_INTEGER,
    xsd::POSITIVE_INTEGER,
    xsd::NON_POSITIVE_INTEGER,
    xsd::NEGATIVE_INTEGER,
    xsd::UNSIGNED_LONG,
    xsd::UNSIGNED_INT,
    xsd::UNSIGNED_SHORT,
    xsd::UNSIGNED_BYTE,
];

/// The datatypes of `Tag::Temporal`; a position, once given, stays.
const TEMPORAL_DATATYPES: [NamedNodeRef<'static>; 12] = [
    xsd::DATE,
    xsd::DATE_TIME,
    xsd::G_YEAR,
    xsd::G_YEAR_MONTH,
    xsd::TIME,
    xsd::DATE_TIME_STAMP,
    xsd::G_DAY,
    xsd::G_MONTH,
    xsd::G_MONTH_DAY,
    xsd::DURATION,
    xsd::DAY_TIME_DURATION,
    xsd::YEAR_MONTH_DURATION,
];

/// Appends the byte form of a term that the dictionary keeps, and returns its tag.
///
/// `None`, with nothing appended, for inlined terms, which have no bytes,
/// and for triple terms, whose bytes need ids: see [`triple_term_bytes`].
#[inline]
pub(crate) fn term_bytes(term: TermRef<'_>, out: &mut Vec<u8>) -> Option<Tag> {
    let TermClass::Dictionary(tag) = classify(term) else {
        return None;
    };
    match term {
        TermRef::NamedNode(node) => out.extend_from_slice(node.as_str().as_bytes()),
        TermRef::BlankNode(node) => out.extend_from_slice(node.as_str().as_bytes()),
        TermRef::Literal(literal) => literal_bytes(literal, tag, out)?,
        TermRef::Triple(_) => return None,
    }
    Some(tag)
}

#[inline]
fn literal_bytes(literal: LiteralRef<'_>, tag: Tag, out: &mut Vec<u8>) -> Option<()> {
    match tag {
        Tag::Number => out.push(position(&NUMBER_DATATYPES, literal.datatype())?),
        Tag::Temporal => out.push(position(&TEMPORAL_DATATYPES, literal.datatype())?),
        Tag::LanguageString => {
            let language = literal.language()?.as_bytes();
            let direction = match literal.direction() {
                None => 0,
                Some(BaseDirection::Ltr) => 1,
                Some(BaseDirection::Rtl) => 2,
            };
            push_varint(out, (language.len() as u64) << 2 | direction);
            out.extend(language.iter().map(u8::to_ascii_lowercase));
        }
        Tag::OtherLiteral => {
            let datatype = literal.datatype().as_str().as_bytes();
            push_varint(out, datatype.len() as u64);
            out.extend_from_slice(datatype);
        }
        _ => (),
    }
    out.extend_from_slice(literal.value().as_bytes());
    Some(())
}

fn position(datatypes: &[NamedNodeRef<'static>], datatype: NamedNodeRef<'_>) -> Option<u8> {
    datatypes
        .iter()
        .position(|candidate| *candidate == datatype)
        .map(|position| position as u8)
}

/// Appends the byte form of a triple term: the ids of its subject, predicate and object.
pub(crate) fn triple_term_bytes(ids: [TermId; 3], out: &mut Vec<u8>) {
    for id in ids {
        out.extend_from_slice(&id.raw().to_be_bytes());
    }
}

/// The ids that a triple term consists of. The caller resolves them, and must bound how deep it follows:
/// damaged bytes can name the triple term itself.
pub(crate) fn triple_term_ids(bytes: &[u8]) -> StorageResult<[TermId; 3]> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    match chunks {
        [subject, predicate, object] if rest.is_empty() => {
            Ok([subject, predicate, object].map(|raw| TermId::from_raw(u64::from_be_bytes(*raw))))
        }
        _ => Err(StorageError::corrupted("a triple term is not three ids")),
    }
}

/// The term of its byte form. Triple terms go through [`triple_term_ids`] instead.
///
/// Structure and UTF-8 are checked; the grammar of IRIs and language tags was checked on the way in.
pub(crate) fn term_from_bytes(tag: Tag, bytes: &[u8]) -> StorageResult<Term> {
    Ok(match tag {
        Tag::Iri => NamedNode::new_unchecked(text(bytes)?).into(),
        Tag::LabelledBlank => BlankNode::new_unchecked(text(bytes)?).into(),
        Tag::String => Literal::new_simple_literal(text(bytes)?).into(),
        Tag::Number => listed_literal(&NUMBER_DATATYPES, bytes)?.into(),
        Tag::Temporal => listed_literal(&TEMPORAL_DATATYPES, bytes)?.into(),
        Tag::LanguageString => language_string(bytes)?.into(),
        Tag::OtherLiteral => {
            let (length, rest) = take_varint(bytes)?;
            let (datatype, value) = split(rest, length)?;
            Literal::new_typed_literal(value, NamedNode::new_unchecked(datatype)).into()
        }
        _ if tag.kind() == TagKind::Dictionary => {
            return Err(StorageError::misuse(format!(
                "a {tag} is not decoded by its bytes alone"
            )));
        }
        _ => {
            return Err(StorageError::misuse(format!(
                "the dictionary keeps no {tag}"
            )));
        }
    })
}

fn text(bytes: &[u8]) -> StorageResult<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| StorageError::corrupted("a term is not UTF-8").with_source(error))
}

fn split(bytes: &[u8], length: u64) -> StorageResult<(&str, &str)> {
    let parts = usize::try_from(length)
        .ok()
        .and_then(|length| bytes.split_at_checked(length));
    let (front, back) = parts
        .ok_or_else(|| StorageError::corrupted("a literal is shorter than its length says"))?;
    Ok((text(front)?, text(back)?))
}

fn listed_literal(datatypes: &[NamedNodeRef<'static>], bytes: &[u8]) -> StorageResult<Literal> {
    let known = bytes
        .split_first()
        .and_then(|(position, value)| Some((*datatypes.get(usize::from(*position))?, value)));
    let (datatype, value) =
        known.ok_or_else(|| StorageError::corrupted("a literal has no known datatype"))?;
    Ok(Literal::new_typed_literal(text(value)?, datatype))
}

fn language_string(bytes: &[u8]) -> StorageResult<Literal> {
    let (header, rest) = take_varint(bytes)?;
    let (language, value) = split(rest, header >> 2)?;
    let direction = match header & 3 {
        0 => {
            return Ok(Literal::new_language_tagged_literal_unchecked(
                value, language,
            ));
        }
        1 => BaseDirection::Ltr,
        2 => BaseDirection::Rtl,
        _ => {
            return Err(StorageError::corrupted(
                "a literal has an unknown base direction",
            ));
        }
    };
    Ok(Literal::new_directional_language_tagged_literal_unchecked(
        value, language, direction,
    ))
}

/// Appends an integer, seven bits a byte, the low ones first, the top bit set on all bytes but the last.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes such an integer off the front; only its shortest form is accepted.
fn take_varint(bytes: &[u8]) -> StorageResult<(u64, &[u8])> {
    let mut value = 0;
    for (position, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            if *byte == 0 && position > 0 {
                break;
            }
            return Ok((value, &bytes[position + 1..]));
        }
    }
    Err(StorageError::corrupted(
        "a length is cut short or not in its shortest form",
    ))
}
