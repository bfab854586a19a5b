//! The data file, read by position and never through the map.
//!
//! What flows in: a path. What flows out: pages as bytes. What always holds: one page, or one part of a value, is in
//! memory at a time; a file that ends early is an answer, not an error; the length is asked for after the metas were
//! read, so that a file another process lets grow is never too short for what they tell.

use super::format::{META_BYTES, Meta, PAGE_BYTES_MAX, PAGE_BYTES_MIN};
use quadrille_backend::{StorageError, StorageResult};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// An open data file.
pub(super) struct PageFile {
    file: File,
    /// Its length after the metas were last read; 0 before.
    pub(super) bytes: u64,
}

fn cannot(error: std::io::Error) -> StorageError {
    StorageError::from_io("cannot read the data file", error).during("check")
}

impl PageFile {
    pub(super) fn open(path: &Path) -> StorageResult<Self> {
        let failed =
            |error| StorageError::from_io(format!("cannot read {}", path.display()), error);
        let file = File::open(path).map_err(failed)?;
        Ok(Self { file, bytes: 0 })
    }

    /// Fills the buffer from a position; whether the file was long enough.
    pub(super) fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> StorageResult<bool> {
        self.file.seek(SeekFrom::Start(position)).map_err(cannot)?;
        match self.file.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(cannot(error)),
        }
    }

    /// The two metas, each `None` where the file ends before it; the second also where the first tells no size of pages.
    pub(super) fn metas(&mut self) -> StorageResult<[Option<Meta>; 2]> {
        let first = self.meta_at(0)?;
        let page_bytes = first.map(|meta| meta.page_bytes());
        let second = match page_bytes.filter(|bytes| is_page_size(*bytes)) {
            Some(bytes) => self.meta_at(u64::from(bytes))?,
            None => None,
        };
        self.bytes = self.file.metadata().map_err(cannot)?.len();
        Ok([first, second])
    }

    fn meta_at(&mut self, position: u64) -> StorageResult<Option<Meta>> {
        let mut page = [0; META_BYTES];
        let whole = self.read_at(position, &mut page)?;
        Ok(Meta::read(&page).filter(|_| whole))
    }
}

/// Whether LMDB makes pages of this size.
pub(super) fn is_page_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && (PAGE_BYTES_MIN..=PAGE_BYTES_MAX).contains(&bytes)
}
