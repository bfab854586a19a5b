//! A view of one commit: everything that reads goes through it.

use crate::context::ReadContext;
use crate::delta::Delta;
use crate::dictionary::reader::TermReader;
use crate::figures::Figures;
use crate::index::count::{count_rows, estimate_range};
use crate::index::reader::BlockCursor;
use crate::index::scan::{RowBatch, RowScan, ScanRange};
use crate::keyspaces::Places;
use crate::pattern::QuadPattern;
use crate::permutation::{IdPattern, Permutation, Row};
use crate::quads::{GraphIter, IdScan, KnownTerms, QuadIter};
use crate::request::ScanRequest;
use crate::root::Root;
use crate::term::{TermHasher, TermId};
use crate::terms::{TermAccess, decode_term};
use crate::view::View;
use dashmap::DashMap;
use oxrdf::{GraphName, GraphNameRef, NamedNodeRef, QuadRef, Term, TermRef};
use quadrille_backend::{StorageBackend, StorageError, StorageResult};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// How many idle readers of terms a snapshot keeps; more than threads usually read at once.
const IDLE_MAX: usize = 16;

/// How many predicates and graph names are remembered.
const NAMES_MAX: usize = 4096;

/// The ids of predicates and graph names that were asked for: there are few, and they come again. An id stays that of its
/// term as long as the generation lives, so all committed snapshots of a generation share the names; a snapshot within a
/// transaction has its own, for a transaction that is rolled back gives its new ids back.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: OnceLock<DashMap<Box<str>, TermId>>,
    count: AtomicUsize,
}

impl Names {
    fn get(&self, name: &str) -> Option<TermId> {
        self.ids.get()?.get(name).map(|id| *id)
    }

    fn insert(&self, name: &str, id: TermId) {
        let ids = self.ids.get_or_init(DashMap::new);
        if self.count.load(Ordering::Relaxed) >= NAMES_MAX {
            // What comes again is soon here again.
            ids.clear();
            self.count.store(0, Ordering::Relaxed);
        }
        if ids.insert(name.into(), id).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Which view a [`Snapshot`] is: equal for clones, and for snapshots that a store gives without a commit between them. It
/// keeps nothing of the view alive, and is never that of a later one.
#[derive(Clone)]
pub struct ViewIdentity(Weak<Figures>);

impl PartialEq for ViewIdentity {
    fn eq(&self, other: &Self) -> bool {
        // What a weak reference points to is not reused as long as there is one.
        self.0.as_ptr().addr() == other.0.as_ptr().addr()
    }
}

impl Eq for ViewIdentity {}

impl fmt::Debug for ViewIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ViewIdentity({:x})", self.0.as_ptr().addr())
    }
}

/// An owned view of one commit: it never changes, never blocks the writer, and serves many threads at once.
///
/// Cloning is cheap and shares the view. What it pins is released when the last clone and the last iterator made from
/// it are dropped.
pub struct Snapshot<B: StorageBackend> {
    pub(crate) inner: Arc<SnapshotInner<B>>,
}

pub(crate) struct SnapshotInner<B: StorageBackend> {
    pub(crate) view: View<B::Snapshot>,
    pub(crate) places: Arc<Places>,
    pub(crate) root: Arc<Root>,
    pub(crate) hasher: TermHasher,
    pub(crate) delta: Delta,
    idle: Mutex<Vec<Box<TermAccess<B::Snapshot>>>>,
    names: Arc<Names>,
    pub(crate) figures: Arc<Figures>,
}

impl<B: StorageBackend> Clone for Snapshot<B> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<B: StorageBackend> Snapshot<B> {
    pub(crate) fn new(
        view: View<B::Snapshot>,
        places: Arc<Places>,
        root: Arc<Root>,
        delta: Delta,
        names: Arc<Names>,
        figures: Arc<Figures>,
    ) -> Self {
        Self {
            inner: Arc::new(SnapshotInner {
                view,
                hasher: TermHasher::new(&root.hash_key),
                places,
                root,
                delta,
                idle: Mutex::default(),
                names,
                figures,
            }),
        }
    }

