//! Values that functions make: digests, random numbers, identifiers, triple terms.

use super::value::Value;
use oxrdf::{NamedOrBlankNode, Term, Triple};
use sha2::Digest;
use spargebra::algebra::Function;
use std::fmt::Write;

/// The digest of a simple string, in hexadecimal digits.
pub(super) fn digest(function: &Function, value: &Value) -> Option<Value> {
    let Value::String(text) = value else {
        return None;
    };
    let digits = match function {
        Function::Md5 => digits(&md5::Md5::digest(text)),
        Function::Sha1 => digits(&sha1::Sha1::digest(text)),
        Function::Sha256 => digits(&sha2::Sha256::digest(text)),
        Function::Sha384 => digits(&sha2::Sha384::digest(text)),
        Function::Sha512 => digits(&sha2::Sha512::digest(text)),
        _ => return None,
    };
    Some(Value::String(digits))
}

fn digits(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// A random number of 64 bits; `None` when the system has none.
fn random() -> Option<u64> {
    getrandom::u64().ok()
}

/// A random number from 0 to 1, 1 excluded.
pub(super) fn fraction() -> Option<Value> {
    let bits = random()? >> 11;
    Some(Value::Double((bits as f64 / (1_u64 << 53) as f64).into()))
}

/// A random identifier (RFC 9562, version 4).
pub(super) fn identifier() -> Option<String> {
    let (high, low) = (random()?, random()?);
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    Some(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    ))
}

/// A string with all bytes but those of unreserved characters (RFC 3986, section 2.3) written as `%` and two digits.
pub(super) fn encoded_for_uri(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The triple term of three terms, if they may stand in these places.
pub(super) fn triple(subject: Term, predicate: Term, object: Term) -> Option<Term> {
    let subject = match subject {
        Term::NamedNode(node) => NamedOrBlankNode::from(node),
        Term::BlankNode(node) => node.into(),
        Term::Literal(_) | Term::Triple(_) => return None,
    };
    let Term::NamedNode(predicate) = predicate else {
        return None;
    };
    Some(Triple::new(subject, predicate, object).into())
}

/// A part of a triple term.
pub(super) fn part_of_triple(function: &Function, term: Term) -> Option<Term> {
    let Term::Triple(triple) = term else {
        return None;
    };
    Some(match function {
        Function::Subject => triple.subject.into(),
        Function::Predicate => triple.predicate.into(),
        Function::Object => triple.object,
        _ => return None,
    })
}
