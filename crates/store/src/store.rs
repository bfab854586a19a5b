//! The quad store: opening, the current state, and everything a caller does with one call.

use crate::build::batch::QuadBatch;
use crate::build::bulk::BulkLoad;
use crate::build::generation;
use crate::build::turn::{BuildTurn, NOT_NEEDED};
use crate::checksum::Checked;
use crate::context::ReadContext;
use crate::delta::Delta;
use crate::dictionary::tables::SymbolTables;
use crate::figures::Figures;
use crate::folding::Folding;
use crate::keyspaces::{Places, ROOT, create_generation, is_ours, sweep_orphans};
use crate::log::log_key;
use crate::options::StoreOptions;
use crate::pattern::QuadPattern;
use crate::quads::{GraphIter, QuadIter};
use crate::replay::replay;
use crate::root::{ROOT_KEY, Root};
use crate::snapshot::Snapshot;
use crate::transaction::StoreTransaction;
use crate::view::View;
use crate::writer_lock::{WriterGuard, WriterLock};
use oxrdf::{GraphName, Quad, QuadRef};
use quadrille_backend::{
    ErrorKind, Keyspace, StorageBackend, StorageCursor, StorageError, StorageResult,
    StorageSnapshot, Transaction, Wait,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// How often a snapshot is tried again when a commit came between; each try takes microseconds.
const SNAPSHOT_TRIES: usize = 10_000;

/// A quad store over a backend.
///
/// Cloning shares the store. Every method takes `&self`; any number of threads may read while one writes.
///
/// # What a write costs
/// [`insert`](Self::insert) and [`remove`](Self::remove) are transactions of their own: each appends one record to the
/// commit log and rewrites the root record, and with a durable backend waits for the disk. Use
/// [`transaction`](Self::transaction) or [`extend`](Self::extend) for more than a few quads, and
/// [`bulk_load`](Self::bulk_load) for files: it builds the indexes aside, in bounded memory.
pub struct QuadStore<B: StorageBackend> {
    pub(crate) inner: Arc<StoreInner<B>>,
}

pub(crate) struct StoreInner<B: StorageBackend> {
    pub(crate) backend: B,
    pub(crate) options: StoreOptions,
    read_only: bool,
    current: RwLock<Current<B>>,
    /// Held while a read-only store brings itself up to date.
    refreshing: Mutex<()>,
    /// Makes those who build generations one at a time; taken before the writer lock.
    pub(crate) builder: WriterLock<()>,
    pub(crate) writer: WriterLock<Writer>,
    /// A build needs the log records of the commits after this one.
    pub(crate) log_needed_from: AtomicU64,
}

/// The last published state.
struct Current<B: StorageBackend> {
    state: State,
    /// Kept for the next caller. Never in a read-only store: it would keep another process, which writes, from using
    /// the space of old commits again.
    snapshot: Option<Snapshot<B>>,
}

/// What a commit publishes.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) root: Arc<Root>,
    pub(crate) places: Arc<Places>,
    pub(crate) delta: Delta,
    /// What its snapshots were asked for.
    figures: Arc<Figures>,
}

impl State {
    pub(crate) fn new(root: Root, places: Arc<Places>, delta: Delta) -> Self {
        Self {
            root: Arc::new(root),
            places,
            delta,
            figures: Arc::default(),
        }
    }
}

/// What the writer keeps from one transaction to the next.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) folding: Folding,
}

impl<B: StorageBackend> Clone for QuadStore<B> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<B: StorageBackend> QuadStore<B> {
    /// Opens the store that a backend holds, or creates one in an empty backend.
    ///
    /// # Errors
    /// `Unsupported` when the backend holds something else, or a store of another version; it is left untouched.
    /// `Corrupted` when the root record or the commit log does not hold. What the backend fails with.
    pub fn open(backend: B) -> StorageResult<Self> {
        Self::open_with(backend, StoreOptions::default())
    }

