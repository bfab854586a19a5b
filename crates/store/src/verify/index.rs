//! Checks one index: blocks against each other and against the summaries.

use super::Findings;
use crate::bytes::RowKey;
use crate::index::reader::{BlockCursor, SummaryCursor};
use crate::index::summary::{ColumnRange, Summary, ranges_of};
use crate::keyspaces::IndexPlaces;
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};

/// The rows and the column ranges that a summary promises of a block.
type Promise<const N: usize> = (u64, [ColumnRange; N]);

/// Walks the blocks of an index, and hands the rows of each sound one on with its key.
pub(super) fn verify_index<S: StorageSnapshot, const N: usize>(
    view: &View<S>,
    places: &IndexPlaces,
    findings: &mut Findings,
    mut each: impl FnMut(&mut Findings, &[u8], &[[u64; N]]),
) -> StorageResult<()> {
    let mut summaries = Expected::<S, N>::new(view, places)?;
    let mut cursor = BlockCursor::<S, N>::new(view, &places.blocks)?;
    let mut columns: [Vec<u64>; N] = std::array::from_fn(|_| Vec::new());
    let mut rows: Vec<[u64; N]> = Vec::new();
    let mut previous: Option<[u64; N]> = None;
    let mut moved = cursor.seek(&[0; N]);
    loop {
        let found = findings.check(&places.blocks, moved)?;
        if found == Some(false) {
            break;
        }
        findings.report.blocks += 1;
        if let Some(separator) = findings.check(&places.blocks, cursor.separator())? {
            let expected = summaries.take(separator, findings)?;
            let key = RowKey::new(&separator);
            rows.clear();
            if let Some((block, bytes)) = cursor.block() {
                for (column, values) in columns.iter_mut().enumerate() {
                    values.clear();
                    block.decode_column(bytes, column, 0..block.len(), values);
                }
                rows.extend(
                    (0..block.len())
                        .map(|row| std::array::from_fn::<u64, N, _>(|column| columns[column][row])),
                );
                check_block(places, &rows, separator, previous, expected, findings);
                each(findings, &key, &rows);
            }
            previous = Some(separator);
        }
        moved = cursor.next();
    }
    summaries.finish(findings)
}

fn check_block<const N: usize>(
    places: &IndexPlaces,
    rows: &[[u64; N]],
    separator: [u64; N],
    previous: Option<[u64; N]>,
    expected: Option<Promise<N>>,
    findings: &mut Findings,
) {
    let key = RowKey::new(&separator);
    let mut problem = |message: &str| findings.add(&places.blocks, Some(&key), message);
    if rows.is_empty() {
        problem("the block is empty");
    }
    if !rows.is_sorted_by(|a, b| a < b) {
        problem("the rows of the block are not in order");
    }
    if rows
        .first()
        .is_some_and(|row| previous.is_some_and(|previous| *row <= previous))
    {
        problem("the block begins before the end of the one before it");
    }
    if rows.last().is_some_and(|row| *row > separator) {
        problem("the block holds rows above its key");
    }
    let Some((count, ranges)) = expected else {
        return;
    };
    if rows.len() as u64 != count {
        let message = format!(
            "the summary counts {count} rows in the block, which holds {}",
            rows.len()
        );
        findings.add(&places.summaries, Some(&key), message);
    }
    let outside = ranges_of(rows)
        .iter()
        .zip(ranges)
        .any(|(inner, outer)| inner.0 < outer.0 || inner.1 > outer.1);
    if outside {
        let message = "a column of the block is outside the summary's range";
        findings.add(&places.summaries, Some(&key), message);
    }
}

/// The blocks that the summaries name, in order.
struct Expected<'a, S: StorageSnapshot, const N: usize> {
    places: &'a IndexPlaces,
    cursor: SummaryCursor<S, N>,
    started: bool,
    ended: bool,
    group: Option<Summary<N>>,
    next: usize,
}

impl<'a, S: StorageSnapshot, const N: usize> Expected<'a, S, N> {
    fn new(view: &View<S>, places: &'a IndexPlaces) -> StorageResult<Self> {
        Ok(Self {
            places,
            cursor: SummaryCursor::new(view, places)?,
            started: false,
            ended: false,
            group: None,
            next: 0,
        })
    }

    /// The next block that a summary names, left in place.
    fn peek(&mut self, findings: &mut Findings) -> StorageResult<Option<[u64; N]>> {
        loop {
            if let Some(separator) = self
                .group
                .as_ref()
                .and_then(|group| group.separators.get(self.next))
            {
                return Ok(Some(*separator));
            }
            if self.ended {
                return Ok(None);
            }
            let found = if self.started {
                self.cursor.next()?
            } else {
                self.cursor.seek(&[0; N])?
            };
            self.started = true;
            self.ended = !found;
            self.group = None;
            self.next = 0;
            if found {
                self.group = findings.check(&self.places.summaries, self.cursor.summary())?;
            }
        }
    }

    /// What the summaries say of a block that is there; blocks that they name before it are missing.
    fn take(
        &mut self,
        separator: [u64; N],
        findings: &mut Findings,
    ) -> StorageResult<Option<Promise<N>>> {
        while let Some(named) = self.peek(findings)? {
            if named > separator {
                break;
            }
            let group = self.group.as_ref();
            let expected = group.map(|group| (group.counts[self.next], group.ranges));
            self.next += 1;
            if named == separator {
                return Ok(expected);
            }
            self.missing(named, findings);
        }
        let key = RowKey::new(&separator);
        let message = "no summary names this block";
        findings.add(&self.places.summaries, Some(&key), message);
        Ok(None)
    }

    fn missing(&self, named: [u64; N], findings: &mut Findings) {
        let key = RowKey::new(&named);
        let message = "a block that the summary names is missing";
        findings.add(&self.places.blocks, Some(&key), message);
    }

    fn finish(mut self, findings: &mut Findings) -> StorageResult<()> {
        while let Some(named) = self.peek(findings)? {
            self.next += 1;
            self.missing(named, findings);
        }
        Ok(())
    }
}
