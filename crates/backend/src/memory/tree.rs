//! A persistent B+ tree from byte keys to byte values: cloning is O(1), a write copies only the path it changes.
//!
//! What flows in: puts and deletes, or ascending entries all at once through [`TreeBuilder`]. What flows out: leaves,
//! which a cursor holds on to and lends entries from. What always holds: no leaf is empty; all leaves have the same
//! depth; a key below `separators[i]` is in a child at or before `i`, any other in one after it; `count` and `bytes`
//! are exact.

use super::keys::KeyArray;
use std::sync::Arc;

/// Most entries in a leaf.
const LEAF_MAX: usize = 64;
/// Most children of a branch.
const BRANCH_MAX: usize = 128;

/// A stored value, shared by all versions of the tree that hold it.
pub(super) type Value = Arc<[u8]>;

/// One version of a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Option<Node>,
    count: u64,
    bytes: u64,
}

#[derive(Clone, Debug)]
enum Node {
    Branch(Arc<Branch>),
    Leaf(Arc<Leaf>),
}

#[derive(Clone, Debug, Default)]
struct Branch {
    separators: KeyArray,
    children: Vec<Node>,
}

/// Some neighbouring entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaf {
    keys: KeyArray,
    values: Vec<Value>,
}

/// The right half of a node that grew too large, and the smallest key that belongs to it.
struct Split {
    separator: Vec<u8>,
    right: Node,
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The entry at an index, if there is one.
    pub(super) fn entry(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let value = self.values.get(index)?;
        Some((self.keys.get(index), value))
    }

    /// The index of the first entry at or above `key`, when the leaf reaches on both sides of it: only then is no
    /// other leaf concerned.
    pub(super) fn position_within(&self, key: &[u8]) -> Option<usize> {
        let last = self.len().checked_sub(1)?;
        // Two comparisons, so that a seek that goes elsewhere loses little.
        if key < self.keys.get(0) || key > self.keys.get(last) {
            return None;
        }
        Some(self.keys.search(key).0)
    }

    fn put(&mut self, key: &[u8], value: Value) -> (Option<Value>, Option<Split>) {
        let (index, found) = self.keys.search(key);
        if let Some(present) = self.values.get_mut(index).filter(|_| found) {
            return (Some(std::mem::replace(present, value)), None);
        }
        self.keys.insert(index, key);
        self.values.insert(index, value);
        if self.len() <= LEAF_MAX {
            return (None, None);
        }
        // Keys that arrive in ascending order leave full leaves behind.
        let at = if index + 1 == self.len() {
            index
        } else {
            self.len() / 2
        };
        let right = Self {
            keys: self.keys.split_off(at),
            values: self.values.split_off(at),
        };
        let separator = right.keys.get(0).to_vec();
        let right = Node::Leaf(Arc::new(right));
        (None, Some(Split { separator, right }))
    }

    fn delete(&mut self, key: &[u8]) -> Option<Value> {
        let (index, found) = self.keys.search(key);
        if !found {
            return None;
        }
        self.keys.remove(index);
        Some(self.values.remove(index))
    }
}

impl Branch {
    /// The child in whose range `key` lies.
    fn child_of(&self, key: &[u8]) -> usize {
        let (index, exact) = self.separators.search(key);
        index + usize::from(exact)
    }

    fn put(&mut self, key: &[u8], value: Value) -> (Option<Value>, Option<Split>) {
        let index = self.child_of(key);
        let (old, split) = self.children[index].put(key, value);
        let Some(split) = split else {
            return (old, None);
        };
        self.separators.insert(index, &split.separator);
        self.children.insert(index + 1, split.right);
        if self.children.len() <= BRANCH_MAX {
            return (old, None);
        }
        let at = if index + 2 == self.children.len() {
            self.children.len() - 2
        } else {
            self.children.len() / 2
        };
        let separator = self.separators.get(at - 1).to_vec();
        let separators = self.separators.split_off(at);
        self.separators.remove(at - 1);
        let right = Self {
            separators,
            children: self.children.split_off(at),
        };
        let right = Node::Branch(Arc::new(right));
        (old, Some(Split { separator, right }))
    }

    fn delete(&mut self, key: &[u8]) -> Option<Value> {
        let index = self.child_of(key);
        let old = self.children[index].delete(key)?;
        if self.children[index].size() == 0 {
            self.children.remove(index);
            if self.separators.len() > 0 {
                self.separators.remove(index.saturating_sub(1));
            }
        } else {
            self.merge_around(index);
        }
        Some(old)
    }

    /// Joins a child that became small with a neighbour, when both fit well into one node.
    fn merge_around(&mut self, index: usize) {
        if self.children[index].size() * 4 > self.children[index].size_max() {
            return;
        }
        let left = if index + 1 < self.children.len() {
            index
        } else if index > 0 {
            index - 1
        } else {
            return;
        };
        let sum = self.children[left].size() + self.children[left + 1].size();
        if sum * 4 > self.children[left].size_max() * 3 {
            return;
        }
        let separator = self.separators.get(left).to_vec();
        self.separators.remove(left);
        let right = self.children.remove(left + 1);
        self.children[left].append(&separator, right);
    }
}

