//! A check of every page of a store's data file, which reads the file itself and never its map.
//!
//! LMDB follows what pages say without looking twice: a flipped bit in the head of a page can end the process that
//! reads it, or send it elsewhere. This check follows the same pages by plain positioned reads, so that damage is
//! reported by a program that lives.
//!
//! What flows in: the folder of a store. What flows out: a [`PagesReport`]. What always holds: nothing is written, no
//! lock is taken, memory is a few pages and two bits for each page of the file; on any bytes the check ends without a
//! panic. It looks at what holds the pages together, not into values: those have checksums of the layer above.
//!
//! | file | what it is for |
//! |---|---|
//! | `format` | where LMDB keeps what |
//! | `file` | reading by position |
//! | `page` | the nodes of one page |
//! | `claims` | that each page is used once, or free |
//! | `walk` | the way from the meta to every page |

mod claims;
mod file;
mod format;
mod page;
mod walk;

use crate::engine::DATA_FILE;
use file::{PageFile, is_page_size};
pub(crate) use format::{MAGIC, u32_at, u64_at};

use format::{META_PAGES, Meta, VERSION, page_flags};
use quadrille_backend::{ErrorKind, StorageError, StorageResult};
use std::fmt;
use std::path::Path;
use walk::Walk;

/// The most faults that a report lists.
const FAULTS_MAX: usize = 1000;
/// How often a file that changes under the check is looked at again.
const ATTEMPTS: usize = 8;

/// Something wrong with a page.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PageFault {
    /// The number of the page: its position in the file, in pages.
    pub page: u64,
    /// The LMDB database it belongs to: `main`, `free list` or a slot; `None` for the metas.
    pub database: Option<String>,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for PageFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{DATA_FILE}, page {}", self.page)?;
        if let Some(database) = &self.database {
            write!(formatter, " ({database})")?;
        }
        write!(formatter, ": {}", self.what)
    }
}

/// What [`check_pages`] found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct PagesReport {
    /// Pages that were followed, the metas included.
    pub pages_checked: u64,
    /// Pages in the free list.
    pub pages_free: u64,
    /// What is wrong, at most 1000 of it.
    pub faults: Vec<PageFault>,
    /// Further faults.
    pub faults_left_out: u64,
}

