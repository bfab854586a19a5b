//! The LMDB backend of Quadrille: [`LmdbBackend`], on `heed`.
//!
//! What flows in: keyspaces, keys and values by the contract of `quadrille-backend`. What flows out: the same, lent
//! from the memory map without copies. What always holds: one process writes, any number read; a snapshot is one LMDB
//! read transaction; LMDB's own types show in no public signature.
//!
//! | file | what it is for |
//! |---|---|
//! | `config` | what a user may set |
//! | `engine` | the open environment, its locks, its transactions |
//! | `map` | the address space, who uses it, how it grows |
//! | `catalogue` | which keyspace lives in which physical database |
//! | `backend` | the contract, on these |
//! | `ingest` | the bulk path |
//! | `read` | read transactions, and those that are used again |
//! | `snapshot`, `transaction` | reading and writing |
//! | `readers` | which commit the oldest snapshot of any process sees |
//! | `pages` | checking the file without the map |
//! | `key` | LMDB has no empty key; here is how there is one |
//! | `error` | LMDB's errors in the words of the contract |
//!
//! # Durability
//!
//! | word | what a commit does | what a crash may lose |
//! |---|---|---|
//! | `Durable`, the default | writes its pages, waits for the disk, writes the meta, waits again | nothing that `commit` returned for, whether the process dies or the power fails; a commit that had not returned is there whole or not at all |
//! | `Prefix` | writes its pages, waits for the disk, writes the meta | nothing when the process alone dies. When the power fails, at most the last commit that returned: what is left is the state after that one or the one before, whole |
//! | `Unsafe` | writes without waiting | nothing when the process alone dies: the operating system has all of it. When the machine does, everything: the disk may have got the meta before the pages it points to, and pages of older commits may be overwritten |
//!
//! `Prefix` is LMDB's `MDB_NOMETASYNC`. It holds because a commit never writes to a page that the two commits before it
//! use, and because the wait for its pages is also one for the meta of the commit before: until that wait is over, the
//! disk has the meta of the last commit or of the one before, and either finds its pages as they were. Without any wait
//! there is no such order, which is why there is nothing between `Prefix` and `Unsafe`.
//!
//! `flush` and `close` wait for the disk whatever the word, and what was committed before is then durable; a backend that
//! is dropped without `close` does not wait. Under `Unsafe`, the first commit after a `flush` puts all at risk again. All
//! of it rests on disks that have stored what they say they have. After a commit or `flush` that failed because the disk
//! did, `Prefix` no longer holds: the operating system may then take for stored what is not.
//!
//! # Look-ups
//!
//! `get` and `contains` of the backend are served by read transactions of the last commit, some of which the process that
//! writes keeps for those who look up next: at most eight, and at most one for every 16 of
//! [`readers_max`](LmdbOptions::readers_max). A kept one counts as a reader like any other: it takes a slot, and is inside
//! the map. So they are given up with every commit, when the map is to grow, and when slots run out; `stats` does not
//! count them as snapshots.
//!
//! # Address space
//!
//! The file is mapped into address space that is reserved when opening, 256 GiB unless
//! [`map_bytes`](LmdbOptions::map_bytes) says otherwise, and that costs nothing until used. When three quarters of it
//! are used, it grows as soon as a transaction begins, reading or writing, while no other of this process is open:
//! LMDB moves the map, and snapshots lend out what lies in it. A transaction that does not fit is `Full` and leaves
//! nothing; the next writer then waits a little for snapshots to go
//! ([`growth_wait`](LmdbOptions::growth_wait)), the map grows, and the same transaction can be made again. When snapshots
//! outlast that wait, transactions go on without waiting for them again, and those that fit are not held up. Growth ends
//! at [`map_bytes_max`](LmdbOptions::map_bytes_max). A process that reads takes over a larger size with its next
//! snapshot; while older ones of its own stay open, that one is `Busy`.
//!
//! # Full disks
//!
//! A transaction for which the disk has no room is `Full` when it commits and leaves nothing, as one that a quota or a
//! limit on the length of files keeps out. Deleting makes room for later transactions, but a transaction that deletes
//! writes pages before it frees any: where the disk has none left at all, it may be `Full` as well.
//!
//! # Processes
//!
//! One process writes: it holds the lock of `writer.lock`, and another that tries is `Locked` and told who does. Any
//! number of processes read; each snapshot takes one of [`readers_max`](LmdbOptions::readers_max) slots. Slots of
//! processes that were killed are freed when the store is opened for writing, when all are taken, and once a second as
//! transactions begin; until then they keep deleted pages from being used again, as snapshots that live do, which
//! `stats` tells as `pinned_bytes`. One process opens a store once, for writing or for reading.
//!
//! Opening for reading writes to no file but LMDB's table of readers, `lock.mdb`. A process that may not write that
//! reads without, and keeps writers out for as long.
//!
//! # Damage
//!
//! A file that was cut off, emptied or removed beside its `store.created`, or whose metas are damaged, is `Corrupted` and
//! left alone. What else is wrong with pages can end the process that follows them through the map: [`check_pages`]
//! looks at a store that is under suspicion without.

mod backend;
mod catalogue;
mod config;
mod engine;
mod error;
mod ingest;
mod key;
mod map;
mod pages;
mod read;
mod readers;
mod snapshot;
mod transaction;

pub use backend::LmdbBackend;
pub use config::LmdbOptions;
pub use pages::{PageFault, PagesReport, check_pages};
pub use snapshot::{LmdbCursor, LmdbSnapshot};
pub use transaction::LmdbTransaction;
