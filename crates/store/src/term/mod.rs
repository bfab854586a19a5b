//! Terms and their ids: the tag table, terms that live inside their id, the byte form of all others, and their hash.
//! In flow RDF terms of `oxrdf`, out flow [`TermId`]s or the bytes that the dictionary stores, and back.
//! Two ids of one store are equal exactly when their terms are; only the exact lexical form of a literal counts.

mod bytes;
mod calendar;
mod floating;
mod hash;
mod id;
mod inline;
mod number;
mod tag;
mod temporal;
mod value;

pub(crate) use bytes::{term_bytes, term_from_bytes, triple_term_bytes, triple_term_ids};
pub(crate) use hash::TermHasher;
pub use id::TermId;
pub(crate) use inline::{
    SERIAL_BLANK_FREE, TermClass, classify, serial_blank, serial_blank_of_bytes,
};
pub use tag::{Tag, TagKind};
pub use value::{InlinedDate, InlinedNumber};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
