//! Loading: what goes in, what is told when it does not, and that nothing of a failed load stays.
#![allow(clippy::unwrap_used)]

use oxrdf::{GraphName, NamedNode, NamedNodeRef, Quad};
use quadrille_backend::InMemoryBackend;
use quadrille_io::{
    CompressedWriter, Compression, GraphTarget, LoadError, OnError, RdfFormat, ReadOptions, Source,
    load_into, read_quads,
};
use quadrille_store::{CancelToken, QuadPattern, QuadStore, ReadContext};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Read};

fn empty_store() -> QuadStore<InMemoryBackend> {
    QuadStore::open(InMemoryBackend::new()).unwrap()
}

fn text(format: RdfFormat, text: &str) -> Source {
    Source::reader("test", io::Cursor::new(text.as_bytes().to_vec())).with_format(format)
}

fn quads(source: Source, options: &ReadOptions) -> Result<Vec<Quad>, LoadError> {
    let mut quads = Vec::new();
    read_quads(
        source,
        options,
        |quad| {
            quads.push(quad);
            Ok(())
        },
        |_| {},
    )?;
    Ok(quads)
}

fn iri(name: &str) -> NamedNode {
    NamedNode::new(format!("http://example.org/{name}")).unwrap()
}

#[test]
fn every_format_loads() {
    let triple = "<http://example.org/s> <http://example.org/p> <http://example.org/o>";
    let turtle = "@prefix e: <http://example.org/> . e:s e:p e:o .";
    let trig = "@prefix e: <http://example.org/> . e:g { e:s e:p e:o }";
    let cases = [
        (RdfFormat::NTriples, format!("{triple} ."), false),
        (
            RdfFormat::NQuads,
            format!("{triple} <http://example.org/g> ."),
            true,
        ),
        (RdfFormat::Turtle, turtle.to_owned(), false),
        (RdfFormat::TriG, trig.to_owned(), true),
    ];
    for (format, document, in_graph) in cases {
        let store = empty_store();
        let summary = load_into(
            &store,
            [text(format, &document)],
            &ReadOptions::default(),
            |_| {},
        )
        .unwrap();
        assert_eq!(summary.report.quads_read, 1);
        assert_eq!(summary.report.quads_new, 1);
        assert_eq!(summary.bytes_read, document.len() as u64);
        let graph: GraphName = match in_graph {
            true => iri("g").into(),
            false => GraphName::DefaultGraph,
        };
        let quad = Quad::new(iri("s"), iri("p"), iri("o"), graph);
        assert!(store.contains(&quad).unwrap(), "{format}");
    }
}

/// A file whose last line is wrong, after some hundred thousand that are right.
#[test]
fn an_error_on_the_last_line_of_a_large_file_is_named_and_nothing_stays() {
    const LINES: u64 = 200_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.nq");
    let mut document = String::new();
    for line in 1..LINES {
        writeln!(
            document,
            "<http://example.org/s{}> <http://example.org/p> \"{line}\" .",
            line / 7
        )
        .unwrap();
    }
    let wrong = "<http://example.org/s> \"é\" <http://example.org/o> .";
    writeln!(document, "{wrong}").unwrap();
    std::fs::write(&path, &document).unwrap();

    let store = empty_store();
    let before = Quad::new(iri("a"), iri("b"), iri("c"), GraphName::DefaultGraph);
    store.insert(&before).unwrap();
    let mut reports = 0;
    let error = load_into(
        &store,
        [Source::path(&path)],
        &ReadOptions::default(),
        |progress| {
            assert_eq!(progress.bytes_total, Some(document.len() as u64));
            reports += 1;
        },
    )
    .unwrap_err();

    let LoadError::Syntax(error) = error else {
        panic!("not a syntax error: {error}")
    };
    assert_eq!(error.name, path.display().to_string());
    assert_eq!((error.line, error.column), (LINES, 24));
    assert_eq!(error.offset as usize, document.len() - wrong.len() - 1 + 23);
    let excerpt = error.excerpt.as_ref().unwrap();
    assert_eq!(excerpt.text, wrong);
    assert_eq!(excerpt.mark, 23);
    let shown = error.to_string();
    assert!(
        shown.starts_with(&format!("{}:{LINES}:24: ", path.display())),
        "{shown}"
    );
    assert!(shown.contains(wrong), "{shown}");
    assert!(reports >= document.len() >> 20);
    assert_eq!(store.len().unwrap(), 1);
    assert!(store.contains(&before).unwrap());
}

