//! Blank node labels mean something within one file only: this renames them so that no two files share a node.
//!
//! What flows in: the blank nodes of one file, as the parser names them. What flows out: nodes whose labels begin with a
//! prefix drawn at random for that file. What always holds: within a file equal labels stay equal and different ones stay
//! different; no memory is kept of them. Loads do not come here: a load lets the store name the nodes of each source.

use oxrdf::{BlankNode, BlankNodeRef, GraphName, NamedOrBlankNode, Quad, Term, Triple};
use std::convert::Infallible;
use xxhash_rust::xxh3::xxh3_128;

/// Labels over this many bytes are replaced by a hash: a store that is dumped and loaded again and again would
/// otherwise gain a prefix each time.
const LABEL_BYTES_MAX: usize = 64;

/// The blank nodes of one file, told from those of others by a prefix. It keeps no memory of them.
///
/// ```
/// use oxrdf::BlankNode;
/// use quadrille_io::BlankNodeScope;
///
/// let node = BlankNode::new("b1")?;
/// let (first, second) = (BlankNodeScope::new(), BlankNodeScope::new());
/// assert_eq!(first.rename(&node), first.rename(&node));
/// assert_ne!(first.rename(&node), second.rename(&node));
/// # Ok::<(), oxrdf::BlankNodeIdParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BlankNodeScope {
    /// `None` leaves labels as they are.
    prefix: Option<String>,
}

impl BlankNodeScope {
    /// A scope of its own, told from every other by 64 random bits.
    #[must_use]
    pub fn new() -> Self {
        let random = BlankNode::default();
        let bits = random.as_ref().unique_id().unwrap_or_default();
        // The last 64 of its 128 bits: the first ones are not free, as such a label begins with a letter.
        Self::with_number((bits & u128::from(u64::MAX)) as u64)
    }

    /// The scope of a number: the same number gives the same labels.
    #[must_use]
    pub fn with_number(number: u64) -> Self {
        Self {
            prefix: Some(format!("q{number:016x}_")),
        }
    }

    /// The scope in which labels stay as they are written: equal labels are one node, in all sources and with what the
    /// store holds already. It is for those who load what the store itself has dumped.
    ///
    /// ```
    /// use oxrdf::BlankNode;
    /// use quadrille_io::BlankNodeScope;
    ///
    /// let node = BlankNode::new("b1")?;
    /// assert_eq!(BlankNodeScope::as_written().rename(&node), node);
    /// # Ok::<(), oxrdf::BlankNodeIdParseError>(())
    /// ```
    #[must_use]
    pub fn as_written() -> Self {
        Self { prefix: None }
    }

    /// Whether labels stay as they are.
    pub(crate) fn is_as_written(&self) -> bool {
        self.prefix.is_none()
    }

    /// What its labels begin with.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// The node of this scope that a node of the file stands for.
    #[must_use]
    pub fn rename(&self, node: &BlankNode) -> BlankNode {
        self.rename_label(node.as_ref())
    }

    fn rename_label(&self, node: BlankNodeRef<'_>) -> BlankNode {
        let Some(prefix) = &self.prefix else {
            return node.into_owned();
        };
        let label = node.as_str();
        let mut renamed = String::with_capacity(prefix.len() + LABEL_BYTES_MAX);
        renamed.push_str(prefix);
        if label.len() <= LABEL_BYTES_MAX {
            renamed.push_str(label);
        } else {
            // No label in a file begins with a point, so a hash never equals a label.
            renamed.push_str(&format!(".{:032x}", xxh3_128(label.as_bytes())));
        }
        // Valid: a letter, hexadecimal digits and `_`, then what may stand inside a label.
        BlankNode::new_unchecked(renamed)
    }

    /// Renames every blank node of a quad, those inside triple terms too.
    pub fn rename_quad(&self, quad: &mut Quad) {
        let renamed: Result<(), Infallible> = for_each_blank_node(quad, |node| {
            *node = self.rename(node);
            Ok(())
        });
        match renamed {
            Ok(()) => {}
        }
    }
}

impl Default for BlankNodeScope {
    fn default() -> Self {
        Self::new()
    }
}

/// Calls a function with every blank node of a quad, those inside triple terms too.
fn for_each_blank_node<E>(
    quad: &mut Quad,
    mut visit: impl FnMut(&mut BlankNode) -> Result<(), E>,
) -> Result<(), E> {
    if let NamedOrBlankNode::BlankNode(node) = &mut quad.subject {
        visit(node)?;
    }
    if let GraphName::BlankNode(node) = &mut quad.graph_name {
        visit(node)?;
    }
    let mut object = &mut quad.object;
    while let Term::Triple(triple) = object {
        let Triple {
            subject,
            object: inner,
            ..
        } = &mut **triple;
        if let NamedOrBlankNode::BlankNode(node) = subject {
            visit(node)?;
        }
        object = inner;
    }
    match object {
        Term::BlankNode(node) => visit(node),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::NamedNode;

    #[test]
    fn renamed_labels_are_valid_and_told_apart() {
        let scope = BlankNodeScope::with_number(0xfeed);
        let long = "x".repeat(5_000);
        let labels = ["b", "0", "a.b", "é", "deadbeef", "b-", &long, &long[1..]];
        let mut seen = std::collections::HashSet::new();
        for label in labels {
            let renamed = scope.rename(&BlankNode::new(label).expect("a valid label"));
            BlankNode::new(renamed.as_str()).expect("a valid renamed label");
            assert!(renamed.as_str().len() <= LABEL_BYTES_MAX + 18);
            assert!(seen.insert(renamed), "{label} fell on another label");
        }
        assert_eq!(
            scope.rename(&BlankNode::new("b").expect("valid")).as_str(),
            "q000000000000feed_b"
        );
    }

    #[test]
    fn loading_a_dump_again_and_again_keeps_labels_short() {
        let mut node = BlankNode::new("b1").expect("valid");
        for number in 0..50 {
            node = BlankNodeScope::with_number(number).rename(&node);
            assert!(node.as_str().len() <= LABEL_BYTES_MAX + 18);
        }
    }

    #[test]
    fn every_position_is_renamed_and_nothing_else() {
        let scope = BlankNodeScope::with_number(1);
        let node = BlankNode::new("b").expect("valid");
        let iri = NamedNode::new_unchecked("http://example.org/p");
        let inner = Triple::new(node.clone(), iri.clone(), node.clone());
        let outer = Triple::new(iri.clone(), iri.clone(), inner);
        let mut quad = Quad::new(node.clone(), iri.clone(), outer, node.clone());
        scope.rename_quad(&mut quad);
        let text = quad.to_string();
        assert_eq!(text.matches("_:q0000000000000001_b").count(), 4, "{text}");
        assert_eq!(text.matches("<http://example.org/p>").count(), 4, "{text}");
    }
}
