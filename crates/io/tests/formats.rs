//! RDF/XML, JSON-LD and N3: what is read, what is refused and where, and that nothing nests or gathers without bound.
#![allow(clippy::unwrap_used)]

use oxrdf::{BlankNode, GraphName, NamedNode, Quad};
use proptest::prelude::*;
use quadrille_io::{
    DumpError, LoadError, QuadReader, QuadWriter, RdfFormat, ReadOptions, Source, SyntaxError,
};
use std::io::{self, Read};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

fn read(format: RdfFormat, text: impl Into<Vec<u8>>) -> Result<Vec<Quad>, LoadError> {
    let source = Source::reader("test", io::Cursor::new(text.into())).with_format(format);
    QuadReader::open(source, &ReadOptions::default())?.collect()
}

#[track_caller]
fn syntax_error(format: RdfFormat, text: impl Into<Vec<u8>>) -> Box<SyntaxError> {
    match read(format, text) {
        Err(LoadError::Syntax(error)) => error,
        Err(other) => panic!("{format}: not a syntax error: {other}"),
        Ok(_) => panic!("{format}: accepted"),
    }
}

/// RDF/XML with this inside the outermost element.
fn rdf_xml(inside: &str) -> String {
    format!("<rdf:RDF xmlns:rdf=\"{RDF}\" xmlns:e=\"http://e/\">\n{inside}\n</rdf:RDF>")
}

fn iri(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("http://e/{name}"))
}

#[test]
fn the_same_triple_is_read_from_every_format() {
    let triple = Quad::new(iri("s"), iri("p"), iri("o"), GraphName::DefaultGraph);
    let documents = [
        (
            RdfFormat::RdfXml,
            rdf_xml("<e:t rdf:about='http://e/s'/>")
                .replace("<e:t ", "<rdf:Description ")
                .replace("/>", "><e:p rdf:resource='http://e/o'/></rdf:Description>"),
        ),
        (
            RdfFormat::JsonLd,
            r#"{"@context": {"e": "http://e/"}, "@id": "e:s", "e:p": {"@id": "e:o"}}"#.to_owned(),
        ),
        (
            RdfFormat::N3,
            "@prefix e: <http://e/> . e:o is e:p of e:s .".to_owned(),
        ),
    ];
    for (format, document) in documents {
        assert_eq!(
            read(format, document).unwrap(),
            std::slice::from_ref(&triple),
            "{format}"
        );
    }
}

#[test]
fn json_ld_holds_named_graphs() {
    let document = r#"[{"@id": "http://e/g", "@graph": {"@id": "http://e/s", "http://e/p": 1}}]"#;
    let quads = read(RdfFormat::JsonLd, document).unwrap();
    assert_eq!(quads[0].graph_name, iri("g").into());
}

#[test]
fn remote_contexts_are_never_loaded() {
    let documents = [
        r#"{"@context": "http://schema.org/", "@id": "http://e/s", "name": "x"}"#,
        r#"{"@context": {"@import": "http://schema.org/"}, "@id": "http://e/s", "name": "x"}"#,
    ];
    for document in documents {
        let error = read(RdfFormat::JsonLd, document).unwrap_err().to_string();
        assert!(
            error.starts_with("test: loading remote context failed"),
            "{error}"
        );
        assert!(error.contains("http://schema.org/"), "{error}");
        assert!(error.contains("contexts are not fetched"), "{error}");
    }
}

#[test]
fn what_n3_says_beyond_rdf_is_refused_in_its_place() {
    let prefix = "@prefix e: <http://e/> .\ne:a e:b e:c . # {?\n";
    let cases = [
        ("e:s e:p { e:a e:b e:c } .", 9, "a formula"),
        ("{ e:a e:b e:c } => { e:d e:e e:f } .", 1, "a formula"),
        ("e:s e:p \"{?\", ?who .", 15, "the variable ?who"),
        ("?who e:p e:o .", 1, "the variable ?who"),
        ("e:a => e:b .", 5, "a rule"),
        ("\"text\" e:p e:o .", 1, "a literal as subject"),
        ("e:s [] e:o .", 1, "a predicate that is no IRI"),
    ];
    for (statement, column, what) in cases {
        let error = syntax_error(RdfFormat::N3, format!("{prefix}{statement}\n"));
        assert_eq!((error.line, error.column), (3, column), "{error}");
        assert!(error.message.starts_with(what), "{error}");
        assert!(error.message.contains("N3 beyond RDF"), "{error}");
        assert_eq!(error.excerpt.unwrap().text, statement);
    }
    syntax_error(RdfFormat::N3, format!("{prefix}e:a <= e:b ."));
    let error = syntax_error(RdfFormat::N3, format!("{prefix}e:s e:p e:o e:x ."));
    assert_eq!(error.line, 3, "{error}");
}

