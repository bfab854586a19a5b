//! Settings of a store, and what shapes its data.

use quadrille_backend::{Capabilities, StorageError, StorageResult};
use std::path::PathBuf;

/// Settings given when a store is opened.
///
/// `block_bytes` and `chunk_bytes` shape the data: they are written into the root record when the store is created, and
/// a store that exists keeps its own.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The largest index block, in bytes; `None` takes what the backend prefers. At least [`Self::BLOCK_BYTES_MIN`].
    pub block_bytes: Option<u32>,
    /// The size that dictionary chunks aim at, in bytes; `None` takes what the backend prefers. At least
    /// [`Self::BLOCK_BYTES_MIN`].
    pub chunk_bytes: Option<u32>,
    /// How many changed quads may stand in the commit log, and so in memory, before they are folded into blocks.
    /// A transaction that changes more is folded in whole, or written as a new generation when it touches most blocks.
    pub delta_quads_max: usize,
    /// The memory that one load may use for the ids of its terms and for sorting, in bytes; what does not fit goes to
    /// temporary files. Not counted are buffers that do not grow with the data: some 24 MiB, 16 MiB for each core, and what
    /// the backend keeps while it ingests.
    ///
    /// There is no largest data set: what a small memory costs is time. A twelfth of it is for finding ids that are in files:
    /// up to 68 million new terms for each GiB a term that is new is told from those by filters alone, up to 130 million by
    /// filters that are wrong one time in eight for each file, beyond 240 million by a read of each file (of some ten);
    /// beyond 1.4 billion these reads grow longer.
    pub memory_bytes: usize,
    /// Where loads put temporary files; `None` is the system's folder.
    pub temporary_folder: Option<PathBuf>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            block_bytes: None,
            chunk_bytes: None,
            delta_quads_max: 1 << 16,
            memory_bytes: 1 << 30,
            temporary_folder: None,
        }
    }
}

impl StoreOptions {
    /// The smallest block size, in bytes.
    pub const BLOCK_BYTES_MIN: u32 = 128;

    /// The largest block size, in bytes.
    pub const BLOCK_BYTES_MAX: u32 = 1 << 20;

    /// The block and chunk sizes for a backend.
    ///
    /// # Errors
    /// `Misuse` when a size is out of range.
    pub(crate) fn sizes(&self, capabilities: &Capabilities) -> StorageResult<(u32, u32)> {
        let preferred = u32::try_from(capabilities.value_bytes_preferred)
            .unwrap_or(Self::BLOCK_BYTES_MAX)
            .clamp(Self::BLOCK_BYTES_MIN, Self::BLOCK_BYTES_MAX);
        let checked = |size: Option<u32>, name: &str| {
            let size = size.unwrap_or(preferred);
            if (Self::BLOCK_BYTES_MIN..=Self::BLOCK_BYTES_MAX).contains(&size) {
                Ok(size)
            } else {
                Err(StorageError::misuse(format!(
                    "{name} is {size}; it must be from {} to {}",
                    Self::BLOCK_BYTES_MIN,
                    Self::BLOCK_BYTES_MAX
                )))
            }
        };
        Ok((
            checked(self.block_bytes, "block_bytes")?,
            checked(self.chunk_bytes, "chunk_bytes")?,
        ))
    }
}
