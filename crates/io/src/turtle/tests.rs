//! What is loaded by chunks of any size is what one parser reads, and what is wrong is told in the same words.

use super::{ChunkParser, Piece, Scope, Splitter, TurtleFormat};
use crate::pipeline::{NoKeeper, SourceLoad, load_source};
use crate::read::{GraphTarget, Progress, ReadOptions, read_quads};
use crate::{LoadError, LoadObserver, RdfFormat, Source};
use oxrdf::Quad;
use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm, Dataset};
use proptest::prelude::*;
use quadrille_backend::InMemoryBackend;
use quadrille_store::{BlankNodes, QuadPattern, QuadStore};
use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

/// Quads without regard to the names of blank nodes, or the text of an error.
type Outcome = Result<BTreeSet<String>, String>;

struct Silent;

impl LoadObserver for Silent {
    fn progress(&mut self, _: &Progress<'_>) {}
}

fn options() -> ReadOptions {
    ReadOptions {
        base: Some("http://start.example/a/b".to_owned()),
        ..ReadOptions::default()
    }
}

fn source(text: impl Read + Send + 'static, format: RdfFormat) -> Source {
    Source::reader("text", text).with_format(format)
}

fn canonical(quads: impl IntoIterator<Item = Quad>) -> BTreeSet<String> {
    let mut dataset: Dataset = quads.into_iter().collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Rdfc10 {
        hash_algorithm: CanonicalizationHashAlgorithm::Sha256,
    });
    dataset.iter().map(|quad| quad.to_string()).collect()
}

/// By one parser over the whole text.
fn whole(text: impl Read + Send + 'static, format: RdfFormat) -> Outcome {
    let mut quads = Vec::new();
    let receive = |quad| {
        quads.push(quad);
        Ok(())
    };
    read_quads(source(text, format), &options(), receive, |_| {}).map_err(told)?;
    Ok(canonical(quads))
}

/// By a load in chunks of about so many bytes.
fn by_chunks(text: impl Read + Send + 'static, format: RdfFormat, chunk_bytes: usize) -> Outcome {
    loaded(text, format, chunk_bytes)
        .map(canonical)
        .map_err(told)
}

fn loaded(
    text: impl Read + Send + 'static,
    format: RdfFormat,
    chunk_bytes: usize,
) -> Result<Vec<Quad>, LoadError> {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let mut load = store.bulk_load().expect("memory takes a load");
    let options = options();
    let how = SourceLoad {
        store: &store,
        options: &options,
        number: 0,
        from: None,
        chunk_bytes,
    };
    let source = source(text, format);
    let loaded = load_source(&mut load, source, how, &mut Silent, &mut NoKeeper);
    let totals = loaded?;
    load.finish().expect("memory takes a load");
    let all = store.match_quads(&QuadPattern::new());
    let quads: Result<Vec<_>, _> = all.expect("a store can be read").collect();
    let quads = quads.expect("a store can be read");
    assert!(totals.quads_read >= quads.len() as u64);
    Ok(quads)
}

fn told(error: LoadError) -> String {
    error.to_string()
}

/// The lengths of the chunks that a text is cut into, and how many of them do not count; then what is left uncut.
fn cuts(text: &[u8], format: TurtleFormat, chunk_bytes: usize) -> (Vec<usize>, usize, usize) {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    let mut parser = ChunkParser::new(format, GraphTarget::AsWritten, BlankNodes::OfSource(0));
    let scope = Scope::at_start(options().base.as_deref()).expect("the base is valid");
    let mut splitter = Splitter::new(text, format, scope, chunk_bytes);
    let (mut lengths, mut refused, mut uncut) = (Vec::new(), 0, 0);
    let mut piece_text = Vec::new();
    while let Some(piece) = splitter.next(&mut piece_text).expect("memory can be read") {
        let Piece::Chunk(chunk) = piece else {
            uncut += piece_text.len();
            continue;
        };
        lengths.push(piece_text.len());
        let mut batch = store.quad_batch().expect("memory has batches");
        let counts = parser.parse(&chunk, &piece_text, &mut batch);
        refused += usize::from(!counts.expect("the batch has room"));
    }
    assert_eq!(lengths.iter().sum::<usize>() + uncut, text.len());
    (lengths, refused, uncut)
}

