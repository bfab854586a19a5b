//! The catalogue: how many entries and bytes each keyspace holds, in a row of the column family `default`.
//!
//! RocksDB itself only estimates them. What always holds: a row changes in the same batch as the entries it speaks of,
//! so it is exact; while an ingest moves files in, which is no batch, the row is empty, and whoever reads it counts the
//! entries; a row without a keyspace, left by a crash, is overwritten before one of that name exists.

use crate::engine::{Column, Engine};
use crate::error::storage_error;
use quadrille_backend::{ErrorKind, Keyspace, StorageError, StorageResult};
use rocksdb::{ReadOptions, WriteBatch};

/// How much a keyspace holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Size {
    /// Entries.
    pub(crate) count: u64,
    /// Bytes of all keys and values.
    pub(crate) bytes: u64,
}

impl Size {
    /// Both together. What a damaged catalogue says adds up to nonsense, and to no panic.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// With one more entry, of so many bytes.
    pub(crate) fn plus_entry(self, bytes: usize) -> Self {
        let bytes = bytes as u64;
        self.plus(Self { count: 1, bytes })
    }

    fn encode(self) -> [u8; 16] {
        let mut encoded = [0; 16];
        encoded[..8].copy_from_slice(&self.count.to_le_bytes());
        encoded[8..].copy_from_slice(&self.bytes.to_le_bytes());
        encoded
    }

    fn decode(encoded: &[u8]) -> StorageResult<Self> {
        let parts = encoded.split_first_chunk::<8>();
        let size = parts.and_then(|(count, bytes)| {
            Some(Self {
                count: u64::from_le_bytes(*count),
                bytes: u64::from_le_bytes(bytes.try_into().ok()?),
            })
        });
        size.ok_or_else(|| StorageError::corrupted("a row of the catalogue has another length"))
    }
}

fn row_key(keyspace: &Keyspace) -> String {
    format!("size:{keyspace}")
}

/// The error of every operation on an unknown keyspace.
pub(crate) fn missing(keyspace: &Keyspace) -> StorageError {
    StorageError::new(ErrorKind::NotFound, "there is no such keyspace").in_keyspace(keyspace)
}

/// The row of a keyspace, as of the snapshot that the options name, or now; `None` where its entries are to be counted.
fn row(engine: &Engine, keyspace: &Keyspace, options: &ReadOptions) -> StorageResult<Option<Size>> {
    let row = engine.database().get_pinned_opt(row_key(keyspace), options);
    let row = row.map_err(|error| storage_error("catalogue", error).in_keyspace(keyspace))?;
    match row {
        None => Ok(Some(Size::default())),
        Some(row) if row.is_empty() => Ok(None),
        Some(row) => Size::decode(&row).map(Some),
    }
}

/// The size of a keyspace, as of the snapshot that the options name, or now.
pub(crate) fn size(
    engine: &Engine,
    (keyspace, column): (&Keyspace, &Column),
    options: ReadOptions,
) -> StorageResult<Size> {
    match row(engine, keyspace, &options)? {
        Some(size) => Ok(size),
        None => counted(engine, (keyspace, column), options),
    }
}

/// The size of a keyspace as a scan finds it.
fn counted(
    engine: &Engine,
    (keyspace, column): (&Keyspace, &Column),
    mut options: ReadOptions,
) -> StorageResult<Size> {
    options.fill_cache(false);
    let mut size = Size::default();
    let mut iterator = engine.database().raw_iterator_cf_opt(column, options);
    iterator.seek_to_first();
    while let Some((key, value)) = iterator.item() {
        size = size.plus_entry(key.len() + value.len());
        iterator.next();
    }
    let status = iterator.status();
    status.map_err(|error| storage_error("catalogue", error).in_keyspace(keyspace))?;
    Ok(size)
}

/// Counts what an ingest left uncounted that a crash interrupted. Where entries cannot be read the row stays, and whoever
/// asks for the size is told.
pub(crate) fn settle(engine: &Engine) -> StorageResult<()> {
    let mut batch = WriteBatch::default();
    for named in engine.columns().iter() {
        if row(engine, named.0, &ReadOptions::default())?.is_none()
            && let Ok(size) = counted(engine, named, ReadOptions::default())
        {
            put(&mut batch, named.0, size);
        }
    }
    match batch.is_empty() {
        true => Ok(()),
        false => engine.write_lasting(batch),
    }
}

/// How many bytes of keys and values may be added to the last commit.
pub(crate) fn room(engine: &Engine) -> StorageResult<u64> {
    let Some(most) = engine.bytes_max() else {
        return Ok(u64::MAX);
    };
    let mut held = Size::default();
    for named in engine.columns().iter() {
        held = held.plus(size(engine, named, ReadOptions::default())?);
    }
    Ok(most.saturating_sub(held.bytes))
}

/// `Full` when there is no room for so many bytes more.
pub(crate) fn check_room(room: u64, added: u64) -> StorageResult<()> {
    if added <= room {
        return Ok(());
    }
    let message = format!("bytes_max leaves room for {room} bytes of keys and values");
    Err(StorageError::new(ErrorKind::Full, message))
}

/// Adds a row to a batch.
pub(crate) fn put(batch: &mut WriteBatch, keyspace: &Keyspace, size: Size) {
    batch.put(row_key(keyspace), size.encode());
}

/// Adds a row to a batch that says that the entries are to be counted.
pub(crate) fn put_uncounted(batch: &mut WriteBatch, keyspace: &Keyspace) {
    batch.put(row_key(keyspace), []);
}

/// Adds the removal of a row to a batch.
pub(crate) fn remove(batch: &mut WriteBatch, keyspace: &Keyspace) {
    batch.delete(row_key(keyspace));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Mode;
    use crate::{RocksDbBackend, RocksDbOptions};
    use quadrille_backend::StorageBackend;

    /// Rows that were written with the right length and wrong numbers are figures like any other.
    #[test]
    fn sizes_beyond_all_measure_are_no_panic() -> StorageResult<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = RocksDbOptions::new().bytes_max(1000);
        let keyspaces = [Keyspace::new("birds")?, Keyspace::new("fish")?];
        let backend = RocksDbBackend::open_with(folder.path(), options.clone())?;
        for keyspace in &keyspaces {
            backend.create_keyspace(keyspace)?;
        }
        backend.close()?;
        drop(backend);
        let engine = Engine::open(folder.path(), &options, Mode::Write)?;
        let mut batch = WriteBatch::default();
        let (count, bytes) = (u64::MAX, u64::MAX);
        for keyspace in &keyspaces {
            put(&mut batch, keyspace, Size { count, bytes });
        }
        engine.write_lasting(batch)?;
        assert_eq!(room(&engine)?, 0);
        drop(engine);
        let backend = RocksDbBackend::open_with(folder.path(), options)?;
        let stats = backend.stats()?;
        assert_eq!((stats.key_count, stats.total_bytes), (count, bytes));
        for keyspace in &keyspaces {
            backend.put(keyspace, b"emu", b"one more")?;
            assert_eq!(backend.keyspace_size(keyspace)?, (count, bytes));
        }
        Ok(())
    }
}
