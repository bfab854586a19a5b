//! Texts made of tokens, right and wrong, are to one parser and to a load in chunks the same.

use super::*;
use crate::RdfFormat;
use crate::turtle::ChunkParser;
use crate::turtle::tests::check;
use proptest::prelude::*;
use quadrille_backend::InMemoryBackend;
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::BTreeSet;

const HEADER: &str = "@prefix ex: <http://example.org/> .
@prefix : <http://colon.example/#> .
PREFIX a: <http://a.example/>
@prefix a.b: <rel/> .
@prefix true: <http://true.example/> .
@prefix graph: <http://graph.example/> .
@prefix open: <http://open.example> .
@prefix port: <http://port.example:8> .
";

/// So many nodes at first are plain, and so many right.
const NODES_PLAIN: usize = 30;
const NODES_RIGHT: usize = 34;

/// IRIs, prefixed names and blank nodes, the last of them wrong or with another meaning than they seem to have.
const NODES: [&str; 47] = [
    "<http://one.example/>",
    "<http://one.example/a/../b>",
    "<rel>",
    "<>",
    "<#f>",
    "<http://é.example/>",
    "ex:a",
    "ex:",
    ":",
    ":x",
    "a:b",
    "a:a",
    "a.b:c",
    "true:false",
    "true:",
    "graph:g",
    "open:x",
    "ex:a.b",
    "ex:a..b",
    "ex:1-2",
    "ex:_x",
    "ex:a:b",
    "ex::",
    "ex:%41b",
    "ex:a%2e",
    "ex:true",
    "_:b",
    "_:b.c",
    "_:1",
    "_:_-",
    "ex:é",
    "ex:a\\.",
    "ex:a\\-b",
    "_:é",
    "open:a:b",
    "ex:%4",
    "ex:-a",
    "no:a",
    "a..b:c",
    "ex.:c",
    "1x:a",
    "_:-a",
    "port:a",
    "open:.1",
    "open:/p",
    "<http://one.example/ >",
    "<http://\\u0061.example/>",
];

/// So many literals at first are plain, and so many right.
const LITERALS_PLAIN: usize = 30;
const LITERALS_RIGHT: usize = 34;

const LITERALS: [&str; 52] = [
    "\"x\"",
    "''",
    "\"\"",
    "'it\"s'",
    "\"a\\tb\\\"\\\\\"",
    "\"\\u00e9\\U0001F600\"",
    "\"\"\"long \"quoted\"\n text\"\"\"",
    "'''l'o''ng\r\n\\' '''",
    "\"\"\"\"\"\"",
    "\"x\"@en",
    "'x'@en-GB",
    "\"x\"@de-1996",
    "\"2\"^^ex:t",
    "\"2\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    "'2'^^<rel>",
    "\"\"\"2\"\"\"^^:t",
    "1",
    "-5",
    "+7",
    "007",
    "1.5",
    ".5",
    "-.5",
    "1e5",
    "1.e5",
    "1.5E-3",
    ".5e+0",
    "true",
    "false",
    "\"é\"",
    "\"x\" @en",
    "\"x\" ^^ ex:t",
    "\"x\"@en--ltr",
    "\"x\"^^ <rel>",
    "\"a\nb\"",
    "\"a\rb\"",
    "\"\\q\"",
    "\"\\u00g9\"",
    "\"\\uD800\"",
    "\"x\"@",
    "\"x\"@e1",
    "\"x\"@en-",
    "\"x\"^^",
    "\"x\"^^_:b",
    "\"x\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>",
    "1.",
    "1e",
    ".e5",
    "+",
    "1.5.5",
    "True",
    "true.x",
];

/// What is left to oxttl, and what is wrong anywhere.
const OTHERS: [&str; 22] = [
    "[]",
    "[ ex:p 1 ]",
    "[ a ex:T ; :q [] ]",
    "( 1 ex:a )",
    "()",
    "<< ex:a :b 1 >>",
    "<<( ex:a :b _:c )>>",
    "ex:a ~ ex:r",
    "ex:a {| :q 2 |}",
    "a",
    "true",
    ".",
    ";",
    ",",
    "]",
    "{",
    "}",
    "|}",
    "@prefix ex: <http://two.example/> .",
    "PREFIX : <http://three.example/>",
    "\u{feff}",
    "\u{0}",
];

const BETWEEN: [&str; 10] = [
    " ",
    " ",
    " ",
    "",
    "\n",
    "\t",
    "\r\n",
    "\r",
    " # . <x\n",
    "#\r",
];

