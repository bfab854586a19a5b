//! [`InMemoryBackend`]: the reference implementation of the contract, and a fast store for what fits in memory.
//!
//! Every keyspace is a persistent tree. A commit changes a private copy, which shares all but the changed paths, and
//! publishes it by swapping one pointer. What always holds: a published state is never changed, so snapshots need
//! neither locks nor copies.

mod keys;
mod limit;
mod tree;

use crate::gate::closed;
use crate::{
    Capabilities, Entry, EntrySource, ErrorKind, Keyspace, OpenSnapshot, OperationCounters,
    StorageBackend, StorageCursor, StorageError, StorageResult, StorageSnapshot, StorageStats,
    Transaction, Wait, WriterGate, WriterPermit,
};
pub use limit::InMemoryOptions;
use limit::Room;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tree::{Leaf, Tree, TreeBuilder};

type Keyspaces = BTreeMap<Keyspace, Tree>;

/// A backend that keeps everything in memory and nothing afterwards.
///
/// Snapshots are O(1) and pin only the versions of the nodes that changed since. Cursors lend entries without copying.
///
/// ```
/// use quadrille_backend::{InMemoryBackend, Keyspace, StorageBackend};
///
/// let backend = InMemoryBackend::new();
/// let birds = Keyspace::new("birds")?;
/// backend.create_keyspace(&birds)?;
/// backend.put(&birds, b"wren", b"small")?;
/// assert_eq!(backend.get(&birds, b"wren")?.as_deref(), Some(&b"small"[..]));
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Debug)]
pub struct InMemoryBackend {
    /// The last commit; `None` once closed.
    published: RwLock<Option<Arc<Keyspaces>>>,
    gate: WriterGate,
    counters: Arc<OperationCounters>,
    options: InMemoryOptions,
}

impl Default for InMemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl InMemoryBackend {
    /// An empty backend without keyspaces and without a limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(InMemoryOptions::new())
    }

    /// An empty backend with settings of one's own.
    ///
    /// ```
    /// use quadrille_backend::{ErrorKind, InMemoryBackend, InMemoryOptions, Keyspace, StorageBackend};
    ///
    /// let backend = InMemoryBackend::with_options(InMemoryOptions::new().bytes_max(10));
    /// let birds = Keyspace::new("birds")?;
    /// backend.create_keyspace(&birds)?;
    /// backend.put(&birds, b"wren", b"small")?;
    /// let error = backend.put(&birds, b"rhea", b"tall").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Full);
    /// # Ok::<(), quadrille_backend::StorageError>(())
    /// ```
    #[must_use]
    pub fn with_options(options: InMemoryOptions) -> Self {
        Self {
            published: RwLock::new(Some(Arc::default())),
            gate: WriterGate::default(),
            counters: Arc::default(),
            options,
        }
    }

    fn state(&self) -> StorageResult<Arc<Keyspaces>> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        published.clone().ok_or_else(closed)
    }

    fn publish(&self, state: Option<Arc<Keyspaces>>) {
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *published, state);
        drop(published);
        // Freeing a large tree takes a while: not under the lock.
        drop(old);
    }

    /// Changes the keyspaces as one commit of its own.
    fn change<T>(
        &self,
        apply: impl FnOnce(&mut Keyspaces) -> StorageResult<T>,
    ) -> StorageResult<T> {
        let _permit = self.gate.acquire(Wait::Forever)?;
        let mut state = self.state()?;
        let result = apply(Arc::make_mut(&mut state))?;
        self.publish(Some(state));
        Ok(result)
    }
}

fn total_bytes(keyspaces: &Keyspaces) -> u64 {
    keyspaces.values().map(Tree::bytes).sum()
}

fn missing(keyspace: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(keyspace)
}

fn must_be_empty(state: &Keyspaces, keyspace: &Keyspace) -> StorageResult<()> {
    if state
        .get(keyspace)
        .ok_or_else(|| missing(keyspace))?
        .count()
        > 0
    {
        let message = "only an empty keyspace can be ingested into";
        return Err(StorageError::misuse(message).in_keyspace(keyspace));
    }
    Ok(())
}

fn check_key(keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
    let longest = Capabilities::volatile().key_bytes_max;
    if key.len() > longest {
        let message = format!("a key of {} bytes; at most {longest} are legal", key.len());
        return Err(StorageError::misuse(message)
            .in_keyspace(keyspace)
            .at_key(key));
    }
    Ok(())
}

