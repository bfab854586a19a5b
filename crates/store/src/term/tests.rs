//! Terms in, ids or bytes out, and back: which forms are inlined, the byte forms, and damaged input.

use super::number::push_number;
use super::*;
use oxrdf::vocab::xsd;
use oxrdf::{BaseDirection, BlankNode, Literal, NamedNode, NamedNodeRef, Term, TermRef, Triple};
use quadrille_backend::ErrorKind;
use std::collections::HashMap;

pub(super) fn literal(value: &str, datatype: NamedNodeRef<'_>) -> Term {
    Literal::new_typed_literal(value, datatype).into()
}

/// Encodes a term the way a store does and decodes it again.
pub(super) fn round_trip(term: &Term) -> Option<TermId> {
    let id = inline(term.as_ref());
    let mut bytes = Vec::new();
    let tag = term_bytes(term.as_ref(), &mut bytes);
    assert_eq!(tag, dictionary_tag(term.as_ref()), "{term}");
    match (id, tag) {
        (Some(id), None) => {
            assert!(id.is_inlined() && bytes.is_empty(), "{term}");
            assert_eq!(id.decode_inline().as_ref(), Some(term), "{id:?}");
        }
        (None, Some(tag)) => assert_eq!(&term_from_bytes(tag, &bytes).unwrap(), term),
        other => panic!("{term} is both or neither: {other:?}"),
    }
    id
}

#[track_caller]
/// The id of a term that lives inside its id.
pub(super) fn inline(term: TermRef<'_>) -> Option<TermId> {
    match classify(term) {
        TermClass::Inline(id) => Some(id),
        TermClass::Dictionary(_) => None,
    }
}

/// The tag under which the dictionary numbers a term, if it is not inlined.
fn dictionary_tag(term: TermRef<'_>) -> Option<Tag> {
    match classify(term) {
        TermClass::Inline(_) => None,
        TermClass::Dictionary(tag) => Some(tag),
    }
}

fn assert_inlined(datatype: NamedNodeRef<'_>, values: &[&str]) {
    for value in values {
        assert!(
            round_trip(&literal(value, datatype)).is_some(),
            "{value:?} as {datatype} should be inlined"
        );
    }
}

#[track_caller]
fn assert_dictionary(tag: Tag, datatype: NamedNodeRef<'_>, values: &[&str]) {
    for value in values {
        let term = literal(value, datatype);
        assert_eq!(
            round_trip(&term),
            None,
            "{value:?} as {datatype} should not be inlined"
        );
        assert_eq!(
            dictionary_tag(term.as_ref()),
            Some(tag),
            "{value:?} as {datatype}"
        );
    }
}

#[test]
fn tag_bytes_and_names_are_unique_and_ascend() {
    let tags: Vec<Tag> = Tag::all().collect();
    assert!(tags.windows(2).all(|pair| pair[0].byte() < pair[1].byte()));
    assert!(
        tags.iter()
            .all(|tag| Tag::from_byte(tag.byte()) == Some(*tag))
    );
    assert_eq!(
        (0..=255)
            .filter(|byte| Tag::from_byte(*byte).is_some())
            .count(),
        tags.len()
    );
    let names: HashMap<&str, Tag> = tags.iter().map(|tag| (tag.name(), *tag)).collect();
    assert_eq!(names.len(), tags.len());
}

#[test]
fn ids_show_tag_and_term() {
    assert_eq!(TermId::DEFAULT_GRAPH.to_string(), "default-graph");
    assert_eq!(TermId::from_parts(Tag::Iri, 255).to_string(), "iri:ff");
    assert_eq!(TermId::query_local(3).to_string(), "query-local:3");
    assert_eq!(
        TermId::from_raw(0x07 << 56 | 1).to_string(),
        "reserved-07:1"
    );
    let id = inline(literal("-7", xsd::INTEGER).as_ref()).unwrap();
    assert_eq!(
        format!("{id:?}"),
        "TermId(integer:\"-7\"^^<http://www.w3.org/2001/XMLSchema#integer>)"
    );
    assert!(TermId::query_local(u64::MAX).is_query_local());
    assert!(!id.is_query_local());
}

#[test]
fn integers() {
    assert_inlined(
        xsd::INTEGER,
        &[
            "0",
            "1",
            "-1",
            "10",
            "36028797018963967",
            "-36028797018963968",
        ],
    );
    assert_dictionary(
        Tag::Number,
        xsd::INTEGER,
        &[
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1.",
            "1.0",
            "1e0",
            "٣",
            "36028797018963968",
            "-36028797018963969",
            "99999999999999999",
            "18446744073709551616",
            "1000000000000000000000000000000",
        ],
    );
}

