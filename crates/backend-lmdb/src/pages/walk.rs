//! The walk over every page of a commit, from its meta down.
//!
//! What flows in: the file and a meta. What flows out: faults. What always holds: a page is read at most once, because
//! it is claimed before it is read, so the walk ends on any bytes; it goes no deeper than LMDB's own cursors, and a page
//! that is broken inside is not followed.

use super::claims::Claims;
use super::file::PageFile;
use super::format::{
    Counts, DEPTH_MAX, HEAD_BYTES, Head, INTEGER_KEYS, KEY_FLAGS, META_PAGES, Meta, NO_ROOT,
    NUMBER_BYTES, RECORD_BYTES, Record, node_flags, overflow_pages_of, page_flags, u64_at,
};
use super::page::{self, Node};
use super::{Faults, PageFault};
use quadrille_backend::StorageResult;
use std::cmp::Ordering;

/// Bytes of a free list that are read at a time.
const LIST_BYTES: usize = 64 << 10;

/// What a tree holds, and so what its nodes may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lists of free pages under transaction ids.
    Free,
    /// Entries and the records of named databases.
    Main,
    /// Entries alone.
    Named,
}

/// A tree on its way to be walked.
struct Tree<'n> {
    name: &'n str,
    kind: Kind,
    depth: u16,
    found: Counts,
    /// Whether a fault was found in it: then its counts say nothing.
    broken: bool,
}

/// The keys that may stand on a page: at or above the first, below the second.
#[derive(Clone, Copy, Default)]
struct Bounds<'k> {
    low: Option<&'k [u8]>,
    high: Option<&'k [u8]>,
}

/// The state of a walk.
pub(super) struct Walk<'f> {
    file: &'f mut PageFile,
    page_bytes: usize,
    meta: Meta,
    pub(super) claims: Claims,
    pub(super) faults: Faults,
    pub(super) pages_checked: u64,
    /// Free pages of transactions, the youngest last: what a snapshot of some transaction pins is read off them.
    pub(super) freed: Vec<(u64, u64)>,
}

impl<'f> Walk<'f> {
    pub(super) fn new(file: &'f mut PageFile, meta: Meta) -> Self {
        let page_bytes = meta.page_bytes() as usize;
        let pages_in_file = file.bytes / page_bytes as u64;
        Self {
            file,
            page_bytes,
            meta,
            claims: Claims::new(meta.last_page, pages_in_file),
            faults: Faults::default(),
            pages_checked: META_PAGES,
            freed: Vec::new(),
        }
    }

    /// Walks everything.
    pub(super) fn everything(&mut self) -> StorageResult<()> {
        self.free_list()?;
        self.tree("main", Kind::Main, self.meta.main)?;
        if !self.claims.all_beyond_are_free() {
            let last = self.meta.last_page;
            let what = format!("the file ends before page {last}, which is the last");
            self.fault(self.meta.head.number, None, what);
        }
        let lost = self.claims.lost_pages();
        if lost > 0 && self.faults.is_empty() {
            let what = format!("{lost} pages are neither in use nor in the free list");
            self.fault(self.meta.head.number, None, what);
        }
        Ok(())
    }

    /// Walks the tree of free pages alone.
    pub(super) fn free_list(&mut self) -> StorageResult<()> {
        self.tree("free list", Kind::Free, self.meta.free)
    }

    fn fault(&mut self, page: u64, database: Option<&str>, what: String) {
        self.faults.add(PageFault {
            page,
            database: database.map(str::to_owned),
            what,
        });
    }

    fn tree_fault(&mut self, tree: &mut Tree<'_>, page: u64, what: String) {
        tree.broken = true;
        self.fault(page, Some(tree.name), what);
    }

    fn tree(&mut self, name: &str, kind: Kind, record: Record) -> StorageResult<()> {
        let mut tree = Tree {
            name,
            kind,
            depth: record.depth,
            found: Counts::default(),
            broken: false,
        };
        let root = record.root;
        let (flags, expected) = match kind {
            Kind::Free => (record.flags & KEY_FLAGS, INTEGER_KEYS),
            Kind::Main | Kind::Named => (record.flags, 0),
        };
        if flags != expected {
            let what = format!("the database has flags {flags:#x} instead of {expected:#x}");
            self.tree_fault(&mut tree, root, what);
            return Ok(());
        }
        if (root == NO_ROOT) != (record.depth == 0) || record.depth > DEPTH_MAX {
            let what = format!("the database says that it is {} pages deep", record.depth);
            self.tree_fault(&mut tree, root, what);
            return Ok(());
        }
        if root != NO_ROOT {
            self.page(&mut tree, root, root, 1, Bounds::default())?;
        }
        if !tree.broken && tree.found != record.counts {
            let what = format!(
                "counted {:?}, the database says {:?}",
                tree.found, record.counts
            );
            self.tree_fault(&mut tree, root, what);
        }
        Ok(())
    }

