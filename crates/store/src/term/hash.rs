//! The keyed hash by which the dictionary finds terms: SipHash-1-3 over the tag byte and the term's bytes.
//! The key is secret to a store and random, so that nobody can write terms that collide on purpose.

use super::tag::Tag;
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher13Wide};
use std::hash::Hasher;

/// Hashes terms under one key. Equal terms hash equally on every machine.
#[derive(Clone, Copy)]
pub(crate) struct TermHasher {
    narrow: SipHasher13,
    wide: SipHasher13Wide,
}

impl TermHasher {
    /// A hasher under a key of 16 bytes.
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self {
            narrow: SipHasher13::new_with_key(key),
            wide: SipHasher13Wide::new_with_key(key),
        }
    }

    /// The hash that the term index is ordered by.
    #[inline]
    pub(crate) fn hash64(&self, tag: Tag, bytes: &[u8]) -> u64 {
        let mut hasher = self.narrow;
        hasher.write(&[tag.byte()]);
        hasher.write(bytes);
        hasher.finish()
    }

    /// A hash wide enough to stand for the term itself.
    #[inline]
    pub(crate) fn hash128(&self, tag: Tag, bytes: &[u8]) -> u128 {
        let mut hasher = self.wide;
        hasher.write(&[tag.byte()]);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }
}

impl std::fmt::Debug for TermHasher {
    /// Without the key, which must not reach logs.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TermHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_siphash_over_tag_and_bytes() {
        let key: [u8; 16] = std::array::from_fn(|position| position as u8);
        let hasher = TermHasher::new(&key);
        let whole = b"\x10http://example.org/a";
        assert_eq!(
            hasher.hash64(Tag::Iri, &whole[1..]),
            SipHasher13::new_with_key(&key).hash(whole)
        );
        assert_eq!(
            hasher.hash128(Tag::Iri, &whole[1..]),
            SipHasher13Wide::new_with_key(&key).hash(whole).as_u128()
        );
    }

    /// These values are on disk. The first was computed by another implementation.
    #[test]
    fn hashes_never_change() {
        let hasher = TermHasher::new(&[0; 16]);
        assert_eq!(
            hasher.hash64(Tag::Iri, b"http://example.org/a"),
            16_677_612_321_166_081_066
        );
        assert_eq!(
            hasher.hash128(Tag::Iri, b"http://example.org/a"),
            188_509_917_930_947_799_858_448_066_446_829_071_735
        );
    }

    #[test]
    fn tag_and_key_matter() {
        let (one, other) = (TermHasher::new(&[1; 16]), TermHasher::new(&[2; 16]));
        assert_ne!(one.hash64(Tag::Iri, b"a"), one.hash64(Tag::String, b"a"));
        assert_ne!(one.hash64(Tag::Iri, b"a"), other.hash64(Tag::Iri, b"a"));
        assert_ne!(one.hash128(Tag::Iri, b"a"), one.hash128(Tag::String, b"a"));
        assert_ne!(one.hash128(Tag::Iri, b"a"), other.hash128(Tag::Iri, b"a"));
        assert_eq!(format!("{one:?}"), "TermHasher");
    }
}