impl StorageBackend for InMemoryBackend {
    type Snapshot = MemorySnapshot;
    type Transaction<'a> = MemoryTransaction<'a>;

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::volatile();
        capabilities.batch_operations_max = self.options.batch_operations_max;
        capabilities
    }

    fn keyspaces(&self) -> StorageResult<Vec<Keyspace>> {
        Ok(self.state()?.keys().cloned().collect())
    }

    fn create_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.change(|keyspaces| {
            if keyspaces.contains_key(keyspace) {
                let message = "the keyspace exists already";
                return Err(StorageError::misuse(message).in_keyspace(keyspace));
            }
            keyspaces.insert(keyspace.clone(), Tree::default());
            Ok(())
        })
    }

    fn drop_keyspace(&self, keyspace: &Keyspace) -> StorageResult<()> {
        self.change(|keyspaces| {
            let dropped = keyspaces.remove(keyspace);
            dropped.map(drop).ok_or_else(|| missing(keyspace))
        })
    }

    fn snapshot(&self) -> StorageResult<MemorySnapshot> {
        Ok(MemorySnapshot {
            keyspaces: self.state()?,
            counters: Arc::clone(&self.counters),
            open: Arc::new(self.counters.snapshot_taken()),
        })
    }

    fn begin_with(&self, wait: Wait) -> StorageResult<MemoryTransaction<'_>> {
        let permit = self.gate.acquire(wait)?;
        let keyspaces = self.state()?;
        Ok(MemoryTransaction {
            room: Room::new(&self.options, total_bytes(&keyspaces)),
            keyspaces,
            backend: self,
            writes: 0,
            deletes: 0,
            _permit: permit,
        })
    }

    fn ingest(&self, keyspace: &Keyspace, entries: &mut dyn EntrySource) -> StorageResult<u64> {
        // The tree is built aside; only publishing it needs the gate, but a thread inside it is told beforehand.
        let mut room = self.change(|keyspaces| {
            must_be_empty(keyspaces, keyspace)?;
            Ok(Room::new(&self.options, total_bytes(keyspaces)))
        })?;
        let mut builder = TreeBuilder::default();
        while let Some((key, value)) = entries.next_entry()? {
            check_key(keyspace, key)?;
            let taken = room.take(key.len() + value.len());
            taken.map_err(|error| error.in_keyspace(keyspace).at_key(key))?;
            if !builder.push(key, value) {
                let error = StorageError::misuse("ingested keys must ascend strictly");
                return Err(error.in_keyspace(keyspace).at_key(key));
            }
        }
        let tree = builder.finish();
        let count = tree.count();
        self.change(|keyspaces| {
            must_be_empty(keyspaces, keyspace)?;
            // Others may have written meanwhile.
            let mut room = Room::new(&self.options, total_bytes(keyspaces));
            let taken = room.take(tree.bytes() as usize);
            taken.map_err(|error| error.in_keyspace(keyspace))?;
            keyspaces.insert(keyspace.clone(), tree);
            Ok(())
        })?;
        self.counters.add_writes(count);
        Ok(count)
    }

    fn flush(&self) -> StorageResult<()> {
        self.state().map(drop)
    }

    fn compact(&self) -> StorageResult<()> {
        self.state().map(drop)
    }

    fn stats(&self) -> StorageResult<StorageStats> {
        let state = self.state()?;
        let key_count = state.values().map(Tree::count).sum();
        Ok(self.counters.stats(key_count, total_bytes(&state), 0))
    }

    fn keyspace_size(&self, keyspace: &Keyspace) -> StorageResult<(u64, u64)> {
        let state = self.state()?;
        let tree = state.get(keyspace).ok_or_else(|| missing(keyspace))?;
        Ok((tree.count(), tree.bytes()))
    }

    fn checkpoint(&self, _folder: &Path) -> StorageResult<()> {
        self.state()?;
        Err(StorageError::new(
            ErrorKind::Unsupported,
            "a store in memory has no files to copy",
        ))
    }

    fn close(&self) -> StorageResult<()> {
        self.gate.close()?;
        self.publish(None);
        Ok(())
    }

    fn destroy(&self) -> StorageResult<()> {
        self.state()?;
        self.close()
    }
}

/// A view of one commit of an [`InMemoryBackend`].
#[derive(Clone, Debug)]
pub struct MemorySnapshot {
    keyspaces: Arc<Keyspaces>,
    counters: Arc<OperationCounters>,
    open: Arc<OpenSnapshot>,
}

impl MemorySnapshot {
    fn tree(&self, keyspace: &Keyspace) -> StorageResult<&Tree> {
        let tree = self.keyspaces.get(keyspace);
        tree.ok_or_else(|| missing(keyspace))
    }
}

impl StorageSnapshot for MemorySnapshot {
    type Cursor = MemoryCursor;

    fn cursor(&self, keyspace: &Keyspace) -> StorageResult<MemoryCursor> {
        Ok(MemoryCursor {
            tree: self.tree(keyspace)?.clone(),
            leaf: None,
            index: 0,
            reads: 0,
            counters: Arc::clone(&self.counters),
            _open: Arc::clone(&self.open),
        })
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.counters.add_reads(1);
        Ok(self.tree(keyspace)?.get(key).map(<[u8]>::to_vec))
    }

