//! LMDB's file format as far as the check needs it: heads of pages, metas, records of databases, nodes.
//!
//! What flows in: bytes. What flows out: numbers, none of them checked. What always holds: nothing panics on any bytes;
//! what lies outside of them is `None`. The layout is that of LMDB 0.9 on 64-bit machines: numbers in the byte order of
//! the machine, page numbers and transaction ids in eight bytes.
//!
//! ```text
//! page    0 page number · 8 padding · 10 flags · 12 lower · 14 upper (or 12 pages of an overflow value) · 16 …
//! branch  and leaf pages: 16 offsets of nodes, two bytes each … lower, free space, upper … nodes
//! node    0 size or child, low · 2 middle · 4 flags or child, high · 6 length of the key · 8 key, then data
//! meta    16 magic · 20 version · 24 address · 32 map size · 40 free list's record · 88 main record
//!         136 last page · 144 transaction
//! record  0 padding (page size, in the free list's) · 4 flags · 6 depth · 8 branch pages · 16 leaf pages
//!         24 overflow pages · 32 entries · 40 root
//! ```

/// Bytes of a page's head.
pub(super) const HEAD_BYTES: usize = 16;
/// Bytes of a node before its key.
pub(super) const NODE_HEAD_BYTES: usize = 8;
/// Bytes of a page number.
pub(super) const NUMBER_BYTES: usize = 8;
/// Bytes of the record of a database.
pub(super) const RECORD_BYTES: usize = 48;
/// Bytes of a meta page that mean something.
pub(super) const META_BYTES: usize = 152;
/// The pages at the start of the file that hold the metas.
pub(super) const META_PAGES: u64 = 2;

/// What LMDB's files begin with.
pub(crate) const MAGIC: u32 = 0xBEEF_C0DE;
pub(super) const VERSION: u32 = 1;
/// The root of a database without entries.
pub(super) const NO_ROOT: u64 = u64::MAX;
/// LMDB's cursors go no deeper.
pub(super) const DEPTH_MAX: u16 = 32;
/// The longest key LMDB takes.
pub(super) const STORED_KEY_BYTES_MAX: usize = 511;
/// The largest page LMDB takes; the smallest that can hold two nodes with the longest keys is above 1 KiB.
pub(super) const PAGE_BYTES_MAX: u32 = 32 << 10;
pub(super) const PAGE_BYTES_MIN: u32 = 512;

/// Flags of a page.
pub(super) mod page_flags {
    pub(in super::super) const BRANCH: u16 = 0x01;
    pub(in super::super) const LEAF: u16 = 0x02;
    pub(in super::super) const OVERFLOW: u16 = 0x04;
    pub(in super::super) const META: u16 = 0x08;
}

/// Flags of a node on a leaf.
pub(super) mod node_flags {
    /// The data is the number of the first overflow page.
    pub(in super::super) const BIG: u16 = 0x01;
    /// The data is the record of a named database.
    pub(in super::super) const DATABASE: u16 = 0x02;
}

/// The flag of a database whose keys are numbers in the byte order of the machine.
pub(super) const INTEGER_KEYS: u16 = 0x08;
/// The bits of a database's flags that change how it is read; the rest of the free list's are those of the environment.
pub(super) const KEY_FLAGS: u16 = 0x7e;

macro_rules! number_at {
    ($name:ident, $type:ty) => {
        /// The number at a position.
        #[expect(
            clippy::host_endian_bytes,
            reason = "LMDB writes its numbers in the byte order of the machine"
        )]
        pub(crate) fn $name(bytes: &[u8], at: usize) -> Option<$type> {
            let (number, _) = bytes.get(at..)?.split_first_chunk()?;
            Some(<$type>::from_ne_bytes(*number))
        }
    };
}

number_at!(u16_at, u16);
number_at!(u32_at, u32);
number_at!(u64_at, u64);

/// The head of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) flags: u16,
    pub(super) lower: u16,
    pub(super) upper: u16,
    /// Pages of the overflow value that starts here; the same bytes as `lower` and `upper`.
    pub(super) overflow_pages: u32,
}

impl Head {
    pub(super) fn read(page: &[u8]) -> Option<Self> {
        Some(Self {
            number: u64_at(page, 0)?,
            flags: u16_at(page, 10)?,
            lower: u16_at(page, 12)?,
            upper: u16_at(page, 14)?,
            overflow_pages: u32_at(page, 12)?,
        })
    }
}

/// What LMDB keeps of a database: where its tree starts and how large it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) padding: u32,
    pub(super) flags: u16,
    pub(super) depth: u16,
    pub(super) counts: Counts,
    pub(super) root: u64,
}

/// Pages and entries of a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) branch_pages: u64,
    pub(super) leaf_pages: u64,
    pub(super) overflow_pages: u64,
    pub(super) entries: u64,
}

impl Record {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            padding: u32_at(bytes, 0)?,
            flags: u16_at(bytes, 4)?,
            depth: u16_at(bytes, 6)?,
            counts: Counts {
                branch_pages: u64_at(bytes, 8)?,
                leaf_pages: u64_at(bytes, 16)?,
                overflow_pages: u64_at(bytes, 24)?,
                entries: u64_at(bytes, 32)?,
            },
            root: u64_at(bytes, 40)?,
        })
    }
}

/// A meta page: where a commit starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    pub(super) head: Head,
    pub(super) magic: u32,
    pub(super) version: u32,
    pub(super) free: Record,
    pub(super) main: Record,
    /// The highest page number in use or in the free list.
    pub(super) last_page: u64,
    pub(super) transaction: u64,
}

impl Meta {
    pub(super) fn read(page: &[u8]) -> Option<Self> {
        Some(Self {
            head: Head::read(page)?,
            magic: u32_at(page, 16)?,
            version: u32_at(page, 20)?,
            free: Record::read(page.get(40..)?)?,
            main: Record::read(page.get(88..)?)?,
            last_page: u64_at(page, 136)?,
            transaction: u64_at(page, 144)?,
        })
    }

    /// The size of the file's pages: it stands in a field of the free list's record that is of no other use.
    pub(super) fn page_bytes(&self) -> u32 {
        self.free.padding
    }
}

/// Pages that an overflow value of some bytes takes at least.
pub(super) fn overflow_pages_of(value_bytes: u64, page_bytes: usize) -> u64 {
    (HEAD_BYTES as u64 + value_bytes).div_ceil(page_bytes as u64)
}