#[test]
fn lists_and_paths_of_n3_are_plain_rdf() {
    let document = "@prefix e: <http://e/> . e:s e:p (1 2), e:x!e:y^e:z ; = e:t .";
    assert_eq!(
        read(RdfFormat::N3, document).unwrap().len(),
        4 + 1 + 2 + 1 + 1
    );
}

#[test]
fn a_long_n3_text_is_read_in_time_that_grows_with_it() {
    let lines = "a line of text\n".repeat(400_000);
    let document = format!("<http://e/s> <http://e/p> \"\"\"{lines}\"\"\" .");
    assert_eq!(read(RdfFormat::N3, document).unwrap().len(), 1);
}

#[test]
fn an_error_in_rdf_xml_is_shown_where_it_is() {
    let mut inside = String::new();
    for number in 0..20_000 {
        inside += &format!("<e:t rdf:about='http://e/{number}' e:n='{number}'/>\n");
    }
    let wrong = "  <e:t rdf:about='http://e/a b'/>";
    let document = rdf_xml(&format!("{inside}{wrong}\n<e:t rdf:about='http://e/c'/>"));
    let error = syntax_error(RdfFormat::RdfXml, document);
    assert_eq!((error.line, error.column), (20_002, 3), "{error}");
    assert_eq!(error.excerpt.unwrap().text, wrong);

    for broken in ["<e:t>", "<e:t></e:u>", "<e:t rdf:about='http://e/a'"] {
        let error = syntax_error(RdfFormat::RdfXml, rdf_xml(broken));
        assert!(error.line >= 2, "{error}");
    }
}

#[test]
fn an_error_in_json_is_shown_where_it_is() {
    let error = syntax_error(RdfFormat::JsonLd, "[{\"@id\": \"http://e/s\",\n   oops}]");
    assert_eq!((error.line, error.column), (2, 4), "{error}");
    let error = read(RdfFormat::JsonLd, "{\"@id\": 1}").unwrap_err();
    assert!(matches!(error, LoadError::Document { .. }), "{error}");
    assert!(error.to_string().starts_with("test: "), "{error}");
}

#[test]
fn invalid_utf_8_is_an_error_in_every_format() {
    let documents: [(RdfFormat, Vec<u8>); 7] = [
        (
            RdfFormat::NTriples,
            b"<http://e/s> <http://e/p> \"\xff\" .".to_vec(),
        ),
        (
            RdfFormat::NQuads,
            b"<http://e/s> <http://e/p> \"\xff\" .".to_vec(),
        ),
        (
            RdfFormat::Turtle,
            b"<http://e/s> <http://e/p> \"\xff\" .".to_vec(),
        ),
        (
            RdfFormat::TriG,
            b"<http://e/s> <http://e/p> \"\xff\" .".to_vec(),
        ),
        (
            RdfFormat::N3,
            b"<http://e/s> <http://e/p> \"\xff\" .".to_vec(),
        ),
        (
            RdfFormat::JsonLd,
            b"{\"@id\": \"http://e/s\", \"http://e/p\": \"\xff\"}".to_vec(),
        ),
        (
            RdfFormat::RdfXml,
            rdf_xml("<e:t><e:p>A</e:p></e:t>")
                .bytes()
                .map(|byte| if byte == b'A' { 0xff } else { byte })
                .collect(),
        ),
    ];
    for (format, document) in documents {
        let error = syntax_error(format, document);
        assert!(error.line >= 1 && error.column >= 1, "{format}: {error}");
    }
}

