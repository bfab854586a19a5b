//! What a user may set when opening a RocksDB store, and what becomes of it in RocksDB's own options.

use crate::settings::Settings;
use quadrille_backend::{Durability, StorageError, StorageResult};
use rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, InfoLogger, LogLevel, Options,
    WriteOptions,
};

/// How blocks are compressed when they are written; reading understands all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZ4: little work on either side.
    #[default]
    Lz4,
    /// Snappy.
    Snappy,
    /// Zstandard: smaller files, more work.
    Zstd,
}

impl Compression {
    const ALL: [Self; 4] = [Self::None, Self::Lz4, Self::Snappy, Self::Zstd];

    /// Its name in small letters, as the store keeps it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }

    /// The one of a name, as [`name`](Self::name) gives it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    fn of_rocksdb(self) -> DBCompressionType {
        match self {
            Self::None => DBCompressionType::None,
            Self::Lz4 => DBCompressionType::Lz4,
            Self::Snappy => DBCompressionType::Snappy,
            Self::Zstd => DBCompressionType::Zstd,
        }
    }
}

/// Settings of a [`RocksDbBackend`](crate::RocksDbBackend).
///
/// | option | unless set | legal | stored |
/// |---|---|---|---|
/// | [`durability`](Self::durability) | durable | all three | no |
/// | [`compression`](Self::compression) | LZ4 | all four | yes |
/// | [`block_bytes`](Self::block_bytes) | 4096 | 1 KiB to 16 MiB | yes |
/// | [`filter_bits_per_key`](Self::filter_bits_per_key) | 10 | 0 (none) to 32 | yes |
/// | [`cache_bytes`](Self::cache_bytes) | 256 MiB | up to 1 TiB | no |
/// | [`write_buffer_bytes`](Self::write_buffer_bytes) | 128 MiB | 512 KiB to 64 GiB | no |
/// | [`background_jobs`](Self::background_jobs) | 2 | 1 to 64 | no |
/// | [`open_files_max`](Self::open_files_max) | 1024 | 64 to 1 000 000 | no |
/// | [`bytes_max`](Self::bytes_max) | no limit | all | no |
///
/// What is stored holds until an opening for writing sets it anew, and then for files written from there on; `compact`
/// writes all of them. Opening with an illegal value is `Misuse`.
#[derive(Clone, Debug)]
pub struct RocksDbOptions {
    pub(crate) durability: Durability,
    pub(crate) compression: Option<Compression>,
    pub(crate) block_bytes: Option<usize>,
    pub(crate) filter_bits_per_key: Option<u32>,
    pub(crate) cache_bytes: usize,
    pub(crate) write_buffer_bytes: usize,
    pub(crate) background_jobs: u32,
    pub(crate) open_files_max: u32,
    pub(crate) bytes_max: Option<u64>,
}

impl Default for RocksDbOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Durable,
            compression: None,
            block_bytes: None,
            filter_bits_per_key: None,
            cache_bytes: 256 << 20,
            write_buffer_bytes: 128 << 20,
            background_jobs: 2,
            open_files_max: 1024,
            bytes_max: None,
        }
    }
}

