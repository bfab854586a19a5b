//! The load: quads in any order become a new generation, or part of the one there is, in bounded memory.
//!
//! Quads come in batches, whose terms get their ids in the order of the batches; new terms go to a thread of their own,
//! which puts them into chunks. Quads are kept as ids: while they fit into their share of the memory, they are sorted
//! there, once for each permutation; beyond it they are sorted in runs that go to temporary files.

use super::batch::{BlankNodes, QuadBatch};
use super::checkpoint::{CheckpointFolder, SpillFolder};
use super::generation::{Additions, Plan, spill_of};
use super::in_place::{self, Added, Amount, Loaded};
use super::interner::{Interner, Record, stopped};
use super::progress::{LoadStage, StageProgress, Watch};
use super::sorter::{Sorted, SortedRows, Sorter};
use super::turn::BuildTurn;
use crate::context::ReadContext;
use crate::index::writer::RowSource;
use crate::permutation::{Permutation, Row};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::store::QuadStore;
use oxrdf::QuadRef;
use quadrille_backend::{ErrorKind, StorageBackend, StorageError, StorageResult};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Quads that are pushed one by one are added by the batch.
const BATCH_QUADS: usize = 4096;

/// A load under way; made by [`QuadStore::bulk_load`]. Dropping it leaves no trace, but for the last checkpoint of a load
/// that makes checkpoints ([`QuadStore::bulk_load_in`]).
pub struct BulkLoad<'a, B: StorageBackend> {
    store: &'a QuadStore<B>,
    turn: BuildTurn<'a, B>,
    pub(super) base: Snapshot<B>,
    pub(super) interner: Interner<B>,
    pub(super) quads: Sorter<4>,
    pub(super) read: u64,
    /// What stops it.
    context: ReadContext,
    /// Quads that were pushed and not yet added.
    pushed: QuadBatch,
    /// Whether quads were lost in an error: the load must not be committed then.
    has_failed: bool,
    /// Where its checkpoints are, if it makes any.
    pub(super) checkpoints: Option<Arc<CheckpointFolder>>,
    /// Whether the last checkpoint is to stay when the load has ended.
    pub(super) keeps_checkpoint: bool,
}

/// What a load did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Quads that were pushed.
    pub quads_read: u64,
    /// Quads that the store did not hold when the load ended; the others were duplicates.
    pub quads_new: u64,
    /// Terms that the store did not hold when the load ended; inlined ones do not count.
    pub terms_new: u64,
}

impl<'a, B: StorageBackend> BulkLoad<'a, B> {
    pub(crate) fn new(
        store: &'a QuadStore<B>,
        turn: BuildTurn<'a, B>,
        base: Snapshot<B>,
        context: ReadContext,
    ) -> StorageResult<Self> {
        let shares = Shares::of(store, None);
        let record = Record {
            terms: spill_of(&base, &shares.folder)?,
            hashes: shares.hashes(&context),
        };
        let quads = shares.quads(&context);
        Self::over(store, (turn, base), context, shares, (record, quads))
    }

    /// A load that begins with what is sorted already.
    pub(super) fn over(
        store: &'a QuadStore<B>,
        (turn, base): (BuildTurn<'a, B>, Snapshot<B>),
        context: ReadContext,
        shares: Shares,
        (record, quads): (Record, Sorter<4>),
    ) -> StorageResult<Self> {
        let folder = shares.folder;
        let checkpoints = match &folder {
            SpillFolder::Named(folder) => Some(Arc::clone(folder)),
            SpillFolder::Unnamed(_) => None,
        };
        Ok(Self {
            store,
            turn,
            interner: Interner::new(&base, shares.terms, folder, record, context.clone())?,
            quads,
            read: 0,
            context,
            pushed: QuadBatch::new(base.inner.hasher),
            has_failed: false,
            checkpoints,
            keeps_checkpoint: false,
            base,
        })
    }

    /// Adds a quad; one that is there already changes nothing. Its blank nodes mean what they mean in the store.
    ///
    /// # Errors
    /// `Misuse` when the object is a triple term nested more than 128 deep, `Full` when the disk of the temporary files
    /// is full, `Corrupted`, what the backend fails with.
    pub fn push(&mut self, quad: QuadRef<'_>) -> StorageResult<()> {
        self.pushed.push(quad, BlankNodes::AsWritten)?;
        if self.pushed.len() < BATCH_QUADS {
            return Ok(());
        }
        self.add_pushed()
    }

    /// Adds the quads of a batch. The terms of all batches get their ids in the order of these calls, so loads of the same
    /// batches in the same order give the same store, whoever made them.
    ///
    /// # Errors
    /// `Misuse` for a batch of another store, else as [`push`](Self::push).
    pub fn add(&mut self, batch: &QuadBatch) -> StorageResult<()> {
        if !self.pushed.is_empty() {
            self.add_pushed()?;
        }
        self.add_batch(batch)
    }

    /// Adds what was pushed.
    pub(super) fn add_pushed(&mut self) -> StorageResult<()> {
        let batch = QuadBatch::new(self.base.inner.hasher);
        let mut pushed = std::mem::replace(&mut self.pushed, batch);
        let added = self.add_batch(&pushed);
        pushed.clear();
        self.pushed = pushed;
        added
    }

    fn add_batch(&mut self, batch: &QuadBatch) -> StorageResult<()> {
        self.unless_failed(|load| load.try_to_add(batch))
    }

    /// Does something that leaves the load of no use when it fails, unless it is of none already.
    pub(super) fn unless_failed<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> StorageResult<T>,
    ) -> StorageResult<T> {
        if self.has_failed {
            return Err(stopped());
        }
        let done = step(self);
        self.has_failed = done.is_err();
        done
    }

