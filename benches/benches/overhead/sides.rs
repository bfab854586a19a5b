//! The sides that are compared: a bare engine as a program would use it, and any backend.

use heed::types::Bytes;
use quadrille_backend::{
    EntrySource, Keyspace, StorageBackend, StorageCursor, StorageResult, StorageSnapshot,
};
use quadrille_benches::Outcome;
use std::ops::Bound;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// The address space of an LMDB environment, in bytes.
pub(crate) const MAP_BYTES: usize = 1 << 30;

/// What is timed. Each read gives a sum over what it found, so that none can be left out.
pub(crate) trait Side {
    /// Copies of the values of keys, all from one snapshot.
    fn gets(&self, keys: &[Vec<u8>]) -> Outcome<u64>;
    /// The same, each from the last commit.
    fn fresh_gets(&self, keys: &[Vec<u8>]) -> Outcome<u64>;
    /// Seeks with one cursor.
    fn seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64>;
    /// Seeks of one snapshot, each with a cursor of its own.
    fn fresh_seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64>;
    /// Passes over all entries, and reads all bytes of the values or the first alone; how many there were.
    fn scan(&self, values: bool) -> Outcome<(usize, u64)>;
}

fn taken(key: &[u8], value: &[u8]) -> u64 {
    let ends = value.first().zip(key.last());
    value.len() as u64 + ends.map_or(0, |(first, last)| u64::from(*first) + u64::from(*last))
}

fn copied(value: Option<Vec<u8>>) -> u64 {
    value.map_or(0, |value| taken(&[0], &value))
}

fn scanned(key: &[u8], value: &[u8], values: bool) -> u64 {
    let read = if values { xxh3_64(value) } else { 0 };
    read.wrapping_add(taken(key, value))
}

/// Entries for an ingest.
pub(crate) struct Entries<'a>(std::slice::Iter<'a, (Vec<u8>, Vec<u8>)>);

impl<'a> Entries<'a> {
    pub(crate) fn new(entries: &'a [(Vec<u8>, Vec<u8>)]) -> Self {
        Self(entries.iter())
    }
}

impl EntrySource for Entries<'_> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        Ok(self.0.next().map(|(key, value)| (&key[..], &value[..])))
    }
}

/// A backend, through the contract.
pub(crate) struct Contract<B> {
    backend: B,
    keyspace: Keyspace,
}

impl<B> Contract<B> {
    pub(crate) fn new(backend: B, keyspace: Keyspace) -> Self {
        Self { backend, keyspace }
    }
}

impl<B: StorageBackend> Side for Contract<B> {
    fn gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let snapshot = self.backend.snapshot()?;
        let mut sum = 0;
        for key in keys {
            sum += copied(snapshot.get(&self.keyspace, key)?);
        }
        Ok(sum)
    }

    fn fresh_gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let mut sum = 0;
        for key in keys {
            sum += copied(self.backend.get(&self.keyspace, key)?);
        }
        Ok(sum)
    }

    fn seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let mut cursor = self.backend.snapshot()?.cursor(&self.keyspace)?;
        let mut sum = 0;
        for key in keys {
            cursor.seek(key)?;
            sum += cursor.entry().map_or(0, |(key, value)| taken(key, value));
        }
        Ok(sum)
    }

    fn fresh_seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let snapshot = self.backend.snapshot()?;
        let mut sum = 0;
        for key in keys {
            let mut cursor = snapshot.cursor(&self.keyspace)?;
            cursor.seek(key)?;
            sum += cursor.entry().map_or(0, |(key, value)| taken(key, value));
        }
        Ok(sum)
    }

    fn scan(&self, values: bool) -> Outcome<(usize, u64)> {
        let mut cursor = self.backend.snapshot()?.cursor(&self.keyspace)?;
        let (mut count, mut sum) = (0, 0_u64);
        let mut found = cursor.seek(&[])?;
        while let Some((key, value)) = cursor.entry().filter(|_| found) {
            count += 1;
            sum = sum.wrapping_add(scanned(key, value, values));
            found = cursor.next()?;
        }
        Ok((count, sum))
    }
}

/// LMDB by heed alone.
pub(crate) struct Lmdb {
    environment: heed::Env,
    database: heed::Database<'static, Bytes, Bytes>,
}

impl Lmdb {
    pub(crate) fn create(folder: &Path, entries: &[(Vec<u8>, Vec<u8>)]) -> Outcome<Self> {
        let (environment, database) = quadrille_benches::raw::open_lmdb(folder, MAP_BYTES)?;
        let mut transaction = environment.write_txn()?;
        for (key, value) in entries {
            database.put(&mut transaction, key, value)?;
        }
        transaction.commit()?;
        Ok(Self {
            environment,
            database,
        })
    }
}

