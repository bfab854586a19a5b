//! The short way of lines into a store gives what the parser of the whole grammar gives: the same quads, the same errors.

use oxrdf::Quad;
use oxrdf::dataset::{CanonicalizationAlgorithm, Dataset};
use proptest::prelude::*;
use quadrille_backend::InMemoryBackend;
use quadrille_io::{RdfFormat, ReadOptions, Source, load_into, read_quads};
use quadrille_store::{QuadPattern, QuadStore};
use std::collections::BTreeSet;

/// Quads without regard to the names of blank nodes, or the text of an error.
type Outcome = Result<BTreeSet<String>, String>;

fn source(text: &[u8], format: RdfFormat) -> Source {
    Source::reader("text", std::io::Cursor::new(text.to_vec())).with_format(format)
}

fn canonical(quads: impl IntoIterator<Item = Quad>) -> BTreeSet<String> {
    let mut dataset: Dataset = quads.into_iter().collect();
    dataset.canonicalize(CanonicalizationAlgorithm::Unstable);
    dataset.iter().map(|quad| quad.to_string()).collect()
}

/// By the parser of the whole grammar alone.
fn parsed(text: &[u8], format: RdfFormat) -> Outcome {
    let mut quads = Vec::new();
    let receive = |quad| {
        quads.push(quad);
        Ok(())
    };
    read_quads(
        source(text, format),
        &ReadOptions::default(),
        receive,
        |_| {},
    )
    .map_err(|error| error.to_string())?;
    Ok(canonical(quads))
}

/// Through a load.
fn loaded(text: &[u8], format: RdfFormat) -> Outcome {
    let store = QuadStore::open(InMemoryBackend::new()).expect("memory opens");
    load_into(
        &store,
        [source(text, format)],
        &ReadOptions::default(),
        |_| {},
    )
    .map_err(|error| error.to_string())?;
    let all = store.match_quads(&QuadPattern::new());
    let quads: Result<Vec<_>, _> = all.expect("a store can be read").collect();
    Ok(canonical(quads.expect("a store can be read")))
}

#[track_caller]
fn check(text: &[u8]) {
    for format in [RdfFormat::NTriples, RdfFormat::NQuads] {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(
            loaded(text, format),
            parsed(text, format),
            "{format}: {shown:?}"
        );
    }
}

/// Pieces of which lines are made: ordinary ones, rare ones, and wrong ones.
const PIECES: [&str; 63] = [
    "\"text\"^^<>",
    "<http://example.org/s>",
    "<http://example.org/p>",
    "<http://example.org/ö>",
    "<http://example.org/\\u00E9>",
    "<http://example.org/\\u003E>",
    "<http://example.org/a b>",
    "<http://example.org/\"q\">",
    "<relative>",
    "<>",
    "<urn:x:y>",
    "<http://[::1]/>",
    "<http://exa mple.org/>",
    "<<",
    "<<(",
    ")>>",
    "<<( <http://example.org/s> <http://example.org/p> \"v\" )>>",
    "<unclosed",
    "_:a",
    "_:b.c",
    "_:b.",
    "_:0",
    "_:-a",
    "_:",
    "_:ä",
    "_:a:b",
    "_a",
    "\"\"",
    "\"plain\"",
    "\"seven77\"",
    "\"Zoë\"",
    "\"tab\\tquote\\\"line\\n\"",
    "\"\\u00e9\\U0001F600\"",
    "\"\\x\"",
    "\"\\uD800\"",
    "\"unclosed",
    "\"raw\ttab\"",
    "\"raw\rreturn\"",
    "\"english\"@en",
    "\"english\"@EN-gb",
    "\"english\"@en--ltr",
    "\"english\"@en--up",
    "\"english\"@1n",
    "\"english\"@e1",
    "\"english\"@en-",
    "\"english\"@toolongtagx",
    "\"english\" @en",
    "\"12\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    "\"012\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    "\"text\"^^<http://www.w3.org/2001/XMLSchema#string>",
    "\"text\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>",
    "\"text\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString>",
    "\"text\" ^^ <http://example.org/d>",
    "\"text\"^<http://example.org/d>",
    "\"text\"^^<relative>",
    "\"text\"^^",
    "'single'",
    "12",
    "true",
    ".",
    ".5",
    "# a comment",
    "@prefix",
];

