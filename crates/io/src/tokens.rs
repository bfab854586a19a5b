//! What parsers that take tokens by their bytes share: the tokens that came before, and what is alike in all languages.
//!
//! What flows in: tokens of one text. What flows out: their terms, or nothing where a token is left to the parser of the
//! whole grammar. What always holds: a token that is known is equal to the one that its term was made of, byte by byte.

use oxilangtag::LanguageTag;
use quadrille_store::{BatchTerm, StorageResult};
use std::ops::Range;
use std::str;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A token that came before, and its term.
struct Known {
    hash: u64,
    token: Range<usize>,
    term: BatchTerm,
}

/// The terms of a text by their tokens.
pub(crate) struct KnownTokens {
    table: hashbrown::HashTable<Known>,
    /// The hashes of its tokens, in the order of the text.
    order: Vec<u64>,
    /// The seed of the table's hashes: nobody can write tokens that all meet in it.
    seed: u64,
    /// The token that came last in each position: it often comes again.
    last: [Option<(Range<usize>, BatchTerm)>; 4],
}

impl KnownTokens {
    pub(crate) fn new() -> Self {
        Self {
            table: hashbrown::HashTable::new(),
            order: Vec::new(),
            seed: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0),
            last: [const { None }; 4],
        }
    }

    /// Forgets the tokens, whose text or meaning goes away.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.order.clear();
        self.last = [const { None }; 4];
    }

    /// Forgets the tokens from a place of the text on, whose terms the batch is to forget too.
    pub(crate) fn forget_from(&mut self, start: usize) {
        while let Some(&hash) = self.order.last() {
            let is_late = |known: &Known| known.hash == hash && known.token.start >= start;
            let Ok(entry) = self.table.find_entry(hash, is_late) else {
                break;
            };
            entry.remove();
            self.order.pop();
        }
        for last in &mut self.last {
            last.take_if(|(token, _)| token.start >= start);
        }
    }

    /// The term of a token of `text`, in one of the four positions of a quad; `new` makes that of a token that is not
    /// known.
    ///
    /// # Errors
    /// As those of `new`.
    #[inline]
    pub(crate) fn term(
        &mut self,
        text: &[u8],
        token: &[u8],
        position: usize,
        new: impl FnOnce() -> StorageResult<Option<BatchTerm>>,
    ) -> StorageResult<Option<BatchTerm>> {
        if let Some((last, term)) = &self.last[position]
            && text[last.clone()] == *token
        {
            return Ok(Some(*term));
        }
        let hash = xxh3_64_with_seed(token, self.seed);
        let same = |known: &Known| known.hash == hash && text[known.token.clone()] == *token;
        let (range, term) = match self.table.find(hash, same) {
            Some(known) => (known.token.clone(), known.term),
            None => {
                let Some(term) = new()? else {
                    return Ok(None);
                };
                let start = token.as_ptr().addr() - text.as_ptr().addr();
                let range = start..start + token.len();
                let known = Known {
                    hash,
                    token: range.clone(),
                    term,
                };
                self.table.insert_unique(hash, known, |known| known.hash);
                self.order.push(hash);
                (range, term)
            }
        };
        self.last[position] = Some((range, term));
        Ok(Some(term))
    }
}

/// The language in lower case. A base direction is left to the parser.
pub(crate) fn valid_language<'a>(tag: &[u8], lower: &'a mut String) -> Option<&'a str> {
    let tag = str::from_utf8(tag).ok()?;
    let primary = tag.split('-').next()?;
    let is_plain = primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !tag.split('-').any(str::is_empty);
    if !is_plain || LanguageTag::parse(tag).is_err() {
        return None;
    }
    lower.clear();
    lower.push_str(tag);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// What an escape of one letter stands for in a string.
pub(crate) fn escaped(letter: u8) -> Option<char> {
    Some(match letter {
        b't' => '\t',
        b'b' => '\u{8}',
        b'n' => '\n',
        b'r' => '\r',
        b'f' => '\u{c}',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        _ => return None,
    })
}
