//! Triples as RDF/XML: one `rdf:Description` for each run of triples with a subject.
//!
//! What flows in: triples. What flows out: XML, every property element with the namespace it needs unless a prefix was
//! given for it. What always holds: what RDF/XML cannot say is refused, never bent: characters that XML does not have,
//! predicates that do not end in an XML name or that the syntax uses for itself.

use crate::error::DumpError;
use crate::format::RdfFormat;
use oxrdf::{
    BaseDirection, BlankNodeRef, LiteralRef, NamedNode, NamedNodeRef, NamedOrBlankNode,
    NamedOrBlankNodeRef, TermRef, TripleRef, vocab::xsd,
};
use std::collections::HashMap;
use std::io::Write;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Names of the RDF vocabulary that RDF/XML uses for itself.
const RESERVED: [&str; 12] = [
    "RDF",
    "ID",
    "about",
    "parseType",
    "resource",
    "nodeID",
    "datatype",
    "Description",
    "li",
    "aboutEach",
    "aboutEachPrefix",
    "bagID",
];

/// Namespaces that XML lets nobody use for elements.
const RESERVED_NAMESPACES: [&str; 2] = [
    "http://www.w3.org/2000/xmlns/",
    "http://www.w3.org/XML/1998/namespace",
];

/// The beginning of blank node labels that stand for others, which no XML name can be.
const ESCAPED_LABEL: &str = "_x";

/// Writes triples.
pub(super) struct RdfXmlWriter<W: Write> {
    writer: W,
    buffer: Vec<u8>,
    /// Prefixes by namespace.
    prefixes: HashMap<String, String>,
    subject: Option<NamedOrBlankNode>,
}

impl<W: Write> RdfXmlWriter<W> {
    pub(super) fn new(writer: W, prefixes: &[(String, String)]) -> Result<Self, DumpError> {
        let mut buffer = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rdf:RDF".to_vec();
        push_attribute(&mut buffer, "xmlns:rdf", RDF)?;
        let mut by_namespace = HashMap::from([(RDF.to_owned(), "rdf".to_owned())]);
        for (name, iri) in prefixes {
            NamedNode::new(iri).map_err(|error| DumpError::invalid_prefix(name, iri, &error))?;
            // What XML forbids as a prefix shortens nothing.
            let is_free = !name.to_ascii_lowercase().starts_with("xml")
                && name != "rdf"
                && is_nc_name(name)
                && !RESERVED_NAMESPACES.contains(&iri.as_str());
            if is_free && !by_namespace.contains_key(iri) {
                push_attribute(&mut buffer, &format!("xmlns:{name}"), iri)?;
                by_namespace.insert(iri.clone(), name.clone());
            }
        }
        buffer.extend_from_slice(b">\n");
        Ok(Self {
            writer,
            buffer,
            prefixes: by_namespace,
            subject: None,
        })
    }

