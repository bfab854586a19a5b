//! The ids that are at hand, by the hash of their term: open addressing in the order of the hashes.

use crate::build::progress::sorted;
use crate::context::ReadContext;
use crate::term::TermId;
use quadrille_backend::StorageResult;

/// A slot: the hash of a term, and its id. The id of no term is 0, so that is an empty slot.
type Slot = ([u64; 2], u64);

/// The bytes of a slot.
pub(super) const SLOT_BYTES: usize = size_of::<Slot>();

/// The slots of a new table.
const SLOTS_MIN: usize = 1 << 10;

const EMPTY: u64 = TermId::DEFAULT_GRAPH.raw();

/// A table of ids that grows up to a limit.
pub(super) struct Table {
    slots: Vec<Slot>,
    len: usize,
    slots_max: usize,
}

impl Table {
    /// A table of at most so many bytes, though of at least 1024 slots.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            slots: vec![([0; 2], EMPTY); SLOTS_MIN],
            len: 0,
            slots_max: (bytes_max / SLOT_BYTES).max(SLOTS_MIN),
        }
    }

    /// The slot where a hash belongs, if it is free.
    #[inline]
    fn home(&self, hash: u128) -> usize {
        (((hash >> 64) * self.slots.len() as u128) >> 64) as usize
    }

    /// Brings the slots of some hashes near: reads that do not wait for each other.
    pub(super) fn touch(&self, hashes: impl Iterator<Item = u128>) {
        let seen = hashes.fold(0, |seen, hash| seen ^ self.slots[self.home(hash)].1);
        std::hint::black_box(seen);
    }

    #[inline]
    pub(super) fn get(&self, hash: u128) -> Option<TermId> {
        let key = halves(hash);
        let mut place = self.home(hash);
        loop {
            let (found, id) = self.slots[place];
            if id == EMPTY {
                return None;
            }
            if found == key {
                return Some(TermId::from_raw(id));
            }
            place = self.after(place);
        }
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        if place + 1 == self.slots.len() {
            0
        } else {
            place + 1
        }
    }

    /// Whether a hash more fits without going beyond the limit.
    pub(super) fn has_room(&self) -> bool {
        self.len < self.slots_max / 4 * 3
    }

    /// Puts in a hash that is not there.
    pub(super) fn insert(&mut self, hash: u128, id: TermId) {
        if self.len >= self.slots.len() / 4 * 3 {
            self.grow();
        }
        self.place(halves(hash), id.raw());
        self.len += 1;
    }

    fn place(&mut self, key: [u64; 2], id: u64) {
        let mut place = self.home(u128::from(key[0]) << 64);
        while self.slots[place].1 != EMPTY {
            place = self.after(place);
        }
        self.slots[place] = (key, id);
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).min(self.slots_max.max(self.slots.len() + 1));
        let old = std::mem::replace(&mut self.slots, vec![([0; 2], EMPTY); slots]);
        for (key, id) in old {
            if id != EMPTY {
                self.place(key, id);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The hashes with their ids, as they lie.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u128, TermId)> + '_ {
        let filled = self.slots.iter().filter(|slot| slot.1 != EMPTY);
        filled.map(|&(key, id)| (whole(key), TermId::from_raw(id)))
    }

    /// All hashes with their ids, ascending; the table is empty then. Sorts in place.
    pub(super) fn drain_sorted(
        &mut self,
        context: &ReadContext,
        mut visit: impl FnMut(u128, u64) -> StorageResult<()>,
    ) -> StorageResult<()> {
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|slot| slot.1 != EMPTY);
        let mut slots = sorted(slots, context)?;
        for &(key, id) in &slots {
            visit(whole(key), id)?;
        }
        let capacity = slots.capacity().min(self.slots_max).max(SLOTS_MIN);
        slots.clear();
        slots.resize(capacity, ([0; 2], EMPTY));
        self.slots = slots;
        self.len = 0;
        Ok(())
    }
}

fn halves(hash: u128) -> [u64; 2] {
    [(hash >> 64) as u64, hash as u64]
}

fn whole([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}
