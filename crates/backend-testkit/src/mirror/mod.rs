//! [`Mirror`]: two backends as one, every answer of the one compared with the other's.
//!
//! What flows in: any call of the storage contract. What flows out: what both backends answered, or an error that
//! names the operation, the keyspace, the key and both answers. What always holds: a snapshot shows the same commit of
//! both backends, and taking one waits for a commit that is being made, never for an open transaction.

mod compare;
mod read;
mod write;

pub use read::{MirrorCursor, MirrorSnapshot};
pub use write::MirrorTransaction;

use compare::Question;
use quadrille_backend::{
    Capabilities, Durability, EntrySource, ErrorKind, Keyspace, StorageBackend, StorageError,
    StorageResult, StorageStats, Wait, WriterGate, WriterPermit, prepare_empty_folder,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The keyspaces whose entries the contract leaves open: those that an ingest fills, or was filling when it failed.
type Unsettled = Arc<BTreeSet<Keyspace>>;

/// Where in a mirror's folder its two backends live.
const FOLDERS: [&str; 2] = ["left", "right"];

/// A backend over two backends that must agree: each call goes to both, and their answers are compared.
///
/// Compared are values, entries of cursors at each step, counts, sizes, names of keyspaces, and the kinds of errors.
/// A difference is an error of kind `Corrupted` with both answers in its message; after it the two may hold different
/// data, and nothing more that the mirror says counts. It never panics.
///
/// Not compared is what differs by nature:
/// * `reads` are those of the first backend; `disk_bytes` is the larger of both, 0 when
///   one of them keeps nothing.
/// * What cannot be done now, because of snapshots or reader slots, is `Busy` when one of the two says so. This holds
///   for snapshots, compaction and deletion. The part that was done stays done.
/// * The entries of a keyspace that is being ingested into, or that a failed ingest left behind: they are read from
///   the first backend alone until it is dropped. A second ingest into what a failed one left is `Misuse`.
/// * Whether a thread waits: a gate of the mirror's own stands before both.
///
/// Its capabilities are the smaller of both, and it refuses keys that are too long for either.
///
/// ```
/// use quadrille_backend::{InMemoryBackend, Keyspace, StorageBackend};
/// use quadrille_backend_testkit::Mirror;
///
/// let mirror = Mirror::new(InMemoryBackend::new(), InMemoryBackend::new());
/// let birds = Keyspace::new("birds")?;
/// mirror.create_keyspace(&birds)?;
/// mirror.put(&birds, b"wren", b"small")?;
/// assert_eq!(mirror.get(&birds, b"wren")?.as_deref(), Some(&b"small"[..]));
///
/// // Behind the mirror's back one of them changes.
/// mirror.right().put(&birds, b"wren", b"tiny")?;
/// let error = mirror.get(&birds, b"wren").expect_err("they differ");
/// assert!(error.to_string().contains("differ"));
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Debug)]
pub struct Mirror<A, B> {
    left: A,
    right: B,
    gate: WriterGate,
    /// Held for writing while a change becomes visible in one backend after the other, for reading while both are
    /// asked about their last commit.
    visible: RwLock<Unsettled>,
    folder: Option<PathBuf>,
}

impl<A: StorageBackend, B: StorageBackend> Mirror<A, B> {
    /// A mirror over two backends that hold the same entries, for example none.
    pub fn new(left: A, right: B) -> Self {
        Self {
            left,
            right,
            gate: WriterGate::default(),
            visible: RwLock::default(),
            folder: None,
        }
    }

    /// A mirror that lives in a folder: the two backends are opened in sub-folders of it, and a checkpoint of the
    /// mirror is a folder that this function opens. When one of them keeps nothing, neither does the mirror: what the
    /// other has kept is removed.
    ///
    /// # Errors
    /// What opening either of them failed with.
    pub fn open(
        folder: &Path,
        left: impl FnOnce(&Path) -> StorageResult<A>,
        right: impl FnOnce(&Path) -> StorageResult<B>,
    ) -> StorageResult<Self> {
        let [in_left, in_right] = Self::folders(folder);
        let (left, right) = (left(&in_left)?, right(&in_right)?);
        match [left.capabilities(), right.capabilities()].map(|of| of.persistent) {
            [true, false] => forget(&left)?,
            [false, true] => forget(&right)?,
            _ => {}
        }
        Ok(Self {
            folder: Some(folder.to_owned()),
            ..Self::new(left, right)
        })
    }

    /// Where in the folder of a mirror its two backends live.
    pub(crate) fn folders(folder: &Path) -> [PathBuf; 2] {
        FOLDERS.map(|name| folder.join(name))
    }

    fn limits(&self) -> Limits {
        let capabilities = self.capabilities();
        Limits {
            key_bytes_max: capabilities.key_bytes_max,
            value_bytes_max: capabilities.value_bytes_max,
        }
    }

    /// The first backend.
    pub fn left(&self) -> &A {
        &self.left
    }

