//! The id of a term: one tag byte above 56 bits of payload.

use super::tag::{Tag, TagKind};
use std::fmt;

/// The id of a term in one store: a tag byte, and 56 bits whose meaning the tag gives.
///
/// Equal ids mean the same RDF term. Ids order by tag, then by payload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(u64);

/// How many bits a payload has.
pub(crate) const PAYLOAD_BITS: u32 = 56;
/// The largest payload.
pub(crate) const PAYLOAD_MAX: u64 = (1 << PAYLOAD_BITS) - 1;
/// What is added to signed payloads, so that they sort by value.
const SIGN_BIAS: i64 = 1 << (PAYLOAD_BITS - 1);

impl TermId {
    /// The default graph.
    pub const DEFAULT_GRAPH: Self = Self(0);

    /// The id of a raw value, as [`raw`](Self::raw) gave it. Not every value is the id of a term.
    #[must_use]
    #[inline]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The value as an integer: the tag byte on top.
    #[must_use]
    #[inline]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The id of a tag and a payload, of which the low 56 bits are taken.
    #[must_use]
    #[inline]
    pub const fn from_parts(tag: Tag, payload: u64) -> Self {
        Self((tag.byte() as u64) << PAYLOAD_BITS | (payload & PAYLOAD_MAX))
    }

    /// The id of a tag and a signed payload; `None` outside of −2^55 to 2^55 − 1.
    #[inline]
    pub(crate) fn from_signed(tag: Tag, payload: i64) -> Option<Self> {
        (-SIGN_BIAS..SIGN_BIAS)
            .contains(&payload)
            .then(|| Self::from_parts(tag, payload.wrapping_add(SIGN_BIAS) as u64))
    }

    /// The payload of an id that [`from_signed`](Self::from_signed) made.
    #[inline]
    pub(crate) const fn signed_payload(self) -> i64 {
        self.payload() as i64 - SIGN_BIAS
    }

    /// The first byte.
    #[must_use]
    #[inline]
    pub const fn tag_byte(self) -> u8 {
        (self.0 >> PAYLOAD_BITS) as u8
    }

    /// What sort of id it is; `None` when the tag byte is reserved.
    #[must_use]
    #[inline]
    pub fn tag(self) -> Option<Tag> {
        Tag::from_byte(self.tag_byte())
    }

    /// The 56 bits below the tag.
    #[must_use]
    #[inline]
    pub const fn payload(self) -> u64 {
        self.0 & PAYLOAD_MAX
    }

    /// The n-th id that exists within one query only and is never stored; n < 2^56, higher bits are dropped.
    #[must_use]
    #[inline]
    pub const fn query_local(n: u64) -> Self {
        Self::from_parts(Tag::QueryLocal, n)
    }

    /// Whether the id exists within one query only.
    #[must_use]
    #[inline]
    pub const fn is_query_local(self) -> bool {
        self.tag_byte() == Tag::QueryLocal.byte()
    }

    /// Whether the payload alone gives the term.
    #[must_use]
    #[inline]
    pub fn is_inlined(self) -> bool {
        self.tag().is_some_and(|tag| tag.kind() == TagKind::Inlined)
    }
}

/// The tag's name and the payload in hexadecimal digits, or the term where the payload alone gives it.
impl fmt::Display for TermId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag() {
            None => write!(
                formatter,
                "reserved-{:02x}:{:x}",
                self.tag_byte(),
                self.payload()
            ),
            Some(Tag::DefaultGraph) if self.payload() == 0 => formatter.write_str("default-graph"),
            Some(tag) => match self.decode_inline() {
                Some(term) => write!(formatter, "{tag}:{term}"),
                None => write!(formatter, "{tag}:{:x}", self.payload()),
            },
        }
    }
}

impl fmt::Debug for TermId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TermId({self})")
    }
}
