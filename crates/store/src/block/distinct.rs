//! The distinct values of a column, found with a small hash table: quicker than sorting when they are few, and given up
//! early when they are many.

/// Sorted distinct values, and which of them each row has.
#[derive(Debug)]
pub(super) struct Distinct {
    pub(super) values: Vec<u64>,
    pub(super) codes: Vec<u64>,
}

impl Distinct {
    /// `None` when there are more than `most`.
    pub(super) fn new(rows: impl ExactSizeIterator<Item = u64>, most: usize) -> Option<Self> {
        let bits = (2 * most.min(rows.len()) + 2)
            .next_power_of_two()
            .trailing_zeros();
        // Place in `seen` plus one of the value that hashes there; 0 where none does.
        let mut table = vec![0u16; 1 << bits];
        let mut seen: Vec<u64> = vec![];
        let mut codes = Vec::with_capacity(rows.len());
        let mut last = None;
        for value in rows {
            if let (Some(other), Some(&code)) = (last, codes.last())
                && other == value
            {
                codes.push(code);
                continue;
            }
            last = Some(value);
            let mut slot = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize;
            let code = loop {
                match table[slot] {
                    0 if seen.len() == most => return None,
                    0 => {
                        seen.push(value);
                        table[slot] = seen.len() as u16;
                        break seen.len() as u64 - 1;
                    }
                    place if seen[usize::from(place) - 1] == value => break u64::from(place) - 1,
                    _ => slot = (slot + 1) & (table.len() - 1),
                }
            };
            codes.push(code);
        }
        let mut order: Vec<u16> = (0..seen.len() as u16).collect();
        order.sort_unstable_by_key(|&place| seen[usize::from(place)]);
        let mut ranks = vec![0; seen.len()];
        for (rank, &place) in (0..).zip(&order) {
            ranks[usize::from(place)] = rank;
        }
        codes
            .iter_mut()
            .for_each(|code| *code = ranks[*code as usize]);
        let values = order
            .iter()
            .map(|&place| seen[usize::from(place)])
            .collect();
        Some(Self { values, codes })
    }
}
