//! Watches the text on its way to a parser that would gather or nest without bound.
//!
//! What flows in: bytes. What flows out: the same bytes, up to the place where they go too far. What always holds: at
//! most [`DEPTH_MAX`] elements are open, and at most [`GATHERED_BYTES_MAX`] pass between two places at which the parser
//! needs nothing of what came before.

use crate::input::{Input, Place};
use std::fmt;
use std::io::{self, Read};

/// How deep XML elements, or JSON objects and arrays, may be nested: parsers walk and free what is nested recursively,
/// or take time that grows with the square of the depth.
pub(crate) const DEPTH_MAX: usize = 256;

/// The most text that a parser may have to keep at a time, in bytes: an XML element below the outermost one, an item of
/// a JSON array, or a JSON object that is the whole file.
pub(crate) const GATHERED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What looks at the bytes of a format.
pub(super) trait Scan {
    /// Looks at the next byte.
    ///
    /// # Errors
    /// When it goes too far, what is wrong.
    fn scan(&mut self, byte: u8) -> Result<(), String>;
}

/// A reader that stops where a [`Scan`] finds that the text goes too far.
pub(super) struct Guard<S> {
    input: Input,
    scan: S,
    /// The place behind what was handed over.
    place: Place,
    failure: Option<TooFar>,
}

/// The text goes too far.
#[derive(Clone, Debug)]
pub(crate) struct TooFar {
    /// Where.
    pub(crate) place: Place,
    /// What is wrong.
    pub(crate) message: String,
}

impl std::error::Error for TooFar {}

impl fmt::Display for TooFar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl<S: Scan> Guard<S> {
    pub(super) fn new(input: Input, scan: S) -> Self {
        Self {
            input,
            scan,
            place: Place::START,
            failure: None,
        }
    }
}

impl<S: Scan> Read for Guard<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::new(io::ErrorKind::InvalidData, failure.clone()));
        }
        let count = self.input.read(buffer)?;
        for (index, byte) in buffer[..count].iter().enumerate() {
            if let Err(message) = self.scan.scan(*byte) {
                let place = self.place;
                self.failure = Some(TooFar { place, message });
                return match index {
                    0 => self.read(buffer),
                    index => Ok(index),
                };
            }
            self.place.pass(*byte);
        }
        Ok(count)
    }
}

/// The message for what is nested too deep.
pub(super) fn too_deep(what: &str) -> String {
    format!("{what} are nested more than {DEPTH_MAX} deep")
}

/// The message for what is too large.
pub(super) fn too_large(what: &str) -> String {
    let mebibytes = GATHERED_BYTES_MAX / (1024 * 1024);
    format!("{what} takes more than {mebibytes} MiB, which would have to be held in memory")
}