#[test]
fn derived_integers_stay_within_their_range() {
    let edges = [
        (xsd::BYTE, "-128", "127", "-129", "128"),
        (xsd::SHORT, "-32768", "32767", "-32769", "32768"),
        (
            xsd::INT,
            "-2147483648",
            "2147483647",
            "-2147483649",
            "2147483648",
        ),
        (xsd::UNSIGNED_BYTE, "0", "255", "-1", "256"),
        (xsd::UNSIGNED_SHORT, "0", "65535", "-1", "65536"),
        (xsd::UNSIGNED_INT, "0", "4294967295", "-1", "4294967296"),
        (
            xsd::LONG,
            "-36028797018963968",
            "36028797018963967",
            "-36028797018963969",
            "36028797018963968",
        ),
        (
            xsd::UNSIGNED_LONG,
            "0",
            "36028797018963967",
            "-1",
            "36028797018963968",
        ),
        (
            xsd::NON_NEGATIVE_INTEGER,
            "0",
            "36028797018963967",
            "-1",
            "36028797018963968",
        ),
        (
            xsd::POSITIVE_INTEGER,
            "1",
            "36028797018963967",
            "0",
            "36028797018963968",
        ),
        (
            xsd::NON_POSITIVE_INTEGER,
            "-36028797018963968",
            "0",
            "-36028797018963969",
            "1",
        ),
        (
            xsd::NEGATIVE_INTEGER,
            "-36028797018963968",
            "-1",
            "-36028797018963969",
            "0",
        ),
    ];
    for (datatype, min, max, below, above) in edges {
        assert_inlined(datatype, &[min, max]);
        assert_dictionary(Tag::Number, datatype, &[below, above]);
    }
}

#[test]
fn decimals() {
    assert_inlined(
        xsd::DECIMAL,
        &[
            "0",
            "0.0",
            "0.5",
            "-0.5",
            "1.5",
            "1.50",
            "12.00",
            "+1",
            "+0",
            "+0.5",
            "+1.0000000",
            "-123456789.1234567",
            "-3602879701.8963968",
            "36028797018963967",
        ],
    );
    assert_dictionary(
        Tag::Number,
        xsd::DECIMAL,
        &[
            "",
            ".",
            "+",
            "-",
            "1.",
            ".5",
            "-.5",
            "00.5",
            "01",
            "-0",
            "-0.0",
            "1.12345678",
            "--1",
            "+-1",
            "1,5",
            "1.-5",
            "1.5.5",
            "3602879701.8963968",
            "360287970189639680",
            "1e5",
            "NaN",
            "INF",
        ],
    );
    assert_ne!(
        round_trip(&literal("1.50", xsd::DECIMAL)),
        round_trip(&literal("1.5", xsd::DECIMAL))
    );
}

#[test]
fn floating_point_numbers() {
    assert_inlined(
        xsd::DOUBLE,
        &[
            "0",
            "0.0",
            "0.00",
            "1",
            "1.0",
            "-1.5",
            "100",
            "1000000000000000000000",
            "0.001",
            "12.50",
            "123456.7890123",
            "1.0E0",
            "1.0E6",
            "1.5E-7",
            "-1.5E30",
            "1.25e10",
            "1E6",
            "1e6",
            "1e-31",
            "0.0E0",
            "0E0",
            "0e0",
            "INF",
            "-INF",
            "NaN",
            "9.999999999999E30",
        ],
    );
}

#[test]
fn floating_point_numbers_that_are_not_inlined() {
    assert_dictionary(
        Tag::Number,
        xsd::DOUBLE,
        &[
            "",
            "-",
            "e",
            "E5",
            "1e",
            "1e+5",
            "1.0E+5",
            "1E05",
            "1E-0",
            "-0",
            "-0.0",
            "-0.0E0",
            "+1",
            ".5",
            "5.",
            "1.e5",
            "10.0E5",
            "01.0E5",
            "1.50E5",
            "0.0E1",
            "0.5E1",
            "1E31",
            "1E-32",
            "12345678901234",
            "1.2345678901234E5",
            "+INF",
            "inf",
            "nan",
            "-NaN",
            "1.0E99999999999999999999",
            "0.0000000000000001",
        ],
    );
    assert_inlined(
        xsd::FLOAT,
        &["1.0", "123456", "1.23456E30", "NaN", "-INF", "0.5"],
    );
    assert_dictionary(
        Tag::Number,
        xsd::FLOAT,
        &["1234567", "1.234567E5", "0.1234567"],
    );
}

