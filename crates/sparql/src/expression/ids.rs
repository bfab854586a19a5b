//! What ids tell without a look into the dictionary: numbers, and whether two terms are equal or which is smaller.
//!
//! What flows in: ids. What flows out: values, orderings, or nothing where the terms must be decoded. What always holds:
//! the answers are those that the decoded terms give.

use super::value::Value;
use oxsdatatypes::Decimal;
use quadrille_store::{InlinedNumber, Tag, TermId};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

impl Value {
    /// The value of an inlined number or boolean.
    #[inline]
    pub(super) fn of_id(id: u64) -> Option<Self> {
        let id = TermId::from_raw(id);
        if id.tag_byte() == Tag::Boolean.byte() {
            return Some(Self::Boolean(truth_of(id)));
        }
        Some(match id.number()? {
            InlinedNumber::Integer(value) => Self::Integer(value.into()),
            InlinedNumber::Decimal { units, scale } => {
                Self::Decimal(Decimal::new(units.into(), scale).ok()?)
            }
            InlinedNumber::Float(value) => Self::Float(value.into()),
            InlinedNumber::Double(value) => Self::Double(value.into()),
            _ => return None,
        })
    }

    /// The id of the canonical term of an integer or a boolean, if it is inlined.
    #[inline]
    pub(super) fn inlined_id(&self) -> Option<u64> {
        match self {
            Self::Integer(value) => TermId::of_integer((*value).into()).map(TermId::raw),
            Self::Boolean(value) => Some(TermId::of_boolean(*value).raw()),
            _ => None,
        }
    }
}

/// Values by id.
pub(super) type IdMap<T> = HashMap<u64, T, IdHashing>;

/// Ids.
pub(crate) type IdSet = HashSet<u64, IdHashing>;

/// Hashes ids, with a secret of its own: nobody can make data whose ids collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHashing(u64);

impl Default for IdHashing {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for IdHashing {
    type Hasher = IdHasher;

