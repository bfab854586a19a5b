//! Writes a generation, beside transactions, and commits it.

use super::catch_up;
use super::checkpoint::SpillFolder;
use super::in_place::Added;
use super::merge::{Duplicates, MergedRows};
use super::named_blanks::NamedBlanks;
use super::progress::{LoadStage, Watch, Watched};
use super::sorter::Sorter;
use super::spill::Prepared;
use super::turn::BuildTurn;
use crate::context::ReadContext;
use crate::dictionary::writer::TermSpill;
use crate::index::rows::IndexRows;
use crate::index::writer::{BlockSize, RowSource, write_index};
use crate::keyspaces::{Places, create_generation};
use crate::pattern::QuadPattern;
use crate::permutation::{Permutation, Row};
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::statistics_rows::StatisticsBuilder;
use crate::store::{QuadStore, State, put_root, trim_log};
use crate::term::TermId;
use oxrdf::GraphName;
use quadrille_backend::{StorageBackend, StorageError, StorageResult};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What goes into a generation beside what a snapshot holds already.
pub(crate) trait Additions {
    /// The new quads in a permutation, ascending; called once for each permutation, SPOC first.
    fn rows(
        &mut self,
        permutation: Permutation,
        context: &ReadContext,
    ) -> StorageResult<Option<Box<dyn RowSource<4>>>>;

    /// The hash rows of the new terms, ascending.
    fn hash_rows(&mut self) -> StorageResult<Option<Box<dyn RowSource<2>>>>;

    /// All is written, and this root is committed next.
    fn before_commit(&mut self, root: &Root) -> StorageResult<()> {
        let _ = root;
        Ok(())
    }
}

/// Nothing is added.
struct Nothing;

impl Additions for Nothing {
    fn rows(
        &mut self,
        _: Permutation,
        _: &ReadContext,
    ) -> StorageResult<Option<Box<dyn RowSource<4>>>> {
        Ok(None)
    }

    fn hash_rows(&mut self) -> StorageResult<Option<Box<dyn RowSource<2>>>> {
        Ok(None)
    }
}

/// The plan of a generation.
pub(crate) struct Plan<'a, B: StorageBackend> {
    pub(crate) store: &'a QuadStore<B>,
    /// What is taken over.
    pub(crate) base: Snapshot<B>,
    /// The root to commit, its next ids already as they are to be; generation, epoch and counts are set here.
    pub(crate) root: Root,
    /// The blank nodes that the base lacks and that are named after none of the user's.
    pub(crate) blanks: NamedBlanks,
    /// Terms that are not in the base's chunks.
    pub(crate) terms: TermSpill,
    /// A graph to be left out.
    pub(crate) without_graph: Option<u64>,
    pub(crate) watch: Watch<'a>,
    /// No more quads than this are written.
    pub(crate) quads_max: u64,
    /// How many numbers of generations to pass over.
    pub(crate) passed_over: u16,
}

/// A generation that is complete, and not the store's yet.
pub(crate) struct Written<'a, B: StorageBackend> {
    pub(crate) store: &'a QuadStore<B>,
    pub(crate) base: Snapshot<B>,
    pub(crate) places: Places,
    /// The root that names it, but for the epoch.
    pub(crate) root: Root,
    pub(crate) blanks: NamedBlanks,
    pub(crate) without_graph: Option<u64>,
    /// What the base held and was added all the same, in the order SPOC.
    pub(crate) duplicates: Option<Duplicates<4>>,
}

/// One state of the store took the place of another.
pub(crate) struct Replaced {
    pub(super) before: Arc<Root>,
    pub(super) after: Arc<Root>,
    /// The quads of the graph that was left out.
    pub(super) cleared: u64,
}

impl Replaced {
    /// How much more there is.
    pub(super) fn added(&self) -> Added {
        Added {
            quads: self.after.quads.saturating_sub(self.before.quads),
            terms: self.after.terms().saturating_sub(self.before.terms()),
        }
    }
}

impl<'a, B: StorageBackend> Plan<'a, B> {
    /// Writes the generation, brings the commits into it that were made meanwhile, and publishes it. For a caller whose
    /// turn it is to build, and who does not hold the writer lock. A failure leaves nothing behind.
    pub(crate) fn carry_out(self, additions: &mut dyn Additions) -> StorageResult<Replaced> {
        let store = self.store;
        let published = self.write(additions).and_then(catch_up::publish);
        or_dropped(store, published)
    }