#[test]
fn booleans() {
    assert_inlined(xsd::BOOLEAN, &["false", "0", "true", "1"]);
    assert_dictionary(
        Tag::OtherLiteral,
        xsd::BOOLEAN,
        &["", "True", "TRUE", "yes", "2", " true"],
    );
}

#[test]
fn dates() {
    assert_inlined(
        xsd::DATE,
        &[
            "1970-01-01",
            "2000-02-29",
            "1999-12-31Z",
            "2024-02-29+05:30",
            "2024-02-29-05:37",
            "0000-01-01",
            "0000-02-29",
            "-0001-12-31",
            "-9999-01-01",
            "9999-12-31",
            "2000-01-01+14:00",
            "2000-01-01-14:00",
            "2000-01-01+00:00",
            "2000-01-01-00:00",
            "-9999-01-01+14:00",
            "9999-12-31-14:00",
        ],
    );
    assert_dictionary(
        Tag::Temporal,
        xsd::DATE,
        &[
            "",
            "2000",
            "2000-1-1",
            "1900-02-29",
            "2001-02-29",
            "2000-04-31",
            "2000-00-01",
            "2000-13-01",
            "2000-01-00",
            "2000-01-32",
            "10000-01-01",
            "-10000-01-01",
            "-0000-01-01",
            "+2000-01-01",
            "2000-01-01z",
            "2000-01-01+14:01",
            "2000-01-01+15:00",
            "2000-01-01+1:00",
            "2000-01-01+01:60",
            "2000-01-01+0100",
            "2000/01/01",
            "2000-01-01T00:00:00",
            "2000-01-01 ",
            "２000-01-01",
        ],
    );
}

#[test]
fn date_times() {
    assert_inlined(
        xsd::DATE_TIME,
        &[
            "1970-01-01T00:00:00",
            "2008-06-13T23:59:59Z",
            "2008-06-13T12:00:00+02:00",
            "2008-06-13T12:00:00-05:30",
            "2008-06-13T12:00:00+00:00",
            "2008-06-13T12:00:00-00:00",
            "2008-06-13T12:00:00.5",
            "2008-06-13T12:00:00.500Z",
            "2008-06-13T12:00:00.000Z",
            "2008-06-13T12:00:00.05+14:00",
            "2008-06-13T12:00:00.123456",
            "1969-12-31T23:59:59.999999Z",
            "2008-06-13T12:00:00.000000+00:00",
            "0000-01-01T00:00:00.5+14:00",
            "-9999-01-01T00:00:00",
            "9999-12-31T23:59:59Z",
            "4300-01-01T00:00:00.1",
            "-0001-12-31T00:00:00.0Z",
        ],
    );
    assert_dictionary(
        Tag::Temporal,
        xsd::DATE_TIME,
        &[
            "",
            "2008-06-13",
            "2008-06-13T24:00:00",
            "2008-06-13T23:60:00",
            "2008-06-13T23:59:60Z",
            "2008-06-13T12:00",
            "2008-06-13T12:00:00.",
            "2008-06-13T12:00:00.Z",
            "2008-06-13T12:00:00.1234",
            "2008-06-13T12:00:00.1234567",
            "2008-06-13T12:00:00+02:07",
            "2008-06-13T12:00:00.123456+01:00",
            "2008-06-13T12:00:00.123456-00:00",
            "2008-06-13t12:00:00",
            "2008-06-13 12:00:00",
            "4400-01-01T00:00:00.1",
            "-0100-01-01T00:00:00.1",
            "9999-01-01T00:00:00.123456",
            "2008-02-30T12:00:00",
            "2008-06-13T12:00:00ZZ",
        ],
    );
    assert_dictionary(Tag::Temporal, xsd::TIME, &["12:00:00"]);
    assert_dictionary(Tag::Temporal, xsd::DURATION, &["P1Y"]);
    assert_dictionary(
        Tag::Temporal,
        xsd::DATE_TIME_STAMP,
        &["2008-06-13T23:59:59Z"],
    );
}

#[test]
fn years() {
    assert_inlined(
        xsd::G_YEAR,
        &["2004", "0000", "0001", "-0001", "-9999", "9999"],
    );
    assert_dictionary(
        Tag::Temporal,
        xsd::G_YEAR,
        &[
            "", "1", "-0000", "+2004", "02004", "12004", "2004Z", "20041",
        ],
    );
    assert_inlined(
        xsd::G_YEAR_MONTH,
        &["2004-01", "2004-12", "-0001-01", "0000-12"],
    );
    assert_dictionary(
        Tag::Temporal,
        xsd::G_YEAR_MONTH,
        &["2004-00", "2004-13", "2004-1", "2004-01Z", "2004"],
    );
}

