//! Look-ups of probes: rows, existence, counts.

use crate::model::{Model, Random, Row};
use quadrille_backend::StorageBackend;
use quadrille_store::{LookupBatch, LookupPosition, LookupRequest, ReadContext, Snapshot, TermId};

const PROBE_COLUMNS: usize = 3;

fn request(model: &Model, random: &mut Random) -> LookupRequest {
    let permutation = random.permutation();
    let like = random.pattern(model, 100);
    let bound = random.below(4) + 1;
    let positions = std::array::from_fn(|position| {
        let leads = permutation.column_of(position) < bound;
        match random.below(100) {
            // The prefix is bound, what is behind it seldom.
            chance if leads && chance < 55 || chance < 10 => {
                LookupPosition::Probe(random.below(PROBE_COLUMNS))
            }
            chance if leads || chance < 20 => {
                like[position].map_or(LookupPosition::Open, LookupPosition::Constant)
            }
            _ => LookupPosition::Open,
        }
    });
    let prefix = permutation.bound_prefix(positions.map(|part| part != LookupPosition::Open));
    let ranged = prefix < 4 && random.percent(25);
    LookupRequest {
        permutation,
        positions,
        range: ranged.then(|| random.range(model, permutation.position_of(prefix))),
        columns: random.columns(),
    }
}

/// Probes by column, most of them for a row: ascending, or in any order.
fn probes(model: &Model, request: &LookupRequest, random: &mut Random) -> Vec<Vec<u64>> {
    let rows: Vec<&Row> = model.rows.iter().collect();
    let number = random.pick(&[0, 1, 3, 40, 300]);
    let mut probes: Vec<[u64; PROBE_COLUMNS]> = (0..number)
        .map(|_| {
            let mut probe = [0; PROBE_COLUMNS];
            for (position, part) in request.positions.iter().enumerate() {
                if let LookupPosition::Probe(column) = part {
                    probe[*column] = if !rows.is_empty() && random.percent(70) {
                        random.pick(&rows)[position]
                    } else {
                        random.pick(&model.ids[position])
                    };
                }
            }
            probe
        })
        .collect();
    if random.percent(70) {
        probes.sort_unstable();
    }
    (0..PROBE_COLUMNS)
        .map(|column| probes.iter().map(|probe| probe[column]).collect())
        .collect()
}

/// For each probe, its rows in the order of the permutation.
fn expected(model: &Model, request: &LookupRequest, probes: &[Vec<u64>]) -> Vec<Vec<Row>> {
    let permutation = request.permutation;
    let bound = request.positions.map(|part| part != LookupPosition::Open);
    let prefix = permutation.bound_prefix(bound);
    let rows_of = |probe: usize| {
        model.sorted(permutation, |row| {
            let in_range = request.range.is_none_or(|(low, high)| {
                (low..=high).contains(&row[permutation.position_of(prefix)])
            });
            let mut pairs = request.positions.iter().zip(row);
            in_range
                && pairs.all(|(part, value)| match part {
                    LookupPosition::Open => true,
                    LookupPosition::Constant(id) => id.raw() == *value,
                    LookupPosition::Probe(column) => probes[*column][probe] == *value,
                })
        })
    };
    (0..probes[0].len()).map(rows_of).collect()
}

pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, random: &mut Random) {
    for _ in 0..12 {
        let request = request(model, random);
        let mut lookup = snapshot.lookup(&request, ReadContext::new()).unwrap();
        for _ in 0..3 {
            let probes = probes(model, &request, random);
            let columns: Vec<&[u64]> = probes.iter().map(Vec::as_slice).collect();
            let expected = expected(model, &request, &probes);

            lookup.set_probes(&columns).unwrap();
            let (mut batch, mut found) = (LookupBatch::new(), Vec::new());
            while lookup.next_batch(&mut batch).unwrap() {
                assert!((1..=1024).contains(&batch.len()));
                found.extend((0..batch.len()).map(|row| {
                    let id = |position: usize| batch.column(position).get(row).copied();
                    (batch.probes()[row] as usize, [id(0), id(1), id(2), id(3)])
                }));
            }
            let mask = |row: &Row| -> [Option<u64>; 4] {
                let row = request.permutation.restore(*row);
                std::array::from_fn(|position| request.columns[position].then_some(row[position]))
            };
            let numbered: Vec<_> = expected
                .iter()
                .enumerate()
                .flat_map(|(probe, rows)| rows.iter().map(move |row| (probe, mask(row))))
                .collect();
            assert_eq!(found, numbered, "{request:?}");

            let (mut any, mut counts) = (vec![true], vec![9]);
            lookup.contains(&columns, &mut any).unwrap();
            lookup.count(&columns, &mut counts).unwrap();
            let lengths: Vec<u64> = expected.iter().map(|rows| rows.len() as u64).collect();
            assert_eq!(counts, lengths, "{request:?}");
            let has_rows: Vec<bool> = lengths.iter().map(|length| *length > 0).collect();
            assert_eq!(any, has_rows, "{request:?}");
        }
    }
}

/// A probe without columns, and probes that do not fit.
pub(crate) fn check_probes<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    model: &Model,
    random: &mut Random,
) {
    let pattern = random.pattern(model, 40);
    let request = LookupRequest {
        permutation: random.permutation(),
        positions: pattern.map(|id| id.map_or(LookupPosition::Open, LookupPosition::Constant)),
        range: None,
        columns: [true; 4],
    };
    let mut lookup = snapshot.lookup(&request, ReadContext::new()).unwrap();
    let mut counts = Vec::new();
    lookup.count(&[], &mut counts).unwrap();
    assert_eq!(counts, [snapshot.count_ids(pattern).unwrap()]);

    let positions = [LookupPosition::Probe(1); 4];
    let request = LookupRequest {
        positions,
        ..request
    };
    let mut lookup = snapshot.lookup(&request, ReadContext::new()).unwrap();
    let one = [TermId::DEFAULT_GRAPH.raw()];
    assert!(lookup.set_probes(&[&one]).is_err());
    assert!(lookup.set_probes(&[&one, &[]]).is_err());
    lookup.set_probes(&[&one, &one]).unwrap();
    let ranged = LookupRequest {
        range: Some((0, 1)),
        ..request
    };
    assert!(snapshot.lookup(&ranged, ReadContext::new()).is_err());
}
