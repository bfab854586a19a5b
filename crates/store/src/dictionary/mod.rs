//! The byte codec of the dictionary: terms of consecutive ids, as bytes, go in; chunks come out, and any single term again.
//! Which ids a chunk holds, where chunks lie and how they are checked is the matter of [`reader`] and [`writer`].

mod builder;
mod chunk;
mod packed;
pub(crate) mod reader;
mod symbols;
pub(crate) mod tables;
pub(crate) mod writer;

pub(crate) use builder::ChunkBuilder;
pub(crate) use chunk::{Chunk, ChunkEntry};
pub(crate) use symbols::SymbolTable;

#[cfg(test)]
mod tests;