/// Of a right text: every cut is right, and there are at least so many chunks when they are small.
#[track_caller]
fn check_cuts(text: &str, format: TurtleFormat, chunks_min: usize) {
    let (lengths, refused, uncut) = cuts(text.as_bytes(), format, 1);
    assert_eq!((refused, uncut), (0, 0), "{lengths:?} {text}");
    assert!(lengths.len() >= chunks_min, "{lengths:?} {text}");
}

#[track_caller]
pub(super) fn check(text: &[u8], format: RdfFormat, sizes: impl IntoIterator<Item = usize>) {
    let expected = whole(Cursor::new(text.to_vec()), format);
    for size in sizes {
        let split = by_chunks(Cursor::new(text.to_vec()), format, size);
        let shown = String::from_utf8_lossy(text);
        // Where blank nodes are alike, their canonical names can still differ.
        if let (Ok(split), Ok(expected)) = (&split, &expected)
            && are_renamed(split, expected)
        {
            continue;
        }
        assert_eq!(split, expected, "{format}, chunks of {size}: {shown}");
    }
}

/// Whether some renaming of at most eight blank nodes makes two sets of quads equal: of those in the quads that differ.
fn are_renamed(some: &BTreeSet<String>, others: &BTreeSet<String>) -> bool {
    fn is_found(
        some: &BTreeSet<String>,
        others: &BTreeSet<String>,
        named: &[usize],
        free: &mut Vec<usize>,
    ) -> bool {
        let Some((first, named)) = named.split_first() else {
            let named = |quad: &String| quad.replace("_:n", "_:c14n");
            return some.iter().map(named).collect::<BTreeSet<_>>() == *others;
        };
        (0..free.len()).any(|at| {
            let number = free.remove(at);
            let (from, to) = (format!("_:c14n{first} "), format!("_:n{number} "));
            let renamed = some.iter().map(|quad| {
                let quad = format!("{quad} ").replace(&from, &to);
                quad.trim_end().to_owned()
            });
            let found = is_found(&renamed.collect(), others, named, free);
            free.insert(at, number);
            found
        })
    }
    let different = some.difference(others);
    let names = different.flat_map(|quad| quad.split("_:c14n").skip(1));
    let numbers = names.filter_map(|name| name.split(' ').next()?.parse().ok());
    let nodes: BTreeSet<usize> = numbers.collect();
    let nodes: Vec<usize> = nodes.into_iter().collect();
    some == others
        || (some.len() == others.len()
            && nodes.len() <= 8
            && is_found(some, others, &nodes, &mut nodes.clone()))
}

#[test]
fn renamed_blank_nodes_are_told_from_others() {
    let quads = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let some =
        quads("_:c14n8 <p> _:c14n9 _:c14n6\n_:c14n9 <p> _:c14n8 _:c14n1\n<a> <p> <a> _:c14n6");
    let swapped =
        quads("_:c14n9 <p> _:c14n8 _:c14n6\n_:c14n8 <p> _:c14n9 _:c14n1\n<a> <p> <a> _:c14n6");
    let others =
        quads("_:c14n8 <p> _:c14n8 _:c14n6\n_:c14n9 <p> _:c14n9 _:c14n1\n<a> <p> <a> _:c14n6");
    assert!(are_renamed(&some, &swapped));
    assert!(!are_renamed(&some, &others));
}

const HEADER: &str = "@prefix ex: <http://example.org/> .
@prefix : <http://colon.example/> .
@prefix a.b: <http://dots.example/> .
";