#[test]
fn deep_nesting_is_an_error_or_works() {
    const DEPTH: usize = 100_000;
    let nested = |open: &str, middle: &str, close: &str| {
        format!("{}{middle}{}", open.repeat(DEPTH), close.repeat(DEPTH))
    };
    let too_deep = [
        (
            RdfFormat::RdfXml,
            rdf_xml(&nested("<e:t><e:p>", "", "</e:p></e:t>")),
        ),
        (RdfFormat::RdfXml, rdf_xml(&"<e:t><e:p>".repeat(DEPTH))),
        (
            RdfFormat::RdfXml,
            rdf_xml(&nested(
                "<e:t rdf:version='1.2'><e:p rdf:parseType='Triple'>",
                "",
                "</e:p></e:t>",
            )),
        ),
        (
            RdfFormat::RdfXml,
            rdf_xml(&format!(
                "<e:t><e:p rdf:parseType='Literal'>{}",
                "<b>".repeat(DEPTH)
            )),
        ),
        (RdfFormat::JsonLd, nested("[", "", "]")),
        (RdfFormat::JsonLd, nested("{\"http://e/p\":", "1", "}")),
        (RdfFormat::JsonLd, nested("{\"@list\":[", "1", "]}")),
        (
            RdfFormat::JsonLd,
            nested("{\"@context\":{\"a\":", "1", "}}"),
        ),
        (
            RdfFormat::JsonLd,
            nested("{\"@type\":\"@json\",\"@value\":", "1", "}"),
        ),
    ];
    for (format, document) in too_deep {
        let error = syntax_error(format, document);
        assert!(
            error.message.contains("nested more than 256 deep"),
            "{error}"
        );
    }
    let list = nested("(", "1", ")");
    let quads = read(RdfFormat::N3, format!("<http://e/s> <http://e/p> {list} ."));
    assert_eq!(quads.unwrap().len(), 2 * DEPTH + 1);
    let nodes = nested("[ <http://e/p> ", "1", "]");
    assert_eq!(
        read(RdfFormat::N3, format!("{nodes} .")).unwrap().len(),
        DEPTH
    );
    let formulas = nested("{ <http://e/s> <http://e/p> ", "1", "}");
    syntax_error(RdfFormat::N3, format!("{formulas} <http://e/p> 1 ."));
    let paths = format!(
        "<http://e/s>{} <http://e/p> 1 .",
        "!<http://e/p>".repeat(DEPTH)
    );
    assert_eq!(read(RdfFormat::N3, paths).unwrap().len(), DEPTH + 1);
}

#[test]
fn the_deepest_nesting_that_is_accepted_works() {
    let nested = |open: &str, middle: &str, close: &str, depth: usize| {
        format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
    };
    let document = rdf_xml(&nested("<e:t><e:p>", "<e:t/>", "</e:p></e:t>", 127));
    assert_eq!(
        read(RdfFormat::RdfXml, document).unwrap().len(),
        127 * 2 + 1
    );
    let document = nested("{\"http://e/p\":", "1", "}", 256);
    assert_eq!(read(RdfFormat::JsonLd, document).unwrap().len(), 256);
    let context = nested(
        "{\"a\":{\"@id\":\"http://e/a\",\"@context\":",
        "{}",
        "}}",
        80,
    );
    let document = format!("{{\"@context\":{context},\"@id\":\"http://e/s\",\"http://e/p\":1}}");
    assert_eq!(read(RdfFormat::JsonLd, document).unwrap().len(), 1);
}

/// Hands out a text over and over, without end.
struct Endless {
    head: &'static [u8],
    again: &'static [u8],
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            self.head = self.again;
        }
        let count = self.head.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.head[..count]);
        self.head = &self.head[count..];
        Ok(count)
    }
}

#[test]
fn what_a_parser_would_gather_without_end_is_an_error() {
    let cases = [
        (
            RdfFormat::RdfXml,
            "<e:a xmlns:e='http://e/'>",
            "text ",
            "an element takes more than 64 MiB",
        ),
        (
            RdfFormat::RdfXml,
            "<a b='",
            "value",
            "an element takes more than 64 MiB",
        ),
        (
            RdfFormat::JsonLd,
            "{\"@graph\": [1",
            ",1",
            "the object (an array",
        ),
        (RdfFormat::JsonLd, "[[1", ",1", "an item of the array takes"),
        (
            RdfFormat::N3,
            "<http://e/s> <http://e/p> \"\"\"",
            "text\n",
            "a statement takes",
        ),
    ];
    for (format, head, again, message) in cases {
        let (head, again) = (head.as_bytes(), again.as_bytes());
        let source = Source::reader("endless", Endless { head, again }).with_format(format);
        let reader = QuadReader::open(source, &ReadOptions::default()).unwrap();
        let error = reader.collect::<Result<Vec<_>, _>>().unwrap_err();
        assert!(error.to_string().contains(message), "{format}: {error}");
    }
}