    /// The second backend.
    pub fn right(&self) -> &B {
        &self.right
    }

    /// The set under the lock is whole after every statement, so a panic elsewhere cannot have broken it.
    fn visible(&self) -> RwLockReadGuard<'_, Unsettled> {
        self.visible.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn visible_mut(&self) -> RwLockWriteGuard<'_, Unsettled> {
        self.visible.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The permit to write. A thread that holds a transaction is refused, and both backends must refuse it alike:
    /// `ask` gives their answers.
    fn permit<T>(
        &self,
        wait: Wait,
        question: Question<'_>,
        ask: impl FnOnce() -> (StorageResult<T>, StorageResult<T>),
    ) -> StorageResult<WriterPermit<'_>> {
        self.gate.acquire(wait).or_else(|refusal| {
            if refusal.kind() == ErrorKind::Misuse {
                let (left, right) = ask();
                question.both(left, right)?;
            }
            Err(refusal)
        })
    }

    /// The permit to end it all; `None` when this thread holds a transaction, of which both must say that it is in
    /// the way.
    fn last_permit(&self) -> StorageResult<Option<WriterPermit<'_>>> {
        match self.gate.acquire(Wait::No) {
            Err(error) if error.kind() == ErrorKind::Misuse => Ok(None),
            permit => permit.map(Some),
        }
    }

    /// A change to both that is a commit of its own.
    fn change(
        &self,
        question: Question<'_>,
        change: impl Fn() -> (StorageResult<()>, StorageResult<()>),
    ) -> StorageResult<(WriterPermit<'_>, RwLockWriteGuard<'_, Unsettled>)> {
        let permit = self.permit(Wait::Forever, question, &change)?;
        let visible = self.visible_mut();
        let (left, right) = change();
        question.agree(left, right)?;
        Ok((permit, visible))
    }
}

/// What the smaller of both backends can hold.
#[derive(Clone, Copy, Debug)]
struct Limits {
    key_bytes_max: usize,
    value_bytes_max: usize,
}

impl Limits {
    /// Refuses an entry that one of them cannot hold.
    fn check(self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        let parts = [
            ("a key", key.len(), self.key_bytes_max),
            ("a value", value.len(), self.value_bytes_max),
        ];
        for (part, length, max) in parts {
            if length > max {
                let message = format!("{part} of {length} bytes; at most {max} are legal");
                return Err(StorageError::misuse(message)
                    .in_keyspace(keyspace)
                    .at_key(key));
            }
        }
        Ok(())
    }
}

/// Removes what a backend with files kept for a mirror that forgets.
fn forget<B: StorageBackend>(backend: &B) -> StorageResult<()> {
    for keyspace in backend.keyspaces()? {
        backend.drop_keyspace(&keyspace)?;
    }
    Ok(())
}

/// The error of one that is `Busy` where the other need not be; otherwise both answers.
fn unless_busy<L, R>(
    question: Question<'_>,
    left: StorageResult<L>,
    right: StorageResult<R>,
) -> StorageResult<(L, R)> {
    let busy = |error: &StorageError| error.kind() == ErrorKind::Busy;
    match (left, right) {
        (Err(error), _) | (_, Err(error)) if busy(&error) => Err(error),
        (left, right) => question.both(left, right),
    }
}

/// The weaker of two promises.
fn weaker(left: Durability, right: Durability) -> Durability {
    let order = [Durability::Unsafe, Durability::Prefix];
    let weak = order.into_iter().find(|d| *d == left || *d == right);
    weak.unwrap_or(Durability::Durable)
}

impl<A: StorageBackend, B: StorageBackend> StorageBackend for Mirror<A, B> {
    type Snapshot = MirrorSnapshot<A::Snapshot, B::Snapshot>;
    type Transaction<'a> = MirrorTransaction<'a, A, B>;

    fn capabilities(&self) -> Capabilities {
        let (left, right) = (self.left.capabilities(), self.right.capabilities());
        let batch = [left.batch_operations_max, right.batch_operations_max];
        let mut smaller = Capabilities::volatile();
        smaller.persistent = left.persistent && right.persistent;
        smaller.key_bytes_max = left.key_bytes_max.min(right.key_bytes_max);
        smaller.value_bytes_max = left.value_bytes_max.min(right.value_bytes_max);
        smaller.value_bytes_preferred = left.value_bytes_preferred.min(right.value_bytes_preferred);
        smaller.batch_operations_max = batch.into_iter().flatten().min();
        // Other processes would each see a commit of their own in the two.
        smaller.concurrent_reader_processes = false;
        smaller.durability = weaker(left.durability, right.durability);
        smaller
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        let _visible = self.visible();
        Question::new("keyspaces").agree(self.left.keyspaces(), self.right.keyspaces())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let question = Question::of("create_keyspace", keyspace);
        let create = || {
            let left = self.left.create_keyspace(keyspace);
            (left, self.right.create_keyspace(keyspace))
        };
        self.change(question, create).map(drop)
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        let question = Question::of("drop_keyspace", keyspace);
        let (_permit, mut visible) = self.change(question, || {
            let left = self.left.drop_keyspace(keyspace);
            (left, self.right.drop_keyspace(keyspace))
        })?;
        Arc::make_mut(&mut visible).remove(keyspace);
        Ok(())
    }