#[test]
fn short_strings() {
    assert_inlined(
        xsd::STRING,
        &[
            "",
            "a",
            "\0",
            "\0\0\0\0\0\0",
            "abcdef",
            "abcdefg",
            "日本",
            "日本a",
            "\0\0\0\0\0\0\u{7}",
            "é\0",
        ],
    );
    assert_dictionary(
        Tag::String,
        xsd::STRING,
        &["abcdefgh", "abcdef\u{6}", "\0\0\0\0\0\0\0", "日本語"],
    );
}

#[test]
fn literals_of_other_kinds() {
    assert_dictionary(Tag::OtherLiteral, xsd::HEX_BINARY, &["", "00"]);
    assert_dictionary(Tag::OtherLiteral, xsd::NORMALIZED_STRING, &["a"]);
    assert_dictionary(
        Tag::OtherLiteral,
        NamedNodeRef::new_unchecked("http://example.org/type"),
        &["", "ä"],
    );
    assert_dictionary(Tag::OtherLiteral, NamedNodeRef::new_unchecked(""), &["a"]);
    assert_dictionary(
        Tag::OtherLiteral,
        NamedNodeRef::new_unchecked(&"x".repeat(300)),
        &["a"],
    );
    assert_dictionary(
        Tag::OtherLiteral,
        NamedNodeRef::new_unchecked("http://www.w3.org/2001/XMLSchema#"),
        &["a"],
    );
    for (language, direction) in [
        ("en", None),
        ("de-ch", Some(BaseDirection::Ltr)),
        ("ar", Some(BaseDirection::Rtl)),
    ] {
        let term: Literal = match direction {
            None => Literal::new_language_tagged_literal("grüß", language).unwrap(),
            Some(direction) => {
                Literal::new_directional_language_tagged_literal("grüß", language, direction)
                    .unwrap()
            }
        };
        assert_eq!(round_trip(&term.clone().into()), None);
        assert_eq!(
            dictionary_tag(Term::from(term).as_ref()),
            Some(Tag::LanguageString)
        );
    }
}

#[test]
fn language_tags_become_lower_case() {
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let term: Term = Literal::new_language_tagged_literal_unchecked("a", "EN-GB").into();
    term_bytes(term.as_ref(), &mut upper);
    let term: Term = Literal::new_language_tagged_literal_unchecked("a", "en-gb").into();
    term_bytes(term.as_ref(), &mut lower);
    assert_eq!(upper, lower);
}

#[test]
fn blank_nodes() {
    for number in [0, 1, 0xabcdef, SERIAL_BLANK_FREE - 1] {
        let node = serial_blank(number);
        assert!(BlankNode::new(node.as_str()).is_ok());
        let id = round_trip(&node.into()).unwrap();
        assert_eq!((id.tag(), id.payload()), (Some(Tag::SerialBlank), number));
    }
    for number in [SERIAL_BLANK_FREE, (1 << 56) - 1] {
        let id = TermId::from_parts(Tag::SerialBlank, number);
        let label = serial_blank(number);
        assert_eq!(id.decode_inline(), Some(label.clone().into()));
        assert_eq!(
            dictionary_tag(label.as_ref().into()),
            Some(Tag::LabelledBlank)
        );
        let found = serial_blank_of_bytes(Tag::LabelledBlank, label.as_str().as_bytes());
        assert_eq!(found, Some(id));
    }
    assert_eq!(serial_blank(0x1f).as_str(), "qb0000000000001f");
    for label in [
        "qb",
        "qb1",
        "qb0000000000001F",
        "qb0000000000001g",
        "qb000000000000001",
        "qb00000000000000001",
        "b0",
        "42",
        "ä",
    ] {
        let term: Term = BlankNode::new(label).unwrap().into();
        assert_eq!(round_trip(&term), None);
        assert_eq!(dictionary_tag(term.as_ref()), Some(Tag::LabelledBlank));
    }
    assert!(round_trip(&BlankNode::default().into()).is_none());
}

#[test]
fn triple_terms_are_three_ids() {
    let ids = [
        TermId::from_parts(Tag::Iri, 1),
        TermId::from_parts(Tag::Iri, 2),
        TermId::from_parts(Tag::TripleTerm, 3),
    ];
    let mut bytes = Vec::new();
    triple_term_bytes(ids, &mut bytes);
    assert_eq!(bytes.len(), 24);
    assert_eq!(triple_term_ids(&bytes).unwrap(), ids);
    for length in [0, 8, 23] {
        assert_eq!(
            triple_term_ids(&bytes[..length]).unwrap_err().kind(),
            ErrorKind::Corrupted
        );
    }
    bytes.push(0);
    assert_eq!(
        triple_term_ids(&bytes).unwrap_err().kind(),
        ErrorKind::Corrupted
    );
    let node = NamedNode::new_unchecked("http://example.org/");
    let term: Term = Triple::new(node.clone(), node.clone(), node).into();
    assert_eq!(dictionary_tag(term.as_ref()), Some(Tag::TripleTerm));
    assert_eq!(term_bytes(term.as_ref(), &mut Vec::new()), None);
    assert_eq!(
        term_from_bytes(Tag::TripleTerm, &bytes).unwrap_err().kind(),
        ErrorKind::Misuse
    );
}