    #[inline]
    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

/// Mixes the bits of an id with what was there before.
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    #[inline]
    fn write_u64(&mut self, id: u64) {
        // The golden ratio, as in Fibonacci hashing; both halves of the product count.
        let product =
            u128::from(self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// `0` and `1` stand beside `false` and `true`, in the order of their values.
fn truth_of(boolean: TermId) -> bool {
    boolean.payload() >= 2
}

/// Terms of which two are equal just if they are the same term.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exact {
    Node,
    Text,
    /// Canonical integers, which are no derived ones.
    Integer,
}

impl Exact {
    /// The sort of an id's term, if it is one of these.
    #[inline]
    pub(super) fn of(id: u64) -> Option<Self> {
        Self::of_tag(TermId::from_raw(id).tag()?)
    }

    #[inline]
    fn of_tag(tag: Tag) -> Option<Self> {
        match tag {
            Tag::Iri | Tag::SerialBlank | Tag::LabelledBlank => Some(Self::Node),
            Tag::ShortString | Tag::String | Tag::LanguageString => Some(Self::Text),
            Tag::Integer => Some(Self::Integer),
            _ => None,
        }
    }
}

/// What two ids of one tag are compared by, where that is as good as their values.
#[inline]
fn key(id: TermId, tag: Tag) -> Option<u64> {
    let is_ordered = (Tag::Integer..=Tag::UnsignedByte).contains(&tag)
        || tag.decimal_scale().is_some()
        || matches!(
            tag,
            Tag::ShortString
                | Tag::Date
                | Tag::DateTime
                | Tag::UtcDateTime
                | Tag::Year
                | Tag::YearMonth
        );
    if is_ordered {
        return Some(id.payload());
    }
    (tag == Tag::Boolean).then(|| u64::from(truth_of(id)))
}

/// Whether two terms are equal, as far as their ids tell.
#[inline]
pub(super) fn ids_equal(left: u64, right: u64) -> Option<bool> {
    let (left, right) = (TermId::from_raw(left), TermId::from_raw(right));
    let (left_tag, right_tag) = (left.tag()?, right.tag()?);
    if let (Some(_), Some(_)) = (Exact::of_tag(left_tag), Exact::of_tag(right_tag)) {
        return Some(left == right);
    }
    if left_tag == right_tag
        && let (Some(left), Some(right)) = (key(left, left_tag), key(right, left_tag))
    {
        return Some(left == right);
    }
    let (left, right) = (left.number()?, right.number()?);
    compare_numbers(left, right).map(|ordering| ordering == Some(Ordering::Equal))
}

/// How two terms compare, as far as their ids tell; `Some(None)` for numbers of which one is not a number.
#[inline]
pub(super) fn ids_compare(left: u64, right: u64) -> Option<Option<Ordering>> {
    let (left, right) = (TermId::from_raw(left), TermId::from_raw(right));
    let (left_tag, right_tag) = (left.tag()?, right.tag()?);
    if left_tag == right_tag
        && let (Some(left), Some(right)) = (key(left, left_tag), key(right, left_tag))
    {
        return Some(Some(left.cmp(&right)));
    }
    compare_numbers(left.number()?, right.number()?)
}

/// How two numbers compare, the smaller of their types promoted; nothing where that takes more than plain numbers.
#[inline]
fn compare_numbers(left: InlinedNumber, right: InlinedNumber) -> Option<Option<Ordering>> {
    use InlinedNumber as N;
    Some(match (left, right) {
        (N::Integer(left), N::Integer(right)) => Some(left.cmp(&right)),
        (N::Double(left), N::Double(right)) => left.partial_cmp(&right),
        (N::Integer(left), N::Double(right)) => (left as f64).partial_cmp(&right),
        (N::Double(left), N::Integer(right)) => left.partial_cmp(&(right as f64)),
        (N::Float(left), N::Float(right)) => left.partial_cmp(&right),
        (N::Integer(_) | N::Decimal { .. }, N::Integer(_) | N::Decimal { .. }) => {
            let (left, left_scale) = units(left)?;
            let (right, right_scale) = units(right)?;
            let scale = left_scale.max(right_scale);
            let left = left * 10_i128.pow(scale - left_scale);
            let right = right * 10_i128.pow(scale - right_scale);
            Some(left.cmp(&right))
        }
        _ => return None,
    })
}

/// A number as units of a power of ten, of which an id has at most seven.
fn units(number: InlinedNumber) -> Option<(i128, u32)> {
    match number {
        InlinedNumber::Integer(value) => Some((value.into(), 0)),
        InlinedNumber::Decimal { units, scale } => Some((units.into(), scale)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, ids_compare, ids_equal};
    use oxrdf::vocab::xsd;
    use oxrdf::{Literal, NamedNode, Term};
    use quadrille_backend::InMemoryBackend;
    use quadrille_store::{QuadStore, TermId};

    /// Terms near each other of every sort that ids tell something of.
    fn terms() -> Vec<Term> {
        let numbers = ["-1", "0", "1", "2", "01", "9007199254740993", "x"];
        let fractions = [
            "1.0",
            "1.5",
            "1.50",
            "0.1",
            "-0.0",
            "1",
            "+2",
            "9007199254740992",
            "x",
        ];
        let floats = [
            "1",
            "1.0",
            "1E0",
            "1.5",
            "0.1",
            "-0",
            "0",
            "NaN",
            "INF",
            "-INF",
            "9007199254740992",
            "x",
        ];
        let dates = ["2000-01-01", "2000-01-02", "2000-01-01Z", "x"];
        let times = [
            "2000-01-01T00:00:00",
            "2000-01-01T00:00:00Z",
            "2000-01-01T00:00:00.0Z",
            "2000-01-01T02:00:00+02:00",
        ];
        let forms = [
            (xsd::INTEGER, &numbers[..]),
            (xsd::INT, &numbers[..]),
            (xsd::DECIMAL, &fractions[..]),
            (xsd::DOUBLE, &floats[..]),
            (xsd::FLOAT, &floats[..]),
            (xsd::DATE, &dates[..]),
            (xsd::DATE_TIME, &times[..]),
            (xsd::G_YEAR, &["2000", "2001", "2000Z"]),
            (xsd::G_YEAR_MONTH, &["2000-01", "2000-02"]),
            (xsd::BOOLEAN, &["true", "false", "0", "1", "x"]),
            (
                xsd::STRING,
                &["", "a", "ab", "b", "a long string", "1", "true"],
            ),
            (xsd::ANY_URI, &["a", "b"]),
        ];
        let literals = forms.iter().flat_map(|(datatype, forms)| {
            forms
                .iter()
                .map(|form| Literal::new_typed_literal(*form, *datatype).into())
        });
        let tagged = Literal::new_language_tagged_literal("a", "en").unwrap();
        let more: [Term; 4] = [
            NamedNode::new_unchecked("a").into(),
            NamedNode::new_unchecked("b").into(),
            oxrdf::BlankNode::new_unchecked("a").into(),
            tagged.into(),
        ];
        literals.chain(more).collect()
    }

    #[test]
    fn ids_tell_what_their_terms_tell() {
        let store = QuadStore::open(InMemoryBackend::new()).unwrap();
        let node = NamedNode::new_unchecked("s");
        let quads = terms().into_iter().map(|term| {
            oxrdf::Quad::new(
                node.clone(),
                node.clone(),
                term,
                oxrdf::GraphName::DefaultGraph,
            )
        });
        store.extend(quads).unwrap();
        let snapshot = store.snapshot().unwrap();
        let encoded = terms().into_iter().map(|term| {
            let id = snapshot.encode(&term).unwrap().unwrap();
            (id.raw(), Value::from(term))
        });
        let encoded: Vec<_> = encoded.collect();
        let (mut equal, mut compared) = (0, 0);
        for (id, value) in &encoded {
            if let Some(known) = Value::of_id(*id) {
                let same = known == *value || value.equals(value) == Some(false);
                assert!(same, "{value:?} as {known:?}");
            }
            if let Some(own) = value.inlined_id() {
                let term = TermId::from_raw(own).decode_inline();
                assert_eq!(term, Some(value.clone().into_term()));
            }
            for (other_id, other) in &encoded {
                if let Some(told) = ids_equal(*id, *other_id) {
                    equal += 1;
                    assert_eq!(Some(told), value.equals(other), "{value:?} = {other:?}");
                }
                if let Some(told) = ids_compare(*id, *other_id) {
                    compared += 1;
                    assert_eq!(told, value.compare(other), "{value:?} < {other:?}");
                }
            }
        }
        assert!(
            equal > 500 && compared > 300,
            "{equal} and {compared} were told"
        );
    }
}
