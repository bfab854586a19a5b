//! One generated quad, in buffers that are used again for the next.
//!
//! What flows in: what the generator fills in. What flows out: a line of N-Quads, or an `oxrdf` quad. What always
//! holds: both say the same.

use super::Object;
use crate::line;
use oxrdf::{GraphName, Literal, NamedNode, Quad};

/// A quad in the making.
#[derive(Default)]
pub(super) struct Row {
    pub(super) subject: String,
    pub(super) predicate: &'static str,
    pub(super) object_kind: Object,
    pub(super) object: String,
    /// Empty for the default graph.
    pub(super) graph: String,
}

impl Row {
    pub(super) fn quad(&self) -> Quad {
        let object = self.object.as_str();
        Quad::new(
            NamedNode::new_unchecked(&self.subject),
            NamedNode::new_unchecked(self.predicate),
            match self.object_kind {
                Object::Iri => NamedNode::new_unchecked(object).into(),
                Object::Plain => oxrdf::Term::from(Literal::new_simple_literal(object)),
                Object::Tagged(language) => {
                    Literal::new_language_tagged_literal_unchecked(object, language).into()
                }
                Object::Typed(datatype) => {
                    Literal::new_typed_literal(object, NamedNode::new_unchecked(datatype)).into()
                }
            },
            match self.graph.is_empty() {
                true => GraphName::DefaultGraph,
                false => NamedNode::new_unchecked(&self.graph).into(),
            },
        )
    }

    pub(super) fn push_line(&self, buffer: &mut Vec<u8>) {
        push_iri(buffer, &self.subject);
        buffer.push(b' ');
        push_iri(buffer, self.predicate);
        buffer.push(b' ');
        match self.object_kind {
            Object::Iri => push_iri(buffer, &self.object),
            Object::Plain => line::push_quoted(buffer, &self.object),
            Object::Tagged(language) => {
                line::push_quoted(buffer, &self.object);
                buffer.push(b'@');
                buffer.extend_from_slice(language.as_bytes());
            }
            Object::Typed(datatype) => {
                line::push_quoted(buffer, &self.object);
                buffer.extend_from_slice(b"^^");
                push_iri(buffer, datatype);
            }
        }
        if !self.graph.is_empty() {
            buffer.push(b' ');
            push_iri(buffer, &self.graph);
        }
        buffer.extend_from_slice(b" .\n");
    }
}

fn push_iri(buffer: &mut Vec<u8>, iri: &str) {
    buffer.push(b'<');
    buffer.extend_from_slice(iri.as_bytes());
    buffer.push(b'>');
}