    /// Walks a page and all below it; `parent` names it.
    fn page(
        &mut self,
        tree: &mut Tree<'_>,
        parent: u64,
        number: u64,
        depth: u16,
        bounds: Bounds<'_>,
    ) -> StorageResult<()> {
        if let Err(what) = self.claims.take(number) {
            self.tree_fault(tree, parent, what);
            return Ok(());
        }
        let mut bytes = vec![0; self.page_bytes];
        if !self
            .file
            .read_at(number * self.page_bytes as u64, &mut bytes)?
        {
            self.tree_fault(tree, number, "the file ends before it".to_owned());
            return Ok(());
        }
        self.pages_checked += 1;
        let is_leaf = depth == tree.depth;
        let nodes = page::nodes(&bytes, number, is_leaf).and_then(|nodes| {
            check_keys(tree.kind, &bytes, &nodes, is_leaf, bounds).map(|()| nodes)
        });
        let nodes = match nodes {
            Ok(nodes) => nodes,
            Err(what) => {
                self.tree_fault(tree, number, what);
                return Ok(());
            }
        };
        if is_leaf {
            tree.found.leaf_pages += 1;
            tree.found.entries += nodes.len() as u64;
            return self.leaf(tree, number, &bytes, &nodes);
        }
        tree.found.branch_pages += 1;
        for (index, node) in nodes.iter().enumerate() {
            let key = |index: usize| {
                nodes
                    .get(index)
                    .and_then(|node| bytes.get(node.key.clone()))
            };
            let below = Bounds {
                low: key(index).filter(|_| index > 0).or(bounds.low),
                high: key(index + 1).or(bounds.high),
            };
            self.page(tree, number, node.number, depth + 1, below)?;
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        tree: &mut Tree<'_>,
        number: u64,
        bytes: &[u8],
        nodes: &[Node],
    ) -> StorageResult<()> {
        for node in nodes {
            let (Some(key), Some(data)) =
                (bytes.get(node.key.clone()), bytes.get(node.data.clone()))
            else {
                continue;
            };
            match node.flags {
                node_flags::BIG => self.big_value(tree, number, key, data, node.number)?,
                node_flags::DATABASE => self.named(tree, number, key, data)?,
                _ if tree.kind == Kind::Free => self.short_list(tree, number, key, data),
                _ => {}
            }
        }
        Ok(())
    }

    fn named(
        &mut self,
        tree: &mut Tree<'_>,
        number: u64,
        key: &[u8],
        data: &[u8],
    ) -> StorageResult<()> {
        let name = String::from_utf8_lossy(key);
        let record = Record::read(data);
        match record.filter(|_| data.len() == RECORD_BYTES && tree.kind == Kind::Main) {
            Some(record) => self.tree(&name, Kind::Named, record),
            None => {
                let what = format!("the entry {name:?} is no record of a database");
                self.tree_fault(tree, number, what);
                Ok(())
            }
        }
    }

    /// A value on pages of its own.
    fn big_value(
        &mut self,
        tree: &mut Tree<'_>,
        number: u64,
        key: &[u8],
        data: &[u8],
        value_bytes: u64,
    ) -> StorageResult<()> {
        let first = u64_at(data, 0).unwrap_or_default();
        if let Err(what) = self.claims.take(first) {
            self.tree_fault(tree, number, what);
            return Ok(());
        }
        let position = first * self.page_bytes as u64;
        let mut head = [0; HEAD_BYTES];
        let whole = self.file.read_at(position, &mut head)?;
        let Some(head) = Head::read(&head).filter(|_| whole) else {
            self.tree_fault(tree, first, "the file ends before it".to_owned());
            return Ok(());
        };
        let pages = u64::from(head.overflow_pages);
        if let Err(what) = self.claim_value(first, &head, value_bytes) {
            self.tree_fault(tree, first, what);
            return Ok(());
        }
        tree.found.overflow_pages += pages;
        self.pages_checked += pages;
        if tree.kind == Kind::Free {
            self.long_list(tree, first, key, position + HEAD_BYTES as u64, value_bytes)?;
        }
        Ok(())
    }

    /// Checks the head of an overflow value, and claims the pages behind its first.
    fn claim_value(&mut self, first: u64, head: &Head, value_bytes: u64) -> Result<(), String> {
        page::check_number(head, first)?;
        if head.flags != page_flags::OVERFLOW {
            let (flags, expected) = (head.flags, page_flags::OVERFLOW);
            return Err(format!("its flags are {flags:#x} instead of {expected:#x}"));
        }
        let pages = u64::from(head.overflow_pages);
        let needed = overflow_pages_of(value_bytes, self.page_bytes);
        if pages < needed {
            return Err(format!(
                "it starts {pages} pages, too few for a value of {value_bytes} bytes"
            ));
        }
        (1..pages).try_for_each(|next| self.claims.take(first + next))
    }

    fn short_list(&mut self, tree: &mut Tree<'_>, number: u64, key: &[u8], data: &[u8]) {
        let mut list = FreeList::new(data.len() as u64);
        let checked = self.check_transaction(key).and_then(|transaction| {
            list.feed(data, &mut self.claims)?;
            Ok(transaction)
        });
        self.end_list(tree, number, checked, &list);
    }

    fn long_list(
        &mut self,
        tree: &mut Tree<'_>,
        number: u64,
        key: &[u8],
        position: u64,
        value_bytes: u64,
    ) -> StorageResult<()> {
        let mut list = FreeList::new(value_bytes);
        let mut buffer = vec![0; LIST_BYTES];
        let mut done = 0;
        let mut checked = self.check_transaction(key);
        while done < value_bytes && checked.is_ok() {
            let bytes = (value_bytes - done).min(LIST_BYTES as u64) as usize;
            let part = buffer.get_mut(..bytes).unwrap_or_default();
            let fed = if self.file.read_at(position + done, part)? {
                list.feed(part, &mut self.claims)
            } else {
                Err("the file ends within the list".to_owned())
            };
            checked = checked.and_then(|transaction| fed.map(|()| transaction));
            done += bytes as u64;
        }
        self.end_list(tree, number, checked, &list);
        Ok(())
    }

    fn end_list(
        &mut self,
        tree: &mut Tree<'_>,
        number: u64,
        checked: Result<u64, String>,
        list: &FreeList,
    ) {
        match checked.and_then(|transaction| list.finish().map(|pages| (transaction, pages))) {
            Ok(freed) => self.freed.push(freed),
            Err(what) => self.tree_fault(tree, number, what),
        }
    }

    /// The transaction that freed the pages of a list.
    fn check_transaction(&self, key: &[u8]) -> Result<u64, String> {
        let transaction = u64_at(key, 0).filter(|_| key.len() == NUMBER_BYTES);
        let newest = self.meta.transaction;
        transaction
            .filter(|transaction| (1..=newest).contains(transaction))
            .ok_or_else(|| format!("a list of free pages is under a key that is not 1 to {newest}"))
    }
}

/// A list of free pages, read in parts: how many there are, then their numbers, descending.
struct FreeList {
    bytes: u64,
    count: Option<u64>,
    seen: u64,
    last: u64,
}

impl FreeList {
    fn new(bytes: u64) -> Self {
        Self {
            bytes,
            count: None,
            seen: 0,
            last: u64::MAX,
        }
    }

