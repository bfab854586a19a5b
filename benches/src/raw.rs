//! The storage engines underneath, used directly: what a bare commit costs on this disk.
//!
//! In flow a folder and sizes of commits, out flow measurements named like those of the durable commits of a store.
//! Always holds: a commit writes one record of [`BYTES_PER_QUAD`] for each quad and rewrites one record of
//! [`ROOT_BYTES`], which is what a commit log cannot avoid.

use crate::Outcome;
use crate::steps::{CommitPlan, Timings};
use std::path::Path;

/// The bytes of a log record for each quad: four ids and two new terms.
pub const BYTES_PER_QUAD: usize = 128;
/// The bytes of a root record.
pub const ROOT_BYTES: usize = 256;

/// One commit of a bare engine: a new record under `number`, and the root record again.
trait RawEngine {
    fn commit(&self, number: u64, record: &[u8], root: &[u8]) -> Outcome<()>;
}

fn time_commits(engine: &impl RawEngine, emit: &mut dyn FnMut(crate::Measurement)) -> Outcome<()> {
    let root = [7; ROOT_BYTES];
    let mut number = 0;
    for plan in CommitPlan::durable() {
        let record = vec![5; plan.quads_per_commit * BYTES_PER_QUAD];
        let mut timings = Timings::default();
        for _ in 0..plan.commits {
            number += 1;
            timings.time(|| engine.commit(number, &record, &root))?;
        }
        timings.emit("durable insert", &plan, emit);
    }
    Ok(())
}

struct RawLmdb {
    environment: heed::Env,
    database: heed::Database<'static, heed::types::Bytes, heed::types::Bytes>,
}

impl RawEngine for RawLmdb {
    fn commit(&self, number: u64, record: &[u8], root: &[u8]) -> Outcome<()> {
        let mut transaction = self.environment.write_txn()?;
        self.database
            .put(&mut transaction, &number.to_be_bytes(), record)?;
        self.database.put(&mut transaction, b"root", root)?;
        Ok(transaction.commit()?)
    }
}

/// An environment of LMDB and the one database in it.
type LmdbParts = (
    heed::Env,
    heed::Database<'static, heed::types::Bytes, heed::types::Bytes>,
);

/// Opens an LMDB environment in a folder of its own, with its unnamed database.
///
/// # Errors
/// What LMDB fails with.
pub fn open_lmdb(folder: &Path, map_bytes: usize) -> Outcome<LmdbParts> {
    std::fs::create_dir_all(folder)?;
    let mut options = heed::EnvOpenOptions::new();
    options.map_size(map_bytes);
    #[expect(
        unsafe_code,
        reason = "heed leaves to the caller that nobody truncates the mapped file"
    )]
    // SAFETY: the folder was made for this process; nothing else opens or changes its files.
    let environment = unsafe { options.open(folder)? };
    let transaction = environment.write_txn()?;
    let opened = environment.create_databases_and_commit(transaction, |opener, transaction| {
        let database = opener.create_database(transaction, None)?;
        Ok::<_, heed::Error>(heed::CommitOrAbort::<_, ()>::Commit(database))
    })?;
    let database = opened.commit().ok_or("LMDB made no database")?;
    Ok((environment, database))
}

/// Times durable commits of LMDB.
///
/// # Errors
/// What LMDB fails with.
pub fn lmdb(folder: &Path, emit: &mut dyn FnMut(crate::Measurement)) -> Outcome<()> {
    let (environment, database) = open_lmdb(folder, 16 << 30)?;
    time_commits(
        &RawLmdb {
            environment,
            database,
        },
        emit,
    )
}

#[cfg(feature = "rocksdb")]
struct RawRocksDb {
    database: rocksdb::DB,
}

#[cfg(feature = "rocksdb")]
impl RawEngine for RawRocksDb {
    fn commit(&self, number: u64, record: &[u8], root: &[u8]) -> Outcome<()> {
        let mut batch = rocksdb::WriteBatch::default();
        batch.put(number.to_be_bytes(), record);
        batch.put(b"root", root);
        let mut options = rocksdb::WriteOptions::default();
        options.set_sync(true);
        Ok(self.database.write_opt(batch, &options)?)
    }
}

/// Times durable commits of RocksDB.
///
/// # Errors
/// What RocksDB fails with.
#[cfg(feature = "rocksdb")]
pub fn rocksdb(folder: &Path, emit: &mut dyn FnMut(crate::Measurement)) -> Outcome<()> {
    let database = rocksdb::DB::open_default(folder)?;
    time_commits(&RawRocksDb { database }, emit)
}
