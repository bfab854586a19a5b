//! Checks the log and the statistics.

use super::Findings;
use crate::bytes::row_of;
use crate::log::{LogRecord, log_key};
use crate::snapshot::Snapshot;
use crate::statistics_rows::{StatisticsBuilder, StatisticsRow, Subject};
use quadrille_backend::{StorageBackend, StorageCursor, StorageResult};
use std::collections::BTreeMap;

/// There must be one sound record for each commit since the start of the log, and no other.
pub(super) fn verify_log<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    findings: &mut Findings,
) -> StorageResult<()> {
    let inner = &*snapshot.inner;
    let place = &inner.places.log;
    let mut cursor = inner.view.cursor(place)?;
    let mut expected = inner.root.log_start + 1;
    let mut found = cursor.seek(&[])?;
    while let Some((key, value)) = cursor.entry().filter(|_| found) {
        match row_of::<1>(key) {
            Some([epoch]) if (expected..=inner.root.epoch).contains(&epoch) => {
                for missing in expected..epoch {
                    findings.add(place, Some(&log_key(missing)), "a log record is missing");
                }
                let record = LogRecord::decode(epoch, value).map_err(|error| error.at_key(key));
                findings.check(place, record)?;
                expected = epoch + 1;
            }
            _ => findings.add(place, Some(key), "no commit has this log record"),
        }
        found = cursor.next()?;
    }
    for missing in expected..=inner.root.epoch {
        findings.add(place, Some(&log_key(missing)), "a log record is missing");
    }
    Ok(())
}

/// The rows must be as many as the root record says; as long as no block has changed since they were taken, they must
/// be those that the blocks give.
pub(super) fn verify_statistics<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    recounted: StatisticsBuilder,
    findings: &mut Findings,
) -> StorageResult<()> {
    let inner = &*snapshot.inner;
    let place = &inner.places.statistics;
    let mut stored = BTreeMap::new();
    let mut cursor = inner.view.cursor(place)?;
    let mut found = cursor.seek(&[])?;
    while let Some((key, value)) = cursor.entry().filter(|_| found) {
        let row = StatisticsRow::decode(key, value).map_err(|error| error.at_key(key));
        let row = findings.check(place, row)?;
        if Subject::of_key(key).is_none() {
            findings.add(
                place,
                Some(key),
                "the key names neither a predicate nor a graph",
            );
        }
        stored.insert(key.to_vec(), row);
        found = cursor.next()?;
    }
    if stored.len() as u64 != inner.root.statistics_rows {
        let message = format!(
            "{} rows are there; the root record counts {}",
            stored.len(),
            inner.root.statistics_rows
        );
        findings.add(place, None, message);
    }
    if inner.root.folds == 0 {
        compare_rows(stored, recounted, |key, message| {
            findings.add(place, Some(key), message);
        });
    }
    Ok(())
}

fn compare_rows(
    mut stored: BTreeMap<Vec<u8>, Option<StatisticsRow>>,
    recounted: StatisticsBuilder,
    mut problem: impl FnMut(&[u8], String),
) {
    for (key, row) in recounted.into_rows() {
        match stored.remove(key.as_slice()) {
            None => problem(&key, "a row is missing".into()),
            Some(Some(other)) if other != row => {
                problem(
                    &key,
                    format!("the row says {other:?}; the blocks hold {row:?}"),
                );
            }
            Some(_) => {}
        }
    }
    for key in stored.keys() {
        problem(key, "the row is of nothing that is in the blocks".into());
    }
}
