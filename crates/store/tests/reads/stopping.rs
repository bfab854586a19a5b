//! Reads that are told to stop.

use crate::model::{Model, Random};
use quadrille_backend::StorageBackend;
use quadrille_store::{
    CancelToken, ColumnBatch, ErrorKind, LookupBatch, LookupPosition, LookupRequest, ReadContext,
    ScanRequest, Snapshot, StorageResult,
};
use std::time::Instant;

#[track_caller]
fn assert_stopped<T>(result: StorageResult<T>) {
    let error = result.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Every kind of read fails as soon as it looks at a block.
pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, random: &mut Random) {
    let token = CancelToken::new();
    token.cancel();
    let stopped = if random.percent(50) {
        ReadContext::new().with_cancel_token(token)
    } else {
        ReadContext::new().with_deadline(Instant::now())
    };
    let permutation = random.permutation();
    let whole = ScanRequest::new([None; 4]).in_order(permutation);
    let mut scan = snapshot.scan_request(&whole, stopped.clone()).unwrap();
    assert_stopped(scan.next_batch(&mut ColumnBatch::new()));
    let mut values = snapshot.values(&whole, true, stopped.clone()).unwrap();
    assert_stopped(values.next_batch(&mut Vec::new(), &mut Vec::new()));
    // After an error there is nothing more.
    assert!(!values.next_batch(&mut Vec::new(), &mut Vec::new()).unwrap());

    let mut positions = [LookupPosition::Open; 4];
    let position = permutation.position_of(0);
    positions[position] = LookupPosition::Probe(0);
    let request = LookupRequest {
        permutation,
        positions,
        range: None,
        columns: [true; 4],
    };
    let probes = &model.ids[position][..];
    let mut lookup = snapshot.lookup(&request, stopped.clone()).unwrap();
    lookup.set_probes(&[probes]).unwrap();
    assert_stopped(lookup.next_batch(&mut LookupBatch::new()));
    assert!(!lookup.next_batch(&mut LookupBatch::new()).unwrap());
    assert_stopped(lookup.contains(&[probes], &mut Vec::new()));
    assert_stopped(lookup.count(&[probes], &mut Vec::new()));

    let mut trie = snapshot.trie(permutation, &[None; 4], stopped).unwrap();
    assert_stopped(trie.seek(&[], 0));
    assert!(trie.run().unwrap().is_empty());
}
