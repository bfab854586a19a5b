//! What the benchmarks share: the engines' common face, the steps that are timed, the data, the figures.
//!
//! In flows a folder with generated data and the name of a step; out flow [`Measurement`]s, one JSON line each. Always
//! holds: a step does the same work, in the same order, on every engine, and the time of making its input is not in it.
//!
//! | module | what it is for |
//! |---|---|
//! | [`engine`] | what a step asks of an engine |
//! | [`quadrille`] | Quadrille as such an engine, over any backend |
//! | [`raw`] | the storage engines underneath, for the cost of a bare commit |
//! | [`parser`] | the parser alone, on one thread |
//! | [`data`] | the generated quads, their file, the sample that look-ups are made from |
//! | [`floor`] | how small the data could be, by its entropy |
//! | [`stages`] | the data of the query suite: a network of theatres |
//! | [`queries`] | the query suite |
//! | [`answers`] | answers to queries, as hashes that can be compared |
//! | [`steps`] | the steps |
//! | [`query_step`] | the step that runs the query suite |
//! | [`child`] | the command line of a process that runs steps |

pub mod answers;
pub mod child;
pub mod data;
pub mod engine;
pub mod floor;
pub mod parser;
pub mod quadrille;
pub mod queries;
pub mod query_step;
pub mod raw;
pub mod stages;
pub mod steps;

pub use engine::{Engine, Outcome};
pub use quadrille_io::RdfFormat;
pub use quadrille_measure::{Measurement, median};
