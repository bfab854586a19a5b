//! Chunks: what goes in comes out, sizes keep to their target, damage is reported, and terms of real kinds stay small.

use super::chunk::Pieces;
use super::*;
use proptest::prelude::*;
use quadrille_backend::{ErrorKind, StorageResult};
use std::sync::Arc;

/// Packs terms into chunks.
fn build(terms: &[Vec<u8>], target: usize, symbols: Option<Arc<SymbolTable>>) -> Vec<Vec<u8>> {
    let mut builder = ChunkBuilder::new(target, symbols);
    let mut chunks = Vec::new();
    let mut finish = |builder: &mut ChunkBuilder| {
        let mut chunk = Vec::new();
        builder.finish(&mut chunk);
        assert!(builder.is_empty());
        chunks.push(chunk);
    };
    for term in terms {
        if !builder.push(term) {
            finish(&mut builder);
            assert!(builder.push(term), "an empty chunk takes any term");
        }
    }
    if !builder.is_empty() {
        finish(&mut builder);
    }
    chunks
}

/// Reads all terms of chunks back.
fn read(chunks: &[Vec<u8>], symbols: Option<&SymbolTable>) -> StorageResult<Vec<Vec<u8>>> {
    let mut terms = Vec::new();
    for bytes in chunks {
        let chunk = Chunk::parse(bytes)?;
        for i in 0..chunk.len() {
            let mut term = Vec::new();
            assert_eq!(chunk.get(bytes, i, symbols, &mut term)?, ChunkEntry::Inline);
            assert!(chunk.equals(bytes, i, symbols, &term)?);
            terms.push(term);
        }
    }
    Ok(terms)
}

fn trained(terms: &[Vec<u8>]) -> Arc<SymbolTable> {
    let samples: Vec<&[u8]> = terms.iter().map(Vec::as_slice).collect();
    Arc::new(SymbolTable::train(&samples))
}

/// Numbers from a seed, the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// IRIs of a few sorts of entities, some in sequence and some at random, as a file brings them.
fn entity_iris(count: usize) -> Vec<Vec<u8>> {
    let mut numbers = Numbers(1);
    let mut next_product = 1000;
    let iri = |_| {
        let kinds = [
            "user/User",
            "review/Review",
            "vendor/Vendor",
            "city/City",
            "website/Website",
        ];
        match numbers.next(3) {
            0 => {
                next_product += 1;
                format!("http://example.org/product/Product{next_product}")
            }
            _ => {
                let kind = kinds[numbers.next(kinds.len() as u64) as usize];
                format!("http://example.org/{kind}{}", numbers.next(100_000))
            }
        }
    };
    (0..count).map(iri).map(String::into_bytes).collect()
}

fn sentences(count: usize) -> Vec<Vec<u8>> {
    const WORDS: [&str; 24] = [
        "the",
        "of",
        "museum",
        "painting",
        "was",
        "made",
        "in",
        "a",
        "collection",
        "century",
        "and",
        "portrait",
        "with",
        "artist",
        "by",
        "his",
        "during",
        "first",
        "exhibition",
        "city",
        "river",
        "known",
        "early",
        "work",
    ];
    let mut numbers = Numbers(2);
    let mut sentence = || {
        let length = 5 + numbers.next(12);
        let words: Vec<&str> = (0..length)
            .map(|_| WORDS[numbers.next(WORDS.len() as u64) as usize])
            .collect();
        words.join(" ")
    };
    (0..count).map(|_| sentence().into_bytes()).collect()
}

#[test]
fn terms_come_back_with_and_without_symbols() {
    for terms in [entity_iris(3000), sentences(800)] {
        let symbols = trained(&terms);
        for target in [64, 300, 1990, 8000, 200_000] {
            assert_eq!(read(&build(&terms, target, None), None).unwrap(), terms);
            let chunks = build(&terms, target, Some(Arc::clone(&symbols)));
            assert_eq!(read(&chunks, Some(&symbols)).unwrap(), terms);
            let reread = SymbolTable::from_bytes(&symbols.to_bytes()).unwrap();
            assert_eq!(read(&chunks, Some(&reread)).unwrap(), terms);
            for chunk in &chunks {
                assert!(
                    chunk.len() <= target || Chunk::parse(chunk).unwrap().len() == 1,
                    "{}",
                    chunk.len()
                );
            }
        }
    }
}

#[test]
fn chunks_are_filled() {
    for terms in [entity_iris(5000), sentences(800)] {
        for symbols in [None, Some(trained(&terms))] {
            let chunks = build(&terms, 1990, symbols);
            let (_, full) = chunks.split_last().unwrap();
            assert!(
                full.iter().all(|chunk| chunk.len() > 1800),
                "{:?}",
                full.iter().map(Vec::len).collect::<Vec<_>>()
            );
        }
    }
}

fn bytes_per_term(terms: &[Vec<u8>], symbols: Option<Arc<SymbolTable>>) -> f64 {
    build(terms, 1990, symbols)
        .iter()
        .map(Vec::len)
        .sum::<usize>() as f64
        / terms.len() as f64
}