const SPACES: [&str; 5] = [" ", "", "\t", "  ", "\u{a0}"];

const ENDS: [&str; 8] = [
    " .\n",
    " .\n",
    ".\n",
    " .\r\n",
    " .\r",
    " . # said\n",
    "\n",
    " . .\n",
];

/// A line that is most often right.
fn line() -> impl Strategy<Value = String> {
    let good = prop::sample::select(vec![1_usize, 2, 18, 28, 30, 38, 47, 31]);
    let piece = prop_oneof![8 => good, 1 => 0..PIECES.len()];
    let space = prop_oneof![9 => Just(0_usize), 1 => 0..SPACES.len()];
    let end = prop_oneof![6 => Just(0_usize), 1 => 0..ENDS.len()];
    (prop::collection::vec((piece, space), 3..5), end).prop_map(|(pieces, end)| {
        let mut line = String::new();
        for (piece, space) in pieces {
            line.push_str(PIECES[piece]);
            line.push_str(SPACES[space]);
        }
        line.push_str(ENDS[end]);
        line
    })
}

/// A right line, so that errors come late too.
fn right_line() -> impl Strategy<Value = String> {
    let subject = prop::sample::select(vec!["<http://example.org/s>", "_:a", "_:b.c"]);
    let object = prop::sample::select(vec![
        0_usize, 17, 26, 27, 28, 29, 30, 35, 37, 38, 46, 47, 48,
    ]);
    let graph = prop::sample::select(vec![""]);
    (subject, object, graph).prop_map(|(subject, object, graph)| {
        format!(
            "{subject} <http://example.org/p> {} {graph}.\n",
            PIECES[object]
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_line_is_what_the_parser_says(line in line()) {
        check(line.as_bytes());
    }

    #[test]
    fn the_first_wrong_line_is_named_as_the_parser_names_it(
        before in prop::collection::vec(right_line(), 0..5),
        between in line(),
        after in prop::collection::vec(prop_oneof![right_line(), line()], 0..4),
    ) {
        let text = [before.concat(), between, after.concat()].concat();
        check(text.as_bytes());
    }

    #[test]
    fn any_bytes_in_a_line_are_what_the_parser_says(
        line in line(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = line.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        check(&bytes);
    }
}

#[test]
fn every_piece_in_every_place_is_what_the_parser_says() {
    let right = [
        "<http://example.org/s>",
        "<http://example.org/p>",
        "\"o\"",
        "<http://example.org/g>",
    ];
    for piece in PIECES {
        for place in 0..=4 {
            for length in [3, 4] {
                let mut pieces = right[..length].to_vec();
                if place < length {
                    pieces[place] = piece;
                } else {
                    pieces.push(piece);
                }
                check(format!("{} .\n", pieces.join(" ")).as_bytes());
                check(format!("{} .", pieces.join(" ")).as_bytes());
            }
        }
    }
}

/// A text of several chunks whose last line is wrong in a way that shows only with what follows, or without an end.
#[test]
fn a_wrong_line_behind_many_right_ones_is_placed_in_the_whole_text() {
    let mut text = String::new();
    for number in 0..40_000 {
        text.push_str(&format!(
            "<http://example.org/s{}> <http://example.org/p> \"{number}\" .\r\n",
            number / 3
        ));
    }
    for end in [
        "<http://example.org/s> <open .\n<http://example.org/s> <http://example.org/p> 1 .\n",
        "<http://example.org/s> <http://example.org/p> \"open .\n",
        "<http://example.org/s> <http://example.org/p> \"\u{fffd}\" <g> <h> .\n",
        "# a comment\r<http://example.org/s> <http://example.org/p> oops\n",
        "<http://example.org/s> <http://example.org/p> <http://example.org/o>",
    ] {
        for text in [format!("{text}{end}"), format!("{text}{end}{text}")] {
            check(text.as_bytes());
        }
    }
}