impl RocksDbOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a returned commit survives.
    ///
    /// * [`Durability::Durable`], the default, writes a log and waits for the disk: nothing is lost.
    /// * [`Durability::Prefix`] writes the log without waiting: the death of the process loses nothing, loss of power
    ///   the last commits.
    /// * [`Durability::Unsafe`] writes no log: either loses all commits since the last flush. What is left of the
    ///   entries is still the state after some commit, which is more than the word promises: all keyspaces reach the disk
    ///   together.
    ///
    /// Under all three a keyspace that was created, dropped or ingested into stays so, also where commits
    /// before it are lost; before one is dropped or ingested into, all earlier commits are made lasting.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How blocks are compressed; LZ4 unless set. Stored.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// The size of RocksDB's own blocks before compression, in bytes: 1 KiB to 16 MiB, 4096 unless set. Stored.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = Some(bytes);
        self
    }

    /// The bits of the Bloom filters for each key: 0, which makes none, to 32; 10 unless set. Stored.
    ///
    /// The filters are over whole keys. They spare reads of files that lack a key, in `get`, `contains` and in
    /// commits, which look for the value that a new one replaces. A seek gains nothing by them: the first key at or
    /// above a bound need not share any prefix with it.
    #[must_use]
    pub fn filter_bits_per_key(mut self, bits: u32) -> Self {
        self.filter_bits_per_key = Some(bits);
        self
    }

    /// The most memory for cached blocks, in bytes: up to 1 TiB, 256 MiB unless set.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The most memory for writes that are not yet in files, in bytes, over all keyspaces: 512 KiB to 64 GiB, 128 MiB
    /// unless set.
    #[must_use]
    pub fn write_buffer_bytes(mut self, bytes: usize) -> Self {
        self.write_buffer_bytes = bytes;
        self
    }

    /// The most threads that write buffers into files and merge files: 1 to 64, 2 unless set.
    #[must_use]
    pub fn background_jobs(mut self, jobs: u32) -> Self {
        self.background_jobs = jobs;
        self
    }

    /// The most table files open at once: 64 to 1 000 000, 1024 unless set.
    ///
    /// Opening a store raises the soft limit of the process on open files where it is too low for this, and makes do
    /// with less where the hard limit is lower.
    #[must_use]
    pub fn open_files_max(mut self, files: u32) -> Self {
        self.open_files_max = files;
        self
    }

    /// The most bytes of keys and values that the store may hold, over all keyspaces; unlimited unless set.
    ///
    /// A commit or an ingest past it is refused with [`ErrorKind::Full`](quadrille_backend::ErrorKind::Full). Deleting,
    /// replacing by less and dropping keyspaces make room; a store above it may shrink. What RocksDB needs beside the
    /// entries is not counted: its log, and what was deleted or replaced until the files are merged. So the folder can
    /// be larger for a while; compression makes it smaller.
    #[must_use]
    pub fn bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = Some(bytes);
        self
    }

    /// Refuses what is out of range.
    pub(crate) fn check(&self) -> StorageResult<()> {
        let block_bytes = self.block_bytes.unwrap_or(4096) as u64;
        let filter_bits = u64::from(self.filter_bits_per_key.unwrap_or(0));
        in_range("block_bytes", block_bytes, 1 << 10, 16 << 20)?;
        in_range("filter_bits_per_key", filter_bits, 0, 32)?;
        in_range("cache_bytes", self.cache_bytes as u64, 0, 1 << 40)?;
        let write_buffer = self.write_buffer_bytes as u64;
        in_range("write_buffer_bytes", write_buffer, 512 << 10, 64 << 30)?;
        in_range("background_jobs", self.background_jobs.into(), 1, 64)?;
        in_range("open_files_max", self.open_files_max.into(), 64, 1_000_000)
    }

    /// The settings of the database as a whole; `log` is how the log that it may find was written.
    pub(crate) fn database(&self, read_only: bool, log: Durability, open_files: i32) -> Options {
        let mut options = Options::default();
        options.create_if_missing(!read_only);
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        // RocksDB reserves 4 MB for the manifest otherwise, which count as used.
        options.set_manifest_preallocation_size(64 << 10);
        options.set_db_write_buffer_size(self.write_buffer_bytes);
        options.set_max_total_wal_size(self.write_buffer_bytes as u64);
        let jobs = i32::try_from(self.background_jobs).unwrap_or(i32::MAX);
        options.increase_parallelism(jobs);
        options.set_max_background_jobs(jobs);
        options.set_max_open_files(open_files);
        // Without a log, keyspaces must reach the disk together for a commit to be whole there.
        options.set_atomic_flush(self.durability == Durability::Unsafe);
        options.set_paranoid_checks(true);
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_wal_recovery_mode(match log {
            // All but the record in flight had reached the disk, so damage before the end is damage.
            Durability::Durable => DBRecoveryMode::TolerateCorruptedTailRecords,
            // The system wrote the end of the log in any order: a hole is where the lost commits begin.
            Durability::Prefix | Durability::Unsafe => DBRecoveryMode::PointInTime,
        });
        options
    }

    /// The settings of each keyspace; all share one cache.
    pub(crate) fn keyspace(&self, settings: Settings, cache: &Cache) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_size(settings.block_bytes);
        table.set_block_cache(cache);
        table.set_format_version(5);
        if settings.filter_bits_per_key > 0 {
            table.set_bloom_filter(settings.filter_bits_per_key.into(), false);
        }
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(settings.compression.of_rocksdb());
        // Also what RocksDB reserves on the disk for a log, which counts as used.
        options.set_write_buffer_size(self.write_buffer_bytes / 8);
        options
    }

    pub(crate) fn write(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.set_sync(self.durability == Durability::Durable);
        options.disable_wal(self.durability == Durability::Unsafe);
        options
    }
}

fn in_range(option: &str, value: u64, least: u64, most: u64) -> StorageResult<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let message = format!("{option} is {value}; {least} to {most} are legal");
    Err(StorageError::misuse(message).during("open"))
}
