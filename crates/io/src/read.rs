//! From a source to quads: the parser of its format, blank nodes renamed, graphs directed.
//!
//! What flows in: a [`Source`] and [`ReadOptions`]. What flows out: quads, one at a time, and at the end nothing or one
//! [`LoadError`]. What always holds: memory does not grow with the source (one statement and the parser's buffer of at
//! most 16 MiB; in RDF/XML, JSON-LD and N3 an element, object or statement of at most 64 MiB); blank nodes belong to this source alone; after an error no more quads come.

use crate::blank_nodes::BlankNodeScope;
use crate::error::{LoadError, SyntaxError};
use crate::format::RdfFormat;
use crate::input::{Input, Place};
use crate::parse::{ParseError, Parser, TooFar, dismantle, parser};
use crate::source::Source;
use crate::turtle::Prefixes;
use oxrdf::{GraphName, Quad, Term};
use quadrille_store::ReadContext;

/// How deep triple terms may be nested. Deeper ones are refused: terms are walked and freed recursively.
pub const TRIPLE_TERM_DEPTH_MAX: usize = 64;

/// How many quads pass between two looks at the cancel token and two calls of the progress callback.
const QUADS_PER_CHECK: u64 = 1024;

/// Where quads go, whatever graph they are written in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum GraphTarget {
    /// Where the source says.
    #[default]
    AsWritten,
    /// What the source puts in the default graph goes into this graph; its named graphs stay.
    DefaultInto(GraphName),
    /// Everything goes into this graph.
    AllInto(GraphName),
}

/// How a source is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Where quads go.
    pub graph: GraphTarget,
    /// The base of relative IRIs in the formats that have them; without one a relative IRI is an error.
    pub base: Option<String>,
    /// Whether the parser may skip checks of IRIs and language tags. Faster, and accepts some files that are not valid.
    pub lenient: bool,
    /// The scope of blank nodes. By default each source gets one of its own, and a load into a store lets the store name
    /// most of them. With a scope given here the labels are known beforehand, and sources share their blank nodes; with
    /// [`BlankNodeScope::as_written`] they keep their labels.
    pub blank_nodes: Option<BlankNodeScope>,
    /// What happens to text that is not of its format when sources are loaded. [`QuadReader`] always stops.
    pub on_error: OnError,
    /// What stops the reading: a cancel token, a deadline.
    pub context: ReadContext,
}

/// What a load does with text that is not of its format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnError {
    /// The load ends, and nothing of it stays.
    #[default]
    Stop,
    /// The text is left out and told of, and the load goes on: behind the line in N-Triples and N-Quads, behind the
    /// statement in Turtle, TriG and N3. The other formats cannot be read on, so there the load ends.
    Skip,
}

/// How far a load has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The source being read.
    pub name: &'a str,
    /// The bytes of this source that were read.
    pub bytes_read: u64,
    /// The bytes of this source in all, if known.
    pub bytes_total: Option<u64>,
    /// The quads of this source that were read.
    pub quads_read: u64,
}

/// The quads of one source: an iterator that ends after the first error.
///
/// ```
/// use quadrille_io::{QuadReader, RdfFormat, ReadOptions, Source};
///
/// let text = "<http://example.org/a> <http://example.org/b> 1, 2 .";
/// let source = Source::reader("example", text.as_bytes()).with_format(RdfFormat::Turtle);
/// let quads = QuadReader::open(source, &ReadOptions::default())?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(quads.len(), 2);
/// # Ok::<(), quadrille_io::LoadError>(())
/// ```
pub struct QuadReader {
    parser: Option<Parser>,
    input: Input,
    graph: GraphTarget,
    /// `None` leaves labels as they are written, for a caller that renames them.
    blank_nodes: Option<BlankNodeScope>,
    context: ReadContext,
    goes_on: bool,
    quads_read: u64,
}

/// What a source held.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) quads_read: u64,
    pub(crate) bytes_read: u64,
    /// The lines and statements that were left out.
    pub(crate) rejected: u64,
}

impl QuadReader {
    /// Opens a source.
    ///
    /// # Errors
    /// When it cannot be opened, its format is not known, or the base IRI is not valid.
    pub fn open(source: Source, options: &ReadOptions) -> Result<Self, LoadError> {
        let format = source.format().ok_or_else(|| LoadError::UnknownFormat {
            name: source.name().to_owned(),
        })?;
        Self::over(source.open()?, format, options)
    }

    /// Reads what is open already.
    pub(crate) fn over(
        input: Input,
        format: RdfFormat,
        options: &ReadOptions,
    ) -> Result<Self, LoadError> {
        Self::over_with(input, format, options, &Prefixes::new())
    }