#[test]
fn a_json_array_may_be_longer_than_what_is_gathered() {
    let mut text = vec![b'['];
    let item = format!(
        "{{\"@id\": \"http://e/s\", \"@index\": \"{}\"}}",
        "x".repeat(1 << 20)
    );
    for _ in 0..70 {
        text.extend_from_slice(item.as_bytes());
        text.push(b',');
    }
    text.extend_from_slice(b"{\"@id\": \"http://e/s\", \"http://e/p\": 1}]");
    assert_eq!(read(RdfFormat::JsonLd, text).unwrap().len(), 1);
}

#[test]
fn entities_do_not_unfold_without_bound() {
    let mut declarations = "<!ENTITY a \"0123456789\">".to_owned();
    for (entity, before) in ('b'..='j').zip('a'..) {
        let reference = format!("&{before};").repeat(10);
        declarations += &format!("<!ENTITY {entity} \"{reference}\">");
    }
    let nested = format!(
        "<!DOCTYPE a [{declarations}]>{}",
        rdf_xml("<e:t><e:p>&j;</e:p></e:t>")
    );
    let error = syntax_error(RdfFormat::RdfXml, nested);
    assert!(
        error.message.contains("declarations of entities"),
        "{error}"
    );

    let long = format!("<!DOCTYPE a [<!ENTITY a \"{}\">]>", "x".repeat(1 << 20));
    let many = rdf_xml(&format!("<e:t><e:p>{}</e:p></e:t>", "&a;".repeat(1_000)));
    let error = syntax_error(RdfFormat::RdfXml, format!("{long}{many}"));
    assert!(error.message.contains("more than 64 MiB"), "{error}");

    let usual = "<!DOCTYPE rdf:RDF [<!ENTITY e \"http://e/\">]>";
    let document = format!(
        "{usual}{}",
        rdf_xml("<rdf:Description rdf:about='&e;s' e:p='A &amp; B'/>")
    );
    assert_eq!(
        read(RdfFormat::RdfXml, document).unwrap()[0].subject,
        iri("s").into()
    );
}

fn write(format: RdfFormat, quads: &[Quad]) -> Result<Vec<u8>, DumpError> {
    let mut writer = QuadWriter::new(format, Vec::new(), &[])?;
    for quad in quads {
        writer.write(quad.as_ref())?;
    }
    writer.finish()
}