fn one_of(tokens: &'static [&'static str], right: usize) -> impl Strategy<Value = &'static str> {
    prop_oneof![
        9 => prop::sample::select(&tokens[..right]),
        1 => prop::sample::select(tokens),
    ]
}

fn node() -> impl Strategy<Value = &'static str> {
    one_of(&NODES, NODES_RIGHT)
}

fn verb() -> impl Strategy<Value = &'static str> {
    prop_oneof![2 => Just("a"), 5 => one_of(&NODES, NODES_PLAIN - 4)]
}

fn object() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => node(),
        8 => one_of(&LITERALS, LITERALS_RIGHT),
        1 => one_of(&OTHERS, 9),
    ]
}

/// The tokens of predicates and objects.
fn list() -> impl Strategy<Value = Vec<&'static str>> {
    let objects = prop::collection::vec(object(), 1..3);
    let predicates = prop::collection::vec((verb(), objects, 0..4_usize), 1..4);
    predicates.prop_map(|predicates| {
        let mut tokens = Vec::new();
        for (number, (verb, objects, more)) in predicates.into_iter().enumerate() {
            tokens.extend((number > 0).then_some(";"));
            tokens.push(verb);
            for (number, object) in objects.into_iter().enumerate() {
                tokens.extend((number > 0).then_some(","));
                tokens.push(object);
            }
            tokens.extend(std::iter::repeat_n(";", usize::from(more == 3) * 2));
        }
        tokens
    })
}

fn statement() -> impl Strategy<Value = Vec<&'static str>> {
    let subject = prop_oneof![9 => node(), 1 => one_of(&OTHERS, 6)];
    let plain = (subject, list()).prop_map(|(subject, list)| {
        let mut tokens = vec![subject];
        tokens.extend(list);
        tokens.push(".");
        tokens
    });
    prop_oneof![12 => plain, 1 => prop::sample::select(&OTHERS[18..20]).prop_map(|token| vec![token])]
}

/// A graph block with its label.
fn block() -> impl Strategy<Value = Vec<&'static str>> {
    let labels = vec![&[][..], &["GRAPH"], &["graph"], &["GRAPH", "ex:g"]];
    let label = prop_oneof![
        node().prop_map(|node| vec![node]),
        prop::sample::select(labels).prop_map(<[_]>::to_vec),
        node().prop_map(|node| vec!["Graph", node]),
    ];
    let statements = prop::collection::vec(statement(), 0..4);
    (label, statements, any::<bool>()).prop_map(|(label, statements, dot)| {
        let mut tokens = label;
        tokens.push("{");
        tokens.extend(statements.into_iter().flatten());
        if !dot && tokens.last() == Some(&".") {
            tokens.pop();
        }
        tokens.push("}");
        tokens
    })
}

/// Tokens with what stands between them, of which one may be lost, doubled or another.
fn text(items: impl Strategy<Value = Vec<Vec<&'static str>>>) -> impl Strategy<Value = String> {
    let between = prop::collection::vec(0..BETWEEN.len(), 1..40);
    let change = prop_oneof![4 => Just(0), 1 => 1..4_usize];
    let other = prop_oneof![node(), object(), one_of(&OTHERS, OTHERS.len())];
    (items, between, change, any::<prop::sample::Index>(), other).prop_map(
        |(items, between, change, at, other)| {
            let mut tokens = items.concat();
            if !tokens.is_empty() {
                let at = at.index(tokens.len());
                match change {
                    1 => drop(tokens.remove(at)),
                    2 => tokens.insert(at, other),
                    3 => tokens[at] = other,
                    _ => {}
                }
            }
            let mut text = HEADER.to_owned();
            for (token, between) in tokens.iter().zip(between.iter().cycle()) {
                text.push_str(token);
                text.push_str(BETWEEN[*between]);
            }
            text
        },
    )
}

fn turtle() -> impl Strategy<Value = String> {
    text(prop::collection::vec(statement(), 0..6))
}

fn trig() -> impl Strategy<Value = String> {
    let item = prop_oneof![1 => statement(), 1 => block()];
    text(prop::collection::vec(item, 0..4))
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), 2..200_usize, Just(1 << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn turtle_of_tokens_is_what_one_parser_reads(text in turtle(), size in sizes()) {
        check(text.as_bytes(), RdfFormat::Turtle, [size]);
    }

    #[test]
    fn trig_of_tokens_is_what_one_parser_reads(text in trig(), size in sizes()) {
        check(text.as_bytes(), RdfFormat::TriG, [size]);
    }

    #[test]
    fn tokens_with_other_bytes_are_refused_in_the_same_words(
        text in prop_oneof![turtle(), trig()],
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"\"'<>.#{}()[]\\@:|\n\r 1ea;,-_^".to_vec())],
        size in sizes(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for format in [RdfFormat::Turtle, RdfFormat::TriG] {
            check(&bytes, format, [size]);
        }
    }
}

