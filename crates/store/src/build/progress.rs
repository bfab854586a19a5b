//! How far a build is, and how it is stopped: in every stage somebody may look, and cancel.
//!
//! What flows in: the rows and entries on their way to the backend. What flows out: the same, counted. What always holds:
//! between two looks at the context lie some thousand rows, or [`WAIT`], except while the backend waits for the disk.

use crate::context::ReadContext;
use crate::index::writer::RowSource;
use crate::permutation::Permutation;
use quadrille_backend::{EntrySource, StorageError, StorageResult};
use rayon::slice::ParallelSliceMut;
use std::cell::RefCell;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long a cancel token may go unnoticed while rows are sorted.
const WAIT: Duration = Duration::from_millis(20);

/// Fewer rows are sorted before anybody could have cancelled.
const ROWS_MIN: usize = 1 << 15;

/// As many entries pass between two looks at the context.
const ENTRIES: u64 = 256;

/// What a load does when all of its quads are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum LoadStage {
    /// Quads are sorted for this index.
    Sorting(Permutation),
    /// The quads of this index are packed into blocks and written.
    WritingIndex(Permutation),
    /// The index from terms to ids is written.
    WritingHashes,
    /// The chunks of the terms are written.
    WritingTerms,
    /// All of it is published.
    Committing,
}

/// How far a stage of a load is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StageProgress {
    /// The stage.
    pub stage: LoadStage,
    /// What was done of it: quads, terms, or chunks of terms.
    pub done: u64,
    /// How much there is to do, if it is known; duplicates make it less.
    pub total: Option<u64>,
}

/// Whoever hears how far a load is.
type Report<'a> = &'a mut dyn FnMut(&StageProgress);

/// Who watches a build.
pub(crate) struct Watch<'a> {
    context: ReadContext,
    report: Option<RefCell<Report<'a>>>,
}

impl<'a> Watch<'a> {
    /// Nobody looks, and nobody stops it.
    pub(crate) fn nobody() -> Self {
        Self {
            context: ReadContext::new(),
            report: None,
        }
    }

    pub(crate) fn new(context: ReadContext, report: Report<'a>) -> Self {
        Self {
            context,
            report: Some(RefCell::new(report)),
        }
    }

    pub(crate) fn context(&self) -> &ReadContext {
        &self.context
    }

    /// Tells how far a stage is, unless it is to stop.
    pub(crate) fn at(&self, stage: LoadStage, done: u64, total: Option<u64>) -> StorageResult<()> {
        self.context.check()?;
        if let Some(report) = &self.report {
            let mut report = report.borrow_mut();
            (*report)(&StageProgress { stage, done, total });
        }
        Ok(())
    }
}

/// A source on its way to the backend, watched.
pub(crate) struct Watched<'a, 'r, S> {
    pub(crate) source: S,
    pub(crate) watch: &'a Watch<'r>,
    pub(crate) stage: LoadStage,
    pub(crate) done: u64,
    pub(crate) total: Option<u64>,
}

impl<const N: usize, S: RowSource<N>> RowSource<N> for Watched<'_, '_, S> {
    fn fill(&mut self, rows: &mut Vec<[u64; N]>) -> StorageResult<bool> {
        self.watch.at(self.stage, self.done, self.total)?;
        let before = rows.len();
        let filled = self.source.fill(rows)?;
        self.done += (rows.len() - before) as u64;
        Ok(filled)
    }
}

impl<S: EntrySource> EntrySource for Watched<'_, '_, S> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        if self.done.is_multiple_of(ENTRIES) {
            self.watch.at(self.stage, self.done, self.total)?;
        }
        self.done += 1;
        self.source.next_entry()
    }
}

/// The rows in their order, sorted on all cores. When it is to stop, it does so at once; the sorting, which cannot be
/// broken off, then ends by itself on a thread of the pool.
pub(crate) fn sorted<T: Ord + Send + 'static>(
    mut rows: Vec<T>,
    context: &ReadContext,
) -> StorageResult<Vec<T>> {
    context.check()?;
    // A thread of the pool must not wait for its pool.
    if rows.len() < ROWS_MIN || rayon::current_thread_index().is_some() {
        rows.par_sort_unstable();
        return Ok(rows);
    }
    let (sender, receiver) = sync_channel(1);
    rayon::spawn(move || {
        rows.par_sort_unstable();
        // Whoever asked may have stopped meanwhile.
        let _ = sender.send(rows);
    });
    loop {
        match receiver.recv_timeout(WAIT) {
            Ok(rows) => return Ok(rows),
            Err(RecvTimeoutError::Timeout) => context.check()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(StorageError::misuse("a thread that sorts has stopped"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::CancelToken;
    use quadrille_backend::ErrorKind;
    use std::time::Instant;

    fn scattered(rows: u64) -> Vec<u64> {
        (0..rows)
            .map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect()
    }

    #[test]
    fn rows_are_sorted_within_a_pool_and_outside() {
        let mut expected = scattered(200_000);
        expected.sort_unstable();
        let sort = || sorted(scattered(200_000), &ReadContext::new());
        assert!(sort().is_ok_and(|rows| rows == expected));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let rows = pool.expect("a pool").install(sort);
        assert!(rows.is_ok_and(|rows| rows == expected));
    }

    #[test]
    fn a_sort_under_way_is_left_when_it_is_cancelled() {
        let token = CancelToken::new();
        let context = ReadContext::new().with_cancel_token(token.clone());
        let rows = scattered(20_000_000);
        let cancelled = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            token.cancel();
            Instant::now()
        });
        let error = sorted(rows, &context).expect_err("it was cancelled");
        let returned = Instant::now();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let cancelled = cancelled.join().expect("it was cancelled");
        assert!(returned.duration_since(cancelled) < Duration::from_secs(1));
    }
}
