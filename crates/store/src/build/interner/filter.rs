//! A Bloom filter in blocks of a cache line: says of a hash that it was surely never put in, or that it may have been.
//!
//! Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters (2007).
//!
//! What always holds: a filter can be halved as it is, as the blocks of two neighbours make the block of the filter that
//! has half as many; it then says yes more often.

/// The bits for each hash; with six set, one look in some seventy says yes wrongly. Halved it is one in eight, halved twice
/// every second one.
const BITS_PER_HASH: usize = 10;

const BITS_SET: u32 = 6;

/// How often a filter can be halved. After that it would hardly ever say no.
const HALVINGS_MAX: u32 = 2;

type Block = [u64; 8];

/// The hashes that were put in, and a few others.
pub(super) struct Filter {
    blocks: Vec<Block>,
    halvings: u32,
}

/// The blocks of a filter for so many hashes.
fn blocks_for(hashes: usize, halvings: u32) -> usize {
    let blocks = (hashes * BITS_PER_HASH).div_ceil(size_of::<Block>() * 8);
    blocks.max(1).next_multiple_of(1 << HALVINGS_MAX) >> halvings
}

impl Filter {
    /// The halvings that leave no filter.
    pub(super) const HALVINGS_NONE: u32 = HALVINGS_MAX + 1;

    /// A filter as if it had been halved so many times already. `None`, when that is too often.
    pub(super) fn new(hashes: usize, halvings: u32) -> Option<Self> {
        (halvings <= HALVINGS_MAX).then(|| Self {
            blocks: vec![[0; 8]; blocks_for(hashes, halvings)],
            halvings,
        })
    }

    /// The memory that [`new`](Self::new) takes, in bytes.
    pub(super) fn bytes_for(hashes: usize, halvings: u32) -> usize {
        match halvings <= HALVINGS_MAX {
            true => blocks_for(hashes, halvings) * size_of::<Block>(),
            false => 0,
        }
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * size_of::<Block>()
    }

    pub(super) fn halvings(&self) -> u32 {
        self.halvings
    }

    /// The same in half the memory. `None`, when it was halved too often already.
    pub(super) fn halved(mut self) -> Option<Self> {
        if self.halvings == HALVINGS_MAX {
            return None;
        }
        self.halvings += 1;
        let half = self.blocks.len() / 2;
        for block in 0..half {
            let pair = [self.blocks[2 * block], self.blocks[2 * block + 1]];
            self.blocks[block] = std::array::from_fn(|word| pair[0][word] | pair[1][word]);
        }
        self.blocks.truncate(half);
        self.blocks.shrink_to_fit();
        Some(self)
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
    fn what_was_put_in_is_found_and_little_else_however_often_it_is_halved() {
        let hash = |number: u64| xxh3_128(&number.to_le_bytes());
        let mut filter = Filter::new(100_000, 0).expect("it is not halved");
        (0..100_000).for_each(|number| filter.insert(hash(number)));
        for wrong_max in [3_000, 20_000, 65_000] {
            assert!((0..100_000).all(|number| filter.may_hold(hash(number))));
            let wrong = (100_000..200_000)
                .filter(|&number| filter.may_hold(hash(number)))
                .count();
            assert!(wrong < wrong_max, "{wrong} of 100 000 others are found");
            assert_eq!(
                filter.bytes(),
                Filter::bytes_for(100_000, filter.halvings())
            );
            match filter.halved() {
                Some(half) => filter = half,
                None => {
                    assert_eq!(wrong_max, 65_000, "it could have been halved");
                    return;
                }
            }
        }
        panic!("it is halved without end");
    }

    #[test]
    fn a_filter_that_begins_halved_is_the_one_that_was() {
        let hash = |number: u64| xxh3_128(&number.to_le_bytes());
        let (whole, half) = (Filter::new(5_000, 0), Filter::new(5_000, 1));
        let (mut whole, mut half) = (whole.expect("a filter"), half.expect("a filter"));
        for number in 0..5_000 {
            whole.insert(hash(number));
            half.insert(hash(number));
        }
        let whole = whole.halved().expect("it was not halved before");
        assert!(whole.blocks == half.blocks);
        assert!(Filter::new(5_000, HALVINGS_MAX + 1).is_none());
    }
}
