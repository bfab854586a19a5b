//! Cookbook: a file into memory, then three ways to ask: a pattern, a count, a query over named graphs.
//!
//! Run it from the root of the repository: `cargo run -p quadrille --example museum [FILE]`.

use quadrille::io::{ReadOptions, Source, load_into};
use quadrille::model::NamedNode;
use quadrille::sparql::{QueryResults, SparqlExt};
use quadrille::{InMemoryBackend, QuadPattern, QuadStore};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1);
    let file = file.as_deref().unwrap_or("data/museum.nq");
    let store = QuadStore::open(InMemoryBackend::new())?;
    let summary = load_into(
        &store,
        [Source::path(file)],
        &ReadOptions::default(),
        |_| {},
    )?;
    println!("{} quads from {file}", summary.report.quads_new);

    let label = NamedNode::new("http://www.w3.org/2000/01/rdf-schema#label")?;
    let labels = QuadPattern::new().with_predicate(label);
    println!("{} labels, some of them:", store.count(&labels)?);
    for quad in store.match_quads(&labels)?.take(3) {
        println!("  {}", quad?);
    }

    let query = "SELECT ?graph (COUNT(*) AS ?quads) { GRAPH ?graph { ?s ?p ?o } } GROUP BY ?graph";
    if let QueryResults::Solutions(solutions) = store.query(query)? {
        for solution in solutions {
            let solution = solution?;
            if let (Some(graph), Some(quads)) = (solution.get("graph"), solution.get("quads")) {
                println!("  {graph}: {quads}");
            }
        }
    }
    Ok(())
}
