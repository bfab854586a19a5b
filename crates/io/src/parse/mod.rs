//! The parsers, made alike: text of any format to quads, errors with their place.
//!
//! What flows in: an [`Input`] and its format. What flows out: quads, one at a time. What always holds: memory is
//! bounded, also where a parser would gather without end, and so is nesting: see [`guard`].

mod guard;
mod json;
mod n3;
mod triple_terms;
mod xml;

use crate::error::LoadError;
use crate::format::RdfFormat;
use crate::input::{Input, Place};
use crate::read::ReadOptions;
use crate::turtle::Prefixes;
use guard::Guard;
pub(crate) use guard::TooFar;
use oxjsonld::{JsonLdErrorCode, JsonLdParseError, JsonLdParser};
use oxrdf::{GraphName, Quad, Term, Triple};
use oxrdfxml::{RdfXmlParseError, RdfXmlParser, ReaderRdfXmlParser};
use oxttl::{
    N3Parser, NQuadsParser, NTriplesParser, TriGParser, TurtleParseError, TurtleParser,
    TurtleSyntaxError,
};
use std::io;
pub(crate) use triple_terms::OPENED_MAX;
use triple_terms::{Opened, Watched};

/// What a parser stopped at.
pub(crate) enum ParseError {
    /// The text ends or cannot be read, or a [`Guard`] stopped the parser.
    Io(io::Error),
    /// The text is not of the format.
    Syntax {
        /// Where; JSON-LD and XML parsers do not always know.
        place: Option<Place>,
        message: String,
    },
}

/// What all parsers have in common.
pub(crate) type Parser = Box<dyn Iterator<Item = Result<Quad, ParseError>> + Send>;

/// Sets what all the parsers' builders have in common.
macro_rules! configured {
    ($parser:expr, $options:expr) => {{
        let mut parser = $parser;
        if $options.lenient {
            parser = parser.lenient();
        }
        parser
    }};
    ($parser:expr, $options:expr, with base) => {{
        let mut parser = configured!($parser, $options);
        if let Some(base) = &$options.base {
            parser = parser
                .with_base_iri(base)
                .map_err(|error| LoadError::InvalidBase {
                    base: base.clone(),
                    message: error.to_string(),
                })?;
        }
        parser
    }};
    ($parser:expr, $options:expr, $prefixes:expr, $name:expr) => {{
        let mut parser = configured!($parser, $options, with base);
        for (name, iri) in $prefixes {
            parser = parser
                .with_prefix(name, iri)
                .map_err(|error| LoadError::Document {
                    name: $name.to_owned(),
                    message: format!("the prefix {name}: is not valid: {error}"),
                })?;
        }
        parser
    }};
}

/// Makes the parser of a format. Turtle and TriG may use prefixes that were declared before the input.
pub(crate) fn parser(
    format: RdfFormat,
    input: Input,
    options: &ReadOptions,
    prefixes: &Prefixes,
) -> Result<Parser, LoadError> {
    let opened = Opened::default();
    let watched = || Watched::new(input.clone(), &opened);
    let parser: Parser = match format {
        RdfFormat::NTriples => {
            let triples = configured!(NTriplesParser::new(), options).for_reader(watched());
            Box::new(triples.map(in_default_graph))
        }
        RdfFormat::NQuads => {
            let quads = configured!(NQuadsParser::new(), options).for_reader(watched());
            Box::new(quads.map(|quad| Ok(quad?)))
        }
        RdfFormat::Turtle => {
            let triples = configured!(TurtleParser::new(), options, prefixes, input.name())
                .for_reader(watched());
            Box::new(triples.map(in_default_graph))
        }
        RdfFormat::TriG => {
            let quads = configured!(TriGParser::new(), options, prefixes, input.name())
                .for_reader(watched());
            Box::new(quads.map(|quad| Ok(quad?)))
        }
        RdfFormat::RdfXml => {
            let parser = configured!(RdfXmlParser::new(), options, with base);
            let guard = Guard::new(input.clone(), xml::Scanner::default());
            Box::new(RdfXmlQuads {
                triples: parser.for_reader(guard),
                input: input.clone(),
            })
        }
        RdfFormat::JsonLd => {
            let parser = configured!(JsonLdParser::new(), options, with base);
            let guard = Guard::new(input.clone(), json::Scanner::default());
            let quads = parser
                .for_reader(guard)
                .with_load_document_callback(|_, _| Err(REMOTE_CONTEXT.into()));
            Box::new(quads.map(|quad| Ok(quad?)))
        }
        RdfFormat::N3 => {
            let parser = configured!(N3Parser::new(), options, with base);
            Box::new(n3::Quads::new(parser.low_level(), input.clone()))
        }
    };
    Ok(Box::new(parser.inspect(move |_| opened.quad_came())))
}

/// What is said of a context that is named by its address.
const REMOTE_CONTEXT: &str = "contexts are not fetched from elsewhere: write it into the file";

fn in_default_graph(triple: Result<Triple, TurtleParseError>) -> Result<Quad, ParseError> {
    Ok(triple?.in_graph(GraphName::DefaultGraph))
}

impl From<TurtleParseError> for ParseError {
    fn from(error: TurtleParseError) -> Self {
        match error {
            TurtleParseError::Io(error) => Self::Io(error),
            TurtleParseError::Syntax(error) => error.into(),
        }
    }
}

impl From<TurtleSyntaxError> for ParseError {
    fn from(error: TurtleSyntaxError) -> Self {
        let start = error.location().start;
        Self::Syntax {
            place: Some(Place {
                line: start.line + 1,
                column: start.column + 1,
                offset: start.offset,
            }),
            message: error.message().to_owned(),
        }
    }
}

impl From<JsonLdParseError> for ParseError {
    fn from(error: JsonLdParseError) -> Self {
        let error = match error {
            JsonLdParseError::Io(error) => return Self::Io(error),
            JsonLdParseError::Syntax(error) => error,
        };
        let place = error.location().map(|range| Place {
            line: range.start.line + 1,
            column: range.start.column + 1,
            offset: range.start.offset,
        });
        let message = match error.code() {
            // The parser says this with an "at line" of its own, or not at all.
            Some(code @ JsonLdErrorCode::LoadingRemoteContextFailed) => format!("{code}: {error}"),
            _ => error.to_string(),
        };
        Self::Syntax { place, message }
    }
}

/// The parser of RDF/XML tells no places; its position does.
struct RdfXmlQuads {
    triples: ReaderRdfXmlParser<Guard<xml::Scanner>>,
    input: Input,
}

impl Iterator for RdfXmlQuads {
    type Item = Result<Quad, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.triples.next()? {
            Ok(triple) => Ok(triple.in_graph(GraphName::DefaultGraph)),
            Err(RdfXmlParseError::Io(error)) => Err(ParseError::Io(error)),
            Err(RdfXmlParseError::Syntax(error)) => Err(ParseError::Syntax {
                // The position is behind what is wrong, which mostly is a tag.
                place: self
                    .input
                    .place_of_last(b'<', self.triples.buffer_position()),
                message: error.to_string(),
            }),
        })
    }
}

/// Frees a deep term from the outside in, where the recursive way could exhaust the stack.
pub(crate) fn dismantle(mut term: Term) {
    while let Term::Triple(triple) = term {
        term = triple.object;
    }
}