/// Directives, in all their forms.
const DIRECTIVES: [&str; 16] = [
    "@prefix ex: <http://other.example/x#> .",
    "@prefix ex: <http://other.example/y#>.",
    "@prefix : <rel/> .",
    "@prefix  # a comment . with <http://a.dot/>
        : # \"
        <rel/er/> # .
        .",
    "@prefix ex: <http://ex\\u0061mple.org/> .",
    "@prefix 'no' .",
    "PREFIX ex: <http://third.example/>",
    "prefix a.b:<deep/er/>",
    "PreFix : <http://colon.example/../x/>",
    "@base <http://base.example/one/> .",
    "@base <up/../down> .",
    "BASE <two/>",
    "base<../three/four>",
    "BASE <//other.authority>",
    "VERSION \"1.2\"",
    "@version '1.2' .",
];

/// Statements with all that may hold or end with a dot.
const STATEMENTS: [&str; 45] = [
    "<s> <p> <o> .",
    "<s><p><o>.",
    "ex:a ex:b ex:c .",
    "ex:a.b ex:c..d \"x\"@en-GB .",
    "ex:a ex:b ex:c.",
    "ex:dot\\. ex:p ex:o\\. .",
    "ex:hash\\# ex:p ex:quote\\' .",
    "ex:h%2E :p ex:a:b, :, ex: .",
    "a.b:c.d a.b: a.b:e.f.",
    "base:x <p> 1 .",
    "prefix:y <p> 1 .",
    "ex:base ex:prefix true.",
    ":a :p 1 .",
    ":a :p 1.",
    ":a :p 1.5, .5, 1.e3, 1.5E-3, -.5e0, +2, 2.0 .",
    ":a :p 1.e3.",
    ":a :p .5.",
    "_:b.c :p _:b.c.",
    "_:b.c :p _:b..d .",
    "_:x :p _:y .",
    "_:y :p _:x .",
    "[] :p [] .",
    "[ ] :p [ # a comment ] .
      ] .",
    "[ :p [ :q ( 1 2. ( 3 ) ) ] ] .",
    "[ :p [ :q ( 1 2 ( 3.5 ) ) ] ] .",
    "( 1 2 ) :p ( ) .",
    ":s :p \"a . \" ; :q 'b . ' , '' , \"\" .",
    ":s :p \"a \\\" . \\\\\" , '\\'.' .",
    ":s :p \"\"\"a .
@prefix ex: <http://no.example/> .
 \"\" quote \\\"\"\"\" .",
    ":s :p '''a .
