//! A source that can only scan gives what a snapshot gives: every request, look-up and trie made of scans is compared with
//! the store's own.

use crate::common::store;
use oxrdf::{Term, TermRef};
use quadrille_backend::InMemoryBackend;
use quadrille_sparql::QuadSource;
use quadrille_store::{
    ColumnBatch, IdPattern, IdScan, LookupBatch, LookupPosition, LookupRequest, Permutation,
    ReadContext, ScanRequest, Snapshot, StorageResult, TermId,
};

/// Only what a source must have.
#[derive(Clone)]
struct Plain(Snapshot<InMemoryBackend>);

impl QuadSource for Plain {
    type Scan = IdScan<InMemoryBackend>;

    fn scan(&self, pattern: IdPattern, context: &ReadContext) -> StorageResult<Self::Scan> {
        QuadSource::scan(&self.0, pattern, context)
    }

    fn count(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::count(&self.0, pattern)
    }

    fn estimate(&self, pattern: IdPattern) -> StorageResult<u64> {
        QuadSource::estimate(&self.0, pattern)
    }

    fn encode(&self, term: TermRef<'_>) -> StorageResult<Option<TermId>> {
        QuadSource::encode(&self.0, term)
    }

    fn decode(&self, id: TermId) -> StorageResult<Term> {
        QuadSource::decode(&self.0, id)
    }

    fn graphs(
        &self,
    ) -> StorageResult<impl Iterator<Item = StorageResult<(TermId, u64)>> + 'static> {
        QuadSource::graphs(&self.0)
    }
}

/// A snapshot of 700 quads in two graphs, and the same as a plain source.
fn sources() -> (Snapshot<InMemoryBackend>, Plain) {
    let triple = |n: usize| format!(":s{} :p{} {} .", n % 50, n % 3, n % 90);
    let inside: String = (0..400).map(triple).collect();
    let outside: String = (300..700).map(triple).collect();
    let store = store(&format!("{outside} GRAPH :g {{ {inside} }}"));
    let snapshot = store.snapshot().unwrap();
    (snapshot.clone(), Plain(snapshot))
}

/// Patterns that bind every choice of positions to the ids of some quad.
fn patterns(snapshot: &Snapshot<InMemoryBackend>) -> Vec<IdPattern> {
    let mut scan = Snapshot::scan(snapshot, [None; 4], ReadContext::new()).unwrap();
    let quad = scan.nth(123).unwrap().unwrap();
    (0..16_usize)
        .map(|choice| {
            std::array::from_fn(|position| (choice >> position & 1 == 1).then_some(quad[position]))
        })
        .collect()
}

fn scanned(source: &impl QuadSource, request: &ScanRequest) -> Vec<[u64; 4]> {
    let mut scan = source.scan_request(request, &ReadContext::new()).unwrap();
    let (mut rows, mut batch) = (Vec::new(), ColumnBatch::new());
    while scan.next_batch(&mut batch).unwrap() {
        rows.extend((0..batch.len()).map(|row| batch.quad(row).map(TermId::raw)));
    }
    rows
}

/// The distinct values that a request leaves open, with their counts, and their number.
fn valued(source: &impl QuadSource, request: &ScanRequest) -> (Vec<u64>, Vec<u64>, u64) {
    let context = ReadContext::new();
    let mut rows = source.values(request, true, &context).unwrap();
    let (mut values, mut counts, mut all) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
    while rows.next_batch(&mut values, &mut counts).unwrap() {
        all.0.append(&mut values);
        all.1.append(&mut counts);
    }
    let number = source.count_values(request, &context).unwrap();
    assert_eq!(number, all.0.len() as u64);
    (all.0, all.1, number)
}

