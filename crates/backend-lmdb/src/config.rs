//! What a user may set when opening an LMDB store. Nothing of it is stored: a store opens with any of them.

use quadrille_backend::Durability;

/// Settings of an [`LmdbBackend`](crate::LmdbBackend).
#[derive(Clone, Debug)]
pub struct LmdbOptions {
    pub(crate) map_bytes: usize,
    pub(crate) readers_max: u32,
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
            readers_max: 1024,
            durability: Durability::Durable,
            ingest_commit_bytes: 64 << 20,
        }
    }
}

impl LmdbOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The address space to reserve, in bytes: the most the store can grow to while open. It costs neither memory nor
    /// disk until used. Rounded up to whole pages; 256 GiB unless set.
    #[must_use]
    pub fn map_bytes(mut self, bytes: usize) -> Self {
        self.map_bytes = bytes;
        self
    }

    /// The most snapshots open at once, over all processes; 1024 unless set. The first process to open the store
    /// decides.
    #[must_use]
    pub fn readers_max(mut self, readers: u32) -> Self {
        self.readers_max = readers;
        self
    }

    /// What a returned commit survives. LMDB gives [`Durability::Durable`] (the default) and [`Durability::Unsafe`];
    /// opening with [`Durability::Prefix`] is refused, because without waiting for the disk LMDB cannot promise that
    /// an older commit is whole.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The bytes of keys and values after which an ingest commits and goes on; bounds its memory. 64 MiB unless set.
    #[must_use]
    pub fn ingest_commit_bytes(mut self, bytes: usize) -> Self {
        self.ingest_commit_bytes = bytes;
        self
    }
}