    fn contains(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<bool> {
        self.counters.add_reads(1);
        Ok(self.tree(keyspace)?.get(key).is_some())
    }
}

/// A position in one keyspace of a [`MemorySnapshot`].
#[derive(Debug)]
pub struct MemoryCursor {
    tree: Tree,
    leaf: Option<Arc<Leaf>>,
    index: usize,
    /// Entries reached and not yet counted: threads that scan side by side should not share a counter's cache line.
    reads: u64,
    counters: Arc<OperationCounters>,
    _open: Arc<OpenSnapshot>,
}

impl StorageCursor for MemoryCursor {
    fn seek(&mut self, key: &[u8]) -> StorageResult<bool> {
        let near = self
            .leaf
            .as_ref()
            .and_then(|leaf| leaf.position_within(key));
        if let Some(index) = near {
            self.index = index;
            self.reads += 1;
            return Ok(true);
        }
        let Some((leaf, index)) = self.tree.seek(key) else {
            self.leaf = None;
            return Ok(false);
        };
        self.leaf = Some(Arc::clone(leaf));
        self.index = index;
        self.reads += 1;
        Ok(true)
    }

    fn next(&mut self) -> StorageResult<bool> {
        let Some(leaf) = &self.leaf else {
            return Ok(false);
        };
        if self.index + 1 < leaf.len() {
            self.index += 1;
            self.reads += 1;
            return Ok(true);
        }
        let last = leaf.entry(self.index).map_or(&[][..], |(key, _)| key);
        self.leaf = self.tree.leaf_after(last).map(Arc::clone);
        self.index = 0;
        self.reads += u64::from(self.leaf.is_some());
        Ok(self.leaf.is_some())
    }

    fn entry(&self) -> Option<(&[u8], &[u8])> {
        self.leaf.as_ref()?.entry(self.index)
    }
}

impl Drop for MemoryCursor {
    fn drop(&mut self) {
        self.counters.add_reads(self.reads);
    }
}

/// The write transaction of an [`InMemoryBackend`].
#[derive(Debug)]
pub struct MemoryTransaction<'a> {
    keyspaces: Arc<Keyspaces>,
    backend: &'a InMemoryBackend,
    room: Room,
    writes: u64,
    deletes: u64,
    _permit: WriterPermit<'a>,
}

impl MemoryTransaction<'_> {
    fn tree(&self, keyspace: &Keyspace) -> StorageResult<&Tree> {
        let tree = self.keyspaces.get(keyspace);
        tree.ok_or_else(|| missing(keyspace))
    }

    /// The bytes of the entry under a key; none when it is absent.
    fn bytes_of(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<usize> {
        let value = self.tree(keyspace)?.get(key);
        Ok(value.map_or(0, |value| key.len() + value.len()))
    }

    /// Refuses one operation more than the settings allow.
    fn check_operations(&self) -> StorageResult<()> {
        let most = self.backend.options.batch_operations_max;
        let done = self.writes + self.deletes;
        match most {
            Some(most) if done >= most as u64 => Err(StorageError::misuse(format!(
                "a transaction may have {most} puts and deletes, and this is one more"
            ))),
            _ => Ok(()),
        }
    }

    fn tree_mut(&mut self, keyspace: &Keyspace) -> StorageResult<&mut Tree> {
        let tree = Arc::make_mut(&mut self.keyspaces).get_mut(keyspace);
        tree.ok_or_else(|| missing(keyspace))
    }
}

impl Transaction for MemoryTransaction<'_> {
    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.backend.counters.add_reads(1);
        Ok(self.tree(keyspace)?.get(key).map(<[u8]>::to_vec))
    }

    fn seek(&self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<Option<Entry>> {
        let found = self.tree(keyspace)?.seek(key);
        let entry = found.and_then(|(leaf, index)| leaf.entry(index));
        self.backend.counters.add_reads(u64::from(entry.is_some()));
        Ok(entry.map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn put(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        check_key(keyspace, key)?;
        self.check_operations()?;
        if self.room.is_limited() {
            let old = self.bytes_of(keyspace, key)?;
            let taken = self.room.replace(old, key.len() + value.len());
            taken.map_err(|error| error.in_keyspace(keyspace).at_key(key))?;
        }
        self.tree_mut(keyspace)?.put(key, value.into());
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, keyspace: &Keyspace, key: &[u8]) -> StorageResult<()> {
        self.check_operations()?;
        if self.room.is_limited() {
            let old = self.bytes_of(keyspace, key)?;
            self.room.replace(old, 0)?;
        }
        self.tree_mut(keyspace)?.delete(key);
        self.deletes += 1;
        Ok(())
    }

    fn commit(self) -> StorageResult<()> {
        self.room.check()?;
        self.backend.publish(Some(self.keyspaces));
        self.backend.counters.add_writes(self.writes);
        self.backend.counters.add_deletes(self.deletes);
        Ok(())
    }
}
