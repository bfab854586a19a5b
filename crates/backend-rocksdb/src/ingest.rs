//! The bulk path: files written beside the database and moved into it, past the log and all levels. What always holds: the
//! permit to write is held while they are moved in, not while they are written, so other transactions go on; one ingest
//! at a time has the folder.

use crate::backend::RocksDbBackend;
use crate::catalogue::{self, Size, missing};
use crate::engine::{Column, Engine};
use crate::error::storage_error;
use crate::transaction::check_entry;
use quadrille_backend::{EntrySource, Keyspace, StorageError, StorageResult, Wait};
use rocksdb::{IngestExternalFileOptions, ReadOptions, SstFileWriter, WriteBatch};
use std::path::PathBuf;

/// The size at which the first files are ended and the next one begun, in bytes.
const FILE_BYTES: u64 = 64 << 20;
/// After every so many files the next ones are twice as large, so that no ingest makes thousands of them.
const FILES_OF_A_SIZE: usize = 64;

/// The size at which the file of a number is ended, in bytes: up to 4 GiB.
fn file_bytes(number: usize) -> u64 {
    FILE_BYTES << (number / FILES_OF_A_SIZE).min(6)
}

/// What an ingest has taken so far.
struct Taken {
    size: Size,
    last: Option<Vec<u8>>,
    /// How many bytes the store had room for before.
    room: u64,
}

impl Taken {
    /// Takes one more entry, unless the contract refuses it, which goes before whether there is room.
    fn take(&mut self, keyspace: &Keyspace, key: &[u8], value: &[u8]) -> StorageResult<()> {
        check_entry(keyspace, key, value)?;
        if self.last.as_deref().is_some_and(|last| key <= last) {
            let error = StorageError::misuse("ingested keys must ascend strictly");
            return Err(error.in_keyspace(keyspace).at_key(key));
        }
        let size = self.size.plus_entry(key.len() + value.len());
        catalogue::check_room(self.room, size.bytes)?;
        self.size = size;
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        Ok(())
    }
}

/// Ingests all entries into an empty keyspace.
pub(crate) fn ingest(
    backend: &RocksDbBackend,
    keyspace: &Keyspace,
    entries: &mut dyn EntrySource,
) -> StorageResult<u64> {
    // Whoever has a transaction open is told at once, rather than after another one's ingest.
    drop(backend.writable(Wait::Forever)?);
    let _folder = backend.ingest_gate().acquire(Wait::Forever)?;
    let (permit, engine) = backend.writable(Wait::Forever)?;
    refuse_filled(&engine, keyspace)?;
    let room = catalogue::room(&engine)?;
    drop(permit);
    let ingested = write_files(&engine, keyspace, entries, room).and_then(|(size, files)| {
        let (_permit, engine) = backend.writable(Wait::Forever)?;
        // Others may have written meanwhile.
        refuse_filled(&engine, keyspace)?;
        catalogue::check_room(catalogue::room(&engine)?, size.bytes)?;
        let columns = engine.columns();
        let column = columns.get(keyspace).ok_or_else(|| missing(keyspace))?;
        move_in(&engine, keyspace, column, size, files)
    });
    let removed = engine.remove_ingest_files();
    let count = ingested?;
    removed?;
    Ok(count)
}

fn refuse_filled(engine: &Engine, keyspace: &Keyspace) -> StorageResult<()> {
    let columns = engine.columns();
    let column = columns.get(keyspace).ok_or_else(|| missing(keyspace))?;
    let size = catalogue::size(engine, (keyspace, column), ReadOptions::default())?;
    if size.count > 0 {
        let message = "only an empty keyspace can be ingested into";
        return Err(StorageError::misuse(message).in_keyspace(keyspace));
    }
    Ok(())
}

fn write_files(
    engine: &Engine,
    keyspace: &Keyspace,
    entries: &mut dyn EntrySource,
    room: u64,
) -> StorageResult<(Size, Vec<PathBuf>)> {
    let mut files = Vec::new();
    let mut taken = Taken {
        size: Size::default(),
        last: None,
        room,
    };
    let mut ended = false;
    while !ended {
        let path = engine.ingest_path(files.len())?;
        let before = taken.size.count;
        let end = taken.size.bytes.saturating_add(file_bytes(files.len()));
        ended = write_file(engine, keyspace, entries, &path, end, &mut taken)?;
        if taken.size.count > before {
            files.push(path);
        }
    }
    Ok((taken.size, files))
}

/// Writes one file, until the entries written have `end` bytes; whether the source ended.
fn write_file(
    engine: &Engine,
    keyspace: &Keyspace,
    entries: &mut dyn EntrySource,
    path: &std::path::Path,
    end: u64,
    taken: &mut Taken,
) -> StorageResult<bool> {
    let failed = |error| storage_error("ingest", error).in_keyspace(keyspace);
    let mut writer = SstFileWriter::create(engine.keyspace_options());
    let mut open = false;
    while taken.size.bytes < end {
        let Some((key, value)) = entries.next_entry()? else {
            if open {
                writer.finish().map_err(failed)?;
            }
            return Ok(true);
        };
        taken.take(keyspace, key, value)?;
        if !open {
            writer.open(path).map_err(failed)?;
            open = true;
        }
        writer.put(key, value).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(false)
}

fn move_in(
    engine: &Engine,
    keyspace: &Keyspace,
    column: &Column,
    size: Size,
    files: Vec<PathBuf>,
) -> StorageResult<u64> {
    if files.is_empty() {
        return Ok(0);
    }
    // What deleted the keyspace's earlier entries must not be lost when the files are not.
    engine.sync()?;
    // A crash can come before the row that tells how much the files hold.
    let mut batch = WriteBatch::default();
    catalogue::put_uncounted(&mut batch, keyspace);
    engine.write_lasting(batch)?;
    let mut options = IngestExternalFileOptions::default();
    options.set_move_files(true);
    engine
        .database()
        .ingest_external_file_cf_opts(column, &options, files)
        .map_err(|error| storage_error("ingest", error).in_keyspace(keyspace))?;
    let mut batch = WriteBatch::default();
    catalogue::put(&mut batch, keyspace, size);
    engine.write_lasting(batch)?;
    Ok(size.count)
}
