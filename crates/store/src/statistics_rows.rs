//! The statistics of predicates and graphs, as rows of a keyspace of their own; taken whenever a generation is written.
//!
//! A row stands under a letter (`p` for a predicate, `g` for a graph) and the id, big-endian. Its value is three varints
//! – quads, distinct subjects, distinct objects (0 for a graph) – and a checksum. Predicates and graphs of fewer than
//! [`ROW_QUADS_MIN`] quads have no row: counting them directly is as quick.

use crate::bytes::{Reader, put_varint};
use crate::checksum;
use crate::keyspaces::STATISTICS;
use crate::permutation::{Permutation, Row};
use quadrille_backend::StorageResult;
use std::collections::HashMap;

/// The fewest quads that get a row: about a block of them.
pub(crate) const ROW_QUADS_MIN: u64 = 256;

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Subject {
    Predicate,
    Graph,
}

impl Subject {
    fn letter(self) -> u8 {
        match self {
            Self::Predicate => b'p',
            Self::Graph => b'g',
        }
    }

    pub(crate) fn key(self, id: u64) -> [u8; 9] {
        let mut key = [self.letter(); 9];
        key[1..].copy_from_slice(&id.to_be_bytes());
        key
    }

    /// What the row of a key is about, and its id.
    pub(crate) fn of_key(key: &[u8]) -> Option<(Self, u64)> {
        let (&letter, id) = key.split_first()?;
        let subject = match letter {
            b'p' => Self::Predicate,
            b'g' => Self::Graph,
            _ => return None,
        };
        Some((subject, u64::from_be_bytes(id.try_into().ok()?)))
    }
}

/// The figures of one predicate or graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct StatisticsRow {
    pub(crate) quads: u64,
    pub(crate) subjects: u64,
    pub(crate) objects: u64,
}

impl StatisticsRow {
    fn encode(self, key: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(16);
        for figure in [self.quads, self.subjects, self.objects] {
            put_varint(&mut value, figure);
        }
        checksum::seal(STATISTICS, key, &mut value);
        value
    }

    pub(crate) fn decode(key: &[u8], value: &[u8]) -> StorageResult<Self> {
        let mut reader = Reader::new(checksum::open(STATISTICS, key, value)?, "statistics row");
        let row = Self {
            quads: reader.varint()?,
            subjects: reader.varint()?,
            objects: reader.varint()?,
        };
        reader.end()?;
        Ok(row)
    }
}

/// Takes the statistics from the rows of a generation as they are written, permutation after permutation.
#[derive(Default)]
pub(crate) struct StatisticsBuilder {
    quads: u64,
    /// Distinct subjects by predicate.
    subjects: HashMap<u64, u64>,
    last: Option<Row>,
    current: StatisticsRow,
    predicates: Vec<(u64, StatisticsRow)>,
    graphs: Vec<(u64, StatisticsRow)>,
}

impl StatisticsBuilder {
    /// The number of quads.
    pub(crate) fn quads(&self) -> u64 {
        self.quads
    }

    /// Takes the next rows of a permutation.
    pub(crate) fn observe(&mut self, permutation: Permutation, rows: &[Row]) {
        match permutation {
            Permutation::Spoc => self.observe_subjects(rows),
            Permutation::Pocs => self.observe_groups(rows, Permutation::Pocs),
            Permutation::Ocsp => self.complete(Permutation::Pocs),
            Permutation::Cspo => self.observe_groups(rows, Permutation::Cspo),
        }
    }

    fn observe_subjects(&mut self, rows: &[Row]) {
        self.quads += rows.len() as u64;
        for row in rows {
            if self.last.is_none_or(|last| last[..2] != row[..2]) {
                *self.subjects.entry(row[1]).or_default() += 1;
            }
            self.last = Some(*row);
        }
    }

    fn observe_groups(&mut self, rows: &[Row], permutation: Permutation) {
        if self.current == StatisticsRow::default() {
            self.last = None;
        }
        for row in rows {
            if self.last.is_some_and(|last| last[0] != row[0]) {
                self.complete(permutation);
            }
            self.current.quads += 1;
            if self.last.is_none_or(|last| last[..2] != row[..2]) {
                self.current.objects += 1;
            }
            self.last = Some(*row);
        }
    }

    /// Ends the group under way. The second column of POCS is the object, that of CSPO the subject.
    fn complete(&mut self, permutation: Permutation) {
        let row = std::mem::take(&mut self.current);
        let Some(last) = self.last.take().filter(|_| row.quads >= ROW_QUADS_MIN) else {
            return;
        };
        if permutation == Permutation::Pocs {
            let subjects = self.subjects.get(&last[0]).copied().unwrap_or(0);
            self.predicates
                .push((last[0], StatisticsRow { subjects, ..row }));
        } else {
            let subjects = row.objects;
            let row = StatisticsRow {
                subjects,
                objects: 0,
                ..row
            };
            self.graphs.push((last[0], row));
        }
    }

    /// The rows with their keys, ascending.
    pub(crate) fn into_rows(mut self) -> Vec<([u8; 9], StatisticsRow)> {
        self.complete(Permutation::Cspo);
        let kinds = [
            (Subject::Graph, self.graphs),
            (Subject::Predicate, self.predicates),
        ];
        kinds
            .into_iter()
            .flat_map(|(subject, rows)| {
                rows.into_iter()
                    .map(move |(id, row)| (subject.key(id), row))
            })
            .collect()
    }

    /// The sealed rows with their keys, ascending.
    pub(crate) fn into_entries(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.into_rows()
            .into_iter()
            .map(|(key, row)| (key.to_vec(), row.encode(&key)))
            .collect()
    }
}