#[test]
fn a_long_text_that_is_not_closed_is_shown_where_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.ttl");
    let mut document =
        "<http://example.org/s> <http://example.org/p>\n  \"\"\"begins here".to_owned();
    for _ in 0..200_000 {
        document.push_str(" and goes on\n");
    }
    std::fs::write(&path, &document).unwrap();
    let error = quads(Source::path(&path), &ReadOptions::default()).unwrap_err();
    let LoadError::Syntax(error) = error else {
        panic!("not a syntax error: {error}")
    };
    assert_eq!((error.line, error.column), (2, 3));
    assert!(error.excerpt.unwrap().text.contains("begins here"));
}

#[test]
fn an_error_in_the_second_source_undoes_the_first() {
    let store = empty_store();
    let right = "<http://example.org/s> <http://example.org/p> 1 .";
    let sources = [
        text(RdfFormat::Turtle, right),
        text(RdfFormat::Turtle, "<relative> <p> 1 ."),
    ];
    let error = load_into(&store, sources, &ReadOptions::default(), |_| {}).unwrap_err();
    assert!(matches!(error, LoadError::Syntax(_)), "{error}");
    assert!(store.is_empty().unwrap());
}

#[test]
fn blank_nodes_belong_to_their_source() {
    let document = "_:a <http://example.org/p> _:a . _:b <http://example.org/p> [] .";
    let store = empty_store();
    let sources = [
        text(RdfFormat::Turtle, document),
        text(RdfFormat::Turtle, document),
    ];
    load_into(&store, sources, &ReadOptions::default(), |_| {}).unwrap();
    // Loading once more brings new nodes, never those that are there.
    let once_more = [text(RdfFormat::Turtle, document)];
    load_into(&store, once_more, &ReadOptions::default(), |_| {}).unwrap();

    let mut nodes = BTreeSet::new();
    let mut loops = 0;
    for quad in store.match_quads(&QuadPattern::new()).unwrap() {
        let quad = quad.unwrap();
        loops += u32::from(oxrdf::Term::from(quad.subject.clone()) == quad.object);
        nodes.insert(quad.subject.to_string());
        nodes.insert(quad.object.to_string());
    }
    assert_eq!(loops, 3);
    assert_eq!(nodes.len(), 9);
}

#[test]
fn graphs_go_where_they_are_sent() {
    let document = "<http://example.org/s> <http://example.org/p> 1 . \
        <http://example.org/g> { <http://example.org/s> <http://example.org/p> 2 }";
    let target = GraphName::from(iri("target"));
    let graphs = |graph: GraphTarget| -> Vec<String> {
        let options = ReadOptions {
            graph,
            ..ReadOptions::default()
        };
        let mut graphs: Vec<_> = quads(text(RdfFormat::TriG, document), &options)
            .unwrap()
            .into_iter()
            .map(|quad| quad.graph_name.to_string())
            .collect();
        graphs.sort();
        graphs
    };
    let (g, t) = ("<http://example.org/g>", "<http://example.org/target>");
    assert_eq!(graphs(GraphTarget::AsWritten), [g, "DEFAULT"]);
    assert_eq!(graphs(GraphTarget::DefaultInto(target.clone())), [g, t]);
    assert_eq!(graphs(GraphTarget::AllInto(target)), [t, t]);
    assert_eq!(
        graphs(GraphTarget::AllInto(GraphName::DefaultGraph)),
        ["DEFAULT", "DEFAULT"]
    );
}

#[test]
fn relative_iris_need_a_base() {
    let document = "<s> <p> <o> .";
    let mut options = ReadOptions::default();
    assert!(quads(text(RdfFormat::Turtle, document), &options).is_err());
    options.base = Some("http://example.org/folder/".to_owned());
    let quad = &quads(text(RdfFormat::Turtle, document), &options).unwrap()[0];
    assert_eq!(
        quad.predicate,
        NamedNodeRef::new_unchecked("http://example.org/folder/p")
    );
    options.base = Some("no base".to_owned());
    let error = quads(text(RdfFormat::TriG, document), &options).unwrap_err();
    assert!(matches!(error, LoadError::InvalidBase { .. }), "{error}");
}

