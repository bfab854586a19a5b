//! The symbol tables of a generation: at most one for each dictionary tag, beside the chunks that use it.
//!
//! A table stands in the keyspace of the chunks under the tag byte alone, so in front of the tag's chunks. It never
//! changes within a generation and is copied into the next one.

use super::SymbolTable;
use crate::checksum;
use crate::keyspaces::{Place, TERMS};
use crate::term::{Tag, TagKind};
use crate::view::View;
use quadrille_backend::{StorageResult, StorageSnapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The symbol tables by tag. Cloning shares them.
#[derive(Clone, Default)]
pub(crate) struct SymbolTables(BTreeMap<Tag, Arc<SymbolTable>>);

impl SymbolTables {
    /// Reads the tables of a generation.
    pub(crate) fn load<S: StorageSnapshot>(view: &View<S>, terms: &Place) -> StorageResult<Self> {
        let mut tables = Self::default();
        for tag in Tag::all().filter(|tag| tag.kind() == TagKind::Dictionary) {
            let key = [tag.byte()];
            let Some(value) = view.get(terms, &key)? else {
                continue;
            };
            let table = checksum::open(terms.role, &key, &value)
                .and_then(SymbolTable::from_bytes)
                .map_err(|error| error.in_keyspace(&terms.keyspace).at_key(&key))?;
            tables.insert(tag, Arc::new(table));
        }
        Ok(tables)
    }

    pub(crate) fn insert(&mut self, tag: Tag, table: Arc<SymbolTable>) {
        self.0.insert(tag, table);
    }

    pub(crate) fn of(&self, tag: Tag) -> Option<&Arc<SymbolTable>> {
        self.0.get(&tag)
    }
}

/// The sealed value of a table.
pub(crate) fn table_value(tag: Tag, table: &SymbolTable) -> Vec<u8> {
    let mut value = table.to_bytes();
    checksum::seal(TERMS, &[tag.byte()], &mut value);
    value
}
