//! Checks that everything a store holds fits together.
//!
//! What flows out is a list of problems, each with its keyspace and, where one entry is to blame, its key. Damage does
//! not end the check: it goes on behind it.

mod dictionary;
mod index;
mod rest;

use crate::bytes::RowKey;
use crate::delta::ChangeSet;
use crate::keyspaces::{IndexPlaces, Place};
use crate::permutation::{Permutation, Row};
use crate::snapshot::Snapshot;
use crate::statistics_rows::StatisticsBuilder;
use crate::store::QuadStore;
use crate::term::{Tag, TagKind, TermId};
use quadrille_backend::{ErrorKind, StorageBackend, StorageResult};
use std::fmt;

/// The outcome of [`QuadStore::verify`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Quads, as the root record counts them.
    pub quads: u64,
    /// Terms in chunks that were decoded.
    pub terms: u64,
    /// Blocks that were read.
    pub blocks: u64,
    /// What does not hold; empty when all is well.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The role of the keyspace: `spoc`, `terms`, `log` and so on.
    pub role: &'static str,
    /// The keyspace's name in the backend.
    pub keyspace: String,
    /// The key, when one entry is to blame.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.keyspace)?;
        if let Some(key) = &self.key {
            formatter.write_str(", key ")?;
            for byte in key {
                write!(formatter, "{byte:02x}")?;
            }
        }
        write!(formatter, ": {}", self.message)
    }
}

/// Collects problems; passes errors on that are not about stored bytes.
struct Findings {
    places: Vec<Place>,
    report: VerifyReport,
}

impl Findings {
    fn add(&mut self, place: &Place, key: Option<&[u8]>, message: impl Into<String>) {
        self.report.problems.push(Problem {
            role: place.role,
            keyspace: place.keyspace.to_string(),
            key: key.map(<[u8]>::to_vec),
            message: message.into(),
        });
    }

    /// Notes damage and gives `None`; any other error ends the check.
    fn check<T>(&mut self, place: &Place, result: StorageResult<T>) -> StorageResult<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Corrupted => {
                // The error may have happened elsewhere: a term's segment, while its chunk was read.
                let named = error.keyspace();
                let elsewhere = self
                    .places
                    .iter()
                    .find(|place| Some(&place.keyspace) == named);
                let place = elsewhere.unwrap_or(place).clone();
                self.add(&place, error.key(), error.message());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A sum of hashes that does not depend on order: two sets of rows with the same fingerprint are the same set, but for
/// a chance of one in 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Fingerprint {
    rows: u64,
    sum: u64,
}

impl Fingerprint {
    fn of_row<const N: usize>(row: &[u64; N]) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&RowKey::new(row))
    }

    fn add<const N: usize>(&mut self, row: &[u64; N]) {
        self.rows += 1;
        self.sum = self.sum.wrapping_add(Self::of_row(row));
    }

    fn take_away<const N: usize>(&mut self, row: &[u64; N]) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(Self::of_row(row));
    }
}