    /// Reads what is open already, with prefixes that were declared before.
    pub(crate) fn over_with(
        input: Input,
        format: RdfFormat,
        options: &ReadOptions,
        prefixes: &Prefixes,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            parser: Some(parser(format, input.clone(), options, prefixes)?),
            input,
            graph: options.graph.clone(),
            blank_nodes: Some(options.blank_nodes.clone().unwrap_or_default()),
            context: options.context.clone(),
            goes_on: false,
            quads_read: 0,
        })
    }

    /// Goes on behind what is not of the format, where the parser finds a place to do so.
    pub(crate) fn going_on(mut self, goes_on: bool) -> Self {
        self.goes_on = goes_on;
        self
    }

    /// The bytes that it reads.
    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    /// Leaves blank nodes as the parser names them.
    pub(crate) fn with_labels_as_written(mut self) -> Self {
        self.blank_nodes = None;
        self
    }

    /// Whether it goes on behind the error that came last.
    pub(crate) fn is_going_on(&self) -> bool {
        self.goes_on && self.parser.is_some()
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress<'_> {
        Progress {
            name: self.input.name(),
            bytes_read: self.input.bytes_read(),
            bytes_total: self.input.bytes_total(),
            quads_read: self.quads_read,
        }
    }

    /// Whether it is time to look at the cancel token and to report.
    fn is_check_due(&self) -> bool {
        self.quads_read.is_multiple_of(QUADS_PER_CHECK)
    }

    /// Hands every quad to `receive`, and the progress to `report` now and then and at the end.
    pub(crate) fn drive(
        mut self,
        mut receive: impl FnMut(Quad) -> Result<(), LoadError>,
        mut report: impl FnMut(&Progress<'_>),
    ) -> Result<Totals, LoadError> {
        while let Some(quad) = self.next() {
            receive(quad?)?;
            if self.is_check_due() {
                report(&self.progress());
            }
        }
        report(&self.progress());
        Ok(Totals {
            quads_read: self.quads_read,
            bytes_read: self.input.bytes_read(),
            rejected: 0,
        })
    }

    fn next_quad(&mut self) -> Option<Result<Quad, LoadError>> {
        if self.is_check_due()
            && let Err(error) = self.context.check()
        {
            return Some(Err(error.into()));
        }
        let mut quad = match self.parser.as_mut()?.next()? {
            Ok(quad) => quad,
            Err(error) => return Some(Err(self.error(error))),
        };
        if is_too_deep(&quad.object) {
            dismantle(quad.object);
            return Some(Err(self.depth_error()));
        }
        if let Some(scope) = &self.blank_nodes {
            scope.rename_quad(&mut quad);
        }
        match &self.graph {
            GraphTarget::DefaultInto(graph) if quad.graph_name.is_default_graph() => {
                quad.graph_name.clone_from(graph);
            }
            GraphTarget::AllInto(graph) => quad.graph_name.clone_from(graph),
            GraphTarget::AsWritten | GraphTarget::DefaultInto(_) => {}
        }
        self.quads_read += 1;
        Some(Ok(quad))
    }

    fn depth_error(&self) -> LoadError {
        LoadError::TooDeep {
            name: self.input.name().to_owned(),
            depth_max: TRIPLE_TERM_DEPTH_MAX,
        }
    }

    fn error(&self, error: ParseError) -> LoadError {
        let name = self.input.name().to_owned();
        match error {
            ParseError::Io(error) => match error.downcast::<TooFar>() {
                Ok(error) => self.syntax_error(error.place, error.message),
                Err(error) => LoadError::Io { name, error },
            },
            ParseError::Syntax {
                place: Some(place),
                message,
            } => self.syntax_error(place, message),
            ParseError::Syntax {
                place: None,
                message,
            } => LoadError::Document { name, message },
        }
    }

    fn syntax_error(&self, place: Place, message: String) -> LoadError {
        LoadError::from(SyntaxError {
            name: self.input.name().to_owned(),
            line: place.line,
            column: place.column,
            offset: place.offset,
            message,
            excerpt: self.input.excerpt(place.offset),
        })
    }
}

impl Iterator for QuadReader {
    type Item = Result<Quad, LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_quad();
        let is_over = match &item {
            Some(Ok(_)) => false,
            Some(Err(LoadError::Syntax(_))) => !self.goes_on,
            Some(Err(_)) | None => true,
        };
        if is_over {
            self.parser = None;
        }
        item
    }
}

/// Whether a term nests triple terms beyond [`TRIPLE_TERM_DEPTH_MAX`]. Only objects can nest.
pub(crate) fn is_too_deep(mut term: &Term) -> bool {
    for _ in 0..=TRIPLE_TERM_DEPTH_MAX {
        let Term::Triple(triple) = term else {
            return false;
        };
        term = &triple.object;
    }
    true
}

/// Reads a source to its end and hands every quad to `receive`; `report` hears of the progress now and then, and once
/// at the end. Returns the number of quads.
///
/// # Errors
/// The first error of the source or of `receive`.
///
/// ```
/// use quadrille_io::{RdfFormat, ReadOptions, Source, read_quads};
///
/// let text = "_:a <http://example.org/knows> _:b .\n";
/// let source = Source::reader("example", text.as_bytes()).with_format(RdfFormat::NTriples);
/// let mut subjects = Vec::new();
/// read_quads(source, &ReadOptions::default(), |quad| Ok(subjects.push(quad.subject)), |_| {})?;
/// assert_eq!(subjects.len(), 1);
/// # Ok::<(), quadrille_io::LoadError>(())
/// ```
pub fn read_quads(
    source: Source,
    options: &ReadOptions,
    receive: impl FnMut(Quad) -> Result<(), LoadError>,
    report: impl FnMut(&Progress<'_>),
) -> Result<u64, LoadError> {
    let reader = QuadReader::open(source, options)?;
    Ok(reader.drive(receive, report)?.quads_read)
}