    fn write(mut self, additions: &mut dyn Additions) -> StorageResult<Written<'a, B>> {
        let backend = &self.store.inner.backend;
        let mut places = self.base.inner.places.after(self.passed_over)?;
        create_generation(backend, &places)?;
        let (statistics, duplicates) = self.write_permutations(&places, additions)?;
        let quads = statistics.quads();
        self.write_hashes(&places, additions)?;
        let inner = &*self.base.inner;
        let old = (&inner.view, &*inner.places);
        places.symbols = self.terms.ingest(backend, &places, old, &self.watch)?;
        let mut rows = Prepared::new(statistics.into_entries());
        self.root.statistics_rows = backend.ingest(&places.statistics.keyspace, &mut rows)?;
        self.watch.at(LoadStage::Committing, 0, None)?;
        self.root.generation = places.generation;
        self.root.quads = quads;
        self.root.folds = 0;
        self.root.statistics_quads = quads;
        self.root.folded_ids.clone_from(&self.root.next_ids);
        // Commits that are caught up with make it a later one.
        self.root.epoch = self.base.epoch() + 1;
        additions.before_commit(&self.root)?;
        Ok(Written {
            store: self.store,
            base: self.base,
            places,
            root: self.root,
            blanks: self.blanks,
            without_graph: self.without_graph,
            duplicates,
        })
    }

    fn write_permutations(
        &self,
        places: &Places,
        additions: &mut dyn Additions,
    ) -> StorageResult<(StatisticsBuilder, Option<Duplicates<4>>)> {
        let mut statistics = StatisticsBuilder::default();
        let mut duplicates = None;
        let mut quads = self.quads_max;
        for permutation in Permutation::ALL {
            self.watch
                .at(LoadStage::Sorting(permutation), 0, Some(quads))?;
            let mut sources: Vec<Box<dyn RowSource<4>>> =
                vec![Box::new(self.old_rows(permutation)?)];
            sources.extend(additions.rows(permutation, self.watch.context())?);
            let source: Box<dyn RowSource<4>> = match (sources.len(), permutation) {
                (1, _) => sources.remove(0),
                (_, Permutation::Spoc) => {
                    let noted = duplicates.insert(self.no_duplicates());
                    Box::new(MergedRows::noting(sources, Rc::clone(noted)))
                }
                _ => Box::new(MergedRows::new(sources)),
            };
            let observed = Observed {
                source,
                permutation,
                statistics: &mut statistics,
            };
            quads = write_index(
                &self.store.inner.backend,
                places.permutation(permutation),
                self.block_size(),
                &mut self.watched(observed, LoadStage::WritingIndex(permutation), quads),
            )?;
        }
        Ok((statistics, duplicates))
    }

    /// Room for duplicates: what batches under way took before.
    fn no_duplicates(&self) -> Duplicates<4> {
        let options = &self.store.inner.options;
        let folder = SpillFolder::of(options);
        let context = self.watch.context().clone();
        let sorter = Sorter::new(options.memory_bytes / 16, folder, context);
        Rc::new(RefCell::new(sorter))
    }

    /// The rows that are taken over.
    fn old_rows(&self, permutation: Permutation) -> StorageResult<impl RowSource<4> + use<B>> {
        let inner = &*self.base.inner;
        let source = IndexRows::new(
            &inner.view,
            &inner.places.permutation(permutation).blocks,
            inner.delta.permutation(permutation).clone(),
        )?;
        Ok(Without {
            source,
            excluded: self
                .without_graph
                .map(|graph| (permutation.column_of(3), graph)),
            rows: Vec::new(),
        })
    }

    fn write_hashes(&self, places: &Places, additions: &mut dyn Additions) -> StorageResult<()> {
        let inner = &*self.base.inner;
        let old = IndexRows::new(
            &inner.view,
            &inner.places.hashes.blocks,
            inner.delta.hashes.clone(),
        )?;
        let mut sources: Vec<Box<dyn RowSource<2>>> = vec![Box::new(old)];
        sources.extend(additions.hash_rows()?);
        let merged = MergedRows::new(sources);
        write_index(
            &self.store.inner.backend,
            &places.hashes,
            self.block_size(),
            &mut self.watched(merged, LoadStage::WritingHashes, self.root.terms()),
        )?;
        Ok(())
    }

    fn watched<S>(&self, source: S, stage: LoadStage, total: u64) -> Watched<'_, 'a, S> {
        Watched {
            source,
            watch: &self.watch,
            stage,
            done: 0,
            total: Some(total),
        }
    }

    fn block_size(&self) -> BlockSize {
        BlockSize {
            bytes_max: self.root.block_bytes as usize,
        }
    }
}

/// Drops a generation that could not be completed: the space it took may be what was missing.
fn or_dropped<B: StorageBackend, T>(
    store: &QuadStore<B>,
    result: StorageResult<T>,
) -> StorageResult<T> {
    if result.is_err() {
        store.drop_other_generations();
        store.forget_snapshot();
    }
    result
}

/// Commits a root that points to a complete generation, which holds all that `old` did.
pub(super) fn commit<B: StorageBackend>(
    store: &QuadStore<B>,
    places: Places,
    mut root: Root,
    old: &Root,
) -> StorageResult<State> {
    root.epoch = old.epoch + 1;
    let mut transaction = store.inner.backend.begin()?;
    trim_log(&mut transaction, &places, old.log_start, old.epoch)?;
    root.log_start = root.epoch;
    put_root(&mut transaction, &places, &root)?;
    quadrille_backend::Transaction::commit(transaction)?;
    let delta = crate::delta::Delta::default();
    Ok(State::new(root, Arc::new(places), delta))
}

