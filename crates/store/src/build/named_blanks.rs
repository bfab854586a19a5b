//! Which blank nodes a load named itself, told from those that its quads named with a label of the store's kind: beside
//! transactions that use such labels too, the former must not become theirs, and the latter are the same nodes.

use crate::bytes::{Reader, put_varint};
use quadrille_backend::{StorageError, StorageResult};
use std::ops::Range;

/// The numbers of blank nodes that the store named, given in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedBlanks {
    runs: Vec<Range<u64>>,
}

impl NamedBlanks {
    /// Notes a number above all that were noted before.
    pub(crate) fn note(&mut self, number: u64) {
        match self.runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => self.runs.push(number..number + 1),
        }
    }

    pub(crate) fn contains(&self, number: u64) -> bool {
        let behind = self.runs.partition_point(|run| run.start <= number);
        let run = behind.checked_sub(1).and_then(|last| self.runs.get(last));
        run.is_some_and(|run| run.contains(&number))
    }

    /// Appends the runs: their number, and for each the varints of the gap before it and of its length.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.runs.len() as u64);
        let mut end = 0;
        for run in &self.runs {
            put_varint(out, run.start - end);
            put_varint(out, run.end - run.start);
            end = run.end;
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// `Corrupted` for numbers out of range.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> StorageResult<Self> {
        let out_of_range = || StorageError::corrupted("blank nodes have numbers out of range");
        let mut runs = Vec::new();
        let mut end = 0_u64;
        for _ in 0..reader.varint()? {
            let start = end.checked_add(reader.varint()?);
            let start = start.ok_or_else(out_of_range)?;
            let next = start.checked_add(reader.varint()?);
            end = next.ok_or_else(out_of_range)?;
            runs.push(start..end);
        }
        Ok(Self { runs })
    }

    /// All numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().cloned().flatten()
    }
}

impl FromIterator<u64> for NamedBlanks {
    /// Of ascending numbers.
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut blanks = Self::default();
        numbers.into_iter().for_each(|number| blanks.note(number));
        blanks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_contained_and_nothing_else() {
        let numbers = [3, 4, 5, 9, 20, 21];
        let blanks: NamedBlanks = numbers.into_iter().collect();
        assert_eq!(blanks.runs.len(), 3);
        assert!(blanks.iter().eq(numbers));
        for number in 0..30 {
            assert_eq!(blanks.contains(number), numbers.contains(&number));
        }
    }
}