impl PagesReport {
    /// Whether no fault was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Faults on their way into a report.
#[derive(Default)]
struct Faults {
    list: Vec<PageFault>,
    left_out: u64,
}

impl Faults {
    fn add(&mut self, fault: PageFault) {
        if self.list.len() < FAULTS_MAX {
            self.list.push(fault);
        } else {
            self.left_out += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Checks every page of the store in a folder by reading its file, without opening it.
///
/// A process may be writing meanwhile; then it is the last commit that is checked, and a check that a commit overtook is
/// made again.
///
/// # Errors
/// `NotFound` when there is no data file; `Busy` when commits overtook the check time and again; `Unsupported` on
/// machines that are not 64-bit, where LMDB's files look different; `Io`. Damage is no error but a fault in the report.
pub fn check_pages(folder: &Path) -> StorageResult<PagesReport> {
    if usize::BITS != 64 {
        let message = "pages are checked on 64-bit machines alone";
        return Err(StorageError::new(ErrorKind::Unsupported, message));
    }
    let path = folder.join(DATA_FILE);
    for _ in 0..ATTEMPTS {
        let mut file = PageFile::open(&path)?;
        let metas = file.metas()?;
        let report = check(&mut file, metas)?;
        // A meta that was read while it was written is half of one commit and half of another.
        if report.is_sound() || file.metas()? == metas {
            return Ok(report);
        }
    }
    Err(overtaken().during("check"))
}

fn overtaken() -> StorageError {
    let message = "the store is being written to too fast to be checked meanwhile";
    StorageError::new(ErrorKind::Busy, message)
}

/// Refuses a file whose metas LMDB could not trust, or that was cut off: reading a page beyond the end through the map
/// would end the process. The file may be empty.
///
/// # Errors
/// `Corrupted`; `Busy` when another process commits too fast; `Io`.
pub(crate) fn check_length(path: &Path) -> StorageResult<()> {
    for _ in 0..ATTEMPTS {
        let mut file = PageFile::open(path)?;
        let metas = file.metas()?;
        if file.bytes == 0 || usize::BITS != 64 {
            return Ok(());
        }
        let Some(what) = length_fault(&mut file, &metas)? else {
            return Ok(());
        };
        if file.metas()? == metas {
            let refused = StorageError::corrupted(format!("{}: {what}", path.display()));
            return Err(refused.during("open"));
        }
    }
    Err(overtaken().during("open"))
}

fn length_fault(file: &mut PageFile, metas: &[Option<Meta>; 2]) -> StorageResult<Option<String>> {
    let meta = match newest(metas) {
        Ok(meta) => meta,
        Err(faults) => return Ok(faults.first().map(PageFault::to_string)),
    };
    let (bytes, needed) = (
        file.bytes,
        (meta.last_page + 1) * u64::from(meta.page_bytes()),
    );
    if bytes >= needed {
        return Ok(None);
    }
    let mut walk = Walk::new(file, meta);
    walk.free_list()?;
    let whole = walk.faults.is_empty() && walk.claims.all_beyond_are_free();
    Ok((!whole).then(|| format!("the file has {bytes} bytes of {needed}")))
}

/// Bytes of the free pages that transactions after this one freed; `None` when the free list is damaged, or commits
/// overtook its reading time and again.
///
/// # Errors
/// `Io`.
pub(crate) fn freed_bytes_since(path: &Path, transaction: u64) -> StorageResult<Option<u64>> {
    for _ in 0..ATTEMPTS {
        let mut file = PageFile::open(path)?;
        let metas = file.metas()?;
        let Ok(meta) = newest(&metas) else {
            return Ok(None);
        };
        if transaction >= meta.transaction {
            return Ok(Some(0));
        }
        let mut walk = Walk::new(&mut file, meta);
        walk.free_list()?;
        if walk.faults.is_empty() {
            let later = walk
                .freed
                .iter()
                .filter(|(freed_by, _)| *freed_by > transaction);
            let pages: u64 = later.map(|(_, pages)| pages).sum();
            return Ok(Some(pages * u64::from(meta.page_bytes())));
        }
    }
    Ok(None)
}

fn check(file: &mut PageFile, metas: [Option<Meta>; 2]) -> StorageResult<PagesReport> {
    let newest = match newest(&metas) {
        Ok(newest) => newest,
        Err(faults) => {
            return Ok(PagesReport {
                faults,
                ..PagesReport::default()
            });
        }
    };
    let mut walk = Walk::new(file, newest);
    walk.everything()?;
    Ok(PagesReport {
        pages_checked: walk.pages_checked,
        pages_free: walk.claims.free_pages(),
        faults: walk.faults.list,
        faults_left_out: walk.faults.left_out,
    })
}

/// The meta of the last commit, when both are as LMDB wants them.
fn newest(metas: &[Option<Meta>; 2]) -> Result<Meta, Vec<PageFault>> {
    let fault = |page: u64, what: String| PageFault {
        page,
        database: None,
        what,
    };
    let mut faults = Vec::new();
    let mut sound = Vec::new();
    for (number, meta) in (0..META_PAGES).zip(metas) {
        match meta.as_ref().map(|meta| (meta, check_meta(meta, number))) {
            Some((meta, Ok(()))) => sound.push(*meta),
            Some((_, Err(what))) => faults.push(fault(number, what)),
            None => {
                let what = "the file ends before this meta, or its place is not known";
                faults.push(fault(number, what.to_owned()));
            }
        }
    }
    let (true, [first, second]) = (faults.is_empty(), sound.as_slice()) else {
        return Err(faults);
    };
    if first.page_bytes() != second.page_bytes() {
        return Err(vec![fault(
            1,
            "it tells another size of pages than page 0".to_owned(),
        )]);
    }
    if first.transaction.abs_diff(second.transaction) > 1 {
        let (first, second) = (first.transaction, second.transaction);
        let what = format!("the metas are of commits {first} and {second}, which do not follow");
        return Err(vec![fault(0, what)]);
    }
    let second_is_newer = second.transaction > first.transaction;
    Ok(if second_is_newer { *second } else { *first })
}

fn check_meta(meta: &Meta, number: u64) -> Result<(), String> {
    page::check_number(&meta.head, number)?;
    if meta.head.flags != page_flags::META {
        return Err(format!("its flags are {:#x}", meta.head.flags));
    }
    if meta.magic != MAGIC || meta.version != VERSION {
        return Err("it does not mark an LMDB file of version 1".to_owned());
    }
    if !is_page_size(meta.page_bytes()) {
        return Err(format!("it tells pages of {} bytes", meta.page_bytes()));
    }
    if meta.last_page < META_PAGES - 1 || meta.last_page >= u64::MAX / u64::from(meta.page_bytes())
    {
        return Err(format!("it tells that page {} is the last", meta.last_page));
    }
    if meta.transaction != 0 && meta.transaction % META_PAGES != number {
        let transaction = meta.transaction;
        return Err(format!("commit {transaction} belongs in the other meta"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LmdbBackend;
    use quadrille_backend::{Keyspace, StorageBackend};
    use std::fs;

    /// Another process writes between the steps of a look at the file, here at each place in turn.
    #[test]
    fn a_file_that_grows_between_two_reads_is_whole() -> StorageResult<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(DATA_FILE);
        let backend = LmdbBackend::open(folder.path())?;
        let birds = Keyspace::new("birds")?;
        backend.create_keyspace(&birds)?;
        let grow = |n: u8| backend.put(&birds, &[n], &[n; 100_000]);
        let mut opened = PageFile::open(&path)?;
        grow(1)?;
        let metas = opened.metas()?;
        assert_eq!(length_fault(&mut opened, &metas)?, None);
        grow(2)?;
        assert_eq!(length_fault(&mut opened, &metas)?, None);
        let metas = opened.metas()?;
        assert_eq!(length_fault(&mut opened, &metas)?, None);
        backend.close()?;
        let whole = fs::metadata(&path).expect("the file").len();
        let file = fs::File::options().write(true).open(&path);
        file.and_then(|file| file.set_len(whole - 1))
            .expect("a shorter file");
        let metas = opened.metas()?;
        assert!(length_fault(&mut opened, &metas)?.is_some());
        Ok(())
    }
}