#[test]
fn damaged_bytes_are_reported() {
    let damaged: [(Tag, &[u8]); 14] = [
        (Tag::Iri, b"\xff"),
        (Tag::String, b"ab\xc3"),
        (Tag::LabelledBlank, b"\x80"),
        (Tag::Number, b""),
        (Tag::Number, b"\x101"),
        (Tag::Temporal, b"\x0c1"),
        (Tag::Temporal, b"\x00\xff"),
        (Tag::LanguageString, b""),
        (Tag::LanguageString, b"\x0bena"),
        (Tag::LanguageString, b"\x0ce"),
        (Tag::LanguageString, b"\x88\x00ena"),
        (
            Tag::LanguageString,
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ),
        (Tag::OtherLiteral, b"\xff\xff\xff\xff\xff\xff\xff\xff\x7fa"),
        (Tag::OtherLiteral, b"\x01\xc3\xa4"),
    ];
    for (tag, bytes) in damaged {
        assert_eq!(
            term_from_bytes(tag, bytes).unwrap_err().kind(),
            ErrorKind::Corrupted,
            "{tag} {bytes:?}"
        );
    }
    for tag in [Tag::DefaultGraph, Tag::Integer, Tag::QueryLocal] {
        assert_eq!(
            term_from_bytes(tag, b"1").unwrap_err().kind(),
            ErrorKind::Misuse
        );
    }
}

#[test]
fn numbers_are_padded() {
    let mut text = String::new();
    push_number(&mut text, 0, 1);
    push_number(&mut text, 7, 3);
    push_number(&mut text, u64::MAX, 1);
    assert_eq!(text, "000718446744073709551615");
}

/// These ids are on disk in existing stores: they must mean the same for ever.
#[test]
fn ids_of_the_first_version_are_read() {
    let fixed = [
        (0x2061_6263_0000_0003, "abc", xsd::STRING),
        (0x2061_6263_6465_6667, "abcdefg", xsd::STRING),
        (0x2800_0000_0000_0002, "true", xsd::BOOLEAN),
        (0x307f_ffff_ffff_fff9, "-7", xsd::INTEGER),
        (0x3c80_0000_0000_00ff, "255", xsd::UNSIGNED_BYTE),
        (0x4280_0000_0000_04e2, "12.50", xsd::DECIMAL),
        (0x4880_0000_0000_0003, "+3", xsd::DECIMAL),
        (0x503a_f761_ef61_0010, "-1.5E3", xsd::DOUBLE),
        (0x50fe_0000_0000_0020, "NaN", xsd::DOUBLE),
        (0x51be_48c2_7395_0002, "0.25", xsd::FLOAT),
        (0x6080_0000_0000_2b08, "2000-02-29", xsd::DATE),
        (0x6180_0007_905d_b494, "2000-02-29+05:30", xsd::DATE),
        (0x6280_0000_4852_6140, "2008-06-13T12:00:00", xsd::DATE_TIME),
        (
            0x6380_0000_4852_6140,
            "2008-06-13T12:00:00Z",
            xsd::DATE_TIME,
        ),
        (
            0x6476_0e42_ffc1_f5ad,
            "2008-06-13T12:00:00.250-03:30",
            xsd::DATE_TIME,
        ),
        (
            0x6591_3e2c_11b2_c901,
            "2008-06-13T12:00:00.123456Z",
            xsd::DATE_TIME,
        ),
        (0x6880_0000_0000_07d4, "2004", xsd::G_YEAR),
        (0x6980_0000_0000_5dfb, "2004-12", xsd::G_YEAR_MONTH),
    ];
    for (raw, value, datatype) in fixed {
        let term = literal(value, datatype);
        assert_eq!(inline(term.as_ref()), Some(TermId::from_raw(raw)), "{term}");
        assert_eq!(TermId::from_raw(raw).decode_inline(), Some(term));
    }
    assert_eq!(
        inline(serial_blank(9).as_ref().into()),
        Some(TermId::from_raw(0x0800_0000_0000_0009))
    );
}
