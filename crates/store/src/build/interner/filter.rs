//! A Bloom filter in blocks of a cache line: says of a hash that it was surely never put in, or that it may have been.
//!
//! Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters (2007).

/// The bits for each hash; with six set, one look in some seventy says yes wrongly.
const BITS_PER_HASH: usize = 10;

const BITS_SET: u32 = 6;

type Block = [u64; 8];

/// The hashes that were put in, and a few others.
pub(super) struct Filter {
    blocks: Vec<Block>,
}

impl Filter {
    pub(super) fn new(hashes: usize) -> Self {
        let blocks = (hashes * BITS_PER_HASH)
            .div_ceil(size_of::<Block>() * 8)
            .max(1);
        Self {
            blocks: vec![[0; 8]; blocks],
        }
    }

    pub(super) fn insert(&mut self, hash: u128) {
        let (block, bits) = self.place(hash);
        for (word, bit) in bits {
            self.blocks[block][word] |= bit;
        }
    }

    pub(super) fn may_hold(&self, hash: u128) -> bool {
        let (block, mut bits) = self.place(hash);
        let block = &self.blocks[block];
        bits.all(|(word, bit)| block[word] & bit != 0)
    }

    /// The block of a hash, and its bits there. The block comes from the low half: runs are ordered by the high one.
    fn place(&self, hash: u128) -> (usize, impl Iterator<Item = (usize, u64)> + use<>) {
        let low = hash as u64;
        let block = ((u128::from(low) * self.blocks.len() as u128) >> 64) as usize;
        let bits = (hash >> 64) as u64;
        let bits = (0..BITS_SET).map(move |number| {
            let bit = (bits >> (9 * number)) as usize & 0x1ff;
            (bit / 64, 1 << (bit % 64))
        });
        (block, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    #[test]
    fn what_was_put_in_is_found_and_little_else() {
        let hash = |number: u64| xxh3_128(&number.to_le_bytes());
        let mut filter = Filter::new(100_000);
        (0..100_000).for_each(|number| filter.insert(hash(number)));
        assert!((0..100_000).all(|number| filter.may_hold(hash(number))));
        let wrong = (100_000..200_000)
            .filter(|&number| filter.may_hold(hash(number)))
            .count();
        assert!(wrong < 3_000, "{wrong} of 100 000 others are found");
    }
}
