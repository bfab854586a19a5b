//! The short way from N-Triples and N-Quads to a batch: ordinary lines without an allocation, others by oxttl.
//!
//! What flows in: chunks of whole lines. What flows out: their quads in a [`QuadBatch`], or the line that is at fault.
//! What always holds: a chunk gives the quads that oxttl gives, in the same order. In both languages a statement ends
//! with its line, and no term goes beyond it, so a line can be parsed by itself; only where it is wrong may the parser
//! look further, so what it says of a wrong line is asked for with all the text that follows.

mod chunks;
mod scan;
mod terms;

pub(crate) use chunks::Chunks;

use crate::directions::Directions;
use crate::format::RdfFormat;
use crate::parse::{OPENED_MAX, dismantle};
use crate::read::{GraphTarget, is_too_deep};
use oxrdf::{GraphName, Quad};
use oxttl::{NQuadsParser, NTriplesParser};
use quadrille_store::{BatchTerm, BlankNodes, QuadBatch, StorageResult};
use scan::{Line, next_line, scan};
use std::ops::Range;
use terms::Terms;

/// Which of the two languages lines are in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LineFormat {
    NTriples,
    NQuads,
}

impl LineFormat {
    /// The line format of a format, if it is one.
    pub(crate) fn of(format: RdfFormat) -> Option<Self> {
        match format {
            RdfFormat::NTriples => Some(Self::NTriples),
            RdfFormat::NQuads => Some(Self::NQuads),
            _ => None,
        }
    }

    pub(crate) fn format(self) -> RdfFormat {
        match self {
            Self::NTriples => RdfFormat::NTriples,
            Self::NQuads => RdfFormat::NQuads,
        }
    }
}

/// A line that was not taken: what is wrong with it is for the parser to say.
#[derive(Debug)]
pub(crate) struct FaultyLine {
    /// Where in the chunk it lies.
    pub(crate) range: Range<usize>,
    /// The line ends before it in the chunk.
    pub(crate) lines_before: u64,
}

/// What a chunk held beside its quads.
#[derive(Debug, Default)]
pub(crate) struct ChunkReport {
    /// The ends of lines, as oxttl counts them.
    pub(crate) lines: u64,
    /// The lines that were not taken: at most one, unless they are to be skipped.
    pub(crate) faulty: Vec<FaultyLine>,
}

/// Parses chunks of lines, one after the other.
pub(crate) struct LineParser {
    format: LineFormat,
    graph: GraphTarget,
    blank_nodes: BlankNodes,
    skips_faulty: bool,
    terms: Terms,
}

/// A chunk under way.
struct Chunk<'a> {
    text: &'a [u8],
    batch: &'a mut QuadBatch,
    graphs: Directions,
}

impl LineParser {
    pub(crate) fn new(
        format: LineFormat,
        graph: GraphTarget,
        blank_nodes: BlankNodes,
        skips_faulty: bool,
    ) -> Self {
        Self {
            format,
            graph,
            blank_nodes,
            skips_faulty,
            terms: Terms::new(blank_nodes),
        }
    }

    /// Adds the quads of a chunk to a batch. Without skipping, it ends before the first faulty line.
    ///
    /// # Errors
    /// When the batch is full.
    pub(crate) fn parse(
        &mut self,
        text: &[u8],
        batch: &mut QuadBatch,
    ) -> StorageResult<ChunkReport> {
        self.terms.clear();
        let mut report = ChunkReport::default();
        let mut chunk = Chunk {
            text,
            graphs: Directions::new(batch, &self.graph)?,
            batch,
        };
        let mut start = 0;
        while start < text.len() {
            let before = chunk.batch.mark();
            if let Some(next) = self.parse_ordinary(&mut chunk, start)? {
                report.lines += 1;
                start = next;
                continue;
            }
            // What some of its tokens seemed to be may not be what the line says, if it says anything.
            self.terms.forget_from(start);
            chunk.batch.go_back_to(&before);
            let end = next_line(text, start);
            let line = &text[start..end];
            if !self.parse_unusual(&mut chunk, line)? {
                report.faulty.push(FaultyLine {
                    range: start..end,
                    lines_before: report.lines,
                });
                if !self.skips_faulty {
                    return Ok(report);
                }
            }
            report.lines += line_ends(line);
            start = end;
        }
        if text
            .last()
            .is_some_and(|last| !matches!(last, b'\n' | b'\r'))
        {
            report.lines -= u64::from(report.lines > 0);
        }
        Ok(report)
    }

    /// Takes an ordinary line; where the next one begins. `None` for any other line, of which some terms may be taken.
    #[inline]
    fn parse_ordinary(
        &mut self,
        chunk: &mut Chunk<'_>,
        start: usize,
    ) -> StorageResult<Option<usize>> {
        let with_graph = self.format == LineFormat::NQuads;
        let Some((line, next)) = scan(chunk.text, start, with_graph) else {
            return Ok(None);
        };
        if let Line::Statement(tokens) = line {
            let Some(terms) = self.terms_of(chunk, tokens) else {
                return Ok(None);
            };
            chunk.batch.quad(terms)?;
        }
        Ok(Some(next))
    }

    /// The terms of a quad. A batch that is full refuses the line once more when all of it is parsed.
    #[inline]
    fn terms_of(
        &mut self,
        chunk: &mut Chunk<'_>,
        [subject, predicate, object, graph]: [&[u8]; 4],
    ) -> Option<[BatchTerm; 4]> {
        let mut term = |token, position| {
            let term = self.terms.term(chunk.batch, chunk.text, token, position);
            term.ok().flatten()
        };
        let subject = term(subject, 0)?;
        let predicate = term(predicate, 1)?;
        let object = term(object, 2)?;
        let written = match graph {
            [] => chunk.graphs.default_graph,
            graph => term(graph, 3)?,
        };
        let graph = chunk.graphs.of_all.unwrap_or(written);
        Some([subject, predicate, object, graph])
    }

    /// Takes all of a line or nothing, and then it is at fault.
    fn parse_unusual(&self, chunk: &mut Chunk<'_>, line: &[u8]) -> StorageResult<bool> {
        let Some(quads) = quads_of(line, self.format) else {
            return Ok(false);
        };
        if quads.iter().any(|quad| is_too_deep(&quad.object)) {
            quads.into_iter().for_each(|quad| dismantle(quad.object));
            return Ok(false);
        }
        let graphs = chunk.graphs;
        quads
            .iter()
            .try_for_each(|quad| graphs.push(chunk.batch, quad, self.blank_nodes))?;
        Ok(true)
    }
}

/// The quads of one line; nothing when something is wrong with it.
fn quads_of(line: &[u8], format: LineFormat) -> Option<Vec<Quad>> {
    if memchr::memmem::find_iter(line, b"<<(").count() > OPENED_MAX {
        return None;
    }
    match format {
        LineFormat::NQuads => NQuadsParser::new()
            .for_slice(line)
            .collect::<Result<_, _>>(),
        LineFormat::NTriples => NTriplesParser::new()
            .for_slice(line)
            .map(|triple| triple.map(|triple| triple.in_graph(GraphName::DefaultGraph)))
            .collect(),
    }
    .ok()
}

/// How often a line ends in a text: at `\n`, `\r` or both together.
pub(crate) fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr2_iter(b'\n', b'\r', text)
        .filter(|&at| text[at] == b'\n' || text.get(at + 1) != Some(&b'\n'))
        .count() as u64
}
