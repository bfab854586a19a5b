//! What a source that can only scan gives where stores have something quicker: rows collected and sorted, look-ups of one
//! scan a probe, tries over collected rows.
//!
//! What flows in: a [`QuadSource`] and a request. What flows out: the same as a snapshot gives. What always holds: matches of
//! a request are kept in memory while they are read, so this suits small sources and tests.

use crate::source::{QuadLookup, QuadScan, QuadSource, QuadTrie, QuadValues};
use quadrille_store::{
    ColumnBatch, IdPattern, IdQuad, LookupBatch, LookupRequest, Permutation, QuadFigures,
    ReadContext, ScanRequest, StorageError, StorageResult, TermId,
};

/// The most rows of a batch.
const BATCH_ROWS_MAX: usize = 1024;

/// The quads of a request, in the order that it names, or else in that of the scan.
pub(crate) fn collect<S: QuadSource>(
    source: &S,
    request: &ScanRequest,
    context: &ReadContext,
) -> StorageResult<(Permutation, Vec<IdQuad>)> {
    let mut scan = source.scan(request.pattern, context)?;
    let permutation = request.permutation.unwrap_or_else(|| scan.permutation());
    let (mut quads, mut batch) = (Vec::new(), ColumnBatch::new());
    while scan.next_batch(&mut batch)? {
        let rows = (0..batch.len()).map(|row| batch.quad(row));
        quads.extend(rows.filter(|quad| request.matches(permutation, quad)));
    }
    if scan.permutation() != permutation {
        quads.sort_unstable_by_key(|quad| permutation.permute(*quad));
    }
    Ok((permutation, quads))
}

/// A scan of collected quads.
pub(crate) struct CollectedScan {
    permutation: Permutation,
    quads: Vec<IdQuad>,
    next: usize,
    context: ReadContext,
}

impl CollectedScan {
    pub(crate) fn new<S: QuadSource>(
        source: &S,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<Self> {
        let (permutation, quads) = collect(source, request, context)?;
        Ok(Self {
            permutation,
            quads,
            next: 0,
            context: context.clone(),
        })
    }
}

impl QuadScan for CollectedScan {
    fn permutation(&self) -> Permutation {
        self.permutation
    }

    fn next_batch(&mut self, batch: &mut ColumnBatch) -> StorageResult<bool> {
        batch.clear();
        self.context.check()?;
        let end = self.quads.len().min(self.next + BATCH_ROWS_MAX);
        for quad in &self.quads[self.next..end] {
            batch.push(*quad);
        }
        self.next = end;
        Ok(!batch.is_empty())
    }
}

/// Look-ups of one scan a probe.
pub(crate) struct ScannedLookup<S: QuadSource> {
    source: S,
    request: LookupRequest,
    context: ReadContext,
    columns: Vec<Vec<u64>>,
    probes: usize,
    next: usize,
    /// What the probe before the next one has left.
    scan: Option<(Box<dyn QuadScan>, ColumnBatch, usize)>,
}

impl<S: QuadSource> ScannedLookup<S> {
    pub(crate) fn new(source: &S, request: &LookupRequest, context: &ReadContext) -> Self {
        Self {
            source: source.clone(),
            request: *request,
            context: context.clone(),
            columns: Vec::new(),
            probes: 0,
            next: 0,
            scan: None,
        }
    }

    fn request_of(&self, columns: &[&[u64]], probe: usize) -> ScanRequest {
        ScanRequest {
            permutation: Some(self.request.permutation),
            range: self.request.range,
            columns: self.request.columns,
            ..ScanRequest::new(self.request.pattern_of(columns, probe))
        }
    }

    fn open_next(&mut self) -> StorageResult<()> {
        let columns: Vec<&[u64]> = self.columns.iter().map(Vec::as_slice).collect();
        let request = self.request_of(&columns, self.next);
        let scan = self.source.scan_request(&request, &self.context)?;
        self.scan = Some((scan, ColumnBatch::new(), 0));
        self.next += 1;
        Ok(())
    }
}

impl<S: QuadSource> QuadLookup for ScannedLookup<S> {
    fn permutation(&self) -> Permutation {
        self.request.permutation
    }

    fn set_probes(&mut self, columns: &[&[u64]]) -> StorageResult<()> {
        self.probes = self.request.check_probes(columns)?;
        self.columns = columns.iter().map(|column| column.to_vec()).collect();
        self.next = 0;
        self.scan = None;
        Ok(())
    }

    fn next_batch(&mut self, batch: &mut LookupBatch) -> StorageResult<bool> {
        batch.clear();
        while batch.len() < BATCH_ROWS_MAX {
            let Some((scan, rows, row)) = &mut self.scan else {
                if self.next == self.probes {
                    break;
                }
                self.open_next()?;
                continue;
            };
            if *row == rows.len() {
                *row = 0;
                if !scan.next_batch(rows)? {
                    self.scan = None;
                }
                continue;
            }
            batch.push(
                (self.next - 1) as u32,
                rows.quad(*row),
                self.request.columns,
            );
            *row += 1;
        }
        Ok(!batch.is_empty())
    }

