//! The backends that cross-crate tests run on, each as a factory of fresh stores.
//!
//! What always holds: a test file that names no backend runs on every one that is compiled in.

#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use quadrille_backend::Durability;
use quadrille_backend::{InMemoryBackend, InMemoryOptions, StorageResult};
use quadrille_backend_testkit::Factory;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Opens stores in memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory;

impl Factory for Memory {
    type Backend = InMemoryBackend;

    fn open(&self, _folder: &Path) -> StorageResult<InMemoryBackend> {
        Ok(InMemoryBackend::new())
    }

    fn open_small(&self, _: &Path, bytes: usize) -> Option<StorageResult<InMemoryBackend>> {
        let options = InMemoryOptions::new().bytes_max(bytes as u64);
        Some(Ok(InMemoryBackend::with_options(options)))
    }
}

/// Opens stores in memory with limits that no case reaches by accident.
#[derive(Clone, Copy, Debug)]
pub struct BoundedMemory;

impl Factory for BoundedMemory {
    type Backend = InMemoryBackend;

    fn open(&self, _folder: &Path) -> StorageResult<InMemoryBackend> {
        let options = Self::options().bytes_max(1 << 30);
        Ok(InMemoryBackend::with_options(options))
    }

    fn open_small(&self, _: &Path, bytes: usize) -> Option<StorageResult<InMemoryBackend>> {
        let options = Self::options().bytes_max(bytes as u64);
        Some(Ok(InMemoryBackend::with_options(options)))
    }
}

impl BoundedMemory {
    fn options() -> InMemoryOptions {
        InMemoryOptions::new().batch_operations_max(2000)
    }
}

/// Opens LMDB stores.
#[cfg(feature = "lmdb")]
#[derive(Clone, Copy, Debug)]
pub struct Lmdb;

#[cfg(feature = "lmdb")]
impl Factory for Lmdb {
    type Backend = quadrille_backend_lmdb::LmdbBackend;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        Self::Backend::open(folder)
    }

    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<Self::Backend>> {
        Some(Self::Backend::open_with(folder, small_lmdb(bytes)))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        Some(Self::Backend::open_read_only(folder))
    }
}

/// The settings of an LMDB store of so many bytes, which do not grow.
#[cfg(feature = "lmdb")]
fn small_lmdb(bytes: usize) -> quadrille_backend_lmdb::LmdbOptions {
    quadrille_backend_lmdb::LmdbOptions::new()
        .map_bytes(bytes)
        .map_bytes_max(bytes)
}

/// Opens LMDB stores whose commits may lose the last one with the power.
#[cfg(feature = "lmdb")]
#[derive(Clone, Copy, Debug)]
pub struct LmdbPrefix;

#[cfg(feature = "lmdb")]
impl Factory for LmdbPrefix {
    type Backend = quadrille_backend_lmdb::LmdbBackend;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        let options = quadrille_backend_lmdb::LmdbOptions::new().durability(Durability::Prefix);
        Self::Backend::open_with(folder, options)
    }

    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<Self::Backend>> {
        let options = small_lmdb(bytes).durability(Durability::Prefix);
        Some(Self::Backend::open_with(folder, options))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        Some(Self::Backend::open_read_only(folder))
    }
}

/// Opens RocksDB stores.
#[cfg(feature = "rocksdb")]
#[derive(Clone, Copy, Debug)]
pub struct RocksDb;

#[cfg(feature = "rocksdb")]
impl Factory for RocksDb {
    type Backend = quadrille_backend_rocksdb::RocksDbBackend;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        Self::Backend::open(folder)
    }

    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<Self::Backend>> {
        let options = quadrille_backend_rocksdb::RocksDbOptions::new().bytes_max(bytes as u64);
        Some(Self::Backend::open_with(folder, options))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        Some(Self::Backend::open_read_only(folder))
    }
}

/// Opens stores whose commits do not wait for the disk, for tests that make many.
#[cfg(feature = "lmdb")]
#[derive(Clone, Copy, Debug)]
pub struct UnsyncedLmdb;

#[cfg(feature = "lmdb")]
impl Factory for UnsyncedLmdb {
    type Backend = quadrille_backend_lmdb::LmdbBackend;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        let options = quadrille_backend_lmdb::LmdbOptions::new();
        Self::Backend::open_with(folder, options.durability(Durability::Unsafe))
    }
}

/// Opens stores whose commits do not wait for the disk, for tests that make many.
#[cfg(feature = "rocksdb")]
#[derive(Clone, Copy, Debug)]
pub struct UnsyncedRocksDb;

#[cfg(feature = "rocksdb")]
impl Factory for UnsyncedRocksDb {
    type Backend = quadrille_backend_rocksdb::RocksDbBackend;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        let options = quadrille_backend_rocksdb::RocksDbOptions::new();
        Self::Backend::open_with(folder, options.durability(Durability::Prefix))
    }
}

/// The folder of W3C suites beside the project; where it is absent, says so and gives the code to exit with, which is
/// a failure when the environment sets `CI=true`.
///
/// # Errors
/// The exit code, when the folder is absent.
pub fn w3c_suites(folder: &str) -> Result<PathBuf, ExitCode> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/w3c")
        .join(folder);
    if suites.is_dir() {
        return Ok(suites);
    }
    println!(
        "skipped: W3C suites absent, looked for them in {}",
        suites.display()
    );
    let required = std::env::var("CI").is_ok_and(|value| value == "true");
    Err(if required {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