impl Node {
    fn size(&self) -> usize {
        match self {
            Self::Branch(branch) => branch.children.len(),
            Self::Leaf(leaf) => leaf.len(),
        }
    }

    fn size_max(&self) -> usize {
        match self {
            Self::Branch(_) => BRANCH_MAX,
            Self::Leaf(_) => LEAF_MAX,
        }
    }

    fn put(&mut self, key: &[u8], value: Value) -> (Option<Value>, Option<Split>) {
        match self {
            Self::Branch(branch) => Arc::make_mut(branch).put(key, value),
            Self::Leaf(leaf) => Arc::make_mut(leaf).put(key, value),
        }
    }

    fn delete(&mut self, key: &[u8]) -> Option<Value> {
        match self {
            Self::Branch(branch) => Arc::make_mut(branch).delete(key),
            Self::Leaf(leaf) => Arc::make_mut(leaf).delete(key),
        }
    }

    /// Appends the right neighbour, which is of the same level.
    fn append(&mut self, separator: &[u8], right: Self) {
        match (self, right) {
            (Self::Branch(left), Self::Branch(right)) => {
                let left = Arc::make_mut(left);
                left.separators.push(separator);
                left.separators.append(&right.separators);
                left.children.extend(right.children.iter().cloned());
            }
            (Self::Leaf(left), Self::Leaf(right)) => {
                let left = Arc::make_mut(left);
                left.keys.append(&right.keys);
                left.values.extend(right.values.iter().cloned());
            }
            _ => unreachable!("children of one branch have one level"),
        }
    }

    fn first_leaf(&self) -> &Arc<Leaf> {
        let mut node = self;
        loop {
            match node {
                Self::Branch(branch) => node = &branch.children[0],
                Self::Leaf(leaf) => return leaf,
            }
        }
    }
}

impl Tree {
    /// Number of entries.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of all keys and values.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes an entry, replacing the value that was there.
    pub(super) fn put(&mut self, key: &[u8], value: Value) {
        let length = value.len() as u64;
        let Some(root) = &mut self.root else {
            let mut leaf = Leaf::default();
            leaf.put(key, value);
            self.root = Some(Node::Leaf(Arc::new(leaf)));
            self.count = 1;
            self.bytes = key.len() as u64 + length;
            return;
        };
        let (old, split) = root.put(key, value);
        if let Some(split) = split {
            let mut branch = Branch::default();
            branch.separators.push(&split.separator);
            branch.children = vec![root.clone(), split.right];
            *root = Node::Branch(Arc::new(branch));
        }
        if let Some(old) = old {
            self.bytes -= old.len() as u64;
        } else {
            self.count += 1;
            self.bytes += key.len() as u64;
        }
        self.bytes += length;
    }

    /// Removes a key, if it is there.
    pub(super) fn delete(&mut self, key: &[u8]) {
        // Looking first keeps a deletion of nothing from copying the path.
        let Some(old) = self.get(key).map(<[u8]>::len) else {
            return;
        };
        let Some(root) = &mut self.root else { return };
        root.delete(key);
        self.count -= 1;
        self.bytes -= (key.len() + old) as u64;
        loop {
            let only = match root {
                _ if root.size() == 0 => break,
                Node::Branch(branch) if branch.children.len() == 1 => branch.children[0].clone(),
                _ => return,
            };
            *root = only;
        }
        self.root = None;
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Branch(branch) => node = &branch.children[branch.child_of(key)],
                Node::Leaf(leaf) => {
                    let (index, found) = leaf.keys.search(key);
                    return leaf
                        .values
                        .get(index)
                        .filter(|_| found)
                        .map(|value| &**value);
                }
            }
        }
    }

    /// The leaf and the index in it of the first entry at or above `key`.
    pub(super) fn seek(&self, key: &[u8]) -> Option<(&Arc<Leaf>, usize)> {
        let (leaf, next) = self.leaf_of(key)?;
        let (index, _) = leaf.keys.search(key);
        if index < leaf.len() {
            return Some((leaf, index));
        }
        Some((next?.first_leaf(), 0))
    }

    /// The leaf after the one that holds `key`.
    pub(super) fn leaf_after(&self, key: &[u8]) -> Option<&Arc<Leaf>> {
        self.leaf_of(key)?.1.map(Node::first_leaf)
    }

    /// The leaf in whose range `key` lies, and the node right of it, if any.
    fn leaf_of(&self, key: &[u8]) -> Option<(&Arc<Leaf>, Option<&Node>)> {
        let mut node = self.root.as_ref()?;
        let mut next = None;
        loop {
            match node {
                Node::Branch(branch) => {
                    let index = branch.child_of(key);
                    next = branch.children.get(index + 1).or(next);
                    node = &branch.children[index];
                }
                Node::Leaf(leaf) => return Some((leaf, next)),
            }
        }
    }
}

