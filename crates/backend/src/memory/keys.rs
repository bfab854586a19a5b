//! The keys of one tree node, so laid out that a search touches few cache lines.
//!
//! Keys lie side by side in one buffer. Beside them stands an array of *heads*: of each key the eight bytes that follow
//! the prefix which all keys of the node share. A search compares heads, which are numbers, and looks at whole keys
//! only where heads are equal. While all keys have one width, as the keys of an index have, no offsets are kept.
//!
//! What always holds: the keys ascend strictly; all start with the first `shared` bytes of the first; heads ascend,
//! not strictly, because a key that ends early counts as if zeros followed.

use std::cmp::Ordering;

/// Strictly ascending keys.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyArray {
    heads: Vec<u64>,
    shared: usize,
    bytes: Vec<u8>,
    /// Where each key ends; empty while every key has the width `width`.
    ends: Vec<usize>,
    width: usize,
}

/// The eight bytes of a key from an offset on, as a number that orders as they do.
fn head(key: &[u8], offset: usize) -> u64 {
    let rest = key.get(offset..).unwrap_or_default();
    if let Some(eight) = rest.first_chunk::<8>() {
        return u64::from_be_bytes(*eight);
    }
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(eight)
}

impl KeyArray {
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    fn bounds(&self, index: usize) -> (usize, usize) {
        if self.ends.is_empty() {
            return (index * self.width, (index + 1) * self.width);
        }
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (start, self.ends[index])
    }

    /// The key at an index below `len`.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        let (start, end) = self.bounds(index);
        &self.bytes[start..end]
    }

    /// The index of the first key at or above `key`, and whether it is `key`.
    pub(super) fn search(&self, key: &[u8]) -> (usize, bool) {
        if self.heads.is_empty() {
            return (0, false);
        }
        if self.shared > 0 {
            let shared = &self.bytes[..self.shared];
            let start = key.get(..self.shared).unwrap_or(key);
            match start.cmp(shared) {
                Ordering::Less => return (0, false),
                Ordering::Greater => return (self.len(), false),
                Ordering::Equal => {}
            }
        }
        let sought = head(key, self.shared);
        let mut low = self.heads.partition_point(|&head| head < sought);
        if self.heads.get(low) != Some(&sought) {
            return (low, false);
        }
        let equal = self.heads[low..].partition_point(|&head| head == sought);
        let mut high = low + equal;
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return (middle, true),
                Ordering::Greater => high = middle,
            }
        }
        (low, false)
    }

    /// Inserts a key before the one at `index`, where `search` has put it.
    pub(super) fn insert(&mut self, index: usize, key: &[u8]) {
        if self.heads.is_empty() {
            (self.width, self.shared) = (key.len(), key.len());
        } else if self.ends.is_empty() && key.len() != self.width {
            self.ends = (1..=self.len()).map(|nth| nth * self.width).collect();
        }
        let start = if index == self.len() {
            self.bytes.len()
        } else {
            self.bounds(index).0
        };
        if start == self.bytes.len() {
            self.bytes.extend_from_slice(key);
        } else {
            self.bytes.splice(start..start, key.iter().copied());
        }
        if !self.ends.is_empty() {
            self.ends.insert(index, start);
            for end in &mut self.ends[index..] {
                *end += key.len();
            }
        }
        self.heads.insert(index, head(key, self.shared));
        self.share_with(index, key);
    }

    /// Shortens the shared prefix to what the key, just inserted at `index`, has of it.
    fn share_with(&mut self, index: usize, key: &[u8]) {
        let other = self.get(if index == 0 { self.len() - 1 } else { 0 });
        let pairs = key.iter().zip(&other[..self.shared.min(other.len())]);
        let shared = pairs.take_while(|(left, right)| left == right).count();
        if shared == self.shared {
            return;
        }
        self.shared = shared;
        for nth in 0..self.len() {
            self.heads[nth] = head(self.get(nth), shared);
        }
    }

    /// Appends a key above all others.
    pub(super) fn push(&mut self, key: &[u8]) {
        self.insert(self.len(), key);
    }

    /// Removes the key at an index below `len`.
    pub(super) fn remove(&mut self, index: usize) {
        let (start, end) = self.bounds(index);
        self.bytes.drain(start..end);
        if !self.ends.is_empty() {
            self.ends.remove(index);
            for later in &mut self.ends[index..] {
                *later -= end - start;
            }
        }
        self.heads.remove(index);
        if self.heads.is_empty() {
            self.ends.clear();
        }
    }

    /// Takes the keys from `index` on out into an array of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let mut right = Self::default();
        for nth in index..self.len() {
            right.push(self.get(nth));
        }
        while self.len() > index {
            self.remove(self.len() - 1);
        }
        right
    }

    /// Appends another array, all of whose keys lie above.
    pub(super) fn append(&mut self, right: &Self) {
        for nth in 0..right.len() {
            self.push(right.get(nth));
        }
    }

    /// Gives back what the buffers hold in reserve.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.heads.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares an array with the plain list it stands for, after every step of a mixed history.
    #[test]
    fn keys_of_mixed_widths_behave_like_a_sorted_list() {
        let mut array = KeyArray::default();
        let mut model: Vec<Vec<u8>> = Vec::new();
        let mut random = 7_u64;
        for _ in 0..3000 {
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (random ^ (random >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let length = (mixed >> 40) % 5;
            let key: Vec<u8> = (0..length)
                .map(|nth| (mixed >> (48 + 2 * nth)) as u8 & 3)
                .collect();
            let (index, found) = array.search(&key);
            assert_eq!(
                model.binary_search(&key),
                if found { Ok(index) } else { Err(index) }
            );
            if found {
                array.remove(index);
                model.remove(index);
            } else {
                array.insert(index, &key);
                model.insert(index, key);
            }
            let all: Vec<&[u8]> = (0..array.len()).map(|nth| array.get(nth)).collect();
            assert_eq!(all, model);
        }
        assert!(model.len() > 20);
        let middle = model.len() / 2;
        let right = array.split_off(middle);
        assert_eq!(array.len(), middle);
        array.append(&right);
        let all: Vec<&[u8]> = (0..array.len()).map(|nth| array.get(nth)).collect();
        assert_eq!(all, model);
    }

    /// Keys that differ late, end early or border on the prefix that the others share.
    #[test]
    fn a_search_among_long_shared_prefixes_agrees_with_a_sorted_list() {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for tail in 0..40_u64 {
            let mut key = vec![7; 20];
            key.extend_from_slice(&(tail / 3 * 1000).to_be_bytes());
            key.extend_from_slice(&vec![0; (tail % 3) as usize]);
            keys.push(key);
        }
        let mut array = KeyArray::default();
        for key in keys.iter().rev() {
            array.insert(0, key);
        }
        let mut sought = keys.clone();
        sought.extend([
            vec![],
            vec![7],
            vec![6; 30],
            vec![8; 3],
            vec![7; 20],
            vec![7; 21],
        ]);
        sought.extend(keys.iter().map(|key| [key.as_slice(), &[0]].concat()));
        sought.extend(keys.iter().map(|key| key[..25].to_vec()));
        for key in &sought {
            let expected = keys.binary_search(key);
            let (index, found) = array.search(key);
            assert_eq!(
                if found { Ok(index) } else { Err(index) },
                expected,
                "{key:?}"
            );
        }
    }
}