    fn try_to_add(&mut self, batch: &QuadBatch) -> StorageResult<()> {
        let ids = self.interner.resolve(batch)?;
        self.read += batch.len() as u64;
        batch.rows(ids).try_for_each(|row| self.quads.push(row?))
    }

    /// Writes the indexes and makes all quads visible at once.
    ///
    /// # Errors
    /// As [`push`](Self::push), `Misuse` when an earlier call has failed, and `Cancelled` when the load's context stops it; nothing of the load is visible then.
    pub fn finish(self) -> StorageResult<LoadReport> {
        self.finish_observed(&mut |_| {})
    }

    /// As [`finish`](Self::finish); `report` hears now and then how far it is.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_observed(
        mut self,
        report: &mut dyn FnMut(&StageProgress),
    ) -> StorageResult<LoadReport> {
        let watch = Watch::new(self.context.clone(), report);
        self.add_pushed()?;
        watch.at(LoadStage::Sorting(Permutation::Spoc), 0, None)?;
        let (root, Record { terms, hashes }, blanks) = self.interner.finish()?;
        let (store, base, read) = (self.store, self.base, self.read);
        let shares = Shares::of(store, self.checkpoints.as_ref());
        // What a checkpoint tells of the commit is of a generation.
        let has_checkpoint = self.checkpoints.as_ref();
        let has_checkpoint = has_checkpoint.is_some_and(|folder| folder.has_manifest());
        let quads = match self.quads.finish_sorted()? {
            Sorted::InMemory(mut rows) => {
                let amount = Amount {
                    terms: root.terms().saturating_sub(base.inner.root.terms()),
                    term_bytes: terms.bytes(),
                };
                if !has_checkpoint
                    && in_place::suits(store, &base, &mut rows, &amount, &self.context)?
                {
                    let loaded = Loaded {
                        store,
                        terms: terms.into_terms(&base.inner.root)?,
                        base,
                        root,
                        blanks,
                        rows,
                    };
                    return Ok(loaded.fold_in(&watch)?.into_report(read));
                }
                Quads::InMemory(rows)
            }
            Sorted::Spilled(spoc) => Quads::spilled(spoc, &shares, &self.context),
        };
        let mut sorted = SortedQuads {
            quads,
            hashes: Some(hashes),
            checkpoints: self.checkpoints.clone(),
            read,
        };
        let plan = Plan {
            store,
            quads_max: base.len().saturating_add(read),
            // By the number of its generation, a load with a checkpoint tells whether it has committed: no other load is
            // likely to take the same.
            passed_over: if has_checkpoint { random()? } else { 0 },
            base,
            root,
            blanks,
            terms,
            without_graph: None,
            watch,
        };
        let replaced = plan.carry_out(&mut sorted)?;
        drop((self.turn, sorted));
        if let Some(folder) = self.checkpoints.filter(|_| !self.keeps_checkpoint) {
            // The commit stands, and what stays of the checkpoint says so.
            drop(folder.forget());
        }
        Ok(replaced.added().into_report(read))
    }
}

fn random() -> StorageResult<u16> {
    let random = getrandom::u32().map_err(|error| {
        StorageError::new(ErrorKind::Io, "no random number could be made").with_source(error)
    })?;
    Ok(random as u16)
}

impl Added {
    fn into_report(self, quads_read: u64) -> LoadReport {
        LoadReport {
            quads_read,
            quads_new: self.quads,
            terms_new: self.terms,
        }
    }
}

