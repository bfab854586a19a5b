//! The lazy iterators: ids, decoded quads, graphs.

use crate::context::ReadContext;
use crate::index::scan::{RowBatch, RowScan, ScanRange};
use crate::pattern::QuadPattern;
use crate::permutation::{IdPattern, IdQuad, Permutation};
use crate::snapshot::Snapshot;
use crate::term::TermId;
use crate::terms::{TermDecoder, predicate_of, subject_of};
use oxrdf::{GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use quadrille_backend::{StorageBackend, StorageResult};

/// Rows of ids by column; the columns are subject, predicate, object and graph, whatever the order of the rows. Columns that
/// a [`ScanRequest`](crate::ScanRequest) does not want are empty.
#[derive(Clone, Debug, Default)]
pub struct ColumnBatch {
    rows: RowBatch,
    permutation: Option<Permutation>,
}

impl ColumnBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Appends a quad, with the ids of all positions. For sources of rows other than a store; a batch that has columns
    /// without ids must not be given one.
    pub fn push(&mut self, quad: IdQuad) {
        let permutation = *self.permutation.get_or_insert(Permutation::Spoc);
        let row = permutation.permute(quad.map(TermId::raw));
        self.rows.push(row, [true; 4]);
    }

    /// The raw ids of a position (0 subject, 1 predicate, 2 object, 3 graph), one a row; empty when the position was not
    /// wanted.
    ///
    /// # Panics
    /// When the position is above 3.
    #[must_use]
    pub fn column(&self, position: usize) -> &[u64] {
        let permutation = self.permutation.unwrap_or(Permutation::Spoc);
        &self.rows.columns[permutation.column_of(position)]
    }

    /// The quad of a row, with [`TermId::DEFAULT_GRAPH`] at positions that were not wanted.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn quad(&self, row: usize) -> IdQuad {
        let permutation = self.permutation.unwrap_or(Permutation::Spoc);
        permutation
            .restore(self.rows.row(row))
            .map(TermId::from_raw)
    }
}

/// The ids of matching quads, batch by batch or one by one. Owns its view; `Send + 'static`.
pub struct IdScan<B: StorageBackend> {
    permutation: Permutation,
    /// `None` when there can be no rows.
    scan: Option<RowScan<B::Snapshot>>,
    batch: RowBatch,
    next: usize,
    ended: bool,
}

impl<B: StorageBackend> IdScan<B> {
    pub(crate) fn new(permutation: Permutation, scan: Option<RowScan<B::Snapshot>>) -> Self {
        Self {
            permutation,
            batch: scan.as_ref().map(RowScan::lend_batch).unwrap_or_default(),
            scan,
            next: 0,
            ended: false,
        }
    }

    /// The order in which the rows come: ascending by the ids in this permutation.
    #[must_use]
    pub fn permutation(&self) -> Permutation {
        self.permutation
    }

    /// Refills a batch with the next rows, a few at first and then some hundreds; false, and an empty batch, when there are no more, or after an
    /// error.
    ///
    /// # Errors
    /// `Cancelled` when the scan's context says so, `Corrupted`, what the backend fails with.
    pub fn next_batch(&mut self, batch: &mut ColumnBatch) -> StorageResult<bool> {
        batch.permutation = Some(self.permutation);
        batch.rows.clear();
        let Some(scan) = &mut self.scan else {
            return Ok(false);
        };
        if self.next < self.batch.len() {
            let rows = self.next..self.batch.len();
            batch.rows.append(&self.batch, rows, scan.wanted());
            self.next = self.batch.len();
            return Ok(true);
        }
        scan.fill(&mut batch.rows)
    }

    fn refill(&mut self) -> StorageResult<bool> {
        self.next = 0;
        match &mut self.scan {
            Some(scan) => scan.fill(&mut self.batch),
            None => Ok(false),
        }
    }
}

impl<B: StorageBackend> Drop for IdScan<B> {
    fn drop(&mut self) {
        if let Some(scan) = &self.scan {
            scan.take_back(std::mem::take(&mut self.batch));
        }
    }
}