    /// Opens or creates a store with settings.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Misuse` for settings out of range.
    pub fn open_with(backend: B, options: StoreOptions) -> StorageResult<Self> {
        let root = match read_root(&backend)? {
            Some(root) => root,
            None => create(&backend, &options)?,
        };
        if root.refuses_writing() {
            return Err(StorageError::new(
                ErrorKind::Unsupported,
                "the store uses features that this program can read but not write; open it read-only",
            ));
        }
        let store = Self::assemble(backend, options, false)?;
        // Only now: a root record that leads nowhere must not cost the generation that is there.
        sweep_orphans(&store.inner.backend, root.generation)?;
        Ok(store)
    }

    /// Opens a store for reading. Nothing is changed, and each snapshot sees the commits of other processes as far
    /// as the backend lets it.
    ///
    /// # Errors
    /// As [`open`](Self::open); `NotFound` when the backend is empty.
    pub fn open_read_only(backend: B) -> StorageResult<Self> {
        if read_root(&backend)?.is_none() {
            return Err(no_store());
        }
        Self::assemble(backend, StoreOptions::default(), true)
    }

    fn assemble(backend: B, options: StoreOptions, read_only: bool) -> StorageResult<Self> {
        let (state, snapshot) = load_state(&backend)?;
        Ok(Self {
            inner: Arc::new(StoreInner {
                backend,
                options,
                read_only,
                current: RwLock::new(Current {
                    state,
                    snapshot: Some(snapshot).filter(|_| !read_only),
                }),
                refreshing: Mutex::default(),
                builder: WriterLock::new(()),
                writer: WriterLock::new(Writer::default()),
                log_needed_from: AtomicU64::new(NOT_NEEDED),
            }),
        })
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.inner.backend
    }

