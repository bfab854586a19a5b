//! What a user may set when opening a RocksDB store. Nothing of it is stored: a store opens with any of them.

use quadrille_backend::Durability;
use rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, InfoLogger, LogLevel, Options, WriteOptions,
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

/// Settings of a [`RocksDbBackend`](crate::RocksDbBackend).
#[derive(Clone, Debug)]
pub struct RocksDbOptions {
    pub(crate) durability: Durability,
    pub(crate) compression: Compression,
    pub(crate) block_bytes: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) write_buffer_bytes: usize,
    pub(crate) open_files_max: u32,
}

impl Default for RocksDbOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Durable,
            compression: Compression::Lz4,
            block_bytes: 4096,
            cache_bytes: 256 << 20,
            write_buffer_bytes: 128 << 20,
            open_files_max: 1024,
        }
    }
}

impl RocksDbOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a returned commit survives. [`Durability::Durable`], the default, waits for the disk;
    /// [`Durability::Prefix`] writes the log without waiting; [`Durability::Unsafe`] writes no log, so that all since
    /// the last flush is lost when the process dies.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How blocks are compressed; LZ4 unless set.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The size of RocksDB's own blocks before compression, in bytes; 4096 unless set.
    #[must_use]
    pub fn block_bytes(mut self, bytes: usize) -> Self {
        self.block_bytes = bytes;
        self
    }

    /// The most memory for cached blocks, in bytes; 256 MiB unless set.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// The most memory for writes that are not yet in files, in bytes, over all keyspaces; 128 MiB unless set.
    #[must_use]
    pub fn write_buffer_bytes(mut self, bytes: usize) -> Self {
        self.write_buffer_bytes = bytes;
        self
    }

    /// The most files open at once; 1024 unless set.
    #[must_use]
    pub fn open_files_max(mut self, files: u32) -> Self {
        self.open_files_max = files;
        self
    }

    /// The settings of the database as a whole.
    pub(crate) fn database(&self, read_only: bool) -> Options {
        let mut options = Options::default();
        options.create_if_missing(!read_only);
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Fatal, |_, _| {}));
        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        // RocksDB reserves 4 MB for the manifest otherwise, which count as used.
        options.set_manifest_preallocation_size(64 << 10);
        options.set_db_write_buffer_size(self.write_buffer_bytes);
        options.set_max_total_wal_size(self.write_buffer_bytes as u64);
        options.increase_parallelism(2);
        // Files that the writer deletes stay readable only while open.
        let files = i32::try_from(self.open_files_max).unwrap_or(i32::MAX);
        options.set_max_open_files(if read_only { -1 } else { files });
        // Without a log, keyspaces must reach the disk together for a commit to be whole there.
        options.set_atomic_flush(self.durability == Durability::Unsafe);
        options
    }

    /// The settings of each keyspace; all share one cache.
    pub(crate) fn keyspace(&self, cache: &Cache) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_size(self.block_bytes);
        table.set_block_cache(cache);
        table.set_format_version(5);
        table.set_bloom_filter(10.0, false);
        let mut options = Options::default();
        options.set_block_based_table_factory(&table);
        options.set_compression_type(match self.compression {
            Compression::None => DBCompressionType::None,
            Compression::Lz4 => DBCompressionType::Lz4,
            Compression::Snappy => DBCompressionType::Snappy,
            Compression::Zstd => DBCompressionType::Zstd,
        });
        // Also what RocksDB reserves on the disk for a log, which counts as used.
        options.set_write_buffer_size((self.write_buffer_bytes / 8).max(1 << 20));
        options
    }

    pub(crate) fn write(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.set_sync(self.durability == Durability::Durable);
        options.disable_wal(self.durability == Durability::Unsafe);
        options
    }
}
