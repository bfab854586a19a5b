//! The short way of lines into a store gives what the parser of the whole grammar gives: the same quads, the same errors.

mod alike;
mod compare;

use compare::{check_in, check_stopping};
use proptest::prelude::*;
use quadrille_io::{BlankNodeScope, RdfFormat, ReadOptions};

fn check(text: &[u8]) {
    for format in [RdfFormat::NTriples, RdfFormat::NQuads] {
        check_in(text, format, &ReadOptions::default());
    }
}
/// Pieces of which lines are made: ordinary ones, rare ones, and wrong ones.
const PIECES: [&str; 75] = [
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
    "#",
    "# it says \u{0} and \u{feff}",
    "\u{feff}<http://example.org/s>",
    "<http://example.org/\u{0}>",
    "\"nul\u{0}byte\"",
    "\"escaped\\u0000nul\"",
    "_:qb0000000000000a",
    "_:qbffffffffffffff",
    "\"العربية\"@ar--rtl",
    "\"long\"@en--LTR",
    "<<( _:a <http://example.org/p> <<( _:b <http://example.org/p> \"v\"@en--ltr )>> )>>",
    "<<( <http://example.org/s> <http://example.org/p> oops )>>",
];

const SPACES: [&str; 5] = [" ", "", "\t", "  ", "\u{a0}"];

const ENDS: [&str; 16] = [
    " .\n",
    " .\n",
    ".\n",
    " .\r\n",
    " .\r",
    " . # said\n",
    "\n",
    " . .\n",
    ".\r",
    " .\n\r",
    " .\r\r\n",
    " . # said\r",
    " .#\n\n\n",
    " .\u{2028}",
    " .\u{b}\n",
    " .\u{c}\r",
];

/// What most lines are made of.
const GOOD: [&str; 8] = [
    "<http://example.org/s>",
    "<http://example.org/p>",
    "_:a",
    "\"plain\"",
    "\"Zoë\"",
    "\"english\"@en",
    "\"12\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    "\"tab\\tquote\\\"line\\n\"",
];

/// What is an object of both languages.
const OBJECTS: [&str; 14] = [
    "<http://example.org/o>",
    "_:a",
    "_:qb0000000000000a",
    "_:qbffffffffffffff",
    "\"\"",
    "\"plain\"",
    "\"seven77\"",
    "\"Zoë\"",
    "\"\\u00e9\\U0001F600\"",
    "\"raw\ttab\"",
    "\"english\"@en",
    "\"english\"@en--ltr",
    "\"012\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    "<<( _:a <http://example.org/p> <<( _:b <http://example.org/p> \"v\"@en--ltr )>> )>>",
];

const RIGHT_ENDS: [&str; 7] = [
    ".\n",
    ".\r\n",
    ".\r",
    " . # said\n",
    ".#\r",
    ".\n\r\r\n# said\r",
    ".\t\n",
];

/// A line that is most often right.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(&GOOD[..]),
        1 => prop::sample::select(&PIECES[..]),
    ];
    let space = prop_oneof![9 => Just(" "), 1 => prop::sample::select(&SPACES[..])];
    let end = prop_oneof![6 => Just(" .\n"), 1 => prop::sample::select(&ENDS[..])];
    (prop::collection::vec((piece, space), 3..5), end).prop_map(|(pieces, end)| {
        let pieces: String = pieces
            .into_iter()
            .flat_map(|(piece, space)| [piece, space])
            .collect();
        pieces + end
    })
}

/// A right line, so that errors come late too.
fn right_line() -> impl Strategy<Value = String> {
    let subject = prop::sample::select(vec!["<http://example.org/s>", "_:a", "_:b.c"]);
    let object = prop::sample::select(&OBJECTS[..]);
    let end = prop::sample::select(&RIGHT_ENDS[..]);
    (subject, object, end).prop_map(|(subject, object, end)| {
        format!("{subject} <http://example.org/p> {object} {end}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    #[test]
    fn any_line_is_what_the_parser_says(line in line()) {
        check(line.as_bytes());
    }

    #[test]
    fn right_lines_are_taken_and_their_labels_kept(
        lines in prop::collection::vec(right_line(), 1..9),
        as_written in any::<bool>(),
    ) {
        let options = ReadOptions {
            blank_nodes: as_written.then(BlankNodeScope::as_written),
            ..ReadOptions::default()
        };
        let text = lines.concat();
        for format in [RdfFormat::NTriples, RdfFormat::NQuads] {
            check_in(text.as_bytes(), format, &options);
            let end = text.trim_end_matches(['\r', '\n']);
            check_in(end.as_bytes(), format, &options);
        }
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
        lines in prop::collection::vec(prop_oneof![right_line(), line()], 1..4),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(b'\r'), Just(0xFF)]),
            1..4,
        ),
    ) {
        let mut bytes = lines.concat().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
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
            for text in [text.replace("\r\n", "\r"), text] {
                check_stopping(text.as_bytes(), RdfFormat::NQuads, &ReadOptions::default());
            }
        }
    }
}

/// Neither long terms nor faults behind them change what is said.
#[test]
fn long_lines_are_what_the_parser_says() {
    for length in [4_000, 4_094, 4_095, 4_096, 5_000, 200_000] {
        let long = "x".repeat(length);
        let iri = format!("<http://example.org/{long}>");
        for line in [
            format!("{iri} {iri} {iri} {iri} .\r"),
            format!(
                "<http://example.org/s> <http://example.org/p> \"{long}\"@en--rtl . # {long}\n"
            ),
            format!("<http://example.org/s> <http://example.org/p> \"{long}\n"),
            format!("<http://example.org/{long}\n"),
            format!("_:{long} <http://example.org/p> \"{long}\\u0000{long}\" oops .\n"),
        ] {
            check(format!("{line}{line}_:a <http://example.org/p> _:b .").as_bytes());
        }
    }
}

/// The marks that some programs begin a text with are no part of the grammar, and are told where they stand.
#[test]
fn texts_of_other_encodings_are_refused_as_the_parser_does() {
    let line = "<http://example.org/s> <http://example.org/p> \"é\" .\n";
    let wide: Vec<u16> = line.encode_utf16().collect();
    let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let latin = line.replace('é', "?").into_bytes();
    let latin: Vec<u8> = latin
        .into_iter()
        .map(|byte| if byte == b'?' { 0xE9 } else { byte })
        .collect();
    for text in [
        format!("\u{feff}{line}{line}").into_bytes(),
        [b"\xFF\xFE".to_vec(), little].concat(),
        [b"\xFE\xFF".to_vec(), big].concat(),
        [line.as_bytes(), &latin, line.as_bytes()].concat(),
    ] {
        check(&text);
    }
}