#[test]
fn requests_are_answered_alike() {
    let (snapshot, plain) = sources();
    for pattern in patterns(&snapshot) {
        for permutation in Permutation::ALL {
            let mut request = ScanRequest::new(pattern).in_order(permutation);
            let whole = scanned(&snapshot, &request);
            assert_eq!(scanned(&plain, &request), whole);
            let bound = permutation.bound_prefix(pattern.map(|id| id.is_some()));
            if bound == 4 {
                continue;
            }
            let value = |row: &[u64; 4]| row[permutation.position_of(bound)];
            let middle = value(&whole[whole.len() / 2]);
            request = request.with_range(middle, value(&whole[whole.len() - 1]));
            let ranged = scanned(&snapshot, &request);
            assert!(!ranged.is_empty() && ranged.len() <= whole.len());
            assert_eq!(scanned(&plain, &request), ranged);
            let counts = [
                QuadSource::count_request(&snapshot, &request, &ReadContext::new()).unwrap(),
                plain.count_request(&request, &ReadContext::new()).unwrap(),
            ];
            assert_eq!(counts, [ranged.len() as u64; 2]);
            assert_eq!(valued(&snapshot, &request), valued(&plain, &request));
        }
    }
}

/// All that look-ups give: the rows with their probes, which probes have any, how many.
type LookedUp = (Vec<(u32, [Vec<u64>; 4])>, Vec<bool>, Vec<u64>);

fn looked_up(source: &impl QuadSource, request: &LookupRequest, probes: &[u64]) -> LookedUp {
    let mut lookup = source.lookup(request, &ReadContext::new()).unwrap();
    lookup.set_probes(&[probes]).unwrap();
    let (mut rows, mut batch) = (Vec::new(), LookupBatch::new());
    while lookup.next_batch(&mut batch).unwrap() {
        rows.extend((0..batch.len()).map(|row| {
            let id = |position| batch.column(position).get(row).copied();
            let ids = std::array::from_fn(|position| id(position).into_iter().collect());
            (batch.probes()[row], ids)
        }));
    }
    let (mut found, mut counts) = (Vec::new(), Vec::new());
    lookup.contains(&[probes], &mut found).unwrap();
    lookup.count(&[probes], &mut counts).unwrap();
    (rows, found, counts)
}

#[test]
fn look_ups_find_alike() {
    let (snapshot, plain) = sources();
    for pattern in patterns(&snapshot) {
        for position in 0..4 {
            let all = scanned(&snapshot, &ScanRequest::new([None; 4]));
            let probes: Vec<u64> = all.iter().step_by(61).map(|row| row[position]).collect();
            let mut positions =
                pattern.map(|id| id.map_or(LookupPosition::Open, LookupPosition::Constant));
            positions[position] = LookupPosition::Probe(0);
            for permutation in Permutation::ALL {
                let request = LookupRequest {
                    permutation,
                    positions,
                    range: None,
                    columns: [true, false, true, position == 3],
                };
                let expected = looked_up(&snapshot, &request, &probes);
                assert_eq!(looked_up(&plain, &request, &probes), expected);
            }
        }
    }
}

#[test]
fn tries_lead_to_the_same_rows() {
    let (snapshot, plain) = sources();
    for pattern in patterns(&snapshot) {
        for permutation in Permutation::ALL {
            let rows = |source: &dyn Fn() -> Box<dyn quadrille_sparql::QuadTrie>| {
                let mut trie = source();
                let mut rows = Vec::new();
                walk(trie.as_mut(), &mut Vec::new(), &mut rows);
                rows
            };
            let context = ReadContext::new();
            let stored =
                rows(&|| QuadSource::trie(&snapshot, permutation, &pattern, &context).unwrap());
            let plain = rows(&|| plain.trie(permutation, &pattern, &context).unwrap());
            assert_eq!(stored, plain);
            let open = pattern.iter().any(Option::is_none);
            let count = QuadSource::count(&snapshot, pattern).unwrap();
            assert_eq!(stored.len() as u64, if open { count } else { 0 });
        }
    }
}

/// The values of all levels, row by row.
fn walk(
    trie: &mut dyn quadrille_sparql::QuadTrie,
    prefix: &mut Vec<u64>,
    rows: &mut Vec<Vec<u64>>,
) {
    let mut from = Some(0);
    while let Some(value) = from.filter(|_| prefix.len() < trie.levels()) {
        let Some(found) = trie.seek(prefix, value).unwrap() else {
            break;
        };
        assert_eq!(trie.run().unwrap().first(), Some(&found));
        prefix.push(found);
        if prefix.len() == trie.levels() {
            rows.push(prefix.clone());
        } else {
            walk(trie, prefix, rows);
        }
        prefix.pop();
        from = found.checked_add(1);
    }
}
