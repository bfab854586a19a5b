//! A small random number generator whose numbers are the same on every machine and in every version.
//!
//! What flows in: a seed. What flows out: numbers. What always holds: integers only, so no difference in rounding can
//! change what is generated; not for secrets.

/// Deterministic random numbers (the splitmix64 sequence).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`, each equally likely; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// A number below `limit`, small ones much more likely: about as often as one over their rank, like words in a
    /// text or citations of an article. 0 when `limit` is 0.
    pub fn skewed_below(&mut self, limit: u64) -> u64 {
        let Some(last) = limit.checked_sub(1) else {
            return 0;
        };
        // As many numbers of n binary digits as of n + 1.
        let digits = u64::from(u64::BITS - last.leading_zeros());
        let digits = self.below(digits + 1);
        let value = self.bits() & ((1_u64 << digits.min(63)) - 1);
        if value <= last {
            value
        } else {
            self.below(limit)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_never_change() {
        let mut random = Random::new(7);
        let numbers: Vec<u64> = (0..3).map(|_| random.bits() >> 48).collect();
        assert_eq!(numbers, [25_547, 1_100, 59_032]);
    }

    #[test]
    fn skewed_numbers_stay_below_their_limit_and_favour_the_first() {
        let mut random = Random::new(1);
        for limit in [0, 1, 2, 3, 100, u64::MAX] {
            for _ in 0..1_000 {
                let value = random.skewed_below(limit);
                assert!(value < limit.max(1));
                assert!(random.below(limit) < limit.max(1));
            }
        }
        let numbers: Vec<u64> = (0..10_000).map(|_| random.skewed_below(1_000)).collect();
        let count = |number| numbers.iter().filter(|&&other| other == number).count();
        assert!(count(0) > 800 && count(500) < 40);
        assert!(numbers.iter().any(|&number| number > 900));
    }
}
