//! Which pages are in use and which are in the free list: each page is one of the two, once.
//!
//! What always holds: memory is two bits for each page that the file has, and an entry for each free page beyond its
//! end. LMDB writes no page that a transaction allocated and freed again, so that free pages at the end may be missing
//! from the file.

use super::format::META_PAGES;
use std::collections::HashSet;

/// A set of page numbers below a bound.
#[derive(Debug, Default)]
struct PageSet(Vec<u64>);

impl PageSet {
    fn below(bound: u64) -> Self {
        let words = usize::try_from(bound.div_ceil(64)).unwrap_or(0);
        Self(vec![0; words])
    }

    fn contains(&self, page: u64) -> bool {
        let word = usize::try_from(page / 64).ok();
        word.and_then(|word| self.0.get(word))
            .is_some_and(|word| word >> (page % 64) & 1 == 1)
    }

    /// Adds a page below the bound; whether it is new.
    fn insert(&mut self, page: u64) -> bool {
        let word = usize::try_from(page / 64).ok();
        let Some(word) = word.and_then(|word| self.0.get_mut(word)) else {
            return false;
        };
        let bit = 1 << (page % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

/// The pages of a file, as far as the walk has come.
#[derive(Debug)]
pub(super) struct Claims {
    last_page: u64,
    /// Whole pages in the file.
    pages_in_file: u64,
    used: PageSet,
    free: PageSet,
    free_beyond: HashSet<u64>,
}

impl Claims {
    pub(super) fn new(last_page: u64, pages_in_file: u64) -> Self {
        Self {
            last_page,
            pages_in_file,
            used: PageSet::below(pages_in_file),
            free: PageSet::below(pages_in_file),
            free_beyond: HashSet::new(),
        }
    }

    /// Claims a page for a tree.
    ///
    /// # Errors
    /// Why it cannot be in use.
    pub(super) fn take(&mut self, page: u64) -> Result<(), String> {
        self.check_range(page)?;
        if self.free.contains(page) || self.free_beyond.contains(&page) {
            return Err(format!("page {page} is in use and in the free list"));
        }
        if page >= self.pages_in_file {
            return Err(format!("page {page} lies beyond the end of the file"));
        }
        if !self.used.insert(page) {
            return Err(format!("page {page} is used twice"));
        }
        Ok(())
    }

    /// Notes a page of the free list.
    ///
    /// # Errors
    /// Why it cannot be free.
    pub(super) fn release(&mut self, page: u64) -> Result<(), String> {
        self.check_range(page)?;
        if self.used.contains(page) {
            return Err(format!("page {page} is in the free list and in use"));
        }
        let new = if page < self.pages_in_file {
            self.free.insert(page)
        } else {
            self.free_beyond.insert(page)
        };
        if !new {
            return Err(format!("page {page} is in the free list twice"));
        }
        Ok(())
    }

    fn check_range(&self, page: u64) -> Result<(), String> {
        if (META_PAGES..=self.last_page).contains(&page) {
            return Ok(());
        }
        let last = self.last_page;
        Err(format!("page {page} is not one of 2 to {last}"))
    }

    /// Whether the free list holds every page that the file is too short for.
    pub(super) fn all_beyond_are_free(&self) -> bool {
        let beyond = (self.last_page + 1).saturating_sub(self.pages_in_file);
        self.free_beyond.len() as u64 == beyond
    }

    pub(super) fn free_pages(&self) -> u64 {
        self.free.len() + self.free_beyond.len() as u64
    }

    /// Pages that are neither in use nor in the free list.
    pub(super) fn lost_pages(&self) -> u64 {
        let known = META_PAGES + self.used.len() + self.free_pages();
        (self.last_page + 1).saturating_sub(known)
    }
}