/// Builds a tree bottom-up from strictly ascending entries, every node full.
#[derive(Debug, Default)]
pub(super) struct TreeBuilder {
    leaf: Leaf,
    nodes: Vec<(Vec<u8>, Node)>,
    count: u64,
    bytes: u64,
}

impl TreeBuilder {
    /// Appends an entry; `false`, and nothing done, when its key is not above the last one.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> bool {
        if let Some(last) = self.leaf.len().checked_sub(1)
            && self.leaf.keys.get(last) >= key
        {
            return false;
        }
        if self.leaf.len() == LEAF_MAX {
            self.finish_leaf();
        }
        if self.leaf.values.is_empty() {
            self.leaf.values.reserve_exact(LEAF_MAX);
        }
        self.leaf.keys.push(key);
        self.leaf.values.push(value.into());
        self.count += 1;
        self.bytes += (key.len() + value.len()) as u64;
        true
    }

    fn finish_leaf(&mut self) {
        let mut leaf = std::mem::take(&mut self.leaf);
        leaf.keys.shrink();
        leaf.values.shrink_to_fit();
        let first = leaf.keys.get(0).to_vec();
        self.nodes.push((first, Node::Leaf(Arc::new(leaf))));
    }

    /// The tree of all entries pushed.
    pub(super) fn finish(mut self) -> Tree {
        if self.leaf.len() > 0 {
            self.finish_leaf();
        }
        let mut level = self.nodes;
        while level.len() > 1 {
            level = level.chunks(BRANCH_MAX).map(branch_over).collect();
        }
        Tree {
            root: level.pop().map(|(_, node)| node),
            count: self.count,
            bytes: self.bytes,
        }
    }
}

/// A branch over neighbouring nodes, with the smallest key below it.
fn branch_over(nodes: &[(Vec<u8>, Node)]) -> (Vec<u8>, Node) {
    let mut branch = Branch::default();
    for (first, _) in nodes.iter().skip(1) {
        branch.separators.push(first);
    }
    branch.separators.shrink();
    branch.children = nodes.iter().map(|(_, node)| node.clone()).collect();
    let first = nodes
        .first()
        .map(|(first, _)| first.clone())
        .unwrap_or_default();
    (first, Node::Branch(Arc::new(branch)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    fn entries(tree: &Tree) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        let mut leaf = tree.seek(&[]).map(|(leaf, _)| leaf);
        while let Some(present) = leaf {
            let mut last = Vec::new();
            for index in 0..present.len() {
                let (key, value) = present.entry(index).expect("below the length");
                all.push((key.to_vec(), value.to_vec()));
                last = key.to_vec();
            }
            leaf = tree.leaf_after(&last);
        }
        all
    }

    fn check(tree: &Tree, model: &Model) {
        let expected: Vec<_> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(entries(tree), expected);
        assert_eq!(tree.count(), model.len() as u64);
        let bytes: usize = model.iter().map(|(k, v)| k.len() + v.len()).sum();
        assert_eq!(tree.bytes(), bytes as u64);
    }

    fn next_random(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn random_histories_agree_with_a_model_and_leave_old_versions_alone() {
        for seed in 0..4_u64 {
            let mut random = seed;
            let (mut tree, mut model) = (Tree::default(), Model::new());
            let mut versions = Vec::new();
            for step in 0..30_000_u64 {
                let number = next_random(&mut random) % 6000;
                let key = number.to_be_bytes()[4 - (seed as usize % 2) * 2..].to_vec();
                // Growth first, then mostly deletions, until little is left.
                let put = next_random(&mut random) % 10 < if step < 15_000 { 8 } else { 2 };
                if put {
                    let value = step.to_le_bytes()[..(number % 9) as usize].to_vec();
                    tree.put(&key, value.as_slice().into());
                    model.insert(key, value);
                } else {
                    tree.delete(&key);
                    model.remove(&key);
                }
                if step % 5000 == 0 {
                    versions.push((tree.clone(), model.clone()));
                }
            }
            versions.push((tree, model));
            for (tree, model) in &versions {
                check(tree, model);
            }
        }
    }

    #[test]
    fn a_built_tree_equals_a_grown_one_and_can_be_emptied() {
        for count in [0_u32, 1, 63, 64, 65, 8191, 8192, 8193, 20_000] {
            let mut builder = TreeBuilder::default();
            let mut model = Model::new();
            for number in 0..count {
                let key = (number * 3).to_be_bytes();
                assert!(builder.push(&key, &key));
                model.insert(key.to_vec(), key.to_vec());
            }
            if count > 0 {
                assert!(!builder.push(&[0, 0, 0, 0], &[]), "not above the last key");
            }
            let mut tree = builder.finish();
            check(&tree, &model);
            for number in 0..count * 3 {
                let found = tree.seek(&number.to_be_bytes());
                let found = found.and_then(|(leaf, index)| leaf.entry(index));
                let expected = model.range(number.to_be_bytes().to_vec()..).next();
                assert_eq!(found, expected.map(|(k, v)| (k.as_slice(), v.as_slice())));
            }
            for number in 0..count {
                tree.delete(&(number * 3).to_be_bytes());
            }
            check(&tree, &Model::new());
        }
    }
}