    /// The same view, every read of which compares checksums.
    pub(crate) fn distrusting(&self) -> Self {
        let inner = &*self.inner;
        Self::new(
            inner.view.to_distrusting(),
            Arc::clone(&inner.places),
            Arc::clone(&inner.root),
            inner.delta.clone(),
            Arc::default(),
            Arc::default(),
        )
    }

    /// Which view this is, for what is remembered about it.
    #[must_use]
    pub fn identity(&self) -> ViewIdentity {
        ViewIdentity(Arc::downgrade(&self.inner.figures))
    }

    /// The number of quads; known without reading any.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.root.quads
    }

    /// Whether there is no quad.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The commit's sequence number: grows by one with each commit of the store.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.inner.root.epoch
    }

    /// Whether a quad is there.
    ///
    /// # Errors
    /// What the backend fails with; `Corrupted` when stored bytes do not hold.
    pub fn contains<'a>(&self, quad: impl Into<QuadRef<'a>>) -> StorageResult<bool> {
        let quad = quad.into();
        let mut row = [0; 4];
        let graph = self.encode_graph(quad.graph_name)?;
        let terms: [TermRef<'_>; 3] = [quad.subject.into(), quad.predicate.into(), quad.object];
        for (word, term) in row.iter_mut().zip(terms) {
            match self.encode(term)? {
                Some(id) => *word = id.raw(),
                None => return Ok(false),
            }
        }
        match graph {
            Some(id) => row[3] = id.raw(),
            None => return Ok(false),
        }
        self.contains_row(&row)
    }

    pub(crate) fn contains_row(&self, row: &Row) -> StorageResult<bool> {
        let inner = &*self.inner;
        if let Some(inserted) = inner.delta.permutation(Permutation::Spoc).get(row) {
            return Ok(inserted);
        }
        self.blocks_contain(Permutation::Spoc, row)
    }

    /// Whether the blocks of one permutation hold a row, whatever the delta says.
    pub(crate) fn blocks_contain(
        &self,
        permutation: Permutation,
        row: &Row,
    ) -> StorageResult<bool> {
        let inner = &*self.inner;
        let place = &inner.places.permutation(permutation).blocks;
        let mut cursor = BlockCursor::<_, 4>::new(&inner.view, place)?;
        if !cursor.seek(row)? {
            return Ok(false);
        }
        Ok(cursor
            .block()
            .is_some_and(|(block, bytes)| !block.prefix_range(bytes, row).is_empty()))
    }

    /// The quads that match a pattern, lazily. The iterator owns its view, and can be sent to another thread.
    ///
    /// # Errors
    /// What the backend fails with; `Corrupted` when stored bytes do not hold.
    pub fn match_quads(&self, pattern: &QuadPattern) -> StorageResult<QuadIter<B>> {
        self.match_quads_with(pattern, ReadContext::new())
    }

    /// The quads that match a pattern, until the context says to stop.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn match_quads_with(
        &self,
        pattern: &QuadPattern,
        context: ReadContext,
    ) -> StorageResult<QuadIter<B>> {
        let Some(ids) = self.encode_pattern(pattern)? else {
            return Ok(QuadIter::empty());
        };
        let scan = self.scan(ids, context)?;
        let known = KnownTerms::of(pattern, &ids);
        Ok(QuadIter::new(self.clone(), scan, known))
    }

    /// How many quads match a pattern; exact. Reads summaries and two blocks, except for `S O` and `P G` patterns, which
    /// decode one column of the blocks that may match.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn count(&self, pattern: &QuadPattern) -> StorageResult<u64> {
        match self.encode_pattern(pattern)? {
            Some(ids) => self.count_ids(ids),
            None => Ok(0),
        }
    }

    /// About how many quads match a pattern, from summaries: half of each block at the edges of the range is counted; exact
    /// if the range lies in one block. For `S O` and `P G` patterns it is the smaller of the two ranges that could be scanned.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn estimate(&self, pattern: &QuadPattern) -> StorageResult<u64> {
        match self.encode_pattern(pattern)? {
            Some(ids) => self.estimate_ids(ids),
            None => Ok(0),
        }
    }

    /// The graphs that hold a quad, the default graph too when it does, with their numbers of quads. A graph exists
    /// as long as it holds a quad.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn graphs(&self) -> StorageResult<GraphIter<B>> {
        GraphIter::new(self.clone())
    }

    /// Whether a graph holds a quad.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn contains_graph(&self, graph: &GraphName) -> StorageResult<bool> {
        let pattern = QuadPattern::new().with_graph(graph.clone());
        let Some(ids) = self.encode_pattern(&pattern)? else {
            return Ok(false);
        };
        Ok(self
            .scan(ids, ReadContext::new())?
            .next()
            .transpose()?
            .is_some())
    }

    /// The id of a term; `None` when no quad of this commit can hold the term.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn encode<'a>(&self, term: impl Into<TermRef<'a>>) -> StorageResult<Option<TermId>> {
        let inner = &*self.inner;
        self.with_reader(|reader| reader.find_term(&inner.delta, &inner.hasher, term.into()))
    }

    /// The id of a predicate or a graph name, from memory if it was asked for before.
    fn encode_name(&self, node: NamedNodeRef<'_>) -> StorageResult<Option<TermId>> {
        if let Some(id) = self.remembered(node) {
            return Ok(Some(id));
        }
        let id = self.encode(node)?;
        if let Some(id) = id {
            self.remember(node, id);
        }
        Ok(id)
    }

    /// The id of a name that was asked for before, in this snapshot or another.
    pub(crate) fn remembered(&self, name: NamedNodeRef<'_>) -> Option<TermId> {
        let id = self.inner.names.get(name.as_str())?;
        self.knows(id).then_some(id)
    }

    /// Remembers the id of a name, if this snapshot knows the id.
    pub(crate) fn remember(&self, name: NamedNodeRef<'_>, id: TermId) {
        if self.knows(id) {
            self.inner.names.insert(name.as_str(), id);
        }
    }

    /// Whether a dictionary id had been given away when this snapshot was taken.
    fn knows(&self, id: TermId) -> bool {
        id.payload() < self.inner.root.next_payload(id.tag_byte())
    }

    pub(crate) fn with_reader<T>(
        &self,
        use_reader: impl FnOnce(&mut TermReader<B::Snapshot>) -> StorageResult<T>,
    ) -> StorageResult<T> {
        let mut access = self.borrow_access();
        let result = use_reader(&mut access.reader);
        self.return_access(access);
        result
    }

    /// Lends what reading terms needs, to be [returned](Self::return_access).
    pub(crate) fn borrow_access(&self) -> Box<TermAccess<B::Snapshot>> {
        let idle = self
            .inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| Box::new(TermAccess::new(&self.inner.view, &self.inner.places)))
    }

    pub(crate) fn return_access(&self, mut access: Box<TermAccess<B::Snapshot>>) {
        access.shrink();
        let mut idle = self
            .inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(access);
        }
    }

    /// The id of a graph name; `None` when no quad of this commit can be in the graph.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn encode_graph<'a>(
        &self,
        graph: impl Into<GraphNameRef<'a>>,
    ) -> StorageResult<Option<TermId>> {
        match graph.into() {
            GraphNameRef::DefaultGraph => Ok(Some(TermId::DEFAULT_GRAPH)),
            GraphNameRef::NamedNode(node) => self.encode_name(node),
            GraphNameRef::BlankNode(node) => self.encode(node),
        }
    }

    /// The ids of a pattern's terms; `None` when a bound term is unknown, so that nothing matches.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn encode_pattern(&self, pattern: &QuadPattern) -> StorageResult<Option<IdPattern>> {
        let (subject, object) = (&pattern.subject, &pattern.object);
        let ids = [
            subject.as_ref().map(|term| self.encode(term.as_ref())),
            pattern
                .predicate
                .as_ref()
                .map(|node| self.encode_name(node.as_ref())),
            object.as_ref().map(|term| self.encode(term.as_ref())),
            pattern
                .graph
                .as_ref()
                .map(|graph| self.encode_graph(graph.as_ref())),
        ];
        let mut encoded = [None; 4];
        for (slot, id) in encoded.iter_mut().zip(ids) {
            *slot = match id.transpose()? {
                Some(None) => return Ok(None),
                Some(id) => id,
                None => None,
            };
        }
        Ok(Some(encoded))
    }

    /// The term of an id.
    ///
    /// # Errors
    /// `Misuse` for the default graph's id and for query-local ids, which are no stored terms; `Corrupted` for an id
    /// that the store does not know; what the backend fails with.
    pub fn decode(&self, id: TermId) -> StorageResult<Term> {
        self.with_reader(|reader| decode_term(reader, &self.inner.delta, id))
    }

    /// The graph name of an id.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), except that the default graph's id is legal.
    pub fn decode_graph(&self, id: TermId) -> StorageResult<GraphName> {
        if id == TermId::DEFAULT_GRAPH {
            return Ok(GraphName::DefaultGraph);
        }
        match self.decode(id)? {
            Term::NamedNode(node) => Ok(node.into()),
            Term::BlankNode(node) => Ok(node.into()),
            _ => Err(StorageError::corrupted(format!(
                "the id {id} names a graph and is neither an IRI nor a blank node"
            ))),
        }
    }

    /// The ids of the quads that match a pattern of ids, in the order of [`IdScan::permutation`].
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn scan(&self, pattern: IdPattern, context: ReadContext) -> StorageResult<IdScan<B>> {
        self.scan_request(&ScanRequest::new(pattern), context)
    }

    /// The ids that a request asks for, in the order of [`IdScan::permutation`].
    ///
    /// # Errors
    /// `Misuse` for a request that contradicts itself; as [`match_quads`](Self::match_quads).
    pub fn scan_request(
        &self,
        request: &ScanRequest,
        context: ReadContext,
    ) -> StorageResult<IdScan<B>> {
        let permutation = self.choose(request)?;
        let range = request.range_in(permutation)?;
        let scan = match range {
            Some(range) => Some(self.scan_rows(permutation, range, context)?),
            None => None,
        };
        Ok(IdScan::new(permutation, scan))
    }

    /// The first row at or above one, in a permutation.
    pub(crate) fn first_row_from(
        &self,
        permutation: Permutation,
        start: Row,
    ) -> StorageResult<Option<Row>> {
        let mut batch = RowBatch::default();
        let found = self
            .scan_rows(permutation, ScanRange::from(start), ReadContext::new())?
            .fill(&mut batch)?;
        Ok(found.then(|| batch.row(0)))
    }

    pub(crate) fn scan_rows(
        &self,
        permutation: Permutation,
        range: ScanRange,
        context: ReadContext,
    ) -> StorageResult<RowScan<B::Snapshot>> {
        let inner = &*self.inner;
        RowScan::new(
            &inner.view,
            inner.places.permutation(permutation),
            inner.delta.permutation(permutation).clone(),
            range,
            context,
        )
    }

    /// The permutation of a request: the one it names, else the table's, and of its two candidates the one with fewer
    /// quads to pass.
    pub(crate) fn choose(&self, request: &ScanRequest) -> StorageResult<Permutation> {
        if let Some(permutation) = request.permutation {
            return Ok(permutation);
        }
        let pattern = &request.pattern;
        let candidates = Permutation::candidates(pattern.map(|id| id.is_some()));
        match candidates {
            [first, second] => {
                let [a, b] = [*first, *second].map(|permutation| {
                    let range = ScanRange::of_pattern(permutation, pattern);
                    self.estimate_in(permutation, &range)
                });
                Ok(if a? <= b? { *first } else { *second })
            }
            _ => Ok(candidates.first().copied().unwrap_or(Permutation::Spoc)),
        }
    }

    fn estimate_in(&self, permutation: Permutation, range: &ScanRange) -> StorageResult<u64> {
        let inner = &*self.inner;
        let blocks = estimate_range(
            &inner.view,
            inner.places.permutation(permutation),
            &range.start,
            range.end.as_ref(),
        )?;
        let changes = inner.delta.permutation(permutation);
        let balance = if changes.is_empty() {
            0
        } else {
            changes.balance(range.start, range.end)
        };
        Ok(blocks.saturating_add_signed(balance))
    }

    /// How many quads match a pattern of ids; exact.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn count_ids(&self, pattern: IdPattern) -> StorageResult<u64> {
        self.count_request(&ScanRequest::new(pattern), &ReadContext::new())
    }

    /// How many quads a request asks for; exact. Reads summaries and two blocks, unless the pattern binds positions that
    /// the order does not begin with: then it decodes one column of the blocks that may match, until the context says to
    /// stop.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    pub fn count_request(
        &self,
        request: &ScanRequest,
        context: &ReadContext,
    ) -> StorageResult<u64> {
        if request.pattern == [None; 4] && request.is_whole() {
            return Ok(self.len());
        }
        let permutation = self.choose(request)?;
        let request = request.with_columns([false; 4]);
        let Some(range) = request.range_in(permutation)? else {
            return Ok(0);
        };
        if range.filters().next().is_some() {
            return self.count_by_scan(permutation, range, context);
        }
        self.count_rows(permutation, &range.start, range.end)
    }

    /// How many rows a permutation holds in `[start, end)`; exact.
    pub(crate) fn count_rows(
        &self,
        permutation: Permutation,
        start: &Row,
        end: Option<Row>,
    ) -> StorageResult<u64> {
        let inner = &*self.inner;
        count_rows(
            &inner.view,
            inner.places.permutation(permutation),
            inner.delta.permutation(permutation),
            start,
            end,
        )
    }

    fn count_by_scan(
        &self,
        permutation: Permutation,
        range: ScanRange,
        context: &ReadContext,
    ) -> StorageResult<u64> {
        let mut scan = self.scan_rows(permutation, range, context.clone())?;
        let mut batch = RowBatch::default();
        let mut count = 0;
        while scan.fill(&mut batch)? {
            count += batch.len() as u64;
        }
        Ok(count)
    }

    /// About how many quads match a pattern of ids, from summaries; exactly if they lie in one block.
    ///
    /// # Errors
    /// As [`match_quads`](Self::match_quads).
    pub fn estimate_ids(&self, pattern: IdPattern) -> StorageResult<u64> {
        let estimate = || self.estimate_request(&ScanRequest::new(pattern));
        self.inner.figures.estimate(pattern, estimate)
    }

    /// About how many quads a scan of a request passes, from summaries: half of each block at the edges of the range is
    /// counted, or what lies in it if the range is within one. Bound positions that the order does not begin with are left
    /// out of account.
    ///
    /// # Errors
    /// As [`scan_request`](Self::scan_request).
    pub fn estimate_request(&self, request: &ScanRequest) -> StorageResult<u64> {
        if request.pattern == [None; 4] && request.is_whole() {
            return Ok(self.len());
        }
        let permutation = self.choose(request)?;
        match request.range_in(permutation)? {
            Some(range) => self.estimate_in(permutation, &range),
            None => Ok(0),
        }
    }
}