    fn feed(&mut self, part: &[u8], claims: &mut Claims) -> Result<(), String> {
        for at in (0..part.len()).step_by(NUMBER_BYTES) {
            let Some(number) = u64_at(part, at) else {
                return Err("a list of free pages ends within a number".to_owned());
            };
            let Some(count) = self.count else {
                if number >= self.bytes / NUMBER_BYTES as u64 {
                    return Err(format!(
                        "a list of {} bytes has {number} free pages",
                        self.bytes
                    ));
                }
                self.count = Some(number);
                continue;
            };
            // LMDB reserves room for more than it writes.
            if self.seen == count {
                return Ok(());
            }
            if number >= self.last {
                return Err(format!("page {number} is out of order in the free list"));
            }
            claims.release(number)?;
            self.last = number;
            self.seen += 1;
        }
        Ok(())
    }

    fn finish(&self) -> Result<u64, String> {
        let count = self.count.ok_or("a list of free pages is empty")?;
        Ok(count)
    }
}

/// Checks that keys ascend and lie within what the pages above say.
fn check_keys(
    kind: Kind,
    page: &[u8],
    nodes: &[Node],
    is_leaf: bool,
    bounds: Bounds<'_>,
) -> Result<(), String> {
    let least = if is_leaf || kind == Kind::Free { 1 } else { 2 };
    if nodes.len() < least {
        return Err(format!("it holds {} entries", nodes.len()));
    }
    let first = usize::from(!is_leaf);
    let mut previous = bounds.low;
    for (index, node) in nodes.iter().enumerate().skip(first) {
        let key = page.get(node.key.clone()).unwrap_or_default();
        if kind == Kind::Free && key.len() != NUMBER_BYTES {
            return Err(format!("the key of entry {index} is no transaction"));
        }
        // The first key of a leaf may be the one that the page above names.
        let may_equal = is_leaf && index == 0;
        let fits = match previous.map(|previous| compare(kind, previous, key)) {
            None | Some(Ordering::Less) => true,
            Some(Ordering::Equal) => may_equal,
            Some(Ordering::Greater) => false,
        };
        if !fits {
            return Err(format!(
                "the key of entry {index} is not above the one before"
            ));
        }
        previous = Some(key);
    }
    let last = previous.filter(|_| nodes.len() > first);
    let too_high = |(last, high): (&[u8], &[u8])| compare(kind, last, high) != Ordering::Less;
    if last.zip(bounds.high).is_some_and(too_high) {
        return Err("its last key belongs on a page behind it".to_owned());
    }
    Ok(())
}

fn compare(kind: Kind, left: &[u8], right: &[u8]) -> Ordering {
    match kind {
        Kind::Free => u64_at(left, 0).cmp(&u64_at(right, 0)),
        Kind::Main | Kind::Named => left.cmp(right),
    }
}
