//! Rows between operators: some hundreds at a time, by column, as raw ids.
//!
//! What flows in: rows of one operator. What flows out: the same rows, for the next. What always holds: all columns have as
//! many values as the batch has rows; a value is the raw id of a term, or [`UNBOUND`]; equal values mean equal terms.

/// No value. It is the raw id of the default graph, which no variable is ever bound to.
pub(crate) const UNBOUND: u64 = 0;

/// About how many rows operators put into a batch. More are allowed: whoever has a block in hand gives all of it.
pub(crate) const BATCH_ROWS: usize = 1024;

/// Rows by column. A batch without columns still has a number of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    columns: Vec<Vec<u64>>,
    rows: usize,
}

impl Batch {
    /// No rows, of so many columns.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            columns: vec![Vec::new(); width],
            rows: 0,
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether an operator has filled it.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS
    }

    /// Removes all rows and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vec::clear);
        self.rows = 0;
    }

    /// Removes all rows, and has this many columns from now on.
    pub(crate) fn reset(&mut self, width: usize) {
        self.clear();
        self.columns.resize_with(width, Vec::new);
    }

    /// The values of a column.
    pub(crate) fn column(&self, column: usize) -> &[u64] {
        &self.columns[column]
    }

    pub(crate) fn value(&self, row: usize, column: usize) -> u64 {
        self.columns[column][row]
    }

    /// A row, as an iterator over its values.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = u64> + '_ {
        self.columns.iter().map(move |column| column[row])
    }

    /// Appends a row of as many values as there are columns.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = u64>) {
        let mut row = row.into_iter();
        for column in &mut self.columns {
            column.push(row.next().unwrap_or(UNBOUND));
        }
        self.rows += 1;
    }

    /// Appends rows: the values of each column are added by the caller, who adds equally many to each.
    pub(crate) fn append_with(&mut self, rows: usize, mut fill: impl FnMut(usize, &mut Vec<u64>)) {
        let end = self.rows + rows;
        for (index, column) in self.columns.iter_mut().enumerate() {
            fill(index, column);
            debug_assert_eq!(column.len(), end, "a column of another length");
            column.resize(end, UNBOUND);
        }
        self.rows = end;
    }

    /// Appends all rows of another batch of the same width.
    pub(crate) fn append(&mut self, from: &Self) {
        self.append_with(from.len(), |column, values| {
            values.extend_from_slice(from.column(column));
        });
    }

    /// Appends the first rows of another batch of the same width.
    pub(crate) fn append_first(&mut self, from: &Self, rows: usize) {
        let rows = rows.min(from.len());
        self.append_with(rows, |column, values| {
            values.extend_from_slice(&from.column(column)[..rows]);
        });
    }

    /// Keeps the first rows only.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows < self.rows {
            self.columns
                .iter_mut()
                .for_each(|column| column.truncate(rows));
            self.rows = rows;
        }
    }

    /// Takes the rows from a place on away, and gives the memory of both parts back that they do not need.
    pub(crate) fn split_off(&mut self, place: usize) -> Self {
        let place = place.min(self.rows);
        let take = |column: &mut Vec<u64>| {
            let taken = column.split_off(place);
            column.shrink_to_fit();
            taken
        };
        let columns = self.columns.iter_mut().map(take).collect();
        let rows = self.rows - place;
        self.rows = place;
        Self { columns, rows }
    }

    /// Keeps the first rows only, and gives the memory of the others back.
    pub(crate) fn shrink(&mut self, rows: usize) {
        self.truncate(rows);
        self.columns.iter_mut().for_each(Vec::shrink_to_fit);
    }

    /// The rows from this one on, in batches of at most so many.
    pub(crate) fn parts(&self, from: usize, rows: usize) -> impl Iterator<Item = Self> + '_ {
        (from..self.rows).step_by(rows.max(1)).map(move |start| {
            let end = self.rows.min(start + rows);
            let cut = |column: &Vec<u64>| column[start..end].to_vec();
            Self {
                columns: self.columns.iter().map(cut).collect(),
                rows: end - start,
            }
        })
    }

    /// Makes room for so many rows in all, and no more.
    pub(crate) fn reserve(&mut self, rows: usize) {
        let more = rows.saturating_sub(self.rows);
        let columns = self.columns.iter_mut();
        columns.for_each(|column| column.reserve_exact(more));
    }

    /// Removes the first rows.
    pub(crate) fn drop_first(&mut self, rows: usize) {
        let rows = rows.min(self.rows);
        self.columns.iter_mut().for_each(|column| {
            column.drain(..rows);
        });
        self.rows -= rows;
    }

    /// Keeps the rows that a mask marks.
    pub(crate) fn keep(&mut self, mask: &[bool]) {
        for column in &mut self.columns {
            let mut row = 0;
            column.retain(|_| {
                row += 1;
                mask[row - 1]
            });
        }
        self.rows = mask[..self.rows].iter().filter(|kept| **kept).count();
    }

    /// The bytes that the rows take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.columns
            .iter()
            .map(|column| column.capacity() * size_of::<u64>())
            .sum()
    }
}