PREFIX ex: <http://no.example/>
 '' quote ''' .",
    ":s :p \"\"\"\"quoted\"\" . \\u002E\"\"\"@en--ltr .",
    ":s :p '''.''' . :s :q \"\"\".\"\"\" . <c> <d> <e> .",
    ":s :p \"x\"@prefix .",
    ":s :p \"x\" @prefix .",
    ":s :p \"typed\"^^ex:t ; a ex:T ; ; .",
    "<http://e.example/\\u00e9> :p \"é .\"@fr, <http://ü.example/.> .",
    "<< :a :b :c >> :p :o .",
    "<< :a :b :c ~ :r >> :p <<( :a :b \"x .\" )>> .",
    ":s :p <<(:a :b <<( :c :d <e> )>> )>> .",
    ":s :p :o {| :q :z |} .",
    ":s :p :o ~ :r {| :q \"}.\" |} ; :p2 2.",
    ":s :p :o ~ {| :q '|} .' |}, :o2 .",
    "# a comment . \"quote\" 'and' <iri { [ (",
    "",
    "\t",
];

/// What may stand between statements: mostly what a cut can be made behind.
const BETWEEN: [&str; 8] = [
    "\n",
    "\n",
    "\n",
    "\r\n",
    " # said . \"\n",
    "#\r\n",
    " \t\n\n",
    "\n \r \n",
];

fn statement() -> impl Strategy<Value = String> {
    let between = prop_oneof![9 => 0..BETWEEN.len(), 1 => Just(BETWEEN.len())];
    (0..STATEMENTS.len(), between).prop_map(|(statement, between)| {
        let between = BETWEEN.get(between).copied().unwrap_or_default();
        [STATEMENTS[statement], between].concat()
    })
}

fn directive() -> impl Strategy<Value = String> {
    (0..DIRECTIVES.len(), 0..BETWEEN.len())
        .prop_map(|(directive, between)| [DIRECTIVES[directive], BETWEEN[between]].concat())
}

fn turtle() -> impl Strategy<Value = String> {
    let item = prop_oneof![4 => statement(), 1 => directive()];
    prop::collection::vec(item, 0..12).prop_map(|items| [HEADER, &items.concat()].concat())
}

fn graph() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec![
        "ex:g ",
        "GRAPH ex:g.h ",
        "graph <rel>",
        "GRAPH # { .\n <http://g.example/a/../b>\n",
        "_:x ",
        "GRAPH _:b.c",
        "[] ",
        "GRAPH [ ] ",
        "",
        "a.b:c.",
        "<../up> # }\n",
    ]);
    let end = prop::sample::select(vec!["}\n", "} ", "}", "}\r\n", "} # }\n", ":s :p :o }\n"]);
    let statements = prop::collection::vec(statement(), 0..6);
    (label, statements, end)
        .prop_map(|(label, statements, end)| format!("{label}{{ {}{end}", statements.concat()))
}

fn trig() -> impl Strategy<Value = String> {
    let item = prop_oneof![2 => statement(), 1 => directive(), 3 => graph()];
    prop::collection::vec(item, 0..8).prop_map(|items| [HEADER, &items.concat()].concat())
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1_usize), 2..200_usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn turtle_in_chunks_is_what_one_parser_reads(text in turtle(), size in sizes()) {
        check(text.as_bytes(), RdfFormat::Turtle, [1, size]);
    }

    #[test]
    fn trig_in_chunks_is_what_one_parser_reads(text in trig(), size in sizes()) {
        check(text.as_bytes(), RdfFormat::TriG, [1, size]);
    }

    #[test]
    fn broken_texts_are_refused_in_the_same_words(
        text in prop_oneof![turtle(), trig()],
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"\"'<>.#{}()[]\\@:|\n\r ".to_vec())],
        cut in any::<bool>(),
        size in sizes(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        for format in [RdfFormat::Turtle, RdfFormat::TriG] {
            check(&bytes, format, [1, size]);
        }
    }
}

#[test]
fn prefixes_and_bases_that_change_are_followed_wherever_it_is_cut() {
    let text = "@prefix ex: <http://one.example/> .
@base <http://one.example/base/x> .
ex:a <p> \"\"\" .
@prefix ex: <http://not.example/> .
\"\"\" .
PREFIX ex: <two/>
ex:a <p> <x> .
ex:b <p> <y> . @base <three/> .
ex:c <p> <z> .
@prefix ex: <four/>. ex:d <p> <z> .
@prefix : <#> .
:e ex:p :z .
BASE <http://five.example/> PREFIX ex: <>
ex:f <p> <z> .
";
    check_cuts(text, TurtleFormat::Turtle, 9);
    check_cuts(text, TurtleFormat::TriG, 9);
    for format in [RdfFormat::Turtle, RdfFormat::TriG] {
        let expected = whole(Cursor::new(text.as_bytes().to_vec()), format);
        assert!(expected.is_ok_and(|quads| quads.len() == 7));
        check(text.as_bytes(), format, 1..=text.len());
    }
}

#[test]
fn a_prefix_redefined_in_mid_file_means_each_time_what_it_says() {
    let mut text = "@prefix ex: <http://one.example/> .\n".to_owned();
    for number in 0..40_000 {
        if number == 20_000 {
            text.push_str("@prefix ex: <http://two.example/> .\n");
        }
        text.push_str(&format!("ex:s{number} ex:p \"{number} .\" .\n"));
    }
    let (lengths, refused, uncut) = cuts(text.as_bytes(), TurtleFormat::Turtle, 10_000);
    assert!(lengths.len() > 50 && refused == 0 && uncut == 0);
    check(text.as_bytes(), RdfFormat::Turtle, [10_000, 1 << 18]);
}

#[test]
fn graph_blocks_are_cut_inside() {
    let text = format!(
        "{HEADER}
GRAPH ex:g {{
ex:a ex:b ex:c .
ex:d ex:e ex:f . # said
_:x ex:e _:y
}}
{{ ex:a ex:b ex:c .
ex:d ex:e ex:f .
}} _:x {{
_:x ex:e _:y .
_:y ex:e _:x .
}}
@base <http://g.example/> . <rel> {{ <a> <b> <c> .
<d> <e> <f> }}
<s> <p> <o> ."
    );
    check_cuts(&text, TurtleFormat::TriG, 12);
    check(text.as_bytes(), RdfFormat::TriG, 1..=text.len());
}

#[test]
fn anonymous_graph_blocks_stay_whole() {
    let text = "@prefix ex: <http://example.org/> .
[] { <a> <b> <c> .
<d> <e> <f> .
}
ex:g\\/..\\/h { <a> <b> <c> .
<d> <e> <f> .
}
";
    let (lengths, refused, uncut) = cuts(text.as_bytes(), TurtleFormat::TriG, 1);
    assert_eq!((lengths.len(), refused, uncut), (5, 0, 0));
    check(text.as_bytes(), RdfFormat::TriG, 1..=text.len());
}

#[test]
fn ordinary_statements_are_all_cut_rightly() {
    for statement in STATEMENTS {
        let text = format!("{HEADER}{statement}\n<s> <p> <o> .\n{statement}\n");
        if whole(Cursor::new(text.clone().into_bytes()), RdfFormat::Turtle).is_err() {
            continue;
        }
        check_cuts(&text, TurtleFormat::Turtle, 5);
        let inside = format!("{HEADER}ex:g {{ {statement}\n<s> <p> <o> .\n{statement}\n}}\n");
        check_cuts(&inside, TurtleFormat::TriG, 5);
    }
}

#[test]
fn errors_far_behind_are_placed_in_the_whole_text() {
    let mut text = HEADER.to_owned();
    for number in 0..3_000 {
        text.push_str(&format!(
            "ex:s{number} :p \"\"\"é\r\n{number}\"\"\" . # .\r\n"
        ));
    }
    let ends = [
        "ex:s :p oops .\n<s> <p> <o> .\n",
        "ex:s :p \"open .\n<s> <p> <o> .\n",
        "ex:s :p \"\"\"open .\n<s> <p> <o> .\n",
        "ex:s :p ' . \n ' .\n",
        "ex:s unknown:p ex:o .\n",
        "ex:g { ex:s :p ex:o .\nex:s :p é oops .\n}\n",
        "ex:g { ex:s :p ex:o .\nex:s :p ex:o . }}\n",
        "<s> <p> <o>",
        "<s> <p> \"\u{fffd}\\x\" .",
    ];
    for end in ends {
        for format in [RdfFormat::Turtle, RdfFormat::TriG] {
            let with_end = [&text, end].concat();
            assert!(
                whole(Cursor::new(with_end.clone().into_bytes()), format).is_err()
                    || end.contains('{')
            );
            check(with_end.as_bytes(), format, [1_000, 1 << 20]);
            let amid = [&text, end, &text[HEADER.len()..]].concat();
            check(amid.as_bytes(), format, [1_000, 1 << 20]);
        }
    }
}

#[test]
fn deep_nesting_is_an_error_or_is_read_and_no_end_of_the_stack() {
    let triple_terms = format!(
        "<s> <p> {}<o>{} .\n",
        "<<( <s> <p> ".repeat(200_000),
        " )>>".repeat(200_000)
    );
    let few = format!(
        "<s> <p> {}<o>{} .\n",
        "<<( <s> <p> ".repeat(65),
        " )>>".repeat(65)
    );
    let lists = format!("<s> <p> {}{} .\n", "( ".repeat(20_000), ") ".repeat(20_000));
    let nodes = format!(
        "<s> <p> {}<o> {} .\n",
        "[ <p> ".repeat(20_000),
        "] ".repeat(20_000)
    );
    for text in [triple_terms, few] {
        let text = [HEADER, &text].concat();
        let split = by_chunks(Cursor::new(text.clone().into_bytes()), RdfFormat::Turtle, 1);
        assert_eq!(
            split,
            whole(Cursor::new(text.into_bytes()), RdfFormat::Turtle)
        );
        assert!(split.is_err_and(|error| error.contains("nested more than 64 deep")));
    }
    for (text, quads) in [(lists, 39_999), (nodes, 20_001)] {
        let loaded = loaded(Cursor::new(text.into_bytes()), RdfFormat::Turtle, 1);
        assert_eq!(loaded.expect("it is right").len(), quads);
    }
}

#[test]
fn many_triple_terms_are_cut_before_they_are_too_many() {
    let statement = "<s> <p> <<( <s> <p> <o> )>> .\n";
    let text = statement.repeat(10_000);
    let (lengths, refused, uncut) = cuts(text.as_bytes(), TurtleFormat::Turtle, 1 << 20);
    assert!(
        lengths.len() >= 9 && refused == 0 && uncut == 0,
        "{lengths:?}"
    );
}

#[test]
fn a_statement_that_is_too_long_ends_the_cutting_and_is_read() {
    let mut text = "<s> <p> 0 .\n<s> <p>".to_owned();
    for number in 0..1_400_000 {
        text.push_str(&format!(" \"{:07}\" ,\n", number % 100));
    }
    text.push_str(" 1 .\n<s> <p> oops .\n");
    let (lengths, refused, uncut) = cuts(text.as_bytes(), TurtleFormat::Turtle, 1);
    assert_eq!((lengths.as_slice(), refused), (&[12][..], 0));
    assert!(uncut > 16 << 20 && uncut + 12 == text.len());
    check(text.as_bytes(), RdfFormat::Turtle, [1 << 20]);
}

/// A reader that fails at its end.
struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_read_that_fails_is_told_after_what_is_wrong_before_it() {
    for text in [
        "<s> <p> <o> .\n<s> <p>",
        "<s> <p> <o> .\n<s> oops .\n<s> <p>",
    ] {
        for size in [1, 1 << 20] {
            let reader = || Cursor::new(text.as_bytes().to_vec()).chain(Failing);
            let split = by_chunks(reader(), RdfFormat::Turtle, size);
            assert_eq!(split, whole(reader(), RdfFormat::Turtle));
            assert!(split.is_err());
        }
    }
}

fn suite_files(folder: &Path, found: &mut Vec<(PathBuf, RdfFormat)>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            suite_files(&path, found);
        } else if let Some(format) = RdfFormat::from_path(&path)
            && TurtleFormat::of(format).is_some()
        {
            found.push((path, format));
        }
    }
}

#[test]
#[ignore = "needs the W3C suites beside the project, at ../shared/w3c"]
fn the_files_of_the_w3c_suites_in_chunks_are_what_one_parser_reads() {
    let mut files = Vec::new();
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/w3c");
    suite_files(&suites, &mut files);
    assert!(files.len() > 600, "only {} files", files.len());
    for (path, format) in files {
        let text = std::fs::read(&path).expect("a file can be read");
        check(&text, format, [1, 7, 100]);
    }
}