    /// Inserts a quad as a transaction of its own; whether it is new.
    ///
    /// # Errors
    /// As [`StoreTransaction::insert`] and [`StoreTransaction::commit`].
    pub fn insert<'a>(&self, quad: impl Into<QuadRef<'a>>) -> StorageResult<bool> {
        let mut transaction = self.transaction()?;
        let is_new = transaction.insert(quad)?;
        transaction.commit()?;
        Ok(is_new)
    }

    /// Removes a quad as a transaction of its own; whether it was there.
    ///
    /// # Errors
    /// As [`StoreTransaction::remove`] and [`StoreTransaction::commit`].
    pub fn remove<'a>(&self, quad: impl Into<QuadRef<'a>>) -> StorageResult<bool> {
        let mut transaction = self.transaction()?;
        let was_there = transaction.remove(quad)?;
        transaction.commit()?;
        Ok(was_there)
    }

    /// Inserts quads, all or none; the number of new ones. Many quads take the path of [`bulk_load`](Self::bulk_load),
    /// so memory stays bounded however many there are.
    ///
    /// # Errors
    /// As [`StoreTransaction::insert`] and [`StoreTransaction::commit`].
    pub fn extend(&self, quads: impl IntoIterator<Item = Quad>) -> StorageResult<u64> {
        let mut quads = quads.into_iter();
        let first: Vec<Quad> = quads
            .by_ref()
            .take(self.inner.options.delta_quads_max)
            .collect();
        if first.len() < self.inner.options.delta_quads_max {
            let mut transaction = self.transaction()?;
            let mut count = 0;
            for quad in &first {
                count += u64::from(transaction.insert(quad)?);
            }
            transaction.commit()?;
            return Ok(count);
        }
        let mut load = self.bulk_load()?;
        for quad in first {
            load.push(quad.as_ref())?;
        }
        for quad in quads {
            load.push(quad.as_ref())?;
        }
        Ok(load.finish()?.quads_new)
    }

    /// Begins a load: quads pushed into it are sorted aside, in bounded memory, and become visible all at once when it
    /// finishes: as if all were inserted then. Dropping it leaves no trace. Readers and transactions go on meanwhile, but
    /// for the commit at its end; other loads, and what else rewrites the indexes, wait. As long as it is open the log keeps
    /// what transactions commit, so it is not to be left open idly.
    ///
    /// A load is folded into the blocks that it touches when these are few, as those of quads that belong together are,
    /// and costs what changed. One that touches many, or is large, writes the indexes anew.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction); `Misuse` also when this thread has another load open.
    pub fn bulk_load(&self) -> StorageResult<BulkLoad<'_, B>> {
        self.bulk_load_within(ReadContext::new())
    }

    /// Begins a load as [`bulk_load`](Self::bulk_load) does, which a cancel token or a deadline can stop: while it sorts
    /// and while it writes. It then fails with `Cancelled`, within some hundredths of a second unless it waits for the
    /// disk, and leaves no trace.
    ///
    /// # Errors
    /// As [`bulk_load`](Self::bulk_load).
    pub fn bulk_load_within(&self, context: ReadContext) -> StorageResult<BulkLoad<'_, B>> {
        let (turn, base) = BuildTurn::begin(self)?;
        BulkLoad::new(self, turn, base, context)
    }

    /// An empty batch for loads into this store, to be filled on any thread.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn quad_batch(&self) -> StorageResult<QuadBatch> {
        Ok(QuadBatch::new(self.snapshot()?.inner.hasher))
    }

    /// Whether a quad is there.
    ///
    /// # Errors
    /// As [`Snapshot::contains`].
    pub fn contains<'a>(&self, quad: impl Into<QuadRef<'a>>) -> StorageResult<bool> {
        self.snapshot()?.contains(quad)
    }

    /// The number of quads; known without reading any.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn len(&self) -> StorageResult<u64> {
        Ok(self.snapshot()?.len())
    }

    /// Whether there is no quad.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn is_empty(&self) -> StorageResult<bool> {
        Ok(self.len()? == 0)
    }

    /// The quads of the last commit that match a pattern, lazily.
    ///
    /// # Errors
    /// As [`Snapshot::match_quads`].
    pub fn match_quads(&self, pattern: &QuadPattern) -> StorageResult<QuadIter<B>> {
        self.snapshot()?.match_quads(pattern)
    }

    /// How many quads of the last commit match a pattern; exact.
    ///
    /// # Errors
    /// As [`Snapshot::count`].
    pub fn count(&self, pattern: &QuadPattern) -> StorageResult<u64> {
        self.snapshot()?.count(pattern)
    }

    /// About how many quads of the last commit match a pattern, without reading blocks.
    ///
    /// # Errors
    /// As [`Snapshot::estimate`].
    pub fn estimate(&self, pattern: &QuadPattern) -> StorageResult<u64> {
        self.snapshot()?.estimate(pattern)
    }

    /// The graphs that hold a quad in the last commit, with their numbers of quads.
    ///
    /// # Errors
    /// As [`Snapshot::graphs`].
    pub fn graphs(&self) -> StorageResult<GraphIter<B>> {
        self.snapshot()?.graphs()
    }

    /// Whether a graph holds a quad in the last commit.
    ///
    /// # Errors
    /// As [`Snapshot::contains_graph`].
    pub fn contains_graph(&self, graph: &GraphName) -> StorageResult<bool> {
        self.snapshot()?.contains_graph(graph)
    }

    /// Removes every quad of a graph, in one transaction; how many there were.
    ///
    /// A graph of more quads than [`StoreOptions::delta_quads_max`] is left out of a new generation instead of being
    /// removed quad by quad; transactions go on meanwhile.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`]; `Misuse` also when the graph is large and this thread has a load open.
    pub fn clear_graph(&self, graph: &GraphName) -> StorageResult<u64> {
        let mut transaction = self.transaction()?;
        let snapshot = transaction.snapshot();
        let pattern = QuadPattern::new().with_graph(graph.clone());
        let Some(ids) = snapshot.encode_pattern(&pattern)? else {
            return Ok(0);
        };
        let count = snapshot.count_ids(ids)?;
        if count > self.inner.options.delta_quads_max as u64 {
            drop((snapshot, transaction));
            return generation::without_graph(self, graph);
        }
        for quad in snapshot.scan(ids, ReadContext::new())? {
            transaction.remove_row(quad?.map(|id| id.raw()))?;
        }
        transaction.commit()?;
        Ok(count)
    }

    /// Removes a graph with all its quads: the same as [`clear_graph`](Self::clear_graph), because a graph exists as
    /// long as it holds a quad.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`].
    pub fn drop_graph(&self, graph: &GraphName) -> StorageResult<u64> {
        self.clear_graph(graph)
    }

    /// Removes every quad and every term, at once and whatever their number.
    ///
    /// # Errors
    /// As [`StoreTransaction::commit`].
    pub fn clear(&self) -> StorageResult<()> {
        let (_turn, base) = BuildTurn::begin(self)?;
        drop(base);
        let (guard, base) = self.begin(Wait::Forever)?;
        let next = generation::empty(self, &base)?;
        drop(base);
        self.publish_generation(guard, next);
        Ok(())
    }

    /// A view of the last commit.
    ///
    /// # Errors
    /// What the backend fails with; `Busy` when its reader slots are used up.
    pub fn snapshot(&self) -> StorageResult<Snapshot<B>> {
        for attempt in 0..SNAPSHOT_TRIES {
            let (state, cached) = {
                let current = self
                    .inner
                    .current
                    .read()
                    .unwrap_or_else(PoisonError::into_inner);
                (current.state.clone(), current.snapshot.clone())
            };
            if let Some(snapshot) = cached {
                return Ok(snapshot);
            }
            let view = self.inner.backend.snapshot()?;
            let root = root_of(&view)?;
            if root.epoch == state.root.epoch {
                return Ok(self.keep_snapshot(view, state));
            }
            if self.inner.read_only {
                drop(view);
                if let Some(snapshot) = self.refresh(root.epoch)? {
                    return Ok(snapshot);
                }
            } else if attempt > 10 {
                // A commit is on its way between the backend and this store's state.
                std::thread::yield_now();
            }
        }
        Err(StorageError::new(
            ErrorKind::Busy,
            "commits follow each other too fast for a snapshot to be taken",
        ))
    }

    fn keep_snapshot(&self, view: B::Snapshot, state: State) -> Snapshot<B> {
        let view = View::new(view, Arc::clone(&state.places.checked));
        if self.inner.read_only {
            return snapshot_of(view, state);
        }
        let mut current = self
            .inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if current.state.root.epoch == state.root.epoch
            && let Some(snapshot) = &current.snapshot
        {
            return snapshot.clone();
        }
        let snapshot = snapshot_of(view, state);
        if current.state.root.epoch == snapshot.epoch() {
            current.snapshot = Some(snapshot.clone());
        }
        snapshot
    }

    /// Brings a read-only store up to a commit of another process, and gives the view that this took; `None` when
    /// another thread has done it.
    fn refresh(&self, epoch: u64) -> StorageResult<Option<Snapshot<B>>> {
        let _only_one = self
            .inner
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_stale = |current: &Current<B>| current.state.root.epoch < epoch;
        let current = &self.inner.current;
        if !is_stale(&current.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(None);
        }
        let (state, snapshot) = load_state(&self.inner.backend)?;
        drop(self.show(state));
        Ok(Some(snapshot))
    }

    /// Begins the one write transaction; other threads that want one wait.
    ///
    /// # Errors
    /// `ReadOnly`; `Misuse` when this thread has a transaction open already; what the backend fails with.
    pub fn transaction(&self) -> StorageResult<StoreTransaction<'_, B>> {
        self.transaction_with(Wait::Forever)
    }

    /// Begins the one write transaction, waiting for another one as told.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction); `Busy` when it did not come free in time.
    pub fn transaction_with(&self, wait: Wait) -> StorageResult<StoreTransaction<'_, B>> {
        let (guard, base) = self.begin(wait)?;
        Ok(StoreTransaction::new(self, guard, base))
    }

    pub(crate) fn begin(
        &self,
        wait: Wait,
    ) -> StorageResult<(WriterGuard<'_, Writer>, Snapshot<B>)> {
        if self.inner.read_only {
            return Err(StorageError::new(
                ErrorKind::ReadOnly,
                "the store was opened for reading",
            ));
        }
        let guard = self.inner.writer.acquire(wait)?;
        let base = self.snapshot()?;
        Ok((guard, base))
    }

    /// Log records of commits after this one are needed by a build.
    pub(crate) fn log_needed_from(&self) -> u64 {
        self.inner.log_needed_from.load(Ordering::SeqCst)
    }

    /// Makes a committed state the one that new snapshots see, and lets the next writer in.
    pub(crate) fn publish(&self, guard: WriterGuard<'_, Writer>, state: State) {
        let before = self.show(state);
        drop(guard);
        drop(before);
    }

    /// Replaces the current state; gives back the one before.
    fn show(&self, state: State) -> Current<B> {
        let mut current = self
            .inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let next = Current {
            state,
            snapshot: None,
        };
        std::mem::replace(&mut *current, next)
    }

    /// Lets the snapshot go that is kept for the next caller. Also after a write failed: a backend that ran out of room may
    /// be able to get more only while no snapshot is open.
    pub(crate) fn forget_snapshot(&self) {
        let mut current = self
            .inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let kept = current.snapshot.take();
        drop(current);
        drop(kept);
    }

    /// As [`publish`](Self::publish), for a state in a new generation, whose builder this is; drops the old one.
    pub(crate) fn publish_generation(&self, mut guard: WriterGuard<'_, Writer>, state: State) {
        // A pass under way was over the blocks of the old generation, and over log records that are gone.
        guard.folding = Folding::default();
        self.publish(guard, state);
        self.drop_other_generations();
    }

    /// Drops the keyspaces of generations that are not the store's, for a caller whose turn it is to build. Snapshots
    /// keep reading theirs.
    ///
    /// A commit that stands must not fail for it, nor a failure be hidden by another: what the backend does not drop
    /// now goes with the next generation, or when the store is opened again.
    pub(crate) fn drop_other_generations(&self) {
        let backend = &self.inner.backend;
        let dropped = read_root(backend).and_then(|root| match root {
            Some(root) => sweep_orphans(backend, root.generation),
            None => Ok(()),
        });
        drop(dropped);
    }

    /// Makes every returned commit as durable as the backend can.
    ///
    /// # Errors
    /// What the backend fails with.
    pub fn flush(&self) -> StorageResult<()> {
        self.inner.backend.flush()
    }

    /// Writes the indexes anew, with full blocks and fresh statistics, and has the backend give free space back. Terms
    /// keep their ids and chunks, those that no quad uses any more included. Readers go on meanwhile; transactions too while the
    /// indexes are written, not while the backend gives space back.
    ///
    /// # Errors
    /// What the backend fails with; `Busy` when it cannot give space back while snapshots live: the indexes are written
    /// anew even then. `Misuse` when this thread has a transaction or a load open.
    pub fn compact(&self) -> StorageResult<()> {
        generation::rewrite(self)?;
        self.inner.backend.compact()
    }

    /// Flushes and closes the backend. Snapshots and iterators that are still alive stay readable.
    ///
    /// # Errors
    /// What the backend fails with.
    pub fn close(&self) -> StorageResult<()> {
        self.inner.backend.close()?;
        // Only now: before, another thread could have taken and kept a new one.
        self.forget_snapshot();
        Ok(())
    }
}