impl<B: StorageBackend> Iterator for IdScan<B> {
    type Item = StorageResult<IdQuad>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.next >= self.batch.len() {
            match self.refill() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return None;
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        let row = self.batch.row(self.next);
        self.next += 1;
        Some(Ok(self.permutation.restore(row).map(TermId::from_raw)))
    }
}

/// Matching quads, decoded. Owns its view; `Send + 'static`. After an error it ends.
pub struct QuadIter<B: StorageBackend> {
    /// `None` at the end.
    source: Option<QuadSource<B>>,
}

struct QuadSource<B: StorageBackend> {
    scan: IdScan<B>,
    decoder: TermDecoder<B>,
    known: KnownTerms,
}

/// The last terms of the positions that change seldom in the order of a scan: its first two columns, and the graph.
#[derive(Default)]
pub(crate) struct KnownTerms {
    subject: Option<(TermId, NamedOrBlankNode)>,
    predicate: Option<(TermId, NamedNode)>,
    object: Option<(TermId, Term)>,
    graph: Option<(TermId, GraphName)>,
}

impl KnownTerms {
    /// The terms that a pattern fixes, so that they are not looked up again. Literals and triple terms are left out: the
    /// store keeps language tags in lower case, and gives back what it keeps.
    pub(crate) fn of(pattern: &QuadPattern, ids: &IdPattern) -> Self {
        let object = match &pattern.object {
            Some(Term::Literal(_) | Term::Triple(_)) | None => None,
            Some(object) => ids[2].zip(Some(object.clone())),
        };
        Self {
            subject: ids[0].zip(pattern.subject.clone()),
            predicate: ids[1].zip(pattern.predicate.clone()),
            object,
            graph: ids[3].zip(pattern.graph.clone()),
        }
    }
}

/// The kept term of an id, or the one that `decode` gives, which is then kept when its position changes seldom.
fn kept_or<T: Clone>(
    kept: &mut Option<(TermId, T)>,
    id: TermId,
    changes_seldom: bool,
    decode: impl FnOnce() -> StorageResult<T>,
) -> StorageResult<T> {
    if let Some((known, term)) = kept
        && *known == id
    {
        return Ok(term.clone());
    }
    let term = decode()?;
    if changes_seldom {
        *kept = Some((id, term.clone()));
    }
    Ok(term)
}

impl<B: StorageBackend> QuadIter<B> {
    pub(crate) fn new(snapshot: Snapshot<B>, scan: IdScan<B>, known: KnownTerms) -> Self {
        let decoder = TermDecoder::new(snapshot);
        Self {
            source: Some(QuadSource {
                scan,
                decoder,
                known,
            }),
        }
    }

    pub(crate) fn empty() -> Self {
        Self { source: None }
    }
}

impl<B: StorageBackend> QuadSource<B> {
    fn next(&mut self) -> StorageResult<Option<Quad>> {
        let permutation = self.scan.permutation();
        match self.scan.next().transpose()? {
            Some(ids) => self.decode(ids, permutation).map(Some),
            None => Ok(None),
        }
    }

    fn decode(&mut self, ids: IdQuad, permutation: Permutation) -> StorageResult<Quad> {
        let [subject, predicate, object, graph] = ids;
        let (decoder, known) = (&mut self.decoder, &mut self.known);
        let seldom = |position: usize| permutation.column_of(position) < 2;
        Ok(Quad {
            subject: kept_or(&mut known.subject, subject, seldom(0), || {
                subject_of(decoder.decode(subject)?)
            })?,
            predicate: kept_or(&mut known.predicate, predicate, seldom(1), || {
                predicate_of(decoder.decode(predicate)?)
            })?,
            object: kept_or(&mut known.object, object, seldom(2), || {
                decoder.decode(object)
            })?,
            graph_name: kept_or(&mut known.graph, graph, true, || {
                decode_graph(decoder, graph)
            })?,
        })
    }
}