    pub(super) fn write(&mut self, triple: TripleRef<'_>) -> Result<(), DumpError> {
        if self.subject.as_ref().map(NamedOrBlankNode::as_ref) != Some(triple.subject) {
            self.end_description();
            self.subject = Some(triple.subject.into_owned());
            push_description(&mut self.buffer, triple.subject)?;
        }
        self.push_property(triple.predicate, triple.object)?;
        if self.buffer.len() >= super::BUFFER_BYTES {
            self.write_buffer()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, DumpError> {
        self.end_description();
        self.buffer.extend_from_slice(b"</rdf:RDF>\n");
        self.write_buffer()?;
        Ok(self.writer)
    }

    fn write_buffer(&mut self) -> Result<(), DumpError> {
        self.writer.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn end_description(&mut self) {
        if self.subject.take().is_some() {
            self.buffer.extend_from_slice(b"</rdf:Description>\n");
        }
    }

    fn push_property(
        &mut self,
        predicate: NamedNodeRef<'_>,
        object: TermRef<'_>,
    ) -> Result<(), DumpError> {
        let (namespace, local) = split(predicate)?;
        let prefix = self.prefixes.get(namespace);
        let name = format!("{}:{local}", prefix.map_or("p", String::as_str));
        let is_declared = prefix.is_some();
        let xml = &mut self.buffer;
        xml.push(b'<');
        xml.extend_from_slice(name.as_bytes());
        if !is_declared {
            push_attribute(xml, "xmlns:p", namespace)?;
        }
        match object {
            TermRef::NamedNode(iri) => {
                push_attribute(xml, "rdf:resource", iri.as_str())?;
                xml.extend_from_slice(b"/>\n");
                return Ok(());
            }
            TermRef::BlankNode(node) => {
                push_attribute(xml, "rdf:nodeID", &node_id(node))?;
                xml.extend_from_slice(b"/>\n");
                return Ok(());
            }
            TermRef::Literal(literal) => push_literal(xml, literal)?,
            TermRef::Triple(triple) => {
                push_attribute(xml, "rdf:version", "1.2")?;
                push_attribute(xml, "rdf:parseType", "Triple")?;
                xml.extend_from_slice(b">\n");
                push_description(xml, triple.subject.as_ref())?;
                self.push_property(triple.predicate.as_ref(), triple.object.as_ref())?;
                self.buffer.extend_from_slice(b"</rdf:Description>\n");
            }
        }
        let end = format!("</{name}>\n");
        self.buffer.extend_from_slice(end.as_bytes());
        Ok(())
    }
}

fn push_description(xml: &mut Vec<u8>, subject: NamedOrBlankNodeRef<'_>) -> Result<(), DumpError> {
    xml.extend_from_slice(b"<rdf:Description");
    match subject {
        NamedOrBlankNodeRef::NamedNode(iri) => push_attribute(xml, "rdf:about", iri.as_str())?,
        NamedOrBlankNodeRef::BlankNode(node) => push_attribute(xml, "rdf:nodeID", &node_id(node))?,
    }
    xml.extend_from_slice(b">\n");
    Ok(())
}

/// Appends the attributes and the text of a property element.
fn push_literal(xml: &mut Vec<u8>, literal: LiteralRef<'_>) -> Result<(), DumpError> {
    if let Some(language) = literal.language() {
        push_attribute(xml, "xml:lang", language)?;
        if let Some(direction) = literal.direction() {
            push_attribute(xml, "rdf:version", "1.2")?;
            push_attribute(xml, "xmlns:its", "http://www.w3.org/2005/11/its")?;
            push_attribute(xml, "its:version", "2.0")?;
            let direction = match direction {
                BaseDirection::Ltr => "ltr",
                BaseDirection::Rtl => "rtl",
            };
            push_attribute(xml, "its:dir", direction)?;
        }
    } else if literal.datatype() != xsd::STRING {
        push_attribute(xml, "rdf:datatype", literal.datatype().as_str())?;
    }
    xml.push(b'>');
    push_escaped(xml, literal.value())
}

fn push_attribute(xml: &mut Vec<u8>, name: &str, value: &str) -> Result<(), DumpError> {
    xml.push(b' ');
    xml.extend_from_slice(name.as_bytes());
    xml.extend_from_slice(b"=\"");
    push_escaped(xml, value)?;
    xml.push(b'"');
    Ok(())
}

/// Appends text that means the same in an element and in an attribute, whatever a reader does with line ends.
fn push_escaped(xml: &mut Vec<u8>, text: &str) -> Result<(), DumpError> {
    for character in text.chars() {
        match character {
            '<' => xml.extend_from_slice(b"&lt;"),
            '>' => xml.extend_from_slice(b"&gt;"),
            '&' => xml.extend_from_slice(b"&amp;"),
            '"' => xml.extend_from_slice(b"&quot;"),
            '\r' => xml.extend_from_slice(b"&#13;"),
            '\u{0}'..='\u{8}'
            | '\u{b}'
            | '\u{c}'
            | '\u{e}'..='\u{1f}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let code = u32::from(character);
                let what = format!("the character U+{code:04X}, which XML does not have");
                return Err(DumpError::not_expressible(RdfFormat::RdfXml, what));
            }
            _ => {
                let mut bytes = [0; 4];
                xml.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
            }
        }
    }
    Ok(())
}

/// The namespace and the local name of a predicate.
fn split(predicate: NamedNodeRef<'_>) -> Result<(&str, &str), DumpError> {
    let iri = predicate.as_str();
    let refused = |why: &str| {
        let what = format!("the predicate {predicate}, {why}");
        DumpError::not_expressible(RdfFormat::RdfXml, what)
    };
    let tail = iri
        .char_indices()
        .rev()
        .take_while(|(_, character)| is_name_character(*character))
        .filter(|(_, character)| is_name_start(*character))
        .last();
    let Some((at, _)) = tail else {
        return Err(refused("which does not end in an XML name"));
    };
    let (namespace, local) = iri.split_at(at);
    if namespace == RDF && RESERVED.contains(&local) || RESERVED_NAMESPACES.contains(&namespace) {
        return Err(refused("which XML or RDF/XML uses for itself"));
    }
    Ok((namespace, local))
}

/// The name of a blank node: its label, or another one where the label is no XML name.
fn node_id(node: BlankNodeRef<'_>) -> String {
    let label = node.as_str();
    if is_nc_name(label) && !label.starts_with(ESCAPED_LABEL) {
        return label.to_owned();
    }
    let digits: String = label.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{ESCAPED_LABEL}{digits}")
}

fn is_nc_name(name: &str) -> bool {
    name.starts_with(is_name_start) && name.chars().all(is_name_character)
}

/// Whether an XML name without colon may begin with it.
fn is_name_start(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Whether it may stand in an XML name without colon.
fn is_name_character(character: char) -> bool {
    is_name_start(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
