//! The blank nodes of `BNODE(label)`.
//!
//! What flows in: labels and rows. What flows out: blank nodes. What always holds: a label has one node within a solution
//! and others in others (SPARQL 1.1, section 17.4.2.9), whichever of the expressions that compute its columns asks.

use oxrdf::BlankNode;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// The nodes of the labels in the rows of one batch. Clones share them: those of expressions that extend the same rows.
#[derive(Clone, Default)]
pub(crate) struct RowLabels {
    /// By the row and the hash of the label, which may be long; its key is a secret.
    nodes: Arc<Mutex<HashMap<(usize, u64), String>>>,
    hasher: RandomState,
}

impl RowLabels {
    /// The node of a label in a row of the batch at hand.
    pub(super) fn node(&self, row: usize, label: &str) -> String {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let node = nodes
            .entry((row, self.hasher.hash_one(label)))
            .or_insert_with(|| BlankNode::default().into_string());
        node.clone()
    }

    /// Forgets all of them: other rows follow.
    pub(super) fn clear(&self) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.clear();
    }
}
