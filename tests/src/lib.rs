//! The backends that cross-crate tests run on, each as a factory of fresh stores and as a place that is opened again.
//!
//! What always holds: a test file that names no backend runs on every one that is compiled in.

#[cfg(any(feature = "lmdb", feature = "rocksdb"))]
use quadrille_backend::{Durability, StorageError};
use quadrille_backend::{InMemoryBackend, InMemoryOptions, StorageResult};
pub use quadrille_backend_testkit::store::Home;
use quadrille_backend_testkit::{Factory, Faulty, Mirror};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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
        let options = InMemoryOptions::new().batch_operations_max(2000);
        Ok(InMemoryBackend::with_options(options.bytes_max(1 << 30)))
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
        let options = quadrille_backend_lmdb::LmdbOptions::new()
            .map_bytes(bytes)
            .map_bytes_max(bytes);
        Some(Self::Backend::open_with(folder, options))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        Some(Self::Backend::open_read_only(folder))
    }
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

/// Opens mirrors of the stores that two factories open.
#[derive(Clone, Copy, Debug)]
pub struct MirrorOf<A, B>(pub A, pub B);

impl<A: Factory, B: Factory> Factory for MirrorOf<A, B> {
    type Backend = Mirror<A::Backend, B::Backend>;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        Mirror::open(folder, |left| self.0.open(left), |right| self.1.open(right))
    }
}

/// Opens the stores of a factory behind a double that could make their operations fail, and does not.
#[derive(Clone, Copy, Debug)]
pub struct FaultyOf<F>(pub F);

impl<F: Factory> Factory for FaultyOf<F> {
    type Backend = Faulty<F::Backend>;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        self.0.open(folder).map(Faulty::new)
    }
}

/// A place in memory: what is opened is a share of the one backend.
#[derive(Debug)]
pub struct MemoryHome(Arc<InMemoryBackend>);

impl Home for MemoryHome {
    type Backend = Arc<InMemoryBackend>;
    const NAME: &'static str = "memory";
    const CASES: u32 = 200;

    fn empty() -> StorageResult<Self> {
        Ok(Self(Arc::new(InMemoryBackend::new())))
    }

    fn open(&self) -> StorageResult<Self::Backend> {
        Ok(Arc::clone(&self.0))
    }

    fn folder(&self) -> Option<&Path> {
        None
    }
}

macro_rules! home_with_files {
    ($feature:literal, $home:ident, $name:literal, $cases:literal, $backend:ty, $options:expr) => {
        /// A temporary folder.
        #[cfg(feature = $feature)]
        #[derive(Debug)]
        pub struct $home(tempfile::TempDir);

        #[cfg(feature = $feature)]
        impl Home for $home {
            type Backend = $backend;
            const NAME: &'static str = $name;
            const CASES: u32 = $cases;

            fn empty() -> StorageResult<Self> {
                let folder = tempfile::tempdir();
                Ok(Self(folder.map_err(|error| {
                    StorageError::from_io("no temporary folder", error)
                })?))
            }

            fn open(&self) -> StorageResult<Self::Backend> {
                <$backend>::open_with(self.0.path(), $options)
            }

            fn folder(&self) -> Option<&Path> {
                Some(self.0.path())
            }
        }
    };
}

home_with_files!(
    "lmdb",
    LmdbHome,
    "lmdb",
    60,
    quadrille_backend_lmdb::LmdbBackend,
    quadrille_backend_lmdb::LmdbOptions::new().durability(Durability::Unsafe)
);
home_with_files!(
    "rocksdb",
    RocksDbHome,
    "rocksdb",
    4,
    quadrille_backend_rocksdb::RocksDbBackend,
    quadrille_backend_rocksdb::RocksDbOptions::new().durability(Durability::Prefix)
);

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