#[test]
fn lenient_reading_accepts_an_iri_that_is_not_valid() {
    let document = "<http://example.org/s> <http://example.org/p> <http://example.org/[]> .";
    let mut options = ReadOptions::default();
    assert!(quads(text(RdfFormat::NTriples, document), &options).is_err());
    options.lenient = true;
    assert_eq!(
        quads(text(RdfFormat::NTriples, document), &options)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = quads(Source::path("/nowhere/at/all.nt"), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, LoadError::Io { .. }), "{error}");
    assert!(
        error.to_string().starts_with("/nowhere/at/all.nt: "),
        "{error}"
    );
    let error = quads(Source::path("data.csv"), &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, LoadError::UnknownFormat { .. }), "{error}");
}

#[test]
fn a_failing_reader_ends_the_load() {
    let line: &[u8] = b"<http://example.org/s> <http://example.org/p> \"1\" .\n";
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable was pulled"))
        }
    }
    let store = empty_store();
    let source = Source::reader("cable", line.chain(Broken)).with_format(RdfFormat::NTriples);
    let error = load_into(&store, [source], &ReadOptions::default(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "cable: the cable was pulled");
    assert!(store.is_empty().unwrap());
}

#[test]
fn a_cancelled_load_stops_and_leaves_nothing() {
    const LINE: &[u8] = b"<http://example.org/s> <http://example.org/p> \"again\" .\n";
    struct Endless(&'static [u8]);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = if count == self.0.len() {
                LINE
            } else {
                &self.0[count..]
            };
            Ok(count)
        }
    }
    let token = CancelToken::new();
    let options = ReadOptions {
        context: ReadContext::new().with_cancel_token(token.clone()),
        ..ReadOptions::default()
    };
    let store = empty_store();
    let source = Source::reader("endless", Endless(LINE)).with_format(RdfFormat::NTriples);
    let error = load_into(&store, [source], &options, |progress| {
        if progress.quads_read > 5_000 {
            token.cancel();
        }
    })
    .unwrap_err();
    assert!(matches!(error, LoadError::Cancelled(_)), "{error}");
    assert!(store.is_empty().unwrap());
}

#[test]
fn deep_triple_terms_are_refused_before_they_reach_the_store() {
    let nested = |depth: usize| {
        format!(
            "<http://example.org/s> <http://example.org/p> {}<http://example.org/o>{} .",
            "<<( <http://example.org/s> <http://example.org/p> ".repeat(depth),
            " )>>".repeat(depth)
        )
    };
    let options = ReadOptions::default();
    let accepted = quadrille_io::TRIPLE_TERM_DEPTH_MAX;
    assert_eq!(
        quads(text(RdfFormat::NTriples, &nested(accepted)), &options)
            .unwrap()
            .len(),
        1
    );
    for depth in [accepted + 1, 2_000] {
        let error = quads(text(RdfFormat::NTriples, &nested(depth)), &options).unwrap_err();
        assert!(matches!(error, LoadError::TooDeep { .. }), "{error}");
    }
}

#[test]
fn a_large_literal_passes() {
    let value = "word ".repeat(2_000_000);
    let document = format!("<http://example.org/s> <http://example.org/p> \"{value}\" .");
    let quads = quads(text(RdfFormat::NQuads, &document), &ReadOptions::default()).unwrap();
    let oxrdf::Term::Literal(literal) = &quads[0].object else {
        panic!("not a literal")
    };
    assert_eq!(literal.value(), value);
}

#[test]
fn progress_counts_the_bytes_of_a_compressed_file_as_they_lie_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = String::new();
    for number in 0..50_000 {
        writeln!(
            document,
            "<http://example.org/{number}> <http://example.org/p> 1 ."
        )
        .unwrap();
    }
    for compression in Compression::ALL {
        let path = folder
            .path()
            .join(format!("data.ttl.{}", compression.extension()));
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = CompressedWriter::new(file, Some(compression)).unwrap();
        io::Write::write_all(&mut writer, document.as_bytes()).unwrap();
        writer.finish().unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length < document.len() as u64 / 2);
        let mut bytes = vec![0];
        let summary = load_into(
            &empty_store(),
            [Source::path(&path)],
            &ReadOptions::default(),
            |progress| {
                assert_eq!(progress.bytes_total, Some(length));
                bytes.push(progress.bytes_read);
            },
        )
        .unwrap();
        assert!(bytes.is_sorted(), "{compression:?}");
        assert_eq!(bytes.last(), Some(&length), "{compression:?}");
        assert_eq!(summary.bytes_read, length);
    }
}

