//! Files to quads and back.
//!
//! What flows in: bytes of N-Triples, N-Quads, Turtle, TriG, RDF/XML, JSON-LD and N3, plain or compressed, from files,
//! standard input or any reader; or the quads of a store. What flows out: quads into a store, or text. What always holds: reading and writing stream, so memory
//! does not grow with the data; blank nodes belong to the file they stand in; a load is all or nothing; an error names
//! file, line and column.
//!
//! * [`load_into`] loads sources into a store, [`load_resumable`] in a way that can be gone on with after a crash; [`read_quads`] and [`QuadReader`] give the quads to the caller.
//! * [`dump()`] writes what a pattern matches; [`QuadWriter`] writes any quads.
//! * [`generate`] makes up quads for benches and large tests.

mod blank_nodes;
mod compression;
mod directions;
mod dump;
mod error;
mod format;
#[doc(hidden)]
pub mod fuzzing;
pub mod generate;
mod input;
mod line;
mod lines;
mod load;
mod parse;
mod pipeline;
mod position;
mod read;
mod resume;
mod sort;
mod source;
mod tokens;
mod turtle;
mod write;

pub use blank_nodes::BlankNodeScope;
pub use compression::{CompressedWriter, Compression};
pub use dump::{DumpOptions, dump};
pub use error::{DumpError, EXCERPT_CHARACTERS_MAX, Excerpt, LoadError, SyntaxError};
pub use format::{RdfFormat, UnknownFormat};
pub use load::{LoadObserver, LoadSummary, load_into, load_observed};
pub use read::{
    GraphTarget, OnError, Progress, QuadReader, ReadOptions, TRIPLE_TERM_DEPTH_MAX, read_quads,
};
pub use resume::{AfterInterruption, LoadCheckpoints, ResumedFrom, load_resumable};
pub use source::Source;
pub use write::QuadWriter;
