//! N3, as far as it is plain RDF.
//!
//! What flows in: text, line by line. What flows out: quads; formulas, variables, rules and whatever else RDF cannot say
//! are errors. What always holds: the lexer never looks at a byte more than a few times, however long a statement is,
//! and at most [`GATHERED_BYTES_MAX`] of text pass without a triple.

use super::ParseError;
use super::guard::{GATHERED_BYTES_MAX, too_large};
use crate::input::{Input, Place};
use oxrdf::{GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use oxttl::n3::{LowLevelN3Parser, N3Quad, N3Term};
use std::io::{BufRead, BufReader, Read};

/// How much text without a triple is handed over line by line, in bytes.
const LINE_BY_LINE_BYTES: u64 = 1024;

/// The predicate that `=>` and `<=` stand for.
const IMPLIES: &str = "http://www.w3.org/2000/10/swap/log#implies";

/// The quads of an N3 text.
///
/// The parser does not tell where a triple stands, so it gets the text in small pieces: a triple that comes out stands in
/// the last of them.
pub(super) struct Quads {
    parser: LowLevelN3Parser,
    reader: BufReader<Input>,
    /// The last piece, and where it begins and ends.
    piece: Vec<u8>,
    start: Place,
    end: Place,
    /// How much text has been handed over since the last triple came.
    waiting_bytes: u64,
}

impl Quads {
    pub(super) fn new(parser: LowLevelN3Parser, input: Input) -> Self {
        Self {
            parser,
            reader: BufReader::new(input),
            piece: Vec::new(),
            start: Place::START,
            end: Place::START,
            waiting_bytes: 0,
        }
    }

    /// Hands over a line, or as much as has been waited for, if that is long: so a text over many lines is looked at twice, not once for
    /// each of them.
    fn hand_over(&mut self) -> Result<(), ParseError> {
        self.piece.clear();
        self.start = self.end;
        let wanted = match self.waiting_bytes {
            0..LINE_BY_LINE_BYTES => 1,
            waiting => waiting,
        };
        while (self.piece.len() as u64) < wanted {
            let limit = GATHERED_BYTES_MAX - self.waiting_bytes.min(GATHERED_BYTES_MAX - 1);
            let mut line = (&mut self.reader).take(limit);
            if line
                .read_until(b'\n', &mut self.piece)
                .map_err(ParseError::Io)?
                == 0
            {
                break;
            }
        }
        if self.piece.is_empty() {
            self.parser.end();
            return Ok(());
        }
        for byte in &self.piece {
            self.end.pass(*byte);
        }
        self.waiting_bytes += self.piece.len() as u64;
        if self.waiting_bytes > GATHERED_BYTES_MAX {
            return Err(ParseError::Syntax {
                place: Some(self.start),
                message: too_large("a statement"),
            });
        }
        self.parser.extend_from_slice(&self.piece);
        Ok(())
    }

    fn beyond_rdf(&self, what: &str) -> ParseError {
        let mut place = self.start;
        for byte in &self.piece[..offender(&self.piece)] {
            place.pass(*byte);
        }
        ParseError::Syntax {
            place: Some(place),
            message: format!("{what} is N3 beyond RDF, which cannot be stored"),
        }
    }

    fn quad(&self, quad: N3Quad) -> Result<Quad, ParseError> {
        if quad.graph_name != GraphName::DefaultGraph {
            return Err(self.beyond_rdf("a formula (`{ … }`)"));
        }
        Ok(Quad {
            subject: self.subject(quad.subject)?,
            predicate: self.predicate(quad.predicate)?,
            object: self.object(quad.object)?,
            graph_name: quad.graph_name,
        })
    }

    fn subject(&self, term: N3Term) -> Result<NamedOrBlankNode, ParseError> {
        match self.object(term)? {
            Term::NamedNode(iri) => Ok(iri.into()),
            Term::BlankNode(node) => Ok(node.into()),
            Term::Literal(_) => Err(self.beyond_rdf("a literal as subject")),
            Term::Triple(triple) => {
                super::dismantle(Term::Triple(triple));
                Err(self.beyond_rdf("a triple term as subject"))
            }
        }
    }

    fn predicate(&self, term: N3Term) -> Result<NamedNode, ParseError> {
        match self.object(term)? {
            Term::NamedNode(iri) if iri.as_str() == IMPLIES => Err(self.beyond_rdf("a rule")),
            Term::NamedNode(iri) => Ok(iri),
            other => {
                super::dismantle(other);
                Err(self.beyond_rdf("a predicate that is no IRI"))
            }
        }
    }

    fn object(&self, term: N3Term) -> Result<Term, ParseError> {
        Ok(match term {
            N3Term::NamedNode(iri) => iri.into(),
            N3Term::BlankNode(node) => node.into(),
            N3Term::Literal(literal) => literal.into(),
            N3Term::Triple(triple) => Term::Triple(triple),
            N3Term::Variable(variable) => {
                return Err(self.beyond_rdf(&format!("the variable {variable}")));
            }
        })
    }
}

impl Iterator for Quads {
    type Item = Result<Quad, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.parser.parse_next() {
                Some(Ok(quad)) => {
                    self.waiting_bytes = 0;
                    return Some(self.quad(quad));
                }
                Some(Err(error)) => return Some(Err(error.into())),
                None if self.parser.is_end() => return None,
                None => {
                    if let Err(error) = self.hand_over() {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

/// Where in a piece of text that goes beyond RDF a person would look: at the first brace, variable or arrow outside
/// strings, IRIs and comments, else at the first character.
fn offender(piece: &[u8]) -> usize {
    let mut closing = None;
    for (index, byte) in piece.iter().enumerate() {
        closing = match (closing, byte) {
            (Some(end), byte) if end == *byte => None,
            (Some(end), _) => Some(end),
            (None, b'"' | b'\'') => Some(*byte),
            (None, b'#') => Some(b'\n'),
            (None, b'=' | b'<') if matches!(piece.get(index + 1), Some(b'>' | b'=')) => {
                return index;
            }
            (None, b'<') => Some(b'>'),
            (None, b'{' | b'?') => return index,
            (None, _) => None,
        };
    }
    let is_text = |byte: &u8| !byte.is_ascii_whitespace();
    piece.iter().position(is_text).unwrap_or(0)
}
