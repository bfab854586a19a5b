//! Quads as JSON-LD: expanded form, node by node.
//!
//! What flows in: quads. What flows out: an array of nodes and of graphs with nodes, all names written in full. What
//! always holds: an item of the array is some [`ITEM_BYTES`] long, whatever the number of quads of a node or a graph, so
//! that a reader that keeps an item in memory can read every dump.

use crate::error::DumpError;
use crate::format::RdfFormat;
use oxrdf::{
    BaseDirection, GraphName, GraphNameRef, LiteralRef, NamedNode, NamedOrBlankNode, QuadRef,
    TermRef, vocab::xsd,
};
use std::collections::HashSet;
use std::io::Write;

/// After how much text an item of the array is ended, in bytes. Its node or graph goes on in the next one.
const ITEM_BYTES: usize = 256 * 1024;

/// Writes quads.
pub(super) struct JsonLdWriter<W: Write> {
    writer: W,
    /// The item that is being written.
    item: Vec<u8>,
    open: Option<Open>,
    has_items: bool,
}

/// What is open in the item.
struct Open {
    graph: GraphName,
    subject: NamedOrBlankNode,
    predicate: NamedNode,
    /// The predicates that the node has had: a key must not come twice.
    predicates: HashSet<NamedNode>,
}

impl<W: Write> JsonLdWriter<W> {
    pub(super) fn new(writer: W) -> Self {
        Self {
            writer,
            item: Vec::new(),
            open: None,
            has_items: false,
        }
    }

    pub(super) fn write(&mut self, quad: QuadRef<'_>) -> Result<(), DumpError> {
        if let TermRef::Triple(_) = quad.object {
            return Err(DumpError::not_expressible(
                RdfFormat::JsonLd,
                "a triple term",
            ));
        }
        if self.item.len() >= ITEM_BYTES {
            self.end_item()?;
        }
        match &mut self.open {
            None => self.begin_item(quad),
            Some(open)
                if open.graph.as_ref() != quad.graph_name
                    || open.graph.is_default_graph() && open.subject.as_ref() != quad.subject =>
            {
                self.end_item()?;
                self.begin_item(quad);
            }
            Some(open) if open.subject.as_ref() != quad.subject => {
                self.item.extend_from_slice(b"]},\n");
                self.begin_node(quad);
            }
            Some(open) if open.predicate.as_ref() == quad.predicate => self.item.push(b','),
            Some(open) => {
                open.predicate = quad.predicate.into_owned();
                if open.predicates.insert(open.predicate.clone()) {
                    self.item.extend_from_slice(b"],");
                    self.begin_predicate(quad);
                } else {
                    self.end_item()?;
                    self.begin_item(quad);
                }
            }
        }
        push_object(&mut self.item, quad.object);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, DumpError> {
        self.end_item()?;
        let end: &[u8] = if self.has_items { b"\n]\n" } else { b"[]\n" };
        self.writer.write_all(end)?;
        Ok(self.writer)
    }

    fn begin_item(&mut self, quad: QuadRef<'_>) {
        let graph = match quad.graph_name {
            GraphNameRef::DefaultGraph => None,
            GraphNameRef::NamedNode(iri) => Some(iri.as_str().to_owned()),
            GraphNameRef::BlankNode(node) => Some(node.to_string()),
        };
        if let Some(graph) = graph {
            push_member(&mut self.item, b"{\"@id\":", &graph);
            self.item.extend_from_slice(b",\"@graph\":[\n");
        }
        self.begin_node(quad);
    }

    fn begin_node(&mut self, quad: QuadRef<'_>) {
        push_id(&mut self.item, TermRef::from(quad.subject));
        self.item.push(b',');
        self.begin_predicate(quad);
        self.open = Some(Open {
            graph: quad.graph_name.into_owned(),
            subject: quad.subject.into_owned(),
            predicate: quad.predicate.into_owned(),
            predicates: HashSet::from([quad.predicate.into_owned()]),
        });
    }

    fn begin_predicate(&mut self, quad: QuadRef<'_>) {
        push_string(&mut self.item, quad.predicate.as_str());
        self.item.extend_from_slice(b":[");
    }

    /// Ends what is open and writes it.
    fn end_item(&mut self) -> Result<(), DumpError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        self.item.extend_from_slice(b"]}");
        if !open.graph.is_default_graph() {
            self.item.extend_from_slice(b"\n]}");
        }
        let before: &[u8] = if self.has_items { b",\n" } else { b"[\n" };
        self.writer.write_all(before)?;
        self.writer.write_all(&self.item)?;
        self.item.clear();
        self.has_items = true;
        Ok(())
    }
}

/// Appends an object of a triple; triple terms have been refused.
fn push_object(item: &mut Vec<u8>, object: TermRef<'_>) {
    match object {
        TermRef::Literal(literal) => push_literal(item, literal),
        other => push_id(item, other),
    }
    item.push(b'}');
}

/// Appends an object with the name of a node, and leaves it open.
fn push_id(item: &mut Vec<u8>, node: TermRef<'_>) {
    let name = match node {
        TermRef::NamedNode(iri) => iri.as_str().to_owned(),
        other => other.to_string(),
    };
    push_member(item, b"{\"@id\":", &name);
}

fn push_literal(item: &mut Vec<u8>, literal: LiteralRef<'_>) {
    push_member(item, b"{\"@value\":", literal.value());
    if let Some(language) = literal.language() {
        push_member(item, b",\"@language\":", language);
        if let Some(direction) = literal.direction() {
            let direction = match direction {
                BaseDirection::Ltr => "ltr",
                BaseDirection::Rtl => "rtl",
            };
            push_member(item, b",\"@direction\":", direction);
        }
    } else if literal.datatype() != xsd::STRING {
        push_member(item, b",\"@type\":", literal.datatype().as_str());
    }
}

fn push_member(item: &mut Vec<u8>, key: &[u8], value: &str) {
    item.extend_from_slice(key);
    push_string(item, value);
}

/// Appends a JSON string.
fn push_string(item: &mut Vec<u8>, text: &str) {
    item.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => item.extend_from_slice(b"\\\""),
            b'\\' => item.extend_from_slice(b"\\\\"),
            b'\n' => item.extend_from_slice(b"\\n"),
            0..0x20 => item.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => item.push(byte),
        }
    }
    item.push(b'"');
}