/// Every right token once in each place, alone in its text, so that none hides behind another that is wrong.
#[test]
fn every_token_is_what_one_parser_reads() {
    let ends = [" .", ".", ";.", " , 1 .\r\n", ".1", "\t}"];
    for token in NODES.iter().chain(&LITERALS).chain(&OTHERS) {
        for end in ends {
            for statement in [
                format!("ex:s ex:p {token}{end}"),
                format!("ex:s {token} ex:o{end}"),
                format!("{token} ex:p ex:o{end}"),
                format!("ex:s ex:p 'x'^^{token}{end}"),
                format!("ex:s ex:p{token}{end}"),
                format!("{token}{{ex:s ex:p {token}{end}}}"),
                format!("GRAPH {token}{{ex:s ex:p {token}{end}"),
            ] {
                let text = format!("{HEADER}{statement}");
                check(text.as_bytes(), RdfFormat::TriG, [1 << 20]);
                if !statement.contains('{') {
                    check(text.as_bytes(), RdfFormat::Turtle, [1 << 20]);
                }
            }
        }
    }
}

fn scope() -> Scope {
    let mut scope = Scope::at_start(Some("http://start.example/a/b")).expect("the base is valid");
    scope.declare(HEADER.as_bytes()).expect("they are right");
    scope
}