impl Side for Lmdb {
    fn gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let transaction = self.environment.read_txn()?;
        let mut sum = 0;
        for key in keys {
            let value = self.database.get(&transaction, key)?;
            sum += copied(value.map(<[u8]>::to_vec));
        }
        Ok(sum)
    }

    fn fresh_gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let mut sum = 0;
        for key in keys {
            let transaction = self.environment.read_txn()?;
            let value = self.database.get(&transaction, key)?;
            sum += copied(value.map(<[u8]>::to_vec));
        }
        Ok(sum)
    }

    /// heed has no cursor that seeks again.
    fn seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        self.fresh_seeks(keys)
    }

    fn fresh_seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let transaction = self.environment.read_txn()?;
        let mut sum = 0;
        for key in keys {
            let bounds = (Bound::Included(&key[..]), Bound::Unbounded);
            let mut range = self.database.range(&transaction, &bounds)?;
            let entry = range.next().transpose()?;
            sum += entry.map_or(0, |(key, value)| taken(key, value));
        }
        Ok(sum)
    }

    fn scan(&self, values: bool) -> Outcome<(usize, u64)> {
        let transaction = self.environment.read_txn()?;
        let (mut count, mut sum) = (0, 0_u64);
        for entry in self.database.iter(&transaction)? {
            let (key, value) = entry?;
            count += 1;
            sum = sum.wrapping_add(scanned(key, value, values));
        }
        Ok((count, sum))
    }
}

/// RocksDB by its crate alone.
#[cfg(feature = "rocksdb")]
pub(crate) struct RocksDb(rocksdb::DB);

#[cfg(feature = "rocksdb")]
impl RocksDb {
    const COLUMN: &str = "blocks";

    /// With the settings that the backend has when none are made, and in one file, as an ingest leaves it.
    pub(crate) fn create(folder: &Path, entries: &[(Vec<u8>, Vec<u8>)]) -> Outcome<Self> {
        let mut table = rocksdb::BlockBasedOptions::default();
        table.set_block_cache(&rocksdb::Cache::new_lru_cache(256 << 20));
        table.set_format_version(5);
        table.set_bloom_filter(10.0, false);
        let mut column = rocksdb::Options::default();
        column.set_block_based_table_factory(&table);
        column.set_compression_type(rocksdb::DBCompressionType::Lz4);
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_open_files(1024);
        std::fs::create_dir_all(folder)?;
        let columns = [rocksdb::ColumnFamilyDescriptor::new(
            Self::COLUMN,
            column.clone(),
        )];
        let database = rocksdb::DB::open_cf_descriptors(&options, folder.join("db"), columns)?;
        let file = folder.join("entries.sst");
        let mut writer = rocksdb::SstFileWriter::create(&column);
        writer.open(&file)?;
        for (key, value) in entries {
            writer.put(key, value)?;
        }
        writer.finish()?;
        let handle = database.cf_handle(Self::COLUMN).ok_or("no column family")?;
        database.ingest_external_file_cf(handle, vec![file])?;
        Ok(Self(database))
    }

    fn column(&self) -> Outcome<&rocksdb::ColumnFamily> {
        Ok(self.0.cf_handle(Self::COLUMN).ok_or("no column family")?)
    }
}

#[cfg(feature = "rocksdb")]
impl Side for RocksDb {
    fn gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let column = self.column()?;
        let snapshot = self.0.snapshot();
        let mut options = rocksdb::ReadOptions::default();
        options.set_snapshot(&snapshot);
        let mut sum = 0;
        for key in keys {
            let value = self.0.get_pinned_cf_opt(column, key, &options)?;
            sum += copied(value.map(|value| value.to_vec()));
        }
        Ok(sum)
    }

    fn fresh_gets(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let column = self.column()?;
        let options = rocksdb::ReadOptions::default();
        let mut sum = 0;
        for key in keys {
            let value = self.0.get_pinned_cf_opt(column, key, &options)?;
            sum += copied(value.map(|value| value.to_vec()));
        }
        Ok(sum)
    }

    fn seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let mut iterator = self.0.raw_iterator_cf(self.column()?);
        let mut sum = 0;
        for key in keys {
            iterator.seek(key);
            iterator.status()?;
            sum += iterator.item().map_or(0, |(key, value)| taken(key, value));
        }
        Ok(sum)
    }

    fn fresh_seeks(&self, keys: &[Vec<u8>]) -> Outcome<u64> {
        let column = self.column()?;
        let snapshot = self.0.snapshot();
        let mut sum = 0;
        for key in keys {
            let mut options = rocksdb::ReadOptions::default();
            options.set_snapshot(&snapshot);
            let mut iterator = self.0.raw_iterator_cf_opt(column, options);
            iterator.seek(key);
            iterator.status()?;
            sum += iterator.item().map_or(0, |(key, value)| taken(key, value));
        }
        Ok(sum)
    }

    fn scan(&self, values: bool) -> Outcome<(usize, u64)> {
        let mut iterator = self.0.raw_iterator_cf(self.column()?);
        let (mut count, mut sum) = (0, 0_u64);
        iterator.seek_to_first();
        while let Some((key, value)) = iterator.item() {
            count += 1;
            sum = sum.wrapping_add(scanned(key, value, values));
            iterator.next();
        }
        iterator.status()?;
        Ok((count, sum))
    }
}
