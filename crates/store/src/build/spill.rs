//! Temporary files for what a build cannot keep in memory.
//!
//! What flows in: bytes, from a file's start to its end. What flows out: the same bytes. What always holds: a file without
//! a name is gone when it is closed; one of a checkpoint folder carries a digest, and where its bytes do not match it,
//! reading it to its end is an error.

use super::checkpoint::{FileRecord, OwnFile, SpillFolder, damaged};
use quadrille_backend::{EntrySource, StorageError, StorageResult};
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use xxhash_rust::xxh3::Xxh3;

const BUFFER_BYTES: usize = 1 << 17;

fn failed(error: std::io::Error) -> StorageError {
    StorageError::from_io("a temporary file of the load failed", error)
}

/// A file of a checkpoint folder, and the digest of its bytes so far.
struct Named {
    own: OwnFile,
    digest: Digest,
}

#[derive(Default)]
struct Digest {
    hash: Box<Xxh3>,
    bytes: u64,
}

impl Digest {
    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn record(&self, number: u64) -> FileRecord {
        FileRecord {
            number,
            bytes: self.bytes,
            digest: self.hash.digest(),
        }
    }
}

/// Writes a file from its start and reads it back once.
pub(crate) struct SpillWriter {
    file: BufWriter<File>,
    named: Option<Named>,
}

impl SpillWriter {
    pub(crate) fn new(folder: &SpillFolder) -> StorageResult<Self> {
        let (file, own) = folder.create()?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            named: own.map(|own| Named {
                own,
                digest: Digest::default(),
            }),
        })
    }

    /// Goes on with a file that a checkpoint names, behind the bytes that it had then.
    ///
    /// # Errors
    /// `Corrupted` when these are not what they were.
    pub(crate) fn resume(folder: &SpillFolder, record: &FileRecord) -> StorageResult<Self> {
        let (mut file, own) = folder.open(record)?;
        let (mut digest, mut buffer) = (Digest::default(), vec![0; BUFFER_BYTES]);
        while digest.bytes < record.bytes {
            let left = usize::try_from(record.bytes - digest.bytes).unwrap_or(usize::MAX);
            let part = buffer.len().min(left);
            file.read_exact(&mut buffer[..part]).map_err(failed)?;
            digest.update(&buffer[..part]);
        }
        if digest.record(record.number) != *record {
            return Err(damaged(own.path()));
        }
        file.set_len(record.bytes).map_err(failed)?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            named: Some(Named { own, digest }),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> StorageResult<()> {
        if let Some(named) = &mut self.named {
            named.digest.update(bytes);
        }
        self.file.write_all(bytes).map_err(failed)
    }

    /// Writes a key and a value, to be read by [`SpillReader::read_entry`].
    pub(crate) fn write_entry(&mut self, key: &[u8], value: &[u8]) -> StorageResult<()> {
        for part in [key, value] {
            self.write(&(part.len() as u64).to_le_bytes())?;
            self.write(part)?;
        }
        Ok(())
    }

    /// Brings all that was written to the disk, for a checkpoint that names it.
    ///
    /// # Errors
    /// `Misuse` for a file without a name.
    pub(crate) fn record(&mut self) -> StorageResult<FileRecord> {
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_data().map_err(failed)?;
        match &self.named {
            Some(Named { own, digest }) => Ok(digest.record(own.number())),
            None => Err(nameless()),
        }
    }

    /// All written out. What is not read yet takes no memory.
    pub(crate) fn finish(self) -> StorageResult<SpillFile> {
        let file = self
            .file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let named = self.named.map(|Named { own, digest }| {
            let record = digest.record(own.number());
            (own, record)
        });
        Ok(SpillFile {
            file,
            named,
            is_on_disk: false,
        })
    }

    pub(crate) fn into_reader(self) -> StorageResult<SpillReader> {
        self.finish()?.into_reader()
    }
}

fn nameless() -> StorageError {
    StorageError::misuse("a checkpoint cannot name a file that has no name")
}

/// What a [`SpillWriter`] wrote.
pub(crate) struct SpillFile {
    file: File,
    named: Option<(OwnFile, FileRecord)>,
    is_on_disk: bool,
}

impl SpillFile {
    /// A file that a checkpoint names. Its bytes are compared when it is read to its end.
    ///
    /// # Errors
    /// `Corrupted` when it is not there, or shorter than it was.
    pub(crate) fn resume(folder: &SpillFolder, record: &FileRecord) -> StorageResult<Self> {
        let (file, own) = folder.open(record)?;
        Ok(Self {
            file,
            named: Some((own, *record)),
            is_on_disk: true,
        })
    }

    /// Brings it to the disk, for a checkpoint that names it.
    ///
    /// # Errors
    /// As [`SpillWriter::record`].
    pub(crate) fn record(&mut self) -> StorageResult<FileRecord> {
        if !self.is_on_disk {
            self.file.sync_data().map_err(failed)?;
            self.is_on_disk = true;
        }
        let named = self.named.as_ref();
        named.map(|(_, record)| *record).ok_or_else(nameless)
    }

    /// Reads so many bytes at a place, which must be there.
    pub(crate) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> StorageResult<()> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(buffer))
            .map_err(failed)
    }

    /// Reads it from its start, while it stays where it is; not while it is read otherwise.
    pub(crate) fn reader(&self) -> StorageResult<SpillReader> {
        let file = self.file.try_clone().map_err(failed)?;
        let named = self.named.as_ref();
        SpillReader::new(file, named.map(|(own, record)| (own.path(), *record)), None)
    }

    pub(crate) fn into_reader(self) -> StorageResult<SpillReader> {
        let (own, expected) = match self.named {
            Some((own, record)) => {
                let expected = (own.path(), record);
                (Some(own), Some(expected))
            }
            None => (None, None),
        };
        SpillReader::new(self.file, expected, own)
    }
}

/// Reads what a [`SpillWriter`] wrote.
pub(crate) struct SpillReader {
    file: BufReader<File>,
    check: Option<Check>,
    /// Goes with the reader.
    _own: Option<OwnFile>,
}

/// What was read, and what it is to be in the end.
struct Check {
    read: Digest,
    expected: FileRecord,
    path: PathBuf,
}

impl SpillReader {
    fn new(
        mut file: File,
        expected: Option<(PathBuf, FileRecord)>,
        own: Option<OwnFile>,
    ) -> StorageResult<Self> {
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        Ok(Self {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            check: expected.map(|(path, expected)| Check {
                read: Digest::default(),
                expected,
                path,
            }),
            _own: own,
        })
    }

    /// Fills the buffer as far as there are bytes; how many there were.
    ///
    /// # Errors
    /// `Corrupted` at the end, when the bytes are not those that were written.
    pub(crate) fn read_up_to(&mut self, buffer: &mut [u8]) -> StorageResult<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if let Some(check) = &mut self.check {
            check.read.update(&buffer[..filled]);
            let is_end = filled < buffer.len();
            if is_end && check.read.record(check.expected.number) != check.expected {
                return Err(damaged(check.path.clone()));
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