#[test]
fn common_terms_cost_a_few_bytes() {
    let iris = entity_iris(20_000);
    assert!(
        bytes_per_term(&iris, None) < 7.0,
        "{}",
        bytes_per_term(&iris, None)
    );
    let symbols = trained(&iris[..4000]);
    assert!(
        bytes_per_term(&iris, Some(Arc::clone(&symbols))) < 5.5,
        "{}",
        bytes_per_term(&iris, Some(symbols))
    );
}

#[test]
fn long_terms_stand_among_others() {
    for with_symbols in [false, true] {
        let terms = entity_iris(100);
        let symbols = with_symbols.then(|| trained(&terms));
        let mut builder = ChunkBuilder::new(1990, symbols.clone());
        assert!(builder.push_long(u64::MAX, [7; 16]));
        for term in &terms {
            assert!(builder.push(term));
        }
        assert!(builder.push_long(10_000_000, [9; 16]));
        let mut bytes = Vec::new();
        builder.finish(&mut bytes);
        let chunk = Chunk::parse(&bytes).unwrap();
        assert_eq!(chunk.len(), 102);
        let mut out = Vec::new();
        let symbols = symbols.as_deref();
        let first = chunk.get(&bytes, 0, symbols, &mut out).unwrap();
        assert_eq!(
            first,
            ChunkEntry::Long {
                length: u64::MAX,
                digest: [7; 16]
            }
        );
        let last = chunk.get(&bytes, 101, symbols, &mut out).unwrap();
        assert_eq!(
            last,
            ChunkEntry::Long {
                length: 10_000_000,
                digest: [9; 16]
            }
        );
        assert!(out.is_empty());
        assert!(!chunk.equals(&bytes, 0, symbols, &[]).unwrap());
        chunk.get(&bytes, 100, symbols, &mut out).unwrap();
        assert_eq!(out, terms[99]);
    }
}

#[test]
fn a_chunk_of_long_terms_fills_up() {
    let mut builder = ChunkBuilder::new(1990, None);
    let mut count = 0;
    while builder.push_long(5000, [1; 16]) {
        count += 1;
    }
    let mut bytes = Vec::new();
    builder.finish(&mut bytes);
    assert!(
        bytes.len() <= 1990 && count > 70,
        "{count} terms, {} bytes",
        bytes.len()
    );
}

#[test]
fn edges() {
    let empty = build(&[], 1990, None);
    assert!(empty.is_empty());
    let mut bytes = Vec::new();
    ChunkBuilder::new(1990, None).finish(&mut bytes);
    let chunk = Chunk::parse(&bytes).unwrap();
    assert!(chunk.is_empty());
    assert_eq!(
        chunk
            .get(&bytes, 0, None, &mut Vec::new())
            .unwrap_err()
            .kind(),
        ErrorKind::Misuse
    );
    let terms: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0, 0],
        vec![255; 70_000],
        b"a".to_vec(),
        b"abcdefgh".to_vec(),
        b"abcdefgh".to_vec(),
        b"abcdefghi".to_vec(),
    ];
    for target in [10, 1990, 100_000] {
        assert_eq!(read(&build(&terms, target, None), None).unwrap(), terms);
        let symbols = trained(&terms);
        assert_eq!(
            read(
                &build(&terms, target, Some(Arc::clone(&symbols))),
                Some(&symbols)
            )
            .unwrap(),
            terms
        );
    }
    // Texts that the symbols make longer are stored as they are.
    let symbols = Arc::new(SymbolTable::from_bytes(b"\x01a").unwrap());
    let terms = vec![b"zzzzzzzzzzzzzzzz".to_vec()];
    let chunks = build(&terms, 1990, Some(symbols));
    assert_eq!(read(&chunks, None).unwrap(), terms);
}

#[test]
fn other_terms_are_not_equal() {
    let terms = entity_iris(200);
    let symbols = trained(&terms);
    let bytes = build(&terms, 8000, Some(Arc::clone(&symbols))).remove(0);
    let chunk = Chunk::parse(&bytes).unwrap();
    for (i, term) in terms.iter().enumerate().take(chunk.len()) {
        let mut longer = term.clone();
        longer.push(b'x');
        let mut other = term.clone();
        *other.last_mut().unwrap() ^= 1;
        for candidate in [&longer[..], &other, &term[..term.len() - 1], &[]] {
            assert!(!chunk.equals(&bytes, i, Some(&symbols), candidate).unwrap());
        }
    }
}

#[test]
fn a_chunk_with_codes_needs_its_table() {
    let terms = sentences(20);
    let bytes = build(&terms, 8000, Some(trained(&terms))).remove(0);
    let chunk = Chunk::parse(&bytes).unwrap();
    assert_eq!(
        chunk
            .get(&bytes, 0, None, &mut Vec::new())
            .unwrap_err()
            .kind(),
        ErrorKind::Misuse
    );
}

