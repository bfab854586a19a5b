//! Moves the changes of the commit log into the blocks, a bounded piece at each commit.
//!
//! A pass begins when the delta, or the log, has grown past its cap: the new terms go into chunks at once, then every index takes up
//! its changes in key order, so many at each commit. When all are through, the log records from before the pass are no
//! longer needed, and each commit deletes some of them. A pass that is interrupted begins again; replay sorts out what it had done.

use crate::delta::{ChangeSet, Delta};
use crate::dictionary::writer::fold_terms;
use crate::index::fold::{Change, fold};
use crate::index::successor;
use crate::index::writer::BlockSize;
use crate::keyspaces::{IndexPlaces, Places};
use crate::permutation::Permutation;
use crate::root::Root;
use crate::store::trim_log;
use crate::term::TermHasher;
use quadrille_backend::{StorageResult, Transaction};

/// Terms of more bytes than this do not wait for the quads to reach their cap.
pub(crate) const TERM_BYTES_MAX: usize = 16 << 20;

/// A log of more than this many times as many changes as the delta may hold is due for a pass, even if they cancelled
/// each other: it takes space, and opening the store reads all of it.
const LOGGED_PER_DELTA: usize = 2;

/// How many changes a commit folds for each one that it makes itself; above 1, so that a pass catches up.
const FOLDED_PER_CHANGE: usize = 4;

/// The fewest changes that a commit folds into each index during a pass.
const PIECE_MIN: usize = 64;

/// How many log records that are no longer needed a commit deletes.
const TRIMMED_PER_COMMIT: u64 = 128;

/// Where the pass stands, if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folding {
    pass: Option<Pass>,
    /// Log records of commits up to this one are no longer needed.
    trim_to: u64,
}

#[derive(Clone, Debug)]
struct Pass {
    /// Changes of commits up to this one are in the blocks when the pass is over.
    epoch: u64,
    /// The changes in the log up to that commit.
    logged: usize,
    /// The first row of each permutation that is not folded yet; `None` when all are.
    permutations: [Option<[u64; 4]>; 4],
    hashes: Option<[u64; 2]>,
}

/// What a fold works on.
pub(crate) struct FoldTarget<'a, T> {
    pub(crate) transaction: &'a mut T,
    pub(crate) places: &'a Places,
    pub(crate) hasher: &'a TermHasher,
    /// Log records of commits after this one are needed, whatever is folded.
    pub(crate) log_needed_from: u64,
}

impl Folding {
    /// Folds the next piece if a pass is under way or due. `changes` is how many quads this commit changes.
    pub(crate) fn step<T: Transaction>(
        &mut self,
        target: &mut FoldTarget<'_, T>,
        delta: &mut Delta,
        root: &mut Root,
        changes: usize,
        delta_quads_max: usize,
    ) -> StorageResult<()> {
        self.trim(target, root)?;
        delta.note_logged(changes);
        let due = delta.len() >= delta_quads_max
            || delta.logged() >= delta_quads_max.saturating_mul(LOGGED_PER_DELTA)
            || delta.term_bytes() >= TERM_BYTES_MAX;
        if self.pass.is_none() && !due {
            return Ok(());
        }
        let pass = match self.pass.take() {
            Some(pass) => pass,
            None => Self::begin(target, delta, root)?,
        };
        let budget = (changes * FOLDED_PER_CHANGE).max(PIECE_MIN);
        self.fold(pass, target, delta, root, budget)
    }

    /// Folds all there is, after a commit of so many changes. A pass under way begins again for it.
    pub(crate) fn fold_all<T: Transaction>(
        &mut self,
        target: &mut FoldTarget<'_, T>,
        delta: &mut Delta,
        root: &mut Root,
        changes: usize,
    ) -> StorageResult<()> {
        self.trim(target, root)?;
        delta.note_logged(changes);
        let pass = Self::begin(target, delta, root)?;
        self.fold(pass, target, delta, root, usize::MAX)
    }

    fn fold<T: Transaction>(
        &mut self,
        mut pass: Pass,
        target: &mut FoldTarget<'_, T>,
        delta: &mut Delta,
        root: &mut Root,
        budget: usize,
    ) -> StorageResult<()> {
        self.pass = None;
        root.folds += 1;
        let size = BlockSize {
            bytes_max: root.block_bytes as usize,
        };
        for permutation in Permutation::ALL {
            let position = &mut pass.permutations[permutation.rotation()];
            let places = target.places.permutation(permutation);
            let changes = delta.permutation_mut(permutation);
            fold_piece(target.transaction, places, size, changes, position, budget)?;
        }
        let hashes = &mut delta.hashes;
        fold_piece(
            target.transaction,
            &target.places.hashes,
            size,
            hashes,
            &mut pass.hashes,
            budget,
        )?;
        if pass.permutations == [None; 4] && pass.hashes.is_none() {
            self.trim_to = pass.epoch;
            delta.forget_logged(pass.logged);
        } else {
            self.pass = Some(pass);
        }
        Ok(())
    }

    fn trim<T: Transaction>(
        &self,
        target: &mut FoldTarget<'_, T>,
        root: &mut Root,
    ) -> StorageResult<()> {
        let to = self.trim_to.min(target.log_needed_from);
        let to = to.min(root.log_start + TRIMMED_PER_COMMIT);
        if to > root.log_start {
            trim_log(target.transaction, target.places, root.log_start, to)?;
            root.log_start = to;
        }
        Ok(())
    }

    fn begin<T: Transaction>(
        target: &mut FoldTarget<'_, T>,
        delta: &mut Delta,
        root: &mut Root,
    ) -> StorageResult<Pass> {
        fold_terms(
            target.transaction,
            target.places,
            target.hasher,
            root.chunk_bytes,
            delta.terms().iter(),
        )?;
        delta.forget_terms();
        root.folded_ids.clone_from(&root.next_ids);
        Ok(Pass {
            epoch: root.epoch,
            logged: delta.logged(),
            permutations: [Some([0; 4]); 4],
            hashes: Some([0; 2]),
        })
    }
}

fn fold_piece<T: Transaction, const N: usize>(
    transaction: &mut T,
    places: &IndexPlaces,
    size: BlockSize,
    delta: &mut ChangeSet<N>,
    position: &mut Option<[u64; N]>,
    budget: usize,
) -> StorageResult<()> {
    let Some(start) = *position else {
        return Ok(());
    };
    let piece: Vec<Change<N>> = delta.range(start, None).take(budget).collect();
    fold(transaction, places, size, &piece)?;
    *position = match piece.last() {
        Some((last, _)) if piece.len() == budget => successor(*last),
        _ => None,
    };
    delta.forget(piece.into_iter().map(|(row, _)| row));
    Ok(())
}