#[test]
fn labels_stay_as_written_on_demand() {
    let document = "_:a <http://example.org/p> _:a .";
    let store = empty_store();
    let options = ReadOptions {
        blank_nodes: Some(quadrille_io::BlankNodeScope::as_written()),
        ..ReadOptions::default()
    };
    for _ in 0..2 {
        let source = text(RdfFormat::NTriples, document);
        load_into(&store, [source], &options, |_| {}).unwrap();
    }
    assert_eq!(store.len().unwrap(), 1);
    let node = oxrdf::BlankNode::new("a").unwrap();
    let quad = Quad::new(node.clone(), iri("p"), node, GraphName::DefaultGraph);
    assert!(store.contains(&quad).unwrap());
}

#[test]
fn a_deep_triple_term_before_an_error_is_no_stack_overflow() {
    const DEPTH: usize = 100_000;
    let open = "<<( <http://example.org/s> <http://example.org/p> ".repeat(DEPTH);
    let close = " )>>".repeat(DEPTH);
    for format in [
        RdfFormat::NTriples,
        RdfFormat::NQuads,
        RdfFormat::Turtle,
        RdfFormat::TriG,
    ] {
        let s = "<http://example.org/s> <http://example.org/p>";
        for end in [" .", " oops .", ""] {
            let document = format!("{s} {open}1{close}{end}").replace('1', "\"1\"");
            quads(text(format, &document), &ReadOptions::default()).unwrap_err();
        }
    }
}

#[test]
fn many_triple_terms_that_are_not_deep_are_read() {
    let term = "<<( <http://e/s> <http://e/p> <<( <http://e/s> <http://e/p> \"<<(\" )>> )>>";
    let line = format!("<http://e/s> <http://e/p> {term} .\n");
    for format in [RdfFormat::NTriples, RdfFormat::TriG] {
        let source = text(format, &line.repeat(20_000));
        assert_eq!(
            quads(source, &ReadOptions::default()).unwrap().len(),
            20_000
        );
    }
}

#[test]
fn what_is_at_fault_is_left_out_and_nothing_else() {
    let right = |name: &str| {
        format!("<http://example.org/{name}> <http://example.org/p> <http://example.org/o> .\n")
    };
    let options = ReadOptions {
        on_error: OnError::Skip,
        ..ReadOptions::default()
    };
    for format in [
        RdfFormat::NTriples,
        RdfFormat::NQuads,
        RdfFormat::Turtle,
        RdfFormat::TriG,
    ] {
        let faulty = "<http://example.org/s> oops .\n";
        let document = [&right("a"), faulty, &right("b"), faulty, &right("c")].concat();
        let store = empty_store();
        let summary = load_into(&store, [text(format, &document)], &options, |_| {}).unwrap();
        assert_eq!(summary.rejected, 2, "{format}");
        assert_eq!(summary.report.quads_read, 3, "{format}");
    }
}

/// A mistake in a reader of the caller's, or in a parser, ends the load; it is never taken for the end of the source.
#[test]
fn a_reader_that_panics_ends_the_load_and_nothing_stays() {
    struct Panics(usize);
    impl std::io::Read for Panics {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            const LINE: &[u8] =
                b"<http://example.org/s> <http://example.org/p> <http://example.org/o> .\n";
            assert!(self.0 < 5_000_000, "on purpose");
            for byte in &mut *buffer {
                *byte = LINE[self.0 % LINE.len()];
                self.0 += 1;
            }
            Ok(buffer.len())
        }
    }
    for format in [RdfFormat::NTriples, RdfFormat::Turtle, RdfFormat::N3] {
        let store = empty_store();
        let source = Source::reader("panics", Panics(0)).with_format(format);
        load_into(&store, [source], &ReadOptions::default(), |_| {}).unwrap_err();
        assert!(store.is_empty().unwrap(), "{format}");
    }
}
