//! A column of a block: plain (a sequence, perhaps of dictionary codes, perhaps with one entry a run of equal rows),
//! or frames. Methods take the columns before it, since frames may be grouped by the codes of the last of them.

use super::bits::Reader;
use super::frames::Frames;
use super::runs::{RUN_BITMAP, RUN_STARTS, Runs};
use super::sequence::{Kind, Sequence};
use std::ops::Range;

/// Set in a column's first byte: its sequence holds codes, and the sorted values follow.
pub(super) const DICTIONARY: u8 = 1;
/// Set in a column's first byte: frames, grouped by the codes of the column before.
pub(super) const FRAMES: u8 = 8;
/// Set in a column's first byte: frames, grouped by codes of their own.
pub(super) const FRAMES_OWN_CODES: u8 = 16;
/// The parsed header of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    Plain {
        runs: Runs,
        sequence: Sequence,
        dictionary: Option<Sequence>,
    },
    Frames(Frames),
}

impl Column {
    /// The column of no rows.
    pub(super) const EMPTY: Self = Self::Plain {
        runs: Runs::None,
        sequence: Sequence::EMPTY,
        dictionary: None,
    };

    /// Reads the header of a column of `rows` rows and passes over its data.
    #[inline]
    pub(super) fn parse(reader: &mut Reader<'_>, rows: usize, before_has_codes: bool) -> Self {
        let flags = reader.byte();
        match flags {
            FRAMES => {
                reader.damaged |= !before_has_codes;
                Self::Frames(Frames::parse(reader, rows, false))
            }
            FRAMES_OWN_CODES => Self::Frames(Frames::parse(reader, rows, true)),
            _ => Self::parse_plain(reader, rows, flags),
        }
    }

    #[inline]
    fn parse_plain(reader: &mut Reader<'_>, rows: usize, flags: u8) -> Self {
        reader.damaged |= flags & !(DICTIONARY | RUN_STARTS | RUN_BITMAP) != 0;
        let (runs, entries) = Runs::parse(reader, flags, rows);
        let sequence = Sequence::parse(reader, entries);
        let mut dictionary = None;
        if flags & DICTIONARY != 0 {
            let len = reader.short();
            dictionary = Some(Sequence::parse(reader, len));
            reader.damaged |=
                len == 0 || sequence.max() >= len as u64 || sequence.max() < sequence.min();
        }
        Self::Plain {
            runs,
            sequence,
            dictionary,
        }
    }

    #[inline]
    pub(super) fn min(&self) -> u64 {
        match self {
            Self::Plain {
                sequence,
                dictionary,
                ..
            } => dictionary.as_ref().unwrap_or(sequence).min(),
            Self::Frames(frames) => frames.min,
        }
    }

    #[inline]
    pub(super) fn max(&self) -> u64 {
        match self {
            Self::Plain {
                sequence,
                dictionary,
                ..
            } => dictionary.as_ref().unwrap_or(sequence).max(),
            Self::Frames(frames) => frames.max,
        }
    }

