//! [`Home`]: where one store lives from one opening to the next.

use crate::context::{Factory, temporary};
use quadrille_backend::{StorageBackend, StorageResult};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// A place where one store lives from one opening to the next: a temporary folder, or, for a backend that keeps
/// nothing, the one backend that was opened there.
#[derive(Debug)]
pub struct Home<F: Factory> {
    factory: F,
    // Before the folder: files are closed, then deleted.
    kept: OnceLock<Arc<F::Backend>>,
    folder: TempDir,
}

impl<F: Factory> Home<F> {
    pub(crate) fn new(factory: F) -> Self {
        Self {
            factory,
            kept: OnceLock::new(),
            folder: temporary().expect("a temporary folder"),
        }
    }

    /// Opens the backend; one with files that was opened before must be gone.
    ///
    /// # Errors
    /// What the factory fails with.
    pub fn open(&self) -> StorageResult<Arc<F::Backend>> {
        if let Some(kept) = self.kept.get() {
            return Ok(Arc::clone(kept));
        }
        let opened = Arc::new(self.factory.open(self.folder.path())?);
        if opened.capabilities().persistent {
            return Ok(opened);
        }
        Ok(Arc::clone(self.kept.get_or_init(|| opened)))
    }

    /// The folder that a backend with files is opened in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