impl<B: StorageBackend> QuadStore<B> {
    /// Checks the last commit: checksums hold; every block agrees with its summary; the four permutations hold the same
    /// quads, as many as the root record says; every id decodes and every term is found by its hash; the log is complete;
    /// the statistics are those of the generation.
    ///
    /// # Errors
    /// What the backend fails with. Damage is no error but a [`Problem`] in the report.
    pub fn verify(&self) -> StorageResult<VerifyReport> {
        self.snapshot()?.verify()
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// Checks the commit that this snapshot shows; see [`QuadStore::verify`].
    ///
    /// # Errors
    /// As [`QuadStore::verify`].
    pub fn verify(&self) -> StorageResult<VerifyReport> {
        self.distrusting().verify_all()
    }

    fn verify_all(&self) -> StorageResult<VerifyReport> {
        let mut findings = Findings {
            places: self.inner.places.all().into_iter().cloned().collect(),
            report: VerifyReport {
                quads: self.len(),
                ..VerifyReport::default()
            },
        };
        for place in self.inner.places.all() {
            match self.inner.view.cursor(place) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    findings.add(place, None, "the keyspace is missing");
                }
                other => drop(other?),
            }
        }
        if !findings.report.is_sound() {
            return Ok(findings.report);
        }
        let statistics = self.verify_permutations(&mut findings)?;
        let terms = dictionary::verify_terms(self, &mut findings)?;
        dictionary::verify_hashes(self, terms, &mut findings)?;
        rest::verify_log(self, &mut findings)?;
        rest::verify_statistics(self, statistics, &mut findings)?;
        Ok(findings.report)
    }

    fn verify_permutations(&self, findings: &mut Findings) -> StorageResult<StatisticsBuilder> {
        let inner = &*self.inner;
        let mut statistics = StatisticsBuilder::default();
        let mut fingerprints = Vec::new();
        for permutation in Permutation::ALL {
            let places = inner.places.permutation(permutation);
            let mut sum = Fingerprint::default();
            index::verify_index(
                &inner.view,
                places,
                findings,
                |findings, key, rows: &[Row]| {
                    statistics.observe(permutation, rows);
                    for row in rows {
                        sum.add(&permutation.restore(*row));
                        if permutation == Permutation::Spoc {
                            self.verify_ids(row, &places.blocks, key, findings);
                        }
                    }
                },
            )?;
            let changes = inner.delta.permutation(permutation);
            apply_changes(&mut sum, changes, |row| permutation.restore(*row));
            fingerprints.push((places, sum));
        }
        self.compare_permutations(&fingerprints, findings);
        Ok(statistics)
    }

    /// The permutations that differ from what most of them hold are named; the root is, when it alone differs.
    fn compare_permutations(
        &self,
        fingerprints: &[(&IndexPlaces, Fingerprint)],
        findings: &mut Findings,
    ) {
        let votes = |candidate: Fingerprint| {
            fingerprints
                .iter()
                .filter(|(_, sum)| *sum == candidate)
                .count()
        };
        let Some((_, agreed)) = fingerprints
            .iter()
            .max_by_key(|(_, sum)| (votes(*sum), sum.rows == self.len()))
        else {
            return;
        };
        for (places, sum) in fingerprints.iter().filter(|(_, sum)| sum != agreed) {
            let message = format!(
                "the permutation holds {} quads that are not the {} quads of the others",
                sum.rows, agreed.rows
            );
            findings.add(&places.blocks, None, message);
        }
        if agreed.rows != self.len() {
            let message = format!(
                "the root record counts {} quads; the permutations hold {}",
                self.len(),
                agreed.rows
            );
            let root = &self.inner.places.root;
            findings.add(root, Some(crate::root::ROOT_KEY), message);
        }
    }

    fn verify_ids(&self, row: &Row, place: &Place, key: &[u8], findings: &mut Findings) {
        for (position, &raw) in row.iter().enumerate() {
            let id = TermId::from_raw(raw);
            let is_node = matches!(
                id.tag(),
                Some(Tag::SerialBlank | Tag::LabelledBlank | Tag::Iri)
            );
            let fits = match position {
                0 => is_node,
                1 => id.tag() == Some(Tag::Iri),
                2 => id.tag() != Some(Tag::DefaultGraph),
                _ => is_node || id == TermId::DEFAULT_GRAPH,
            };
            if !fits || !self.is_known(id) {
                let message = format!("position {position} of a quad holds {id}, which it cannot");
                findings.add(place, Some(key), message);
            }
        }
    }

    /// Whether an id has a term, as far as the root record tells; that the chunks have no gaps is checked apart.
    fn is_known(&self, id: TermId) -> bool {
        match id.tag().map(Tag::kind) {
            Some(TagKind::DefaultGraph) => id == TermId::DEFAULT_GRAPH,
            Some(TagKind::Inlined) => id.decode_inline().is_some(),
            Some(TagKind::Dictionary) => (crate::root::FIRST_PAYLOAD
                ..self.inner.root.next_payload(id.tag_byte()))
                .contains(&id.payload()),
            Some(TagKind::QueryLocal) | None => false,
        }
    }
}

fn apply_changes<const N: usize>(
    sum: &mut Fingerprint,
    changes: &ChangeSet<N>,
    restore: impl Fn(&[u64; N]) -> [u64; N],
) {
    for (row, inserted) in changes.range([0; N], None) {
        let row = restore(&row);
        if inserted {
            sum.add(&row);
        } else {
            sum.take_away(&row);
        }
    }
}
