//! Quads to text: one writer for all formats.
//!
//! What flows in: quads, one at a time. What flows out: text of one [`RdfFormat`]. What always holds: memory does not
//! grow with the number of quads; what is written parses back to the same quads, blank node labels included, but for those that RDF/XML
//! cannot have, such as labels that begin with a digit. (Turtle
//! allows in prefixed names some code points that IRIs may not have; such an IRI is written as it is, and only lenient
//! reading takes it back.)

mod json_ld;
mod rdf_xml;

use crate::error::DumpError;
use crate::format::RdfFormat;
use crate::line;
use json_ld::JsonLdWriter;
use oxrdf::{QuadRef, TermRef};
use oxttl::trig::WriterTriGSerializer;
use oxttl::{TriGSerializer, TurtleSerializer, turtle::WriterTurtleSerializer};
use rdf_xml::RdfXmlWriter;
use std::io::Write;

/// How much text of the line formats is gathered before it is written, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// Writes quads as text.
///
/// ```
/// use oxrdf::{GraphName, NamedNode, Quad};
/// use quadrille_io::{QuadWriter, RdfFormat};
///
/// let iri = NamedNode::new("http://example.org/a")?;
/// let mut writer = QuadWriter::new(RdfFormat::NQuads, Vec::new(), &[])?;
/// writer.write(Quad::new(iri.clone(), iri.clone(), iri.clone(), GraphName::from(iri)).as_ref())?;
/// assert!(writer.finish()?.ends_with(b"<http://example.org/a> .\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct QuadWriter<W: Write> {
    syntax: Syntax<W>,
}

enum Syntax<W: Write> {
    Lines {
        writer: W,
        buffer: Vec<u8>,
        with_graph: bool,
    },
    Turtle(Box<WriterTurtleSerializer<W>>),
    /// What Turtle says of RDF 1.1, N3 says in the same words.
    N3(Box<WriterTurtleSerializer<W>>),
    TriG(Box<WriterTriGSerializer<W>>),
    RdfXml(RdfXmlWriter<W>),
    JsonLd(JsonLdWriter<W>),
}

impl<W: Write> QuadWriter<W> {
    /// A writer of a format. `prefixes`, pairs of a name and an IRI, shorten Turtle, TriG, N3 and RDF/XML; the line
    /// formats and JSON-LD are written in full.
    ///
    /// Turtle, TriG and N3 are written in many small pieces: give them a buffered writer.
    ///
    /// # Errors
    /// When a prefix's IRI is not valid.
    pub fn new(
        format: RdfFormat,
        writer: W,
        prefixes: &[(String, String)],
    ) -> Result<Self, DumpError> {
        let lines = |writer, with_graph| Syntax::Lines {
            writer,
            buffer: Vec::with_capacity(BUFFER_BYTES + 4096),
            with_graph,
        };
        let syntax = match format {
            RdfFormat::NTriples => lines(writer, false),
            RdfFormat::NQuads => lines(writer, true),
            RdfFormat::Turtle | RdfFormat::N3 => {
                let mut serializer = TurtleSerializer::new();
                for (name, iri) in prefixes {
                    serializer = serializer
                        .with_prefix(name, iri)
                        .map_err(|error| DumpError::invalid_prefix(name, iri, &error))?;
                }
                let serializer = Box::new(serializer.for_writer(writer));
                match format {
                    RdfFormat::N3 => Syntax::N3(serializer),
                    _ => Syntax::Turtle(serializer),
                }
            }
            RdfFormat::TriG => {
                let mut serializer = TriGSerializer::new();
                for (name, iri) in prefixes {
                    serializer = serializer
                        .with_prefix(name, iri)
                        .map_err(|error| DumpError::invalid_prefix(name, iri, &error))?;
                }
                Syntax::TriG(Box::new(serializer.for_writer(writer)))
            }
            RdfFormat::RdfXml => Syntax::RdfXml(RdfXmlWriter::new(writer, prefixes)?),
            RdfFormat::JsonLd => Syntax::JsonLd(JsonLdWriter::new(writer)),
        };
        Ok(Self { syntax })
    }

    /// Writes a quad. Formats [without named graphs](RdfFormat::has_named_graphs) leave its graph out.
    ///
    /// # Errors
    /// When the writer fails; [`DumpError::NotExpressible`] when the format has no words for it: JSON-LD and N3 have none
    /// for triple terms, N3 none for directions of text, RDF/XML none for some predicates and characters.
    pub fn write(&mut self, quad: QuadRef<'_>) -> Result<(), DumpError> {
        match &mut self.syntax {
            Syntax::Lines {
                writer,
                buffer,
                with_graph,
            } => {
                line::push_quad(buffer, quad, *with_graph);
                if buffer.len() >= BUFFER_BYTES {
                    writer.write_all(buffer)?;
                    buffer.clear();
                }
            }
            Syntax::Turtle(serializer) => serializer.serialize_triple(quad)?,
            Syntax::N3(serializer) => {
                refuse_beyond_n3(quad.object)?;
                serializer.serialize_triple(quad)?;
            }
            Syntax::TriG(serializer) => serializer.serialize_quad(quad)?,
            Syntax::RdfXml(writer) => writer.write(quad.into())?,
            Syntax::JsonLd(writer) => writer.write(quad)?,
        }
        Ok(())
    }

    /// Ends the text, flushes and gives the writer back. Without it the text is not complete.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> Result<W, DumpError> {
        let mut writer = match self.syntax {
            Syntax::Lines {
                mut writer, buffer, ..
            } => {
                writer.write_all(&buffer)?;
                writer
            }
            Syntax::Turtle(serializer) | Syntax::N3(serializer) => serializer.finish()?,
            Syntax::TriG(serializer) => serializer.finish()?,
            Syntax::RdfXml(writer) => writer.finish()?,
            Syntax::JsonLd(writer) => writer.finish()?,
        };
        writer.flush()?;
        Ok(writer)
    }
}

/// N3 knows nothing of what RDF 1.2 added.
fn refuse_beyond_n3(object: TermRef<'_>) -> Result<(), DumpError> {
    let what = match object {
        TermRef::Triple(_) => "a triple term",
        TermRef::Literal(literal) if literal.direction().is_some() => "the direction of a text",
        _ => return Ok(()),
    };
    Err(DumpError::not_expressible(RdfFormat::N3, what))
}