/// The root record of a backend's last commit; `None` when the backend is empty.
///
/// A creation that was interrupted leaves empty keyspaces and no root, which counts as empty.
fn read_root<B: StorageBackend>(backend: &B) -> StorageResult<Option<Root>> {
    let keyspaces = backend.keyspaces()?;
    if let Some(foreign) = keyspaces.iter().find(|keyspace| !is_ours(keyspace)) {
        return Err(StorageError::new(
            ErrorKind::Unsupported,
            format!("this is not a Quadrille store: it holds a keyspace {foreign}"),
        ));
    }
    let places = Places::new(0)?;
    if !keyspaces.contains(&places.root.keyspace) {
        return if keyspaces.is_empty() {
            Ok(None)
        } else {
            Err(StorageError::corrupted(
                "the keyspace of the root record is missing",
            ))
        };
    }
    if let Some(record) = backend.get(&places.root.keyspace, ROOT_KEY)? {
        return Root::decode(&record)
            .map(Some)
            .map_err(|error| error.in_keyspace(&places.root.keyspace).at_key(ROOT_KEY));
    }
    let snapshot = backend.snapshot()?;
    for keyspace in &keyspaces {
        if snapshot.cursor(keyspace)?.seek(&[])? {
            return Err(StorageError::corrupted(format!(
                "the root record is missing, and {keyspace} is not empty"
            ))
            .in_keyspace(&places.root.keyspace)
            .at_key(ROOT_KEY));
        }
    }
    Ok(None)
}