    /// The name of its encoding, for people.
    #[inline]
    pub(super) fn encoding(&self) -> &'static str {
        let (runs, sequence, dictionary) = match self {
            Self::Frames(frames) if frames.own_codes.is_some() => return "frames by tag",
            Self::Frames(_) => return "frames by the column before",
            Self::Plain {
                runs,
                sequence,
                dictionary,
            } => (runs, sequence, dictionary),
        };
        match (runs, dictionary, sequence.kind) {
            (_, None, Kind::Constant) => "constant",
            (Runs::None, None, Kind::Packed) => "packed",
            (Runs::None, None, Kind::Laps) => "Elias-Fano",
            (Runs::None, Some(_), _) => "dictionary",
            (_, None, _) => "runs",
            (_, Some(_), _) => "runs and dictionary",
        }
    }

    /// The dictionary codes, if there is one code for each row.
    #[inline]
    pub(super) fn row_codes(&self) -> Option<&Sequence> {
        match self {
            Self::Plain {
                runs: Runs::None,
                sequence,
                dictionary: Some(_),
            } => Some(sequence),
            _ => None,
        }
    }

    /// The value at a row below the number of rows.
    #[inline]
    pub(super) fn get(&self, before: &[Self], bytes: &[u8], row: usize) -> u64 {
        match self {
            Self::Plain {
                runs,
                sequence,
                dictionary,
            } => {
                let entry = sequence.get(bytes, runs.run_of(bytes, row));
                match dictionary {
                    None => entry,
                    Some(dictionary) => {
                        dictionary.get(bytes, (entry as usize).min(dictionary.len as usize - 1))
                    }
                }
            }
            Self::Frames(frames) => match frames.codes(before) {
                Some(codes) => frames.get(bytes, codes, row),
                None => 0,
            },
        }
    }

    /// Those of `rows` (not empty, the column ascending in them) whose value is `wanted`; where they would be, if there are none.
    pub(super) fn equal_range(
        &self,
        before: &[Self],
        bytes: &[u8],
        rows: Range<usize>,
        wanted: u64,
    ) -> Range<usize> {
        if rows.len() == 1 {
            let value = self.get(before, bytes, rows.start);
            return rows.start + usize::from(value < wanted)
                ..rows.end - usize::from(value > wanted);
        }
        let (runs, sequence, dictionary) = match self {
            Self::Plain {
                runs,
                sequence,
                dictionary,
            } => (runs, sequence, dictionary),
            Self::Frames(frames) => {
                let codes = frames.codes(before);
                return codes.map_or(rows.end..rows.end, |codes| {
                    frames.equal_range(bytes, codes, rows, wanted)
                });
            }
        };
        // The entries that mean the value: from the first of its codes up to the first code after them.
        let (least, above) = match dictionary {
            None => (wanted, wanted.checked_add(1)),
            Some(dictionary) => {
                let codes = 0..dictionary.len as usize;
                let codes = dictionary.between(bytes, codes, wanted, wanted.checked_add(1));
                (codes.start as u64, Some(codes.end as u64))
            }
        };
        let searched = if matches!(runs, Runs::None) {
            rows.clone()
        } else {
            runs.covering(bytes, rows.clone())
        };
        let entries = sequence.between(bytes, searched.clone(), least, above);
        if matches!(runs, Runs::None) {
            return entries;
        }
        let starts = runs.starts_of(bytes, entries.clone());
        let within = |run: usize, start: usize| {
            if run >= searched.end {
                rows.end
            } else {
                start.clamp(rows.start, rows.end)
            }
        };
        let start = within(entries.start, starts.start);
        start..if entries.is_empty() {
            start
        } else {
            within(entries.end, starts.end).max(start)
        }
    }

    /// Appends the values at `range`, which lies within the rows.
    pub(super) fn decode(
        &self,
        before: &[Self],
        bytes: &[u8],
        range: Range<usize>,
        out: &mut Vec<u64>,
    ) {
        let (first, last) = (out.len(), out.len() + range.len());
        match self {
            _ if range.is_empty() => {}
            Self::Plain {
                runs,
                sequence,
                dictionary,
            } => {
                runs.decode(bytes, sequence, range, out);
                if let Some(dictionary) = dictionary {
                    map_codes(dictionary, bytes, &mut out[first..]);
                }
            }
            Self::Frames(frames) => {
                if let Some(codes) = frames.codes(before) {
                    frames.decode(bytes, codes, range, out);
                }
            }
        }
        // Only damaged data end early.
        out.resize(last, 0);
    }
}

impl Frames {
    /// The groups of all rows.
    #[inline]
    fn codes<'a>(&'a self, before: &'a [Column]) -> Option<&'a Sequence> {
        self.own_codes
            .as_ref()
            .or_else(|| before.last()?.row_codes())
    }
}

/// Replaces codes by the values of a dictionary.
fn map_codes(dictionary: &Sequence, bytes: &[u8], codes: &mut [u64]) {
    let last = dictionary.len as usize - 1;
    if codes.len() < 16 {
        let mut known = (u64::MAX, 0);
        for code in codes {
            if known.0 != *code {
                known = (*code, dictionary.get(bytes, (*code as usize).min(last)));
            }
            *code = known.1;
        }
        return;
    }
    let mut values = Vec::with_capacity(last + 1);
    dictionary.decode(bytes, 0..last + 1, &mut values);
    codes
        .iter_mut()
        .for_each(|code| *code = values.get(*code as usize).copied().unwrap_or_default());
}
