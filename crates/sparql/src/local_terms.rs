//! Terms that a query makes and the store does not hold: computed values, constants of the query, new blank nodes.
//!
//! What flows in: terms that the source could not encode. What flows out: query-local ids, and the terms again. What
//! always holds: equal terms get equal ids, and no id of this module is ever stored.

use indexmap::IndexSet;
use oxrdf::{NamedOrBlankNode, Term, Triple};
use quadrille_store::{StorageError, StorageResult, TermId};

/// The interner of one query's own terms.
#[derive(Clone, Default)]
pub(crate) struct LocalTerms {
    /// A term's number is its place. Hashes are kept beside the terms, so that growing reads no texts.
    terms: IndexSet<Term>,
    /// The bytes that the texts of the terms take.
    text_bytes: usize,
}

impl LocalTerms {
    /// The id of a term, made on first sight.
    pub(crate) fn intern(&mut self, term: Term) -> TermId {
        let bytes = text_bytes(&term);
        let (number, is_new) = self.terms.insert_full(term);
        if is_new {
            self.text_bytes += bytes;
        }
        TermId::query_local(number as u64)
    }

    /// About how many bytes the terms take.
    pub(crate) fn bytes(&self) -> usize {
        let entry = size_of::<Term>() + 3 * size_of::<usize>();
        self.text_bytes + self.terms.capacity() * entry
    }

    /// The term of an id that this interner made.
    ///
    /// # Errors
    /// `Misuse` for an id that it did not make.
    pub(crate) fn term(&self, id: TermId) -> StorageResult<Term> {
        (id.raw() & PAYLOAD_MASK)
            .try_into()
            .ok()
            .and_then(|number: usize| self.terms.get_index(number))
            .cloned()
            .ok_or_else(|| StorageError::misuse("a query-local id of another query"))
    }
}

/// The bytes of a term outside of its place in a table.
fn text_bytes(term: &Term) -> usize {
    let mut bytes = 0;
    let mut term = term;
    while let Term::Triple(triple) = term {
        let subject = match &triple.subject {
            NamedOrBlankNode::NamedNode(node) => node.as_str().len(),
            NamedOrBlankNode::BlankNode(node) => node.as_str().len(),
        };
        bytes += size_of::<Triple>() + subject + triple.predicate.as_str().len();
        term = &triple.object;
    }
    bytes
        + match term {
            Term::NamedNode(node) => node.as_str().len(),
            Term::BlankNode(node) => node.as_str().len(),
            Term::Literal(literal) => {
                let tag = literal.language().map(str::len);
                literal.value().len() + tag.unwrap_or_else(|| literal.datatype().as_str().len())
            }
            Term::Triple(_) => 0,
        }
}

/// The low 56 bits of an id, which carry a query-local id's number.
const PAYLOAD_MASK: u64 = (1 << 56) - 1;

#[cfg(test)]
mod tests {
    use super::LocalTerms;
    use oxrdf::{Literal, Term, vocab::xsd};
    use quadrille_store::TermId;

    #[test]
    fn equal_terms_share_an_id_and_only_they() {
        let mut terms = LocalTerms::default();
        let one: Term = Literal::from(1).into();
        let padded: Term = Literal::new_typed_literal("01", xsd::INTEGER).into();
        let first = terms.intern(one.clone());
        assert_eq!(first, terms.intern(one.clone()));
        assert_ne!(first, terms.intern(padded.clone()));
        assert!(first.is_query_local());
        assert_eq!(one, terms.term(first).expect("known"));
    }

    #[test]
    fn a_foreign_id_is_an_error() {
        assert!(LocalTerms::default().term(TermId::query_local(7)).is_err());
    }
}