fn decode_graph<B: StorageBackend>(
    decoder: &mut TermDecoder<B>,
    id: TermId,
) -> StorageResult<GraphName> {
    if id == TermId::DEFAULT_GRAPH {
        return Ok(GraphName::DefaultGraph);
    }
    Ok(match decoder.decode(id)? {
        Term::NamedNode(node) => node.into(),
        other => subject_of(other)?.into(),
    })
}

impl<B: StorageBackend> Iterator for QuadIter<B> {
    type Item = StorageResult<Quad>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.source.as_mut()?.next();
        if !matches!(result, Ok(Some(_))) {
            self.source = None;
        }
        result.transpose()
    }
}

/// The ids of the graphs that hold a quad, ascending, with their numbers of quads. One look-up for each graph.
pub struct GraphIdIter<B: StorageBackend> {
    snapshot: Snapshot<B>,
    scan: Option<IdScan<B>>,
    /// The graph of the next item and how many of its quads have been seen.
    current: Option<(TermId, u64)>,
}

/// A graph of more quads than this is counted by look-up and skipped, not read through.
const READ_THROUGH_MAX: u64 = 64;

impl<B: StorageBackend> GraphIdIter<B> {
    pub(crate) fn new(snapshot: Snapshot<B>) -> StorageResult<Self> {
        let scan = snapshot.scan_graphs_from(TermId::DEFAULT_GRAPH)?;
        Ok(Self {
            snapshot,
            scan: Some(scan),
            current: None,
        })
    }

    fn advance(&mut self) -> StorageResult<Option<(TermId, u64)>> {
        while let Some(scan) = &mut self.scan {
            let Some([.., graph]) = scan.next().transpose()? else {
                self.scan = None;
                break;
            };
            match &mut self.current {
                Some((current, count)) if *current == graph => {
                    *count += 1;
                    if *count > READ_THROUGH_MAX {
                        return self.skip(graph).map(Some);
                    }
                }
                current => {
                    if let Some(complete) = current.replace((graph, 1)) {
                        return Ok(Some(complete));
                    }
                }
            }
        }
        Ok(self.current.take())
    }

    fn skip(&mut self, graph: TermId) -> StorageResult<(TermId, u64)> {
        self.current = None;
        self.scan = match graph.raw().checked_add(1) {
            Some(next) => Some(self.snapshot.scan_graphs_from(TermId::from_raw(next))?),
            None => None,
        };
        let count = self.snapshot.count_ids([None, None, None, Some(graph)])?;
        Ok((graph, count))
    }
}

impl<B: StorageBackend> Iterator for GraphIdIter<B> {
    type Item = StorageResult<(TermId, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.advance();
        if result.is_err() {
            self.scan = None;
            self.current = None;
        }
        result.transpose()
    }
}

/// The graphs that hold a quad, with their numbers of quads. Owns its view; `Send + 'static`.
pub struct GraphIter<B: StorageBackend> {
    ids: GraphIdIter<B>,
    decoder: TermDecoder<B>,
}

impl<B: StorageBackend> GraphIter<B> {
    pub(crate) fn new(snapshot: Snapshot<B>) -> StorageResult<Self> {
        Ok(Self {
            ids: GraphIdIter::new(snapshot.clone())?,
            decoder: TermDecoder::new(snapshot),
        })
    }
}

impl<B: StorageBackend> Iterator for GraphIter<B> {
    type Item = StorageResult<(GraphName, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.ids.next()?;
        Some(item.and_then(|(id, count)| Ok((decode_graph(&mut self.decoder, id)?, count))))
    }
}

impl<B: StorageBackend> Snapshot<B> {
    /// The ids of the graphs that hold a quad, ascending, with their numbers of quads.
    ///
    /// # Errors
    /// `Corrupted`, what the backend fails with.
    pub fn graph_ids(&self) -> StorageResult<GraphIdIter<B>> {
        GraphIdIter::new(self.clone())
    }

    fn scan_graphs_from(&self, graph: TermId) -> StorageResult<IdScan<B>> {
        let range = ScanRange::from([graph.raw(), 0, 0, 0]);
        let scan = self.scan_rows(Permutation::Cspo, range, ReadContext::new())?;
        Ok(IdScan::new(Permutation::Cspo, Some(scan)))
    }
}
