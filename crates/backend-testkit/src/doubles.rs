//! Factories of the doubles: what opens the backends beneath opens the doubles over them.

use crate::{Factory, Faulty, Mirror};
use quadrille_backend::StorageResult;
use std::path::Path;

/// Opens mirrors of the stores that two factories open.
#[derive(Clone, Copy, Debug)]
pub struct MirrorOf<A, B>(pub A, pub B);

impl<A: Factory, B: Factory> Factory for MirrorOf<A, B> {
    type Backend = Mirror<A::Backend, B::Backend>;

    fn open(&self, folder: &Path) -> StorageResult<Self::Backend> {
        Mirror::open(folder, |left| self.0.open(left), |right| self.1.open(right))
    }

    /// When both can be limited: what the one alone has no room for is a difference.
    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<Self::Backend>> {
        let [left, right] = Self::Backend::folders(folder);
        let left = self.0.open_small(&left, bytes)?;
        let right = self.1.open_small(&right, bytes)?;
        Some(Mirror::open(folder, |_| left, |_| right))
    }

    /// When both can be opened so.
    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        let [left, right] = Self::Backend::folders(folder);
        let left = self.0.open_read_only(&left)?;
        let right = self.1.open_read_only(&right)?;
        Some(Mirror::open(folder, |_| left, |_| right))
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

    fn open_small(&self, folder: &Path, bytes: usize) -> Option<StorageResult<Self::Backend>> {
        let opened = self.0.open_small(folder, bytes)?;
        Some(opened.map(Faulty::new))
    }

    fn open_read_only(&self, folder: &Path) -> Option<StorageResult<Self::Backend>> {
        let opened = self.0.open_read_only(folder)?;
        Some(opened.map(Faulty::new))
    }
}
