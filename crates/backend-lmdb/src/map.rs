//! The address space that the data file is mapped into: who uses it, and how it grows.
//!
//! LMDB moves the map when its size changes, so that nobody may hold a transaction of this process meanwhile. Everybody
//! who touches the map enters here first. Growth is asked for when a transaction found the map full, or nearly so; it
//! happens when the next one begins and no other is open.
//!
//! Whoever waits for others to leave waits once: as long as somebody who outlasted a wait is inside, waiting again would
//! be in vain, and transactions go on with the map as it is.
//!
//! | field of the state | set by | cleared by | meaning |
//! |---|---|---|---|
//! | `full` | a transaction that found no room | growth | the map should grow as soon as nobody is inside |
//! | `nearly_full` | a writer that begins when three quarters are used | growth, or a writer that finds less used | the same, before anybody meets the end |
//! | `wait_due` | a transaction that found no room | growth, or a wait of all of `growth_wait` | the next writer waits for others to leave |
//! | `waited_for` | a wait of all of `growth_wait` | never, it only rises | whoever entered before and is still inside is not waited for |
//!
//! What always holds: the size changes only while nobody is inside; a map that could not be made again lets nobody in.

use crate::LmdbOptions;
use crate::error::storage_error;
use heed::{Env, WithoutTls};
use quadrille_backend::{ErrorKind, StorageError, StorageResult, Wait};
use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// LMDB wants whole pages of the operating system; 64 KiB is a multiple of all page sizes in use.
const STEP_BYTES: usize = 64 << 10;
/// Address space costs nothing, and a caller whose transaction found the map full should not meet it many times.
const GROWTH_BYTES_MIN: usize = 1 << 30;

/// The map of one environment.
#[derive(Debug)]
pub(crate) struct Map {
    state: Mutex<State>,
    left: Condvar,
    bytes_max: usize,
    wait: Duration,
}

#[derive(Debug)]
struct State {
    bytes: usize,
    /// The numbers of open transactions, and of other uses of the map.
    users: BTreeSet<u64>,
    /// The number of the next one.
    next_user: u64,
    /// Users below this number that are still inside have outlasted a wait.
    waited_for: u64,
    /// Whether a transaction found no room.
    full: bool,
    /// Whether one did after the last wait.
    wait_due: bool,
    /// Whether the map is used so far that it should grow when it can.
    nearly_full: bool,
    broken: bool,
}

impl State {
    fn can_grow(&self, bytes_max: usize) -> bool {
        (self.full || self.nearly_full) && self.bytes < bytes_max && !self.broken
    }

    /// Whether somebody is inside who has outlasted a wait.
    fn has_outlasted(&self) -> bool {
        self.users
            .first()
            .is_some_and(|user| *user < self.waited_for)
    }
}

/// The right to use the map, given back when dropped.
#[derive(Debug)]
pub(crate) struct MapUse {
    map: Arc<Map>,
    user: u64,
}

impl Drop for MapUse {
    fn drop(&mut self) {
        self.map.lock().users.remove(&self.user);
        self.map.left.notify_all();
    }
}

/// A size as LMDB takes it.
pub(crate) fn whole_pages(bytes: usize) -> usize {
    bytes
        .checked_next_multiple_of(STEP_BYTES)
        .unwrap_or(usize::MAX - (STEP_BYTES - 1))
}

fn broken() -> StorageError {
    let message = "the data file could not be mapped again; open the store anew";
    StorageError::new(ErrorKind::Io, message)
}

