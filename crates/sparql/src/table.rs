//! Results as a table of text, for people to read.
//!
//! What flows in: rows of terms, one by one. What flows out: lines of aligned columns. What always holds: only the first
//! rows are held back, to measure the columns, so that a table of any length takes bounded memory; a cell that does not
//! fit is cut and ends in an ellipsis when the width is bounded, and breaks the alignment of its line when it is not.

use oxrdf::vocab::xsd;
use oxrdf::{Literal, Term};
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Rows that are measured before the first is written.
const SAMPLE_ROWS: usize = 1000;
/// Bytes of cells after which measuring ends early.
const SAMPLE_BYTES: usize = 1 << 20;
/// What stands between two columns, and its width in columns of a terminal.
const SEPARATOR: &str = " | ";
/// The least width that a column is cut to.
const COLUMN_WIDTH_MIN: usize = 8;

/// Writes rows as they come.
pub(crate) struct TableWriter<W> {
    out: W,
    header: Vec<String>,
    width: Option<usize>,
    sample: Vec<Vec<String>>,
    sample_bytes: usize,
    /// Set once the sample has been measured and written.
    column_widths: Option<Vec<usize>>,
    rows: u64,
}

impl<W: Write> TableWriter<W> {
    /// A table with these column names, at most `width` wide if given.
    pub(crate) fn new(out: W, header: Vec<String>, width: Option<usize>) -> Self {
        Self {
            out,
            header,
            width,
            sample: Vec::new(),
            sample_bytes: 0,
            column_widths: None,
            rows: 0,
        }
    }

    /// Adds a row, one entry a column.
    pub(crate) fn push<'a>(
        &mut self,
        row: impl Iterator<Item = Option<&'a Term>>,
    ) -> io::Result<()> {
        let cells: Vec<String> = row
            .map(|term| term.map_or_else(String::new, cell))
            .collect();
        self.rows += 1;
        if let Some(widths) = &self.column_widths {
            return write_line(&mut self.out, &cells, widths, self.width.is_some());
        }
        self.sample_bytes += cells.iter().map(String::len).sum::<usize>();
        self.sample.push(cells);
        if self.sample.len() >= SAMPLE_ROWS || self.sample_bytes >= SAMPLE_BYTES {
            self.write_sample()?;
        }
        Ok(())
    }

    /// Writes what is held back and the number of rows.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write_sample()?;
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(self.out, "({} {rows})", self.rows)
    }

    fn write_sample(&mut self) -> io::Result<()> {
        if self.column_widths.is_some() {
            return Ok(());
        }
        let mut widths: Vec<usize> = self.header.iter().map(|name| name.width()).collect();
        for row in &self.sample {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        if let Some(total) = self.width {
            fit(&mut widths, total);
        }
        let cut = self.width.is_some();
        write_line(&mut self.out, &self.header, &widths, cut)?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(self.out, "{}", rules.join("-+-"))?;
        for row in std::mem::take(&mut self.sample) {
            write_line(&mut self.out, &row, &widths, cut)?;
        }
        self.column_widths = Some(widths);
        Ok(())
    }
}

/// Narrows the widest columns until all fit: the narrow ones keep their width, the others share what is left.
fn fit(widths: &mut [usize], total: usize) {
    let separators = SEPARATOR.len() * widths.len().saturating_sub(1);
    let mut left = total.saturating_sub(separators);
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|column| widths[*column]);
    for (position, column) in order.iter().enumerate() {
        let share = (left / (widths.len() - position)).max(COLUMN_WIDTH_MIN);
        widths[*column] = widths[*column].min(share);
        left = left.saturating_sub(widths[*column]);
    }
}

fn write_line(
    out: &mut impl Write,
    cells: &[String],
    widths: &[usize],
    cut: bool,
) -> io::Result<()> {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if column > 0 {
            line.push_str(SEPARATOR);
        }
        let used = push_cell(&mut line, cell, *width, cut);
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    }
    writeln!(out, "{}", line.trim_end_matches(' '))
}

/// Appends a cell, cut to the width if asked; returns the width it takes.
fn push_cell(line: &mut String, cell: &str, width: usize, cut: bool) -> usize {
    let natural = cell.width();
    if natural <= width || !cut {
        line.push_str(cell);
        return natural;
    }
    let mut used = 0;
    for character in cell.chars() {
        let next = character.width().unwrap_or(0);
        if used + next >= width {
            break;
        }
        line.push(character);
        used += next;
    }
    line.push('…');
    used + 1
}

/// A term as SPARQL writes it, with numbers and booleans plain and the prefix `xsd:` taken as known. The escapes of
/// N-Triples keep it on one line.
fn cell(term: &Term) -> String {
    match term {
        Term::Literal(literal) => literal_cell(literal),
        _ => term.to_string(),
    }
}

fn literal_cell(literal: &Literal) -> String {
    const XSD: &str = "http://www.w3.org/2001/XMLSchema#";
    let datatype = literal.datatype();
    let value = literal.value();
    let plain = [xsd::INTEGER, xsd::DECIMAL, xsd::BOOLEAN].contains(&datatype)
        && !value.is_empty()
        && value
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
    if plain {
        return value.to_owned();
    }
    match datatype.as_str().strip_prefix(XSD) {
        Some(name) if datatype != xsd::STRING => {
            format!("{}^^xsd:{name}", Literal::new_simple_literal(value))
        }
        _ => literal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SAMPLE_ROWS, TableWriter};
    use oxrdf::{Literal, NamedNode, Term};

    fn table(width: Option<usize>, rows: &[[Term; 2]]) -> String {
        let mut out = Vec::new();
        let mut table = TableWriter::new(&mut out, vec!["a".into(), "b".into()], width);
        for row in rows {
            table.push(row.iter().map(Some)).expect("memory");
        }
        table.finish().expect("memory");
        String::from_utf8(out).expect("text")
    }

    fn text(value: &str) -> Term {
        Literal::from(value).into()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let iri: Term = NamedNode::new_unchecked("x:long").into();
        let rows = [[text("日本"), Literal::from(7).into()], [iri, text("x\ny")]];
        assert_eq!(
            table(None, &rows),
            "a        | b\n---------+-------\n\"日本\"   | 7\n<x:long> | \"x\\ny\"\n(2 rows)\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let rows = [[text(&"ab日".repeat(50)), text("short")]];
        let written = table(Some(40), &rows);
        assert!(
            written.contains('…') && written.contains("\"short\""),
            "{written}"
        );
        for line in written.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 40, "{line}");
        }
    }

    #[test]
    fn rows_after_the_sample_are_written_as_they_come() {
        let mut out = Vec::new();
        let mut table = TableWriter::new(&mut out, vec!["a".into()], None);
        for _ in 0..SAMPLE_ROWS + 5 {
            table
                .push([Some(&text("row"))].into_iter())
                .expect("memory");
        }
        assert!(table.sample.is_empty(), "nothing is held back any more");
        table.finish().expect("memory");
        let written = String::from_utf8(out).expect("text");
        assert_eq!(SAMPLE_ROWS + 5 + 3, written.lines().count());
    }
}
