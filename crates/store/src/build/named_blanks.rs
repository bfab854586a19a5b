//! Which blank nodes a load named itself, told from those that its quads named with a label of the store's kind: beside
//! transactions that use such labels too, the former must not become theirs, and the latter are the same nodes.

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

    /// All numbers, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().cloned().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_contained_and_nothing_else() {
        let mut blanks = NamedBlanks::default();
        let numbers = [3, 4, 5, 9, 20, 21];
        numbers.iter().for_each(|&number| blanks.note(number));
        assert_eq!(blanks.runs.len(), 3);
        assert!(blanks.iter().eq(numbers));
        for number in 0..30 {
            assert_eq!(blanks.contains(number), numbers.contains(&number));
        }
    }
}