/// Gives a parser and a walk of this text, in the scope of [`HEADER`].
fn walking<T>(
    text: &str,
    format: TurtleFormat,
    walks: impl FnOnce(&mut PlainParser, &mut Walk<'_>) -> T,
) -> T {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let mut batch = store.quad_batch().expect("memory has batches");
    let scope = scope();
    let mut parser = PlainParser::new(format, GraphTarget::AsWritten, BlankNodes::OfSource(0));
    parser.terms.begin(&scope).expect("the scope is valid");
    let directions = Directions::new(&mut batch, &GraphTarget::AsWritten).expect("it has room");
    let mut walk = Walk {
        text: text.as_bytes(),
        directions,
        batch: &mut batch,
        scope,
        block: None,
        graph: directions.default_graph,
    };
    walks(&mut parser, &mut walk)
}

/// Where the plain statement ends that a text begins with.
fn taken(text: &str, format: TurtleFormat) -> Option<usize> {
    walking(text, format, |parser, walk| parser.statement(walk, 0))
}

#[test]
fn what_does_not_end_between_two_statements_is_refused() {
    let unended = [
        "# .",
        "ex:s ex:p [",
        "ex:s",
        "ex:s ex:p 1 ; .\n#",
        "ex:s ex:p 'x .",
        "ex:g {",
    ];
    let elsewhere = [
        "}",
        "ex:s ex:p 1 } ex:g { ex:s ex:p 2 .",
        "} { ex:s ex:p 2 .",
    ];
    let whole = ["ex:s ex:p [] .", "[ ex:p 1 ] . ex:s ex:p 2 ."];
    let texts = unended.iter().chain(&elsewhere).chain(&whole);
    for (number, text) in texts.enumerate() {
        let is_whole = number >= unended.len() + elsewhere.len();
        walking(text, TurtleFormat::TriG, |parser, walk| {
            let outside = parser.outside(walk, text.as_bytes());
            assert_eq!(outside.expect("it has room"), is_whole, "{text}");
            let inside = parser.inside(walk, text.as_bytes());
            assert_eq!(inside.expect("it has room"), is_whole, "{text}");
        });
    }
}

#[test]
fn a_chunk_that_ends_in_another_scope_than_it_promised_is_refused() {
    let mut other = scope();
    other
        .declare(b"@prefix ex: <http://two.example/> .")
        .expect("it is right");
    let inside = scope().in_graph(b"ex:g ").expect("it is right");
    let elsewhere = scope().in_graph(b"ex:h ").expect("it is right");
    let ends = [scope(), other, inside, elsewhere];
    let texts = [
        "ex:s ex:p 1 .\n",
        "@prefix ex: <http://two.example/> .\n",
        "ex:g { ex:s ex:p 1 .\n",
        "ex:h {\n",
    ];
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let (format, nodes) = (TurtleFormat::TriG, BlankNodes::AsWritten);
    let mut parser = PlainParser::new(format, GraphTarget::AsWritten, nodes);
    for (text_number, text) in texts.iter().enumerate() {
        for (end_number, end) in ends.iter().enumerate() {
            let chunk = Chunk {
                start: scope(),
                end: Some(end.clone()),
            };
            let mut batch = store.quad_batch().expect("memory has batches");
            let counts = parser.parse(&chunk, text.as_bytes(), &mut batch);
            let counts = counts.expect("the batch has room");
            assert_eq!(counts, text_number == end_number, "{text}");
        }
    }
}

#[test]
fn plain_statements_are_taken_without_another_parser() {
    let nodes = &NODES[..NODES_PLAIN];
    for object in nodes.iter().chain(&LITERALS[..LITERALS_PLAIN]) {
        for end in [
            " .\n",
            ".\n",
            " ; .\n",
            ".#\n",
            ", 1 . ",
            "\r\n#\n; a ex:T , ex:U ;; . ",
        ] {
            let text = format!("<s> ex:p {object}{end}");
            let whole = text.trim_end_matches(['\n', '#', ' ']).len();
            assert_eq!(taken(&text, TurtleFormat::Turtle), Some(whole), "{text}");
        }
    }
    for subject in nodes {
        let text = format!("{subject} ex:p 1 . ");
        let end = Some(text.len() - 1);
        assert_eq!(taken(&text, TurtleFormat::Turtle), end, "{text}");
        for text in [format!("{subject} {{"), format!("GraPH {subject}{{")] {
            let end = Some(text.len());
            assert_eq!(
                taken(&format!("{text} }}"), TurtleFormat::TriG),
                end,
                "{text}"
            );
            assert_eq!(
                taken(&format!("{text} }}"), TurtleFormat::Turtle),
                None,
                "{text}"
            );
        }
    }
}

#[test]
fn all_else_is_not_taken() {
    for token in NODES[NODES_PLAIN..]
        .iter()
        .chain(&LITERALS[LITERALS_PLAIN..])
        .chain(&OTHERS)
    {
        for text in [
            format!("<s> ex:p {token} . "),
            format!("<s> {token} 1 . "),
            format!("{token} ex:p 1 . "),
        ] {
            // In some places some of them are plain, or seem to be followed by an empty statement.
            let plain = ["<s> ex:p true . ", "<s> a 1 . ", "<s> ex:p 1. . "];
            let is_taken = taken(&text, TurtleFormat::Turtle).is_some();
            assert_eq!(is_taken, plain.contains(&text.as_str()), "{text}");
        }
    }
}

/// The quads of a chunk to the text's end, by the short way or by one parser, with their labels as they are written.
fn quads_of(text: &str, target: &GraphTarget, is_short: bool) -> BTreeSet<String> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let mut batch = store.quad_batch().expect("memory has batches");
    let chunk = Chunk {
        start: Scope::at_start(None).expect("there is no base"),
        end: None,
    };
    let (format, nodes) = (TurtleFormat::TriG, BlankNodes::AsWritten);
    let counts = match is_short {
        true => PlainParser::new(format, target.clone(), nodes).parse(
            &chunk,
            text.as_bytes(),
            &mut batch,
        ),
        false => ChunkParser::new(format, target.clone(), nodes).parse_whole(
            &chunk,
            text.as_bytes(),
            &mut batch,
        ),
    };
    assert!(counts.expect("the batch has room"));
    let mut load = store.bulk_load().expect("memory takes a load");
    load.add(&batch).expect("it is a batch of the store");
    load.finish().expect("memory takes a load");
    let all = store.match_quads(&QuadPattern::new());
    all.expect("a store can be read")
        .map(|quad| quad.expect("a store can be read").to_string())
        .collect()
}

#[test]
fn quads_go_to_the_graph_of_their_block_or_to_that_of_the_user() {
    let text = format!(
        "{}_:s ex:p _:o . {{ _:s ex:p 1 }} ex:g {{ ex:s a :T ; ex:p 'x' . }} ex:s ex:p 2 .
_:g {{ _:s ex:p _:g . ex:s ex:p <<( _:s ex:q _:g )>> . ex:s ex:p 3 }} GRAPH :h {{ ex:s ex:p 'y' . }}
@prefix ex: <http://two.example/> . ex:s ex:p ex:o . ex:g {{ ex:s ex:p ex:o }}",
        HEADER.replace("<rel/>", "<http://rel.example/>")
    );
    let graph = GraphName::from(oxrdf::NamedNode::new_unchecked("http://user.example/"));
    let targets = [
        GraphTarget::AsWritten,
        GraphTarget::DefaultInto(graph.clone()),
        GraphTarget::AllInto(graph),
    ];
    for target in targets {
        let short = quads_of(&text, &target, true);
        assert_eq!(short, quads_of(&text, &target, false), "{target:?}");
        assert!(short.len() >= 10, "{short:?}");
    }
}
