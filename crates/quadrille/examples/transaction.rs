//! Cookbook: several changes as one. Others see all of them or none; the transaction sees its own.
//!
//! `cargo run -p quadrille --example transaction [LOCATION]`, such as `lmdb:./loans`; `memory:` when not given.

use quadrille::model::{GraphName, NamedNode, Quad};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let location = std::env::args().nth(1);
    let store = quadrille::open(location.as_deref().unwrap_or("memory:"))?;
    let iri = |name: &str| NamedNode::new(format!("http://example.org/{name}"));
    let place = |room| -> Result<Quad, Box<dyn Error>> {
        Ok(Quad::new(
            iri("vase")?,
            iri("in")?,
            iri(room)?,
            GraphName::DefaultGraph,
        ))
    };
    store.clear()?;
    store.insert(&place("store-room")?)?;

    // A move is a removal and an insertion: nobody may see the vase nowhere, or in two rooms.
    let before = store.snapshot()?;
    let mut transaction = store.transaction()?;
    transaction.remove(&place("store-room")?)?;
    transaction.insert(&place("hall")?)?;
    assert!(transaction.contains(&place("hall")?)?);
    assert!(!store.contains(&place("hall")?)?);
    transaction.commit()?;

    assert!(store.contains(&place("hall")?)?);
    assert!(before.contains(&place("store-room")?)?);
    println!("moved; the snapshot from before still says: store-room");

    // A transaction that is dropped without a commit leaves no trace.
    let mut abandoned = store.transaction()?;
    abandoned.remove(&place("hall")?)?;
    drop(abandoned);
    assert!(store.contains(&place("hall")?)?);
    store.close()?;
    Ok(())
}