/// How a load shares out its memory, in bytes, and where it puts what does not fit.
pub(super) struct Shares {
    /// Half of it for quads: first in the order in which they come, later in the order SPOC.
    quads: usize,
    /// An eighth for each of the other permutations, while quads that did not fit are distributed to them: ids of terms
    /// are no longer needed then.
    others: usize,
    /// A quarter for the ids of terms.
    terms: usize,
    /// A sixteenth for the rows of the hash index. As much is left for batches under way, and later for quads that were
    /// there already.
    hashes: usize,
    pub(super) folder: SpillFolder,
}

impl Shares {
    /// The shares of a load that makes checkpoints in a folder, or none.
    pub(super) fn of<B: StorageBackend>(
        store: &QuadStore<B>,
        checkpoints: Option<&Arc<CheckpointFolder>>,
    ) -> Self {
        let options = &store.inner.options;
        Self {
            quads: options.memory_bytes / 2,
            others: options.memory_bytes / 8,
            terms: options.memory_bytes / 4,
            hashes: options.memory_bytes / 16,
            folder: match checkpoints {
                Some(folder) => SpillFolder::Named(Arc::clone(folder)),
                None => SpillFolder::of(options),
            },
        }
    }

    pub(super) fn quads(&self, context: &ReadContext) -> Sorter<4> {
        Sorter::new(self.quads, self.folder.clone(), context.clone())
    }

    pub(super) fn hashes(&self, context: &ReadContext) -> Sorter<2> {
        Sorter::new(self.hashes, self.folder.clone(), context.clone())
    }
}

type Sorters = Rc<RefCell<[Option<Sorter<4>>; 3]>>;

/// The quads of a load, and the hashes of its terms.
struct SortedQuads {
    quads: Quads,
    hashes: Option<Sorter<2>>,
    checkpoints: Option<Arc<CheckpointFolder>>,
    read: u64,
}

enum Quads {
    /// All of them, in the order of the permutation that was asked for last.
    InMemory(SortedRows<4>),
    /// In files. The other permutations are sorted while SPOC is written, from its distinct rows.
    Spilled {
        spoc: Option<Box<dyn RowSource<4>>>,
        others: Sorters,
    },
}

impl Quads {
    fn spilled(spoc: Box<dyn RowSource<4>>, shares: &Shares, context: &ReadContext) -> Self {
        let folder = shares.folder.unnamed();
        let sorter = || Sorter::new(shares.others, folder.clone(), context.clone());
        let others = [(); 3].map(|()| Some(sorter()));
        Self::Spilled {
            spoc: Some(spoc),
            others: Rc::new(RefCell::new(others)),
        }
    }
}

impl Additions for SortedQuads {
    fn rows(
        &mut self,
        permutation: Permutation,
        context: &ReadContext,
    ) -> StorageResult<Option<Box<dyn RowSource<4>>>> {
        match &mut self.quads {
            Quads::InMemory(rows) => {
                if permutation != Permutation::Spoc {
                    rows.rotate(context)?;
                }
                Ok(Some(Box::new(rows.source())))
            }
            Quads::Spilled { spoc, others } if permutation == Permutation::Spoc => {
                Ok(spoc.take().map(|source| -> Box<dyn RowSource<4>> {
                    Box::new(Distributed {
                        source,
                        others: Rc::clone(others),
                    })
                }))
            }
            Quads::Spilled { others, .. } => {
                let sorter = others.borrow_mut()[permutation.rotation() - 1].take();
                sorter.map(Sorter::finish).transpose()
            }
        }
    }

    fn hash_rows(&mut self) -> StorageResult<Option<Box<dyn RowSource<2>>>> {
        self.hashes.take().map(Sorter::finish).transpose()
    }

    fn before_commit(&mut self, root: &Root) -> StorageResult<()> {
        match &self.checkpoints {
            Some(folder) => folder.note_commit(root, self.read),
            None => Ok(()),
        }
    }
}

/// Rows in the order SPOC, which are also given to the sorters of the other permutations.
struct Distributed {
    source: Box<dyn RowSource<4>>,
    others: Sorters,
}

impl RowSource<4> for Distributed {
    fn fill(&mut self, rows: &mut Vec<Row>) -> StorageResult<bool> {
        let before = rows.len();
        if !self.source.fill(rows)? {
            return Ok(false);
        }
        let [_, permutations @ ..] = Permutation::ALL;
        let mut others = self.others.borrow_mut();
        for (sorter, permutation) in others.iter_mut().flatten().zip(permutations) {
            for &row in &rows[before..] {
                sorter.push(permutation.permute(row))?;
            }
        }
        Ok(true)
    }
}
