//! Quads in the order of their text, however many there are.
//!
//! What flows in: quads in any order. What flows out: the same quads, sorted. What always holds: the memory taken is what
//! was given, and [`RUNS_MAX`] small buffers; what does not fit is sorted in runs in temporary files, which the system
//! deletes even when the process is killed.

use crate::error::DumpError;
use crate::format::RdfFormat;
use crate::line;
use oxrdf::{GraphNameRef, Quad, QuadRef};
use oxttl::NQuadsParser;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::ops::Range;

/// The most runs that are kept apart. When there are as many, they become one.
const RUNS_MAX: usize = 64;

/// What quads are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Their lines in N-Quads, byte by byte.
    Line,
    /// Their lines in N-Triples; the graphs are lost.
    LineWithoutGraph,
    /// Their graphs, the default graph first, then their lines.
    GraphThenLine,
}

/// Sorts quads.
pub(crate) struct QuadSorter {
    order: Order,
    memory_bytes: usize,
    /// The records of the run that is gathered, and where each is.
    text: Vec<u8>,
    records: Vec<Range<usize>>,
    runs: Vec<File>,
}

impl QuadSorter {
    pub(crate) fn new(order: Order, memory_bytes: usize) -> Self {
        Self {
            order,
            memory_bytes,
            text: Vec::new(),
            records: Vec::new(),
            runs: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, quad: QuadRef<'_>) -> Result<(), DumpError> {
        let start = self.text.len();
        if self.order == Order::GraphThenLine {
            match quad.graph_name {
                GraphNameRef::DefaultGraph => {}
                graph => self.text.extend_from_slice(graph.to_string().as_bytes()),
            }
            // No graph's name holds a line end, so the line is behind the first one.
            self.text.push(b'\n');
        }
        line::push_quad(&mut self.text, quad, self.order != Order::LineWithoutGraph);
        self.records.push(start..self.text.len());
        let record_bytes = size_of::<Range<usize>>();
        if self.text.len() + self.records.len() * record_bytes >= self.memory_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Hands over all quads in order.
    pub(crate) fn finish(
        mut self,
        mut receive: impl FnMut(Quad) -> Result<(), DumpError>,
    ) -> Result<(), DumpError> {
        let order = self.order;
        let mut receive = |record: &[u8]| receive(quad_of(record, order)?);
        if self.runs.is_empty() {
            self.sort();
            return self
                .records
                .iter()
                .try_for_each(|record| receive(&self.text[record.clone()]));
        }
        self.spill()?;
        merge(std::mem::take(&mut self.runs), receive)
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.records
            .sort_unstable_by(|left, right| text[left.clone()].cmp(&text[right.clone()]));
    }

    /// Writes what is gathered as a run.
    fn spill(&mut self) -> Result<(), DumpError> {
        self.sort();
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for record in &self.records {
            write_record(&mut run, &self.text[record.clone()])?;
        }
        self.runs.push(end_run(run)?);
        self.text.clear();
        self.records.clear();
        if self.runs.len() == RUNS_MAX {
            let mut run = BufWriter::new(tempfile::tempfile()?);
            merge(std::mem::take(&mut self.runs), |record| {
                Ok(write_record(&mut run, record)?)
            })?;
            self.runs.push(end_run(run)?);
        }
        Ok(())
    }
}

fn quad_of(record: &[u8], order: Order) -> Result<Quad, DumpError> {
    let start = match order {
        Order::GraphThenLine => record.iter().position(|byte| *byte == b'\n'),
        Order::Line | Order::LineWithoutGraph => None,
    };
    let line = &record[start.map_or(0, |end| end + 1)..];
    let parsed = NQuadsParser::new().lenient().for_slice(line).next();
    let error = match parsed {
        Some(Ok(quad)) => return Ok(quad),
        Some(Err(error)) => error.to_string(),
        None => "it is no line".to_owned(),
    };
    // A lenient load may have brought in an IRI that no text can hold.
    let what = format!("{}: {error}", String::from_utf8_lossy(line).trim_end());
    Err(DumpError::not_expressible(RdfFormat::NQuads, what))
}

fn write_record(run: &mut impl Write, record: &[u8]) -> io::Result<()> {
    run.write_all(&(record.len() as u64).to_le_bytes())?;
    run.write_all(record)
}

/// The finished run, to be read from its start.
fn end_run(run: BufWriter<File>) -> io::Result<File> {
    let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// Hands over the records of sorted runs in order.
fn merge(
    runs: Vec<File>,
    mut receive: impl FnMut(&[u8]) -> Result<(), DumpError>,
) -> Result<(), DumpError> {
    let mut runs: Vec<_> = runs.into_iter().map(BufReader::new).collect();
    let mut heads = BinaryHeap::new();
    for (number, run) in runs.iter_mut().enumerate() {
        heads.extend(read_record(run)?.map(|record| Reverse((record, number))));
    }
    while let Some(Reverse((record, number))) = heads.pop() {
        receive(&record)?;
        heads.extend(read_record(&mut runs[number])?.map(|record| Reverse((record, number))));
    }
    Ok(())
}

fn read_record(run: &mut BufReader<File>) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::with_capacity(8);
    run.take(8).read_to_end(&mut length)?;
    let Ok(length) = <[u8; 8]>::try_from(length) else {
        return Ok(None);
    };
    let mut record = Vec::new();
    run.take(u64::from_le_bytes(length))
        .read_to_end(&mut record)?;
    Ok(Some(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNode, GraphName, NamedNode};

    fn quads() -> Vec<Quad> {
        let iri = |number: u64| NamedNode::new_unchecked(format!("http://e/{number}"));
        let quad = |number: u64| {
            let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
            let graph = match scattered % 3 {
                0 => GraphName::DefaultGraph,
                1 => iri(scattered % 7).into(),
                _ => BlankNode::new_unchecked(format!("g{}", scattered % 5)).into(),
            };
            Quad::new(iri(scattered), iri(number % 11), iri(number), graph)
        };
        (0..3_000).map(quad).collect()
    }

    fn sorted(order: Order, memory_bytes: usize) -> Vec<Quad> {
        let mut sorter = QuadSorter::new(order, memory_bytes);
        for quad in quads() {
            sorter.push(quad.as_ref()).expect("a quad");
        }
        let mut sorted = Vec::new();
        let receive = |quad| {
            sorted.push(quad);
            Ok(())
        };
        sorter.finish(receive).expect("sorted");
        sorted
    }

    #[test]
    fn runs_on_disk_give_the_order_of_memory() {
        // With 5,000 bytes there are more runs than are kept apart.
        for order in [Order::Line, Order::LineWithoutGraph, Order::GraphThenLine] {
            let in_memory = sorted(order, usize::MAX);
            assert_eq!(in_memory.len(), 3_000);
            for memory_bytes in [5_000, 100_000] {
                assert!(sorted(order, memory_bytes) == in_memory, "{order:?}");
            }
        }
    }

    #[test]
    fn lines_are_sorted_by_bytes_and_graphs_stand_together() {
        let lines: Vec<String> = sorted(Order::Line, usize::MAX)
            .iter()
            .map(Quad::to_string)
            .collect();
        assert!(lines.is_sorted());
        let mut graphs: Vec<_> = sorted(Order::GraphThenLine, usize::MAX)
            .into_iter()
            .map(|quad| quad.graph_name)
            .collect();
        assert_eq!(graphs[0], GraphName::DefaultGraph);
        graphs.dedup();
        assert_eq!(graphs.len(), 1 + 7 + 5);
    }
}
