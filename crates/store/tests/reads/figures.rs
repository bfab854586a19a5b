//! Figures for planning, and many terms at once.

use crate::model::{Model, Random};
use quadrille_backend::StorageBackend;
use quadrille_store::{QuadFigures, Snapshot, TermId};
use std::collections::BTreeSet;

/// What the figures of the quads with an id at a position would be if all were counted.
fn counted(model: &Model, position: usize, id: Option<u64>) -> QuadFigures {
    let chosen = |row: &&[u64; 4]| id.is_none_or(|id| row[position] == id);
    let distinct = |position: usize| -> u64 {
        let values = model.rows.iter().filter(chosen).map(|row| row[position]);
        values.collect::<BTreeSet<u64>>().len() as u64
    };
    QuadFigures {
        quads: model.rows.iter().filter(chosen).count() as u64,
        subjects: distinct(0),
        objects: distinct(2),
    }
}

/// Quads are exact; the rest is when there are few, and of the right size when there are many.
fn compare(figures: QuadFigures, counted: QuadFigures, may_be_counted: bool) {
    assert_eq!(figures.quads, counted.quads);
    let pairs = [
        (figures.subjects, counted.subjects),
        (figures.objects, counted.objects),
    ];
    for (estimate, exact) in pairs {
        if may_be_counted && figures.quads < 200 {
            assert_eq!(estimate, exact);
        }
        assert!(estimate <= figures.quads && (estimate > 0) == (exact > 0));
        let (most, least) = (estimate.max(exact), estimate.min(exact));
        assert!(most <= 8 * least.max(16), "{figures:?} {counted:?}");
    }
}

pub(crate) fn check<B: StorageBackend>(snapshot: &Snapshot<B>, model: &Model, _: &mut Random) {
    compare(snapshot.figures().unwrap(), counted(model, 0, None), true);
    for id in &model.ids[1] {
        let figures = snapshot.predicate_figures(TermId::from_raw(*id)).unwrap();
        // A predicate with a statistics row may have lost quads since.
        compare(figures, counted(model, 1, Some(*id)), false);
        let again = snapshot.predicate_figures(TermId::from_raw(*id)).unwrap();
        assert_eq!(again, figures);
    }
    for id in &model.ids[3] {
        let figures = snapshot.graph_figures(TermId::from_raw(*id)).unwrap();
        compare(figures, counted(model, 3, Some(*id)), false);
    }
}

pub(crate) fn check_decoding<B: StorageBackend>(
    snapshot: &Snapshot<B>,
    model: &Model,
    random: &mut Random,
) {
    let rows: Vec<&[u64; 4]> = model.rows.iter().collect();
    let mut terms = Vec::new();
    for number in [0, 1, 10, 2000] {
        let ids: Vec<TermId> = (0..number * usize::from(!rows.is_empty()))
            .map(|_| TermId::from_raw(random.pick(&rows)[random.below(3)]))
            .collect();
        snapshot.decode_all(&ids, &mut terms).unwrap();
        let each: Vec<_> = ids.iter().map(|id| snapshot.decode(*id).unwrap()).collect();
        assert_eq!(terms, each);
        let with_a_graph = [ids, vec![TermId::DEFAULT_GRAPH]].concat();
        assert!(snapshot.decode_all(&with_a_graph, &mut terms).is_err());
        assert!(terms.is_empty());
    }
}
