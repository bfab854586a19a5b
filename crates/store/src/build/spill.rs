//! Temporary files for what a build cannot keep in memory.

use quadrille_backend::{EntrySource, StorageError, StorageResult};
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

const BUFFER_BYTES: usize = 1 << 17;

fn failed(error: std::io::Error) -> StorageError {
    StorageError::from_io("a temporary file of the load failed", error)
}

/// An unnamed temporary file, in the given folder or the system's.
pub(crate) fn temporary_file(folder: Option<&Path>) -> StorageResult<File> {
    let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
    tempfile::tempfile_in(&folder).map_err(|error| {
        let message = format!("no temporary file could be made in {}", folder.display());
        StorageError::from_io(message, error)
    })
}

/// Writes a file from its start and reads it back once.
pub(crate) struct SpillWriter(BufWriter<File>);

impl SpillWriter {
    pub(crate) fn new(folder: Option<&Path>) -> StorageResult<Self> {
        Ok(Self(BufWriter::with_capacity(
            BUFFER_BYTES,
            temporary_file(folder)?,
        )))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> StorageResult<()> {
        self.0.write_all(bytes).map_err(failed)
    }

    /// Writes a key and a value, to be read by [`SpillReader::read_entry`].
    pub(crate) fn write_entry(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        for part in [key, value] {
            self.write(&(part.len() as u64).to_le_bytes())?;
            self.write(part)?;
        }
        Ok(())
    }

    /// All written out. What is not read yet takes no memory.
    pub(crate) fn finish(self) -> StorageResult<SpillFile> {
        let file = self
            .0
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        Ok(SpillFile(file))
    }

    pub(crate) fn into_reader(self) -> StorageResult<SpillReader> {
        self.finish()?.into_reader()
    }
}

/// What a [`SpillWriter`] wrote.
pub(crate) struct SpillFile(File);

impl SpillFile {
    pub(crate) fn into_reader(self) -> StorageResult<SpillReader> {
        let mut file = self.0;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(SpillReader(BufReader::with_capacity(BUFFER_BYTES, file)))
    }
}

/// Reads what a [`SpillWriter`] wrote.
pub(crate) struct SpillReader(BufReader<File>);

impl SpillReader {
    /// Fills the buffer as far as there are bytes; how many there were.
    pub(crate) fn read_up_to(&mut self, buffer: &mut [u8]) -> StorageResult<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(filled)
    }

    /// Reads the next entry into the buffers; false when there are no more.
    pub(crate) fn read_entry(
        &mut self,
        key: &mut Vec<u8>,
        value: &mut Vec<u8>,
    ) -> StorageResult<bool> {
        for part in [key, value] {
            let mut length = [0; 8];
            if self.read_up_to(&mut length)? < length.len() {
                return Ok(false);
            }
            let length = usize::try_from(u64::from_le_bytes(length))
                .map_err(|_| StorageError::corrupted("a temporary file was changed"))?;
            part.clear();
            part.resize(length, 0);
            if self.read_up_to(part)? < length {
                return Err(StorageError::corrupted("a temporary file was cut short"));
            }
        }
        Ok(true)
    }
}

/// Entries that are at hand, ascending.
pub(crate) struct Prepared {
    entries: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    current: (Vec<u8>, Vec<u8>),
}

impl Prepared {
    pub(crate) fn new(entries: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self {
            entries: entries.into_iter(),
            current: Default::default(),
        }
    }
}

impl EntrySource for Prepared {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        Ok(self.entries.next().map(|entry| {
            self.current = entry;
            (self.current.0.as_slice(), self.current.1.as_slice())
        }))
    }
}

/// The entries of several sources, one after the other.
pub(crate) struct Chained<'a> {
    sources: std::vec::IntoIter<Box<dyn EntrySource + 'a>>,
    current: Option<Box<dyn EntrySource + 'a>>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<'a> Chained<'a> {
    pub(crate) fn new(sources: Vec<Box<dyn EntrySource + 'a>>) -> Self {
        Self {
            sources: sources.into_iter(),
            current: None,
            key: Vec::new(),
            value: Vec::new(),
        }
    }
}

impl EntrySource for Chained<'_> {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        loop {
            if let Some(current) = &mut self.current
                && let Some((key, value)) = current.next_entry()?
            {
                self.key.clear();
                self.key.extend_from_slice(key);
                self.value.clear();
                self.value.extend_from_slice(value);
                return Ok(Some((&self.key, &self.value)));
            }
            self.current = self.sources.next();
            if self.current.is_none() {
                return Ok(None);
            }
        }
    }
}

/// The entries of a spilled file.
pub(crate) struct SpilledEntries {
    reader: SpillReader,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl SpilledEntries {
    pub(crate) fn new(reader: SpillReader) -> Self {
        Self {
            reader,
            key: Vec::new(),
            value: Vec::new(),
        }
    }
}

impl EntrySource for SpilledEntries {
    fn next_entry(&mut self) -> StorageResult<Option<(&[u8], &[u8])>> {
        let found = self.reader.read_entry(&mut self.key, &mut self.value)?;
        Ok(found.then_some((self.key.as_slice(), self.value.as_slice())))
    }
}
