//! Loads that fail half way, and loads at inconvenient places: nothing is lost without a word.

use oxrdf::{GraphName, LiteralRef, NamedNode, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_store::{
    BatchTerm, BlankNodes, ErrorKind, QuadBatch, QuadPattern, QuadStore, StoreOptions,
};

fn quad(number: usize) -> Quad {
    let node = |name: String| NamedNode::new_unchecked(format!("http://example.org/{name}"));
    let subject = node(format!("s{number}"));
    Quad::new(
        subject,
        node("p".into()),
        node("o".into()),
        GraphName::DefaultGraph,
    )
}

fn store(options: StoreOptions) -> QuadStore<InMemoryBackend> {
    QuadStore::open_with(InMemoryBackend::new(), options).expect("memory opens")
}

#[test]
fn a_load_that_has_lost_quads_cannot_be_committed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let temporary_folder = folder.path().join("spill");
    std::fs::create_dir(&temporary_folder).expect("a folder");
    let store = store(StoreOptions {
        memory_bytes: 0,
        temporary_folder: Some(temporary_folder.clone()),
        ..StoreOptions::default()
    });
    let mut load = store.bulk_load().expect("nobody else writes");
    std::fs::remove_dir_all(&temporary_folder).expect("the folder goes");
    let failure = (0..50_000).find_map(|number| load.push(quad(number).as_ref()).err());
    assert!(failure.is_some(), "no temporary file was wanted");
    std::fs::create_dir(&temporary_folder).expect("a folder");
    // What is pushed now is kept for a batch, which is refused.
    let _ = load.push(quad(50_000).as_ref());
    let error = load.finish().expect_err("quads are missing");
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(store.is_empty().expect("a store can be read"));
}

#[test]
fn a_load_ends_on_a_thread_of_the_pool_too() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a pool");
    let store = store(StoreOptions::default());
    let report = pool.install(|| {
        let mut load = store.bulk_load().expect("nobody else writes");
        for number in 0..300_000 {
            load.push(quad(number).as_ref()).expect("a quad is taken");
        }
        load.finish().expect("the load ends")
    });
    assert_eq!(report.quads_new, 300_000);
}

#[test]
fn a_term_of_another_batch_is_refused() {
    let store = store(StoreOptions::default());
    let mut batch = store.quad_batch().expect("a batch");
    let node = NamedNode::new_unchecked("http://example.org/a");
    let term = batch.term(node.as_ref().into()).expect("a term");
    batch.clear();
    batch
        .quad([term, term, term, term])
        .expect("a batch does not remember");
    let mut load = store.bulk_load().expect("nobody else writes");
    let error = load.add(&batch).expect_err("the batch was cleared");
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    drop(load);
    batch.clear();
    batch
        .push(quad(1).as_ref(), BlankNodes::AsWritten)
        .expect("a quad");
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("a batch is taken");
    assert_eq!(load.finish().expect("the load ends").quads_new, 1);
}

#[test]
fn a_term_stands_only_where_it_can() {
    let store = store(StoreOptions::default());
    let mut batch = store.quad_batch().expect("a batch");
    let iri = NamedNode::new_unchecked("http://example.org/a");
    let iri = batch.term(iri.as_ref().into()).expect("a term");
    let mut literal = |text| {
        let literal = LiteralRef::new_simple_literal(text);
        batch.term(literal.into()).expect("a term")
    };
    let (long, inlined) = (literal("longer than an id"), literal("short"));
    let blank = |batch: &mut QuadBatch, scope| batch.blank_node("b", scope).expect("a term");
    let labelled = blank(&mut batch, BlankNodes::AsWritten);
    let named = blank(&mut batch, BlankNodes::OfSource(0));
    let numbered = batch.blank_node("qb00000000000001", BlankNodes::AsWritten);
    let none = BatchTerm::DEFAULT_GRAPH;
    for (term, positions) in [
        (iri, [true; 4]),
        (labelled, [true, false, true, true]),
        (named, [true, false, true, true]),
        (numbered.expect("a term"), [true, false, true, true]),
        (long, [false, false, true, false]),
        (inlined, [false, false, true, false]),
        (none, [false, false, false, true]),
    ] {
        for (position, can) in positions.into_iter().enumerate() {
            let mut terms = [iri; 4];
            terms[position] = term;
            let before = batch.len();
            match batch.quad(terms) {
                Ok(()) => assert!(can, "{term:?} at {position}"),
                Err(error) => {
                    assert!(!can, "{term:?} at {position}: {error}");
                    assert_eq!((error.kind(), batch.len()), (ErrorKind::Misuse, before));
                }
            }
        }
    }
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("a batch is taken");
    load.finish().expect("the load ends");
    assert!(store.verify().expect("it can be read").is_sound());
}

#[test]
fn what_came_after_a_mark_leaves_nothing() {
    let store = store(StoreOptions::default());
    let mut batch = store.quad_batch().expect("a batch");
    let push = |batch: &mut QuadBatch, number| {
        let pushed = batch.push(quad(number).as_ref(), BlankNodes::AsWritten);
        pushed.expect("a quad");
    };
    push(&mut batch, 1);
    let mark = batch.mark();
    let number = batch.blank_node("qb000000ffffffff", BlankNodes::AsWritten);
    number.expect("a term");
    push(&mut batch, 2);
    batch.go_back_to(&mark);
    push(&mut batch, 3);
    push(&mut batch, 1);
    let mut load = store.bulk_load().expect("nobody else writes");
    load.add(&batch).expect("a batch is taken");
    let report = load.finish().expect("the load ends");
    // Two subjects, a predicate and an object.
    assert_eq!((report.quads_new, report.terms_new), (2, 4));
    let held: Result<Vec<_>, _> = store
        .match_quads(&QuadPattern::new())
        .expect("a scan")
        .collect();
    assert_eq!(held.expect("quads").len(), 2);
    assert!(
        store.contains(&quad(1)).expect("a look-up")
            && store.contains(&quad(3)).expect("a look-up")
    );
}
