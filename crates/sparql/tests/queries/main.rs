//! The tests of queries, in one program: the evaluator is long to compile for each.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod answers;
mod common;
mod driven;
mod extensions;
mod faults;
mod formats;
mod graphs;
mod joins;
mod limits;
mod orders;
mod parameters;
mod paths;
mod prepared;
mod ranges;
mod reads;
mod services;
mod source;
mod stops;
