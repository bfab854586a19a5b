//! About how long things take, in nanoseconds. Ratios matter, not their sizes.

pub(super) const SCAN_START: f64 = 600.0;
pub(super) const SCANNED: f64 = 6.0;
/// A plan that is made into operators.
pub(super) const STARTED: f64 = 2_000.0;
/// A row that a scan passes because of a position that its order does not begin with, and one that it goes on with.
pub(super) const PASSED: f64 = 15.0;
pub(super) const SKIPPED_TO: f64 = 60.0;
pub(super) const BUILT: f64 = 30.0;
pub(super) const PROBED: f64 = 15.0;
/// A row that is put in order with all others.
pub(super) const ORDERED: f64 = 120.0;
/// A look-up in a path, or in what no index is known of.
pub(super) const LOOKED_UP: f64 = 300.0;
/// To put a row's probe in order with the others, and to give it what was found.
pub(super) const SORTED: f64 = 60.0;
/// A probe that is looked up in a block in hand.
pub(super) const FOUND: f64 = 120.0;
/// A block that is sought and opened.
pub(super) const OPENED: f64 = 2_500.0;
pub(super) const MERGED: f64 = 4.0;
pub(super) const TRIE_KEPT: f64 = 15.0;
pub(super) const TRIE_ENTERED: f64 = 8.0;
pub(super) const TRIE_SOUGHT: f64 = 4.0;
/// What becomes of the price of a multiway join, since it holds whatever the data: joins of two within a cycle make many
/// more rows than is thought where few values are in many of them.
pub(super) const MULTIWAY: f64 = 0.5;
pub(super) const GIVEN: f64 = 6.0;
pub(super) const FILTERED: f64 = 20.0;
/// A function in a condition: most read the text of a term.
pub(super) const CALLED: f64 = 600.0;