#[test]
fn what_a_format_cannot_say_is_refused() {
    let in_default = |subject: NamedNode, predicate: NamedNode, object: oxrdf::Term| {
        [Quad::new(
            subject,
            predicate,
            object,
            GraphName::DefaultGraph,
        )]
    };
    let text = |text: &str| oxrdf::Literal::from(text).into();
    let triple = oxrdf::Triple::new(iri("s"), iri("p"), iri("o"));
    let cases = [
        (
            RdfFormat::JsonLd,
            in_default(iri("s"), iri("p"), triple.clone().into()),
            "a triple term",
        ),
        (
            RdfFormat::N3,
            in_default(iri("s"), iri("p"), triple.clone().into()),
            "a triple term",
        ),
        (
            RdfFormat::RdfXml,
            in_default(iri("s"), iri("1"), text("x")),
            "does not end in an XML name",
        ),
        (
            RdfFormat::RdfXml,
            in_default(iri("s"), iri("p"), text("\u{1}")),
            "U+0001",
        ),
        (
            RdfFormat::RdfXml,
            in_default(
                iri("s"),
                NamedNode::new_unchecked(format!("{RDF}li")),
                text("x"),
            ),
            "uses for itself",
        ),
    ];
    for (format, quads, message) in cases {
        let error = write(format, &quads).unwrap_err();
        assert!(matches!(error, DumpError::NotExpressible { .. }), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn labels_that_xml_cannot_have_stay_different() {
    let labels = ["0", "_x30", "a", "a.b", "_x", "é", "1a"];
    let quads: Vec<Quad> = labels
        .iter()
        .map(|label| {
            let node = BlankNode::new_unchecked(*label);
            Quad::new(node.clone(), iri("p"), node, GraphName::DefaultGraph)
        })
        .collect();
    let back = read(RdfFormat::RdfXml, write(RdfFormat::RdfXml, &quads).unwrap()).unwrap();
    let nodes: std::collections::HashSet<_> =
        back.iter().map(|quad| quad.subject.clone()).collect();
    assert_eq!(nodes.len(), labels.len());
    assert!(
        back.iter()
            .all(|quad| quad.object == quad.subject.clone().into())
    );
}

#[test]
fn a_large_graph_in_json_ld_is_written_in_items_that_can_be_read() {
    let quad = |number: u32| Quad::new(iri("s"), iri("p"), iri(&number.to_string()), iri("g"));
    let quads: Vec<Quad> = (0..100_000).map(quad).collect();
    let text = write(RdfFormat::JsonLd, &quads).unwrap();
    let longest = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::len)
        .max()
        .unwrap();
    assert!(longest < 300 * 1024, "{longest}");
    assert!(read(RdfFormat::JsonLd, text).unwrap() == quads);
}

#[test]
fn nothing_at_all_is_a_document_too() {
    for format in RdfFormat::ALL {
        let text = write(format, &[]).unwrap();
        assert!(read(format, text).unwrap().is_empty(), "{format}");
    }
}

/// A document with most of what a format has.
fn sample(format: RdfFormat) -> String {
    match format {
        RdfFormat::RdfXml => format!(
            "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e \"http://e/\">]><!-- c -->{}",
            rdf_xml(
                "<e:t rdf:about='&e;s' e:q='v'><e:p rdf:parseType='Literal'><b>x</b></e:p>\
                 <e:p rdf:parseType='Collection'><e:t/><e:t rdf:ID='i'/></e:p><rdf:li xml:lang='en'>t</rdf:li>\
                 <e:p rdf:datatype='&e;d'><![CDATA[x]]></e:p><e:p rdf:parseType='Resource'><e:p>1</e:p></e:p>\
                 <e:p rdf:version='1.2' rdf:parseType='Triple'><rdf:Description><e:p>1</e:p></rdf:Description></e:p></e:t>"
            )
        ),
        RdfFormat::JsonLd => r#"[{"@context": {"e": "http://e/", "@vocab": "http://v/", "l": {"@id": "e:l", "@container":
            "@list"}, "m": {"@container": "@language"}, "r": {"@reverse": "e:r"}, "j": {"@type": "@json"}}, "@id": "e:s",
            "@type": ["T", "e:U"], "l": [1, 2.5e3, [true, null]], "m": {"en": "x", "de": ["y"]}, "r": {"@id": "_:b"},
            "j": {"a": [1, {"b": 2}]}, "@included": [{"@id": "e:i", "p": {"@value": "x", "@language": "ar", "@direction":
            "rtl"}}], "@graph": [{"e:p": {"@set": ["\u00e9"]}, "@nest": {"q": 1}}], "@index": "i"}]"#
            .to_owned(),
        _ => "@prefix e: <http://e/> . @base <http://b/> . <s> e:p (1 2.5 3e1 true), [ a e:t ; e:q \"x\"@en ] , '''l\n'''^^e:d \
              ; = e:x . e:a!e:b^e:c e:p e:z . [] is e:p of e:x . # end"
            .to_owned(),
    }
}

#[test]
fn the_samples_are_valid() {
    for format in [RdfFormat::RdfXml, RdfFormat::JsonLd, RdfFormat::N3] {
        let source = Source::reader("sample", io::Cursor::new(sample(format))).with_format(format);
        let options = ReadOptions {
            base: Some("http://base/".to_owned()),
            ..ReadOptions::default()
        };
        let quads: Result<Vec<_>, _> = QuadReader::open(source, &options).unwrap().collect();
        assert!(quads.unwrap().len() > 8, "{format}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is done to a document, reading it ends, with quads or an error.
    #[test]
    fn no_change_to_a_document_makes_reading_panic(
        which in 0_usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..30, any::<prop::sample::Index>(), any::<u8>()), 1..6),
        lenient: bool,
    ) {
        let format = [RdfFormat::RdfXml, RdfFormat::JsonLd, RdfFormat::N3][which];
        let mut text = sample(format).into_bytes();
        for (at, length, from, byte) in edits {
            let (at, from) = (at.index(text.len()), from.index(text.len()));
            let moved: Vec<u8> = text[from..].iter().take(length).copied().collect();
            match byte {
                0..100 => drop(text.splice(at..at, moved)),
                100..180 => drop(text.drain(at..(at + length).min(text.len()))),
                byte => text[at] = byte & 0x7f,
            }
            if text.is_empty() {
                text.push(byte);
            }
        }
        let source = Source::reader("changed", io::Cursor::new(text)).with_format(format);
        let options = ReadOptions { lenient, ..ReadOptions::default() };
        let mut quads = 0;
        for quad in QuadReader::open(source, &options).unwrap() {
            quads += usize::from(quad.is_ok());
        }
        prop_assert!(quads < 10_000);
    }
}