    fn contains(&mut self, columns: &[&[u64]], found: &mut Vec<bool>) -> StorageResult<()> {
        found.clear();
        let mut batch = ColumnBatch::new();
        for probe in 0..self.request.check_probes(columns)? {
            let request = self.request_of(columns, probe);
            let mut scan = self.source.scan_request(&request, &self.context)?;
            found.push(scan.next_batch(&mut batch)?);
        }
        Ok(())
    }

    fn count(&mut self, columns: &[&[u64]], counts: &mut Vec<u64>) -> StorageResult<()> {
        counts.clear();
        for probe in 0..self.request.check_probes(columns)? {
            let request = self.request_of(columns, probe);
            counts.push(self.source.count_request(&request, &self.context)?);
        }
        Ok(())
    }
}

/// A trie over collected rows.
pub(crate) struct CollectedTrie {
    permutation: Permutation,
    /// Rows of raw ids in the permutation's order.
    rows: Vec<[u64; 4]>,
    /// The columns that the pattern leaves open.
    levels: Vec<usize>,
    run: Vec<u64>,
}

impl CollectedTrie {
    pub(crate) fn new<S: QuadSource>(
        source: &S,
        permutation: Permutation,
        pattern: &IdPattern,
        context: &ReadContext,
    ) -> StorageResult<Self> {
        let request = ScanRequest::new(*pattern).in_order(permutation);
        let (_, quads) = collect(source, &request, context)?;
        let open = permutation.permute(pattern.map(|id| id.is_none()));
        Ok(Self {
            permutation,
            rows: quads
                .into_iter()
                .map(|quad| permutation.permute(quad.map(TermId::raw)))
                .collect(),
            levels: (0..4).filter(|column| open[*column]).collect(),
            run: Vec::new(),
        })
    }

    fn key<'a>(&'a self, row: &'a [u64; 4], levels: usize) -> impl Iterator<Item = u64> + 'a {
        self.levels.iter().take(levels).map(|column| row[*column])
    }
}

impl QuadTrie for CollectedTrie {
    fn permutation(&self) -> Permutation {
        self.permutation
    }

    fn levels(&self) -> usize {
        self.levels.len()
    }

    fn seek(&mut self, prefix: &[u64], value: u64) -> StorageResult<Option<u64>> {
        self.run.clear();
        let depth = prefix.len();
        let Some(&column) = self.levels.get(depth) else {
            return Err(StorageError::misuse("a trie has no level of that number"));
        };
        // All rows have the constants, so the levels alone are sorted.
        let wanted = || prefix.iter().copied().chain([value]);
        let start = self
            .rows
            .partition_point(|row| self.key(row, depth + 1).lt(wanted()));
        let below = self.rows[start..]
            .iter()
            .take_while(|row| self.key(row, depth).eq(prefix.iter().copied()));
        let run = below.take(BATCH_ROWS_MAX).map(|row| row[column]).collect();
        self.run = run;
        Ok(self.run.first().copied())
    }

    fn run(&mut self) -> StorageResult<&[u64]> {
        Ok(&self.run)
    }
}

/// The distinct values of a column of collected quads.
pub(crate) struct CollectedValues {
    /// The value of each quad, ascending.
    values: Vec<u64>,
    next: usize,
    with_counts: bool,
}

impl CollectedValues {
    pub(crate) fn new<S: QuadSource>(
        source: &S,
        request: &ScanRequest,
        with_counts: bool,
        context: &ReadContext,
    ) -> StorageResult<Self> {
        let bound = request.pattern.map(|id| id.is_some());
        let column = |permutation: Permutation| permutation.bound_prefix(bound);
        let Some(permutation) = request.permutation.filter(|order| column(*order) < 4) else {
            return Err(StorageError::misuse(
                "a request for distinct values names no permutation, or leaves no column of it open",
            ));
        };
        let position = permutation.position_of(column(permutation));
        let (_, quads) = collect(source, request, context)?;
        Ok(Self {
            values: quads.iter().map(|quad| quad[position].raw()).collect(),
            next: 0,
            with_counts,
        })
    }
}

impl QuadValues for CollectedValues {
    fn next_batch(&mut self, values: &mut Vec<u64>, counts: &mut Vec<u64>) -> StorageResult<bool> {
        values.clear();
        counts.clear();
        let rest = &self.values[self.next..];
        for run in rest.chunk_by(|a, b| a == b).take(BATCH_ROWS_MAX) {
            values.extend(run.first());
            if self.with_counts {
                counts.push(run.len() as u64);
            }
            self.next += run.len();
        }
        Ok(!values.is_empty())
    }
}

/// The figures of the quads of a pattern: their number, and half of it for want of anything better.
pub(crate) fn figures<S: QuadSource>(source: &S, pattern: IdPattern) -> StorageResult<QuadFigures> {
    let quads = source.count(pattern)?;
    Ok(QuadFigures {
        quads,
        subjects: quads.div_ceil(2),
        objects: quads.div_ceil(2),
    })
}