fn snapshot_of<B: StorageBackend>(view: View<B::Snapshot>, state: State) -> Snapshot<B> {
    let names = Arc::clone(&state.places.names);
    let State {
        root,
        places,
        delta,
        figures,
    } = state;
    Snapshot::new(view, places, root, delta, names, figures)
}

fn no_store() -> StorageError {
    let message = "there is no store here: it has no root record";
    StorageError::new(ErrorKind::NotFound, message)
}

/// The root record as a backend snapshot sees it.
pub(crate) fn root_of<S: StorageSnapshot>(snapshot: &S) -> StorageResult<Root> {
    let keyspace = Keyspace::new(ROOT)?;
    let record = snapshot.get(&keyspace, ROOT_KEY)?;
    let record = record.ok_or_else(no_store)?;
    Root::decode(&record).map_err(|error| error.in_keyspace(&keyspace).at_key(ROOT_KEY))
}

fn create<B: StorageBackend>(backend: &B, options: &StoreOptions) -> StorageResult<Root> {
    let (block_bytes, chunk_bytes) = options.sizes(&backend.capabilities())?;
    let random = |purpose: &str| -> StorageResult<[u8; 16]> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            let message = format!("no random {purpose} could be made");
            StorageError::new(ErrorKind::Io, message).with_source(error)
        })?;
        Ok(bytes)
    };
    let root = Root::new(
        random("store id")?,
        random("hash key")?,
        block_bytes,
        chunk_bytes,
    );
    let places = Places::new(root.generation)?;
    let existing = backend.keyspaces()?;
    for place in [&places.root, &places.log] {
        if !existing.contains(&place.keyspace) {
            backend.create_keyspace(&place.keyspace)?;
        }
    }
    create_generation(backend, &places)?;
    backend.put(&places.root.keyspace, ROOT_KEY, &root.encode())?;
    Ok(root)
}

