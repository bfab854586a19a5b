//! Terms and quads as text of N-Triples and N-Quads, appended to a byte buffer.
//!
//! What flows in: terms. What flows out: the same text that `oxrdf` prints, several times as fast: whole stretches are
//! copied where its formatter goes character by character. What always holds: the text parses back to the same term.

use oxrdf::{
    BaseDirection, BlankNodeRef, GraphNameRef, LiteralRef, NamedNodeRef, NamedOrBlankNodeRef,
    QuadRef, TermRef, TripleRef, vocab::xsd,
};

/// Appends a quad as one line of N-Quads; without its graph it is one of N-Triples.
pub(crate) fn push_quad(line: &mut Vec<u8>, quad: QuadRef<'_>, with_graph: bool) {
    push_subject(line, quad.subject);
    line.push(b' ');
    push_iri(line, quad.predicate);
    line.push(b' ');
    push_term(line, quad.object);
    if with_graph {
        match quad.graph_name {
            GraphNameRef::DefaultGraph => {}
            GraphNameRef::NamedNode(iri) => {
                line.push(b' ');
                push_iri(line, iri);
            }
            GraphNameRef::BlankNode(node) => {
                line.push(b' ');
                push_blank_node(line, node);
            }
        }
    }
    line.extend_from_slice(b" .\n");
}

fn push_subject(line: &mut Vec<u8>, subject: NamedOrBlankNodeRef<'_>) {
    match subject {
        NamedOrBlankNodeRef::NamedNode(iri) => push_iri(line, iri),
        NamedOrBlankNodeRef::BlankNode(node) => push_blank_node(line, node),
    }
}

fn push_term(line: &mut Vec<u8>, term: TermRef<'_>) {
    match term {
        TermRef::NamedNode(iri) => push_iri(line, iri),
        TermRef::BlankNode(node) => push_blank_node(line, node),
        TermRef::Literal(literal) => push_literal(line, literal),
        TermRef::Triple(triple) => push_triple_term(line, triple.as_ref()),
    }
}

fn push_triple_term(line: &mut Vec<u8>, triple: TripleRef<'_>) {
    line.extend_from_slice(b"<<( ");
    push_subject(line, triple.subject);
    line.push(b' ');
    push_iri(line, triple.predicate);
    line.push(b' ');
    push_term(line, triple.object);
    line.extend_from_slice(b" )>>");
}

fn push_iri(line: &mut Vec<u8>, iri: NamedNodeRef<'_>) {
    line.push(b'<');
    line.extend_from_slice(iri.as_str().as_bytes());
    line.push(b'>');
}

fn push_blank_node(line: &mut Vec<u8>, node: BlankNodeRef<'_>) {
    line.extend_from_slice(b"_:");
    line.extend_from_slice(node.as_str().as_bytes());
}

fn push_literal(line: &mut Vec<u8>, literal: LiteralRef<'_>) {
    push_quoted(line, literal.value());
    if let Some(language) = literal.language() {
        line.push(b'@');
        line.extend_from_slice(language.as_bytes());
        match literal.direction() {
            None => {}
            Some(BaseDirection::Ltr) => line.extend_from_slice(b"--ltr"),
            Some(BaseDirection::Rtl) => line.extend_from_slice(b"--rtl"),
        }
    } else if literal.datatype() != xsd::STRING {
        line.extend_from_slice(b"^^");
        push_iri(line, literal.datatype());
    }
}

/// Appends a text in quotation marks, escaped as canonical N-Triples asks.
pub(crate) fn push_quoted(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            // The first byte of U+FFFE and U+FFFF, which are escaped, and of many that are not.
            0xEF if matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => 3,
            0..=0x1F | b'"' | b'\\' | 0x7F => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        line.extend_from_slice(&bytes[copied..at]);
        push_escape(line, &bytes[at..at + length]);
        at += length;
        copied = at;
    }
    line.extend_from_slice(&bytes[copied..]);
    line.push(b'"');
}

fn push_escape(line: &mut Vec<u8>, character: &[u8]) {
    let escape = match character {
        [0x08] => r"\b",
        b"\t" => r"\t",
        b"\n" => r"\n",
        [0x0C] => r"\f",
        b"\r" => r"\r",
        b"\"" => "\\\"",
        b"\\" => r"\\",
        [0xEF, 0xBF, 0xBE] => r"\uFFFE",
        [0xEF, 0xBF, 0xBF] => r"\uFFFF",
        other => {
            for byte in other {
                line.extend_from_slice(format!(r"\u{byte:04X}").as_bytes());
            }
            return;
        }
    };
    line.extend_from_slice(escape.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxrdf::{BlankNode, GraphName, Literal, NamedNode, Quad, Term, Triple};
    use proptest::prelude::*;

    fn line(quad: &Quad, with_graph: bool) -> String {
        let mut line = Vec::new();
        push_quad(&mut line, quad.as_ref(), with_graph);
        String::from_utf8(line).expect("UTF-8")
    }

    fn object() -> impl Strategy<Value = Term> {
        let text = prop_oneof![any::<String>(), "[\\x00-\\x7f\u{fffd}-\u{ffff}]{0,8}"];
        let leaf = (text, 0..6_u8).prop_map(|(text, kind)| match kind {
            0 => Literal::new_simple_literal(text).into(),
            1 => Literal::new_language_tagged_literal_unchecked(text, "pt-br").into(),
            2 => Literal::new_typed_literal(text, xsd::DATE).into(),
            3 => Literal::new_directional_language_tagged_literal_unchecked(
                text,
                "ar",
                BaseDirection::Rtl,
            )
            .into(),
            4 => BlankNode::new_unchecked("b.1").into(),
            _ => Term::from(NamedNode::new_unchecked("http://example.org/é")),
        });
        leaf.prop_recursive(3, 8, 1, |inner| {
            inner.prop_map(|object| {
                let iri = NamedNode::new_unchecked("http://example.org/p");
                Triple::new(BlankNode::new_unchecked("s"), iri, object).into()
            })
        })
    }

    proptest! {
        #[test]
        fn lines_are_what_oxrdf_prints(object in object(), graph in 0..3_u8) {
            let iri = NamedNode::new_unchecked("http://example.org/p");
            let graph = match graph {
                0 => GraphName::DefaultGraph,
                1 => iri.clone().into(),
                _ => BlankNode::new_unchecked("g").into(),
            };
            let quad = Quad::new(iri.clone(), iri, object, graph);
            prop_assert_eq!(line(&quad, true), format!("{quad} .\n"));
            let triple = oxrdf::TripleRef::from(quad.as_ref());
            prop_assert_eq!(line(&quad, false), format!("{triple} .\n"));
        }
    }
}
