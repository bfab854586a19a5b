//! What a user may set when opening an LMDB store.
//!
//! Nothing of it shapes what is stored, so nothing of it is stored: a store opens with any of these settings, whatever
//! it was written with. All are checked when the store is opened.

use quadrille_backend::{Durability, StorageError, StorageResult};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The smallest map that holds an empty store and a small transaction.
const MAP_BYTES_MIN: usize = 1 << 20;
/// The largest map: half of what 64-bit processors of today can address in one process.
const MAP_BYTES_MAX: usize = if usize::BITS >= 64 { 64 << 40 } else { 2 << 30 };
/// Up to what the map grows unless set.
const MAP_GROWTH_MAX: usize = if usize::BITS >= 64 { 16 << 40 } else { 2 << 30 };
const READERS_MAX: u32 = 1 << 16;
const GROWTH_WAIT_MAX: Duration = Duration::from_secs(3600);

/// Settings of an [`LmdbBackend`](crate::LmdbBackend).
///
/// ```
/// use quadrille_backend::{Durability, ErrorKind, StorageBackend};
/// use quadrille_backend_lmdb::{LmdbBackend, LmdbOptions};
///
/// let options = LmdbOptions::new().readers_max(200).read_ahead(false).durability(Durability::Durable);
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path();
/// LmdbBackend::open_with(path, options.clone())?.close()?;
///
/// let error = LmdbBackend::open_with(path, options.readers_max(0)).expect_err("nobody could read");
/// assert_eq!(error.kind(), ErrorKind::Misuse);
/// assert!(error.message().contains("readers_max is 0"));
/// # Ok::<(), quadrille_backend::StorageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LmdbOptions {
    pub(crate) map_bytes: usize,
    map_bytes_max: Option<usize>,
    pub(crate) growth_wait: Duration,
    pub(crate) readers_max: u32,
    pub(crate) read_ahead: bool,
    pub(crate) durability: Durability,
    pub(crate) ingest_commit_bytes: usize,
}

impl Default for LmdbOptions {
    fn default() -> Self {
        Self {
            map_bytes: if usize::BITS >= 64 {
                256 << 30
            } else {
                1 << 30
            },
            map_bytes_max: None,
            growth_wait: Duration::from_millis(100),
            readers_max: 1024,
            read_ahead: true,
            durability: Durability::Durable,
            ingest_commit_bytes: 16 << 20,
        }
    }
}

impl LmdbOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The address space to reserve, in bytes: 1 MiB to 64 TiB, rounded up to whole pages, 256 GiB unless set. It costs
    /// neither memory nor disk until used. A store that fills it grows it, which must wait for open snapshots: reserve
    /// more than the store will need.
    #[must_use]
    pub fn map_bytes(mut self, bytes: usize) -> Self {
        self.map_bytes = bytes;
        self
    }

    /// The address space up to which a full map grows, in bytes: `map_bytes` to 64 TiB; 16 TiB, or `map_bytes` where
    /// that is more, unless set. It bounds the file. The same as `map_bytes`, it forbids growth.
    #[must_use]
    pub fn map_bytes_max(mut self, bytes: usize) -> Self {
        self.map_bytes_max = Some(bytes);
        self
    }

    /// How long a transaction that begins after one that found the map full waits for the snapshots of this process to
    /// go, so that the map can grow; at most an hour, 100 ms unless set. When they stay, it begins on the map as it is, and
    /// no transaction waits for the same snapshots again.
    #[must_use]
    pub fn growth_wait(mut self, wait: Duration) -> Self {
        self.growth_wait = wait;
        self
    }

    /// The most snapshots open at once, over all processes: 1 to 65536, 1024 unless set. The first process to open the
    /// store decides. The process that writes keeps up to 8 of them, and no more than a sixteenth, for its look-ups.
    #[must_use]
    pub fn readers_max(mut self, readers: u32) -> Self {
        self.readers_max = readers;
        self
    }

    /// Whether the operating system reads ahead of page faults; it does unless set. Off helps random reads of a store
    /// that is larger than memory, and slows scans down. Windows takes no notice.
    #[must_use]
    pub fn read_ahead(mut self, on: bool) -> Self {
        self.read_ahead = on;
        self
    }

    /// What a returned commit survives; LMDB gives all three.
    ///
    /// * [`Durability::Durable`], the default, waits for the disk twice a commit. Nothing that returned is lost.
    /// * [`Durability::Prefix`] waits once, for the pages. The death of the process loses nothing, loss of power at most
    ///   the last commit that returned.
    /// * [`Durability::Unsafe`] does not wait. The death of the process loses nothing, loss of power may leave nothing that
    ///   can be read.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The bytes of keys and values after which an ingest commits, lets other transactions in, and goes on. It takes twice
    /// that memory. At least 4 KiB, 16 MiB unless set.
    #[must_use]
    pub fn ingest_commit_bytes(mut self, bytes: usize) -> Self {
        self.ingest_commit_bytes = bytes;
        self
    }

    /// The limit of growth, chosen or not.
    pub(crate) fn growth_bytes_max(&self) -> usize {
        let unset = MAP_GROWTH_MAX.max(self.map_bytes);
        self.map_bytes_max.unwrap_or(unset)
    }

    /// Refuses settings that are not legal.
    ///
    /// # Errors
    /// `Misuse` that names the setting and what is legal.
    pub(crate) fn check(&self) -> StorageResult<()> {
        within("map_bytes", self.map_bytes, MAP_BYTES_MIN..=MAP_BYTES_MAX)?;
        let (least, most) = (self.map_bytes, self.growth_bytes_max());
        if most < least {
            let message =
                format!("map_bytes_max is {most}, below map_bytes, which is {least}: set that too");
            return Err(StorageError::misuse(message).during("open"));
        }
        within("map_bytes_max", most, least..=MAP_BYTES_MAX)?;
        within(
            "growth_wait, in milliseconds,",
            self.growth_wait.as_millis(),
            0..=GROWTH_WAIT_MAX.as_millis(),
        )?;
        within("readers_max", self.readers_max, 1..=READERS_MAX)?;
        within(
            "ingest_commit_bytes",
            self.ingest_commit_bytes,
            4096..=usize::MAX,
        )
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    legal: RangeInclusive<T>,
) -> StorageResult<()> {
    if legal.contains(&value) {
        return Ok(());
    }
    let message = format!(
        "{name} is {value}; {} to {} is legal",
        legal.start(),
        legal.end()
    );
    Err(StorageError::misuse(message).during("open"))
}