/// Writes a generation anew that holds what the store holds.
pub(crate) fn rewrite<B: StorageBackend>(store: &QuadStore<B>) -> StorageResult<()> {
    let (_turn, base) = BuildTurn::begin(store)?;
    plan(store, base, None)?.carry_out(&mut Nothing).map(drop)
}

/// A generation with what a snapshot holds, for a caller who holds the writer lock: the snapshot is of what would be
/// committed otherwise.
pub(crate) fn of_transaction<B: StorageBackend>(
    _turn: &BuildTurn<'_, B>,
    store: &QuadStore<B>,
    snapshot: Snapshot<B>,
) -> StorageResult<State> {
    let written = plan(store, snapshot, None)?.write(&mut Nothing);
    let committed = written.and_then(|written| {
        let old = Arc::clone(&written.base.inner.root);
        commit(store, written.places, written.root, &old)
    });
    or_dropped(store, committed)
}

/// Writes a generation that lacks one graph; how many quads that had.
pub(crate) fn without_graph<B: StorageBackend>(
    store: &QuadStore<B>,
    graph: &GraphName,
) -> StorageResult<u64> {
    let (_turn, base) = BuildTurn::begin(store)?;
    let pattern = QuadPattern::new().with_graph(graph.clone());
    // Another thread may have cleared it, and the store with it.
    let Some([_, _, _, Some(id)]) = base.encode_pattern(&pattern)? else {
        return Ok(0);
    };
    let plan = plan(store, base, Some(id.raw()))?;
    let replaced = plan.carry_out(&mut Nothing)?;
    Ok(replaced.cleared)
}

/// A new generation with no quads and no terms.
pub(crate) fn empty<B: StorageBackend>(
    store: &QuadStore<B>,
    base: &Snapshot<B>,
) -> StorageResult<State> {
    let old = &*base.inner.root;
    let places = base.inner.places.after(0)?;
    or_dropped(store, create_generation(&store.inner.backend, &places))?;
    let mut root = Root::new(old.store_id, old.hash_key, old.block_bytes, old.chunk_bytes);
    root.compatible = old.compatible;
    root.generation = places.generation;
    or_dropped(store, commit(store, places, root, old))
}

fn plan<B: StorageBackend>(
    store: &QuadStore<B>,
    base: Snapshot<B>,
    without_graph: Option<u64>,
) -> StorageResult<Plan<'_, B>> {
    Ok(Plan {
        store,
        root: Root::clone(&base.inner.root),
        blanks: NamedBlanks::default(),
        terms: spill_of(&base, &SpillFolder::of(&store.inner.options))?,
        without_graph,
        watch: Watch::nobody(),
        quads_max: base.len(),
        passed_over: 0,
        base,
    })
}

/// A spill for a generation after that of a snapshot.
pub(crate) fn empty_spill_of<B: StorageBackend>(
    base: &Snapshot<B>,
    folder: SpillFolder,
) -> TermSpill {
    let inner = &*base.inner;
    let symbols = inner.places.symbols.clone();
    TermSpill::new(inner.hasher, inner.root.chunk_bytes, symbols, folder)
}

/// A spill that holds the terms of a snapshot's delta.
pub(crate) fn spill_of<B: StorageBackend>(
    base: &Snapshot<B>,
    folder: &SpillFolder,
) -> StorageResult<TermSpill> {
    let inner = &*base.inner;
    let mut spill = empty_spill_of(base, folder.clone());
    for (&id, bytes) in inner.delta.terms() {
        let id = TermId::from_raw(id);
        let tag = id
            .tag()
            .ok_or_else(|| StorageError::corrupted("a new term's id has no known tag"))?;
        spill.push(id, tag, bytes)?;
    }
    Ok(spill)
}

/// Rows without those that have a value in a column.
struct Without<S> {
    source: S,
    excluded: Option<(usize, u64)>,
    rows: Vec<Row>,
}

impl<S: RowSource<4>> RowSource<4> for Without<S> {
    fn fill(&mut self, rows: &mut Vec<Row>) -> StorageResult<bool> {
        let Some((column, value)) = self.excluded else {
            return self.source.fill(rows);
        };
        let before = rows.len();
        while rows.len() == before {
            self.rows.clear();
            if !self.source.fill(&mut self.rows)? {
                return Ok(false);
            }
            rows.extend(self.rows.iter().filter(|row| row[column] != value));
        }
        Ok(true)
    }
}

/// Rows on their way into an index, shown to the statistics.
struct Observed<'a> {
    source: Box<dyn RowSource<4>>,
    permutation: Permutation,
    statistics: &'a mut StatisticsBuilder,
}

impl RowSource<4> for Observed<'_> {
    fn fill(&mut self, rows: &mut Vec<Row>) -> StorageResult<bool> {
        let before = rows.len();
        if !self.source.fill(rows)? {
            return Ok(false);
        }
        self.statistics.observe(self.permutation, &rows[before..]);
        Ok(true)
    }
}