/// The state of a backend's last commit: its root, and its log replayed.
fn load_state<B: StorageBackend>(backend: &B) -> StorageResult<(State, Snapshot<B>)> {
    let snapshot = backend.snapshot()?;
    let root = root_of(&snapshot)?;
    let mut places = Places::new(root.generation)?;
    places.checked = Arc::new(Checked::of(&backend.capabilities()));
    let view = View::new(snapshot, Arc::clone(&places.checked));
    places.symbols = SymbolTables::load(&view, &places.terms)?;
    let places = Arc::new(places);
    let delta = replay::<B>(&view, &places, &root)?;
    let state = State::new(root, places, delta);
    let snapshot = snapshot_of(view, state.clone());
    Ok((state, snapshot))
}

/// Writes a root into a backend transaction.
pub(crate) fn put_root<T: Transaction>(
    transaction: &mut T,
    places: &Places,
    root: &Root,
) -> StorageResult<()> {
    transaction.put(&places.root.keyspace, ROOT_KEY, &root.encode())
}

/// Deletes the log records of epochs in `(from, to]`.
pub(crate) fn trim_log<T: Transaction>(
    transaction: &mut T,
    places: &Places,
    from: u64,
    to: u64,
) -> StorageResult<()> {
    let first = from.saturating_add(1);
    let end = log_key(to.saturating_add(1));
    let entries =
        transaction.range_scan(&places.log.keyspace, &log_key(first), Some(&end), None)?;
    for (key, _) in entries {
        transaction.delete(&places.log.keyspace, &key)?;
    }
    Ok(())
}
