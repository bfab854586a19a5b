//! Scans, counts and estimates of requests.

use crate::model::{Model, Random, Row, matches};
use quadrille_backend::StorageBackend;
use quadrille_store::{ColumnBatch, Permutation, ReadContext, ScanRequest, Snapshot, TermId};

pub(crate) fn request(model: &Model, random: &mut Random) -> ScanRequest {
    let mut request = ScanRequest::new(random.pattern(model, 35)).with_columns(random.columns());
    if random.percent(70) {
        let permutation = random.permutation();
        request = request.in_order(permutation);
        let bound = permutation.bound_prefix(request.pattern.map(|id| id.is_some()));
        if bound < 4 && random.percent(60) {
            let (low, high) = random.range(model, permutation.position_of(bound));
            request = request.with_range(low, high);
        }
    }
    request
}

pub(crate) fn expected(model: &Model, request: &ScanRequest, permutation: Permutation) -> Vec<Row> {
    let bound = permutation.bound_prefix(request.pattern.map(|id| id.is_some()));
    model.sorted(permutation, |row| {
        let in_range = request
            .range
            .is_none_or(|(low, high)| (low..=high).contains(&row[permutation.position_of(bound)]));
        in_range && matches(&request.pattern, row)
    })
}

/// The rows of a scan in its order, with zeros in columns that are not wanted.
fn scanned<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    request: &ScanRequest,
) -> (Permutation, Vec<Row>) {
    let mut scan = snapshot.scan_request(request, ReadContext::new()).unwrap();
    let (mut rows, mut batch) = (Vec::new(), ColumnBatch::new());
    while scan.next_batch(&mut batch).unwrap() {
        assert!(!batch.is_empty());
        for (position, wanted) in request.columns.into_iter().enumerate() {
            let length = if wanted { batch.len() } else { 0 };
            assert_eq!(batch.column(position).len(), length);
        }
        rows.extend((0..batch.len()).map(|row| batch.quad(row).map(TermId::raw)));
    }
    assert!(batch.is_empty());
    let permutation = scan.permutation();
    rows.iter_mut()
        .for_each(|row| *row = permutation.permute(*row));
    (permutation, rows)
}

fn masked(permutation: Permutation, columns: [bool; 4], rows: Vec<Row>) -> Vec<Row> {
    let wanted = permutation.permute(columns);
    let mask =
        |row: Row| std::array::from_fn(|column| if wanted[column] { row[column] } else { 0 });
    rows.into_iter().map(mask).collect()
}

pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, random: &mut Random) {
    for _ in 0..40 {
        let request = request(model, random);
        let (permutation, rows) = scanned(snapshot, &request);
        assert!(request.permutation.is_none_or(|named| named == permutation));
        let expected = expected(model, &request, permutation);
        let count = snapshot.count_request(&request, &ReadContext::new());
        assert_eq!(count.unwrap(), expected.len() as u64, "{request:?}");
        assert!(snapshot.estimate_request(&request).unwrap() < 1 << 20);
        let expected = masked(permutation, request.columns, expected);
        assert_eq!(rows, expected, "{request:?}");
    }
}

pub(crate) fn check_split<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    model: &Model,
    random: &mut Random,
) {
    for _ in 0..20 {
        let request = request(model, random).with_columns([true; 4]);
        let number = random.pick(&[0, 1, 2, 3, 7, 1000]);
        let parts = snapshot.split(&request, number).unwrap();
        assert!((1..=number.max(1)).contains(&parts.len()));
        let (mut rows, mut count) = (Vec::new(), 0);
        for part in &parts {
            let (permutation, part_rows) = scanned(snapshot, part);
            assert_eq!(part.permutation, Some(permutation));
            let matches = |row: &Row| {
                part.matches(
                    permutation,
                    &permutation.restore(*row).map(TermId::from_raw),
                )
            };
            assert!(part_rows.iter().all(matches));
            rows.extend(part_rows);
            count += snapshot.count_request(part, &ReadContext::new()).unwrap();
            // A part can be cut again.
            assert!(!snapshot.split(part, 2).unwrap().is_empty());
        }
        let permutation = parts[0].permutation.unwrap();
        let expected = expected(model, &request, permutation);
        assert_eq!(count, expected.len() as u64);
        assert_eq!(rows, expected, "{request:?}");
    }
}