#[test]
fn damaged_symbol_tables_are_reported() {
    let too_many: Vec<u8> = (0..=255).flat_map(|byte| [1, byte]).collect();
    for bytes in [
        &b"\x00"[..],
        b"\x09abcdefghi",
        b"\x03ab",
        b"\x01",
        &too_many,
    ] {
        assert_eq!(
            SymbolTable::from_bytes(bytes).err().unwrap().kind(),
            ErrorKind::Corrupted
        );
    }
    assert_eq!(
        SymbolTable::from_bytes(&[]).unwrap().to_bytes(),
        Vec::<u8>::new()
    );
}

/// Damage must be reported or give other bytes: it must not panic, loop or take much memory.
fn read_damaged(bytes: &[u8], symbols: Option<&SymbolTable>) {
    let Ok(chunk) = Chunk::parse(bytes) else {
        return;
    };
    let mut out = Vec::new();
    for i in 0..chunk.len() {
        out.clear();
        if let Err(error) = chunk.get(bytes, i, symbols, &mut out) {
            assert!(
                matches!(error.kind(), ErrorKind::Corrupted | ErrorKind::Misuse),
                "{error}"
            );
        }
        assert!(out.len() <= bytes.len() * 8 * 10);
        let _ = chunk.equals(bytes, i, symbols, &out);
    }
}

#[test]
fn every_damaged_byte_and_every_cut_is_survived() {
    let terms = entity_iris(150);
    let symbols = trained(&terms);
    let mut builder = ChunkBuilder::new(1990, Some(Arc::clone(&symbols)));
    builder.push_long(1, [1; 16]);
    terms.iter().for_each(|term| assert!(builder.push(term)));
    let mut bytes = Vec::new();
    builder.finish(&mut bytes);
    for length in 0..bytes.len() {
        read_damaged(&bytes[..length], Some(&symbols));
    }
    for position in 0..bytes.len() {
        let was = bytes[position];
        for change in [1, 0x80, 0xff] {
            bytes[position] = was ^ change;
            read_damaged(&bytes, Some(&symbols));
        }
        bytes[position] = was;
    }
}

#[test]
fn unknown_flags_are_refused() {
    let mut bytes = build(&entity_iris(3), 1990, None).remove(0);
    bytes[0] |= 8;
    assert_eq!(
        Chunk::parse(&bytes).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

/// Terms that share much, so that prefixes nest.
fn any_terms() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        Just("http://example.org/".to_owned()),
        Just("entity/".to_owned()),
        "[a-c]{0,6}",
        "\\PC{0,4}"
    ];
    let term = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().into_bytes());
    prop::collection::vec(term, 1..120)
}

proptest! {
    #[test]
    fn any_terms_come_back(terms in any_terms(), target in 20_usize..3000, coded in any::<bool>()) {
        let symbols = coded.then(|| trained(&terms));
        let chunks = build(&terms, target, symbols.clone());
        prop_assert_eq!(read(&chunks, symbols.as_deref()).unwrap(), terms);
        for chunk in &chunks {
            prop_assert!(chunk.len() <= target || Chunk::parse(chunk).unwrap().len() == 1);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), flags in 0_u8..8) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = flags;
        }
        let symbols = SymbolTable::from_bytes(b"\x02ab\x08abcdefgh\x01c").unwrap();
        read_damaged(&bytes, Some(&symbols));
        read_damaged(&bytes, None);
    }

    #[test]
    fn any_symbol_table_codes_any_bytes(symbols in prop::collection::vec("[a-c]{1,8}", 0..255), text in "[a-d]{0,60}") {
        let bytes: Vec<u8> = symbols.iter().flat_map(|symbol| [&[symbol.len() as u8], symbol.as_bytes()].concat()).collect();
        let table = SymbolTable::from_bytes(&bytes).unwrap();
        prop_assert_eq!(table.to_bytes(), bytes);
        let (mut codes, mut decoded) = (Vec::new(), Vec::new());
        table.encode(text.as_bytes(), &mut codes);
        prop_assert!(decoded.coded(&codes, &table).unwrap());
        prop_assert_eq!(decoded, text.as_bytes());
    }
}

/// These bytes are on disk in existing stores: they must be read for ever.
#[test]
fn chunks_of_the_first_version_are_read() {
    let symbols = SymbolTable::from_bytes(b"\x07http://\x08example.\x04org/\x02ab\x01c").unwrap();
    let bytes = b"\x03\x01\x05\x05\0\x03\x91\x08\x04\xc0\x02\0\x01\x02\xffa\x03\x04\0\x10\0\0\0\0\0\x000123456789abcdef";
    let chunk = Chunk::parse(bytes).unwrap();
    let mut terms = Vec::new();
    for i in 0..4 {
        let mut term = Vec::new();
        assert_eq!(
            chunk.get(bytes, i, Some(&symbols), &mut term).unwrap(),
            ChunkEntry::Inline
        );
        terms.push(String::from_utf8(term).unwrap());
    }
    assert_eq!(
        terms,
        [
            "http://example.org/a",
            "http://example.org/abc",
            "http://example.org/",
            ""
        ]
    );
    let long = chunk
        .get(bytes, 4, Some(&symbols), &mut Vec::new())
        .unwrap();
    assert_eq!(
        long,
        ChunkEntry::Long {
            length: 4096,
            digest: *b"0123456789abcdef"
        }
    );
}