    fn snapshot(&self) -> StorageResult<Self::Snapshot> {
        let visible = self.visible();
        let question = Question::new("snapshot");
        let (left, right) = unless_busy(question, self.left.snapshot(), self.right.snapshot())?;
        Ok(MirrorSnapshot {
            left,
            right,
            unsettled: Arc::clone(&visible),
        })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<MirrorTransaction<'_, A, B>> {
        let question = Question::new("begin");
        let permit = self.permit(wait, question, || {
            let left = self.left.begin_with(wait).map(drop);
            (left, self.right.begin_with(wait).map(drop))
        })?;
        let left = self.left.begin_with(Wait::No);
        let (left, right) = question.both(left, self.right.begin_with(Wait::No))?;
        Ok(MirrorTransaction {
            left,
            right,
            mirror: self,
            unsettled: Arc::clone(&self.visible()),
            limits: self.limits(),
            _permit: permit,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        let question = Question::of("ingest", keyspace);
        let _permit = self.permit(Wait::Forever, question, || {
            let left = self.left.ingest(keyspace, &mut Nothing);
            (left, self.right.ingest(keyspace, &mut Nothing))
        })?;
        if !Arc::make_mut(&mut self.visible_mut()).insert(keyspace.clone()) {
            let message = "a failed ingest left the keyspace half filled: it is to be dropped";
            return Err(StorageError::misuse(message).in_keyspace(keyspace));
        }
        let (left, right, asked) = write::ingest_both(self, keyspace, entries);
        let result = question.agree(left, right);
        if result.is_ok() || !asked {
            Arc::make_mut(&mut self.visible_mut()).remove(keyspace);
        }
        result
    }

    fn flush(&self) -> StorageResult<()> {
        Question::new("flush").agree(self.left.flush(), self.right.flush())
    }

    fn compact(&self) -> StorageResult<()> {
        let question = Question::new("compact");
        let _permit = self.permit(Wait::Forever, question, || {
            (self.left.compact(), self.right.compact())
        })?;
        unless_busy(question, self.left.compact(), self.right.compact()).map(drop)
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let visible = self.visible();
        let question = Question::new("stats");
        let (mut left, right) = question.both(self.left.stats(), self.right.stats())?;
        let sizes = |stats: &StorageStats| (stats.key_count, stats.total_bytes);
        let changes = |stats: &StorageStats| (stats.writes, stats.deletes);
        if visible.is_empty() {
            question.agree(Ok(sizes(&left)), Ok(sizes(&right)))?;
            question.agree(Ok(changes(&left)), Ok(changes(&right)))?;
        }
        left.disk_bytes = match self.capabilities().persistent {
            true => left.disk_bytes.max(right.disk_bytes),
            false => 0,
        };
        Ok(left)
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let visible = self.visible();
        let left = self.left.keyspace_size(keyspace);
        if visible.contains(keyspace) {
            return left;
        }
        let right = self.right.keyspace_size(keyspace);
        Question::of("keyspace_size", keyspace).agree(left, right)
    }

    /// Writes a checkpoint of each backend into a sub-folder of its own. `Unsupported` when one of them has no files.
    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        self.keyspaces()?;
        if !self.capabilities().persistent {
            let message = "one of the mirrored backends has no files to copy";
            return Err(StorageError::new(ErrorKind::Unsupported, message));
        }
        prepare_empty_folder(folder)?;
        let [in_left, in_right] = Self::folders(folder);
        let _visible = self.visible();
        let left = self.left.checkpoint(&in_left);
        Question::new("checkpoint").agree(left, self.right.checkpoint(&in_right))
    }

    fn close(&self) -> StorageResult<()> {
        let _permit = self.last_permit()?;
        let _visible = self.visible_mut();
        let left = self.left.close();
        Question::new("close").agree(left, self.right.close())
    }

    fn destroy(&self) -> StorageResult<()> {
        let _permit = self.last_permit()?;
        let _visible = self.visible_mut();
        match (self.left.destroy(), self.right.destroy()) {
            // The first attempt met a snapshot that only one of them minds.
            (Ok(()), Err(error)) | (Err(error), Ok(())) if error.kind() == ErrorKind::Closed => {}
            (left, right) => unless_busy(Question::new("destroy"), left, right).map(drop)?,
        }
        match &self.folder {
            Some(folder) if folder.exists() => std::fs::remove_dir(folder).map_err(|error| {
                StorageError::from_io(format!("cannot remove {}", folder.display()), error)
            }),
            _ => Ok(()),
        }
    }
}

/// A source without entries.
struct Nothing;

impl EntrySource for Nothing {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        Ok(None)
    }
}