impl Map {
    /// The map of an environment that was just opened.
    pub(crate) fn new(environment: &Env<WithoutTls>, options: &LmdbOptions) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                bytes: environment.info().map_size,
                users: BTreeSet::new(),
                next_user: 0,
                waited_for: 0,
                full: false,
                wait_due: false,
                nearly_full: false,
                broken: false,
            }),
            left: Condvar::new(),
            bytes_max: whole_pages(options.growth_bytes_max()),
            wait: options.growth_wait,
        })
    }

    /// The state is whole after every statement, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state once nobody is inside, or once the time is up or waiting has no use. Only who stays for all of
    /// `growth_wait` has outlasted it.
    fn wait_until_unused<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        if state.has_outlasted() {
            return state;
        }
        if time >= self.wait {
            (state.waited_for, state.wait_due) = (state.next_user, false);
        }
        let waited = self
            .left
            .wait_timeout_while(state, time, |state| !state.users.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the map should grow as soon as nobody is inside.
    pub(crate) fn is_to_grow(&self) -> bool {
        self.lock().can_grow(self.bytes_max)
    }

    /// Enters to read; grows the map first when that is due and nobody is inside.
    pub(crate) fn enter(self: &Arc<Self>, environment: &Env<WithoutTls>) -> StorageResult<MapUse> {
        self.enter_locked(self.lock(), environment)
    }

    /// Enters to write. After a transaction that found the map full, waits some time until all others have left, so
    /// that the map can grow, but no longer than the caller allows; when they stay, what is to be written may still fit,
    /// and once somebody has waited in full, nobody waits again before another transaction finds no room.
    pub(crate) fn enter_to_write(
        self: &Arc<Self>,
        environment: &Env<WithoutTls>,
        wait: Wait,
    ) -> StorageResult<MapUse> {
        let time = match wait {
            Wait::Forever => self.wait,
            Wait::AtMost(time) => time.min(self.wait),
            Wait::No => Duration::ZERO,
        };
        let mut state = self.lock();
        if state.wait_due && state.can_grow(self.bytes_max) {
            state = self.wait_until_unused(state, time);
        }
        if !state.broken {
            let page = environment.unnamed_database_stat().page_size as usize;
            let used = environment.info().last_page_number.saturating_mul(page);
            state.nearly_full = used / 3 > state.bytes / 4;
        }
        self.enter_locked(state, environment)
    }

    fn enter_locked(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        environment: &Env<WithoutTls>,
    ) -> StorageResult<MapUse> {
        if state.users.is_empty() && state.can_grow(self.bytes_max) {
            let bytes = state
                .bytes
                .saturating_mul(2)
                .max(state.bytes.saturating_add(GROWTH_BYTES_MIN));
            resize(
                &mut state,
                environment,
                whole_pages(bytes).min(self.bytes_max),
            )?;
        }
        if state.broken {
            return Err(broken());
        }
        let user = state.next_user;
        state.next_user += 1;
        state.users.insert(user);
        Ok(MapUse {
            map: Arc::clone(self),
            user,
        })
    }

    /// Takes over the size that another process has given the map; to be called by somebody who is not inside.
    ///
    /// # Errors
    /// `Busy` when transactions of this process stay open, `Io`.
    pub(crate) fn adopt(&self, environment: &Env<WithoutTls>) -> StorageResult<()> {
        let mut state = self.wait_until_unused(self.lock(), self.wait);
        if state.broken {
            return Err(broken());
        }
        if !state.users.is_empty() {
            let message = format!(
                "the store has grown beyond the {} bytes that this process maps; its {} open snapshots must go first",
                state.bytes,
                state.users.len()
            );
            return Err(StorageError::new(ErrorKind::Busy, message).during("snapshot"));
        }
        // LMDB takes 0 for the size that the file tells.
        resize(&mut state, environment, 0)
    }

    /// Notes that a transaction found no room, and says so.
    pub(crate) fn found_full(&self) -> StorageError {
        let mut state = self.lock();
        (state.full, state.wait_due) = (true, true);
        let (bytes, bytes_max) = (state.bytes, self.bytes_max);
        let advice = if bytes < bytes_max {
            format!("it grows up to {bytes_max} when the next begins and no snapshot is open")
        } else {
            "open the store with a larger map_bytes or map_bytes_max".to_owned()
        };
        let message = format!(
            "the transaction does not fit into the {bytes} bytes of address space and is rolled back; {advice}"
        );
        StorageError::new(ErrorKind::Full, message)
    }
}

/// Changes the size of the map; the state shows that nobody is inside, and its lock keeps everybody out.
fn resize(state: &mut State, environment: &Env<WithoutTls>, bytes: usize) -> StorageResult<()> {
    #[expect(unsafe_code, reason = "heed marks resizing so")]
    // SAFETY: no transaction of this process may be open. All of them are begun with a `MapUse` in hand, which is held
    // until they have ended; the caller saw that there is none, and holds the lock without which none can be made.
    let resized = unsafe { environment.resize(bytes) };
    if let Err(error) = resized {
        // LMDB has given the old map up.
        state.broken = true;
        return Err(storage_error("resize", error));
    }
    state.bytes = environment.info().map_size;
    (state.full, state.wait_due, state.nearly_full) = (false, false, false);
    Ok(())
}
