//! The distinct values of a column, found with a small hash table: quicker than sorting when they are few, and given up
//! early when they are many.

/// Sorted distinct values, and which of them each row has.
#[derive(Debug)]
pub(super) struct Distinct {
    pub(super) values: Vec<u64>,
    pub(super) codes: Vec<u64>,
}

/// Distinct values in the order in which they come, and which of them each row has.
#[derive(Debug)]
pub(super) struct Seen {
    values: Vec<u64>,
    /// Places in `values`.
    places: Vec<u16>,
}

impl Seen {
    /// `None` when there are more than `most`, which is below 2^16.
    pub(super) fn new(rows: impl ExactSizeIterator<Item = u64>, most: usize) -> Option<Self> {
        let most = most.min(rows.len());
        let bits = (2 * most + 2).next_power_of_two().trailing_zeros();
        // Place in `values` plus one of the value that hashes there; 0 where none does.
        let mut table = vec![0u16; 1 << bits];
        let mut values: Vec<u64> = Vec::with_capacity(most.min(64));
        let mut places = Vec::with_capacity(rows.len());
        let mut last = (0, 0);
        for value in rows {
            if last.0 != value || values.is_empty() {
                let mut slot = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize;
                let place = loop {
                    match table[slot] {
                        0 if values.len() == most => return None,
                        0 => {
                            values.push(value);
                            table[slot] = values.len() as u16;
                            break values.len() as u16 - 1;
                        }
                        place if values[usize::from(place) - 1] == value => break place - 1,
                        _ => slot = (slot + 1) & (table.len() - 1),
                    }
                };
                last = (value, place);
            }
            places.push(last.1);
        }
        Some(Self { values, places })
    }

    /// The number of distinct values.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The same with the values ascending.
    pub(super) fn sorted(self) -> Distinct {
        let mut order: Vec<(u64, u16)> = self.values.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len()];
        for (rank, &(_, place)) in (0..).zip(&order) {
            ranks[usize::from(place)] = rank;
        }
        let rank_of = |&place: &u16| ranks[usize::from(place)];
        Distinct {
            codes: self.places.iter().map(rank_of).collect(),
            values: order.into_iter().map(|(value, _)| value).collect(),
        }
    }
}

impl Distinct {
    /// `None` when there are more than `most`, which is below 2^16.
    pub(super) fn new(rows: impl ExactSizeIterator<Item = u64>, most: usize) -> Option<Self> {
        Some(Seen::new(rows, most)?.sorted())
    }

    /// The same of rows that ascend.
    pub(super) fn of_ascending(rows: &[u64], most: usize) -> Option<Self> {
        let changes = rows.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let distinct = changes + usize::from(!rows.is_empty());
        if distinct > most {
            return None;
        }
        let mut values = Vec::with_capacity(distinct);
        let mut codes = Vec::with_capacity(rows.len());
        for run in rows.chunk_by(|a, b| a == b) {
            codes.resize(codes.len() + run.len(), values.len() as u64);
            values.extend_from_slice(&run[..1]);
        }
        Some(Self { values, codes })
    }
}
