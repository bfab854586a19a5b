//! What [`Guard`](super::guard::Guard) looks for in JSON: depth, and the size of what JSON-LD cannot be read without.
//!
//! A JSON-LD context may come last in its object, so the parser keeps an object until its end; an array at the root
//! lets go of each item.

use super::guard::{DEPTH_MAX, GATHERED_BYTES_MAX, Scan, too_deep, too_large};

/// Follows the brackets of a JSON text.
#[derive(Default)]
pub(super) struct Scanner {
    depth: usize,
    is_root_array: bool,
    string: InString,
    gathered_bytes: u64,
}

#[derive(Default)]
enum InString {
    #[default]
    No,
    Yes,
    /// After a backslash.
    Escaped,
}

impl Scan for Scanner {
    fn scan(&mut self, byte: u8) -> Result<(), String> {
        self.gathered_bytes += 1;
        if self.gathered_bytes > GATHERED_BYTES_MAX {
            return Err(too_large(match self.is_root_array {
                true => "an item of the array",
                false => {
                    "the object (an array of objects is read item by item, and has no such limit)"
                }
            }));
        }
        match (&self.string, byte) {
            (InString::Escaped, _) => self.string = InString::Yes,
            (InString::Yes, b'\\') => self.string = InString::Escaped,
            (InString::Yes, b'"') => self.string = InString::No,
            (InString::Yes, _) => {}
            (InString::No, b'"') => self.string = InString::Yes,
            (InString::No, b'{' | b'[') => {
                self.is_root_array |= self.depth == 0 && byte == b'[';
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(too_deep("objects and arrays"));
                }
            }
            (InString::No, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth <= 1 && self.is_root_array {
                    self.gathered_bytes = 0;
                }
            }
            (InString::No, _) => {}
        }
        Ok(())
    }
}
