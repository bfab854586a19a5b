//! A store whose content is known: written by one process, damaged, and read by another.

use crate::context::{Factory, Random, entries, ingest, put};
use quadrille_backend::{Entry, Keyspace, StorageBackend, StorageError, StorageResult};
use std::path::Path;

/// The keyspaces of the sample: one ingested, one written in batches, one empty.
fn content() -> StorageResult<Vec<(Keyspace, Vec<Entry>)>> {
    // Values that no engine can compress away.
    let mut random = Random::new(11);
    let mut value = || -> Vec<u8> { (0..150).map(|_| random.below(256) as u8).collect() };
    let mut numbers = |count: u32| -> Vec<Entry> {
        let numbered = (0..count).map(|n| (n.to_be_bytes().to_vec(), value()));
        numbered.collect()
    };
    Ok(vec![
        (Keyspace::new("empty")?, Vec::new()),
        (Keyspace::new("ingested")?, numbers(2000)),
        (Keyspace::new("written")?, numbers(500)),
    ])
}

/// Writes the sample and closes it.
pub(crate) fn write<B: StorageBackend>(backend: &B) -> StorageResult<()> {
    for (keyspace, filled) in content()? {
        backend.create_keyspace(&keyspace)?;
        if keyspace.as_str() == "ingested" {
            ingest(backend, &keyspace, &filled)?;
            continue;
        }
        for some in filled.chunks(100) {
            let puts: Vec<_> = some.iter().map(|(k, v)| put(&keyspace, k, v)).collect();
            backend.batch(&puts)?;
        }
    }
    backend.close()
}

/// What a store that was the sample is found to be: `right`, `error: …` or `wrong: …`.
pub(crate) fn verdict<F: Factory>(factory: &F, folder: &Path) -> String {
    match read(factory, folder) {
        Ok(None) => "right".to_owned(),
        Ok(Some(difference)) => format!("wrong: {difference}"),
        Err(error) => format!("error: {error}").replace('\n', " "),
    }
}

/// The first difference from the sample.
fn read<F: Factory>(factory: &F, folder: &Path) -> Result<Option<String>, StorageError> {
    let backend = factory.open(folder)?;
    let expected = content()?;
    let found = backend.keyspaces()?;
    let names: Vec<_> = expected
        .iter()
        .map(|(keyspace, _)| keyspace.clone())
        .collect();
    if found != names {
        return Ok(Some(format!("the keyspaces are {found:?}")));
    }
    for (keyspace, filled) in &expected {
        let all = entries(&backend, keyspace)?;
        if all != *filled {
            let (found, count) = (all.len(), filled.len());
            return Ok(Some(format!(
                "{keyspace}: {found} entries for {count}, or others"
            )));
        }
        for (key, value) in filled.iter().step_by(97) {
            if backend.get(keyspace, key)?.as_ref() != Some(value) {
                return Ok(Some(format!("{keyspace}: the value of {key:?}")));
            }
        }
    }
    Ok(None)
}
