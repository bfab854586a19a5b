//! The tag table: what the first byte of a term id means. It is part of the file format.
//! A tag, once given, keeps its meaning for ever; bytes that are not in the table are reserved.

use std::fmt;

/// How the term of an id is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TagKind {
    /// No term at all: the default graph.
    DefaultGraph,
    /// The payload says everything.
    Inlined,
    /// The payload is a serial number within the tag; the dictionary holds the bytes.
    Dictionary,
    /// The payload is a number that one query gave; never stored.
    QueryLocal,
}

/// One row of the table.
struct Row {
    tag: Tag,
    name: &'static str,
    kind: TagKind,
}

macro_rules! tag_table {
    ($($(#[$documentation:meta])* $tag:ident = $byte:literal, $name:literal, $kind:ident;)*) => {
        /// The tag byte of a term id. This table is normative:
        /// **bytes that it does not list are reserved** and make an id invalid.
        ///
        /// Tags ascend as SPARQL orders sorts of terms: blank nodes, IRIs, literals, triple terms.
        /// Within an inlined tag, ids ascend by value; within a dictionary tag, by age.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Tag {
            $($(#[$documentation])* $tag = $byte,)*
        }

        const TABLE: &[Row] = &[$(Row { tag: Tag::$tag, name: $name, kind: TagKind::$kind },)*];
    };
}

tag_table! {
    /// The default graph; the payload is 0.
    DefaultGraph = 0x00, "default-graph", DefaultGraph;

    /// A blank node that the store named: the payload is its number.
    SerialBlank = 0x08, "serial-blank", Inlined;
    /// A blank node with a label of the user's.
    LabelledBlank = 0x09, "labelled-blank", Dictionary;

    /// An IRI.
    Iri = 0x10, "iri", Dictionary;

    /// An `xsd:string` of at most seven bytes: six left-aligned bytes and the length, or seven bytes of which the last is over 6.
    ShortString = 0x20, "short-string", Inlined;
    /// Every other `xsd:string`.
    String = 0x21, "string", Dictionary;
    /// A string with a language tag, with or without a base direction.
    LanguageString = 0x24, "language-string", Dictionary;

    /// `false`, `0`, `true`, `1` as `xsd:boolean`, in this order.
    Boolean = 0x28, "boolean", Inlined;

    /// `xsd:integer`: the payload is the value + 2^55, here and in the derived types below.
    Integer = 0x30, "integer", Inlined;
    /// `xsd:long`.
    Long = 0x31, "long", Inlined;
    /// `xsd:int`.
    Int = 0x32, "int", Inlined;
    /// `xsd:short`.
    Short = 0x33, "short", Inlined;
    /// `xsd:byte`.
    Byte = 0x34, "byte", Inlined;
    /// `xsd:nonNegativeInteger`.
    NonNegativeInteger = 0x35, "non-negative-integer", Inlined;
    /// `xsd:positiveInteger`.
    PositiveInteger = 0x36, "positive-integer", Inlined;
    /// `xsd:nonPositiveInteger`.
    NonPositiveInteger = 0x37, "non-positive-integer", Inlined;
    /// `xsd:negativeInteger`.
    NegativeInteger = 0x38, "negative-integer", Inlined;
    /// `xsd:unsignedLong`.
    UnsignedLong = 0x39, "unsigned-long", Inlined;
    /// `xsd:unsignedInt`.
    UnsignedInt = 0x3a, "unsigned-int", Inlined;
    /// `xsd:unsignedShort`.
    UnsignedShort = 0x3b, "unsigned-short", Inlined;
    /// `xsd:unsignedByte`.
    UnsignedByte = 0x3c, "unsigned-byte", Inlined;

    /// `xsd:decimal` without a point: the payload is the value + 2^55.
    Decimal0 = 0x40, "decimal-0", Inlined;
    /// `xsd:decimal` with one digit after the point: the payload is 10 times the value, + 2^55.
    Decimal1 = 0x41, "decimal-1", Inlined;
    /// `xsd:decimal` with two digits after the point (and so on).
    Decimal2 = 0x42, "decimal-2", Inlined;
    /// Three digits.
    Decimal3 = 0x43, "decimal-3", Inlined;
    /// Four digits.
    Decimal4 = 0x44, "decimal-4", Inlined;
    /// Five digits.
    Decimal5 = 0x45, "decimal-5", Inlined;
    /// Six digits.
    Decimal6 = 0x46, "decimal-6", Inlined;
    /// Seven digits.
    Decimal7 = 0x47, "decimal-7", Inlined;
    /// `xsd:decimal` written with a plus sign, without a point; the payload as in `Decimal0`.
    PlusDecimal0 = 0x48, "plus-decimal-0", Inlined;
    /// A plus sign and one digit after the point (and so on).
    PlusDecimal1 = 0x49, "plus-decimal-1", Inlined;
    /// A plus sign, two digits.
    PlusDecimal2 = 0x4a, "plus-decimal-2", Inlined;
    /// A plus sign, three digits.
    PlusDecimal3 = 0x4b, "plus-decimal-3", Inlined;
    /// A plus sign, four digits.
    PlusDecimal4 = 0x4c, "plus-decimal-4", Inlined;
    /// A plus sign, five digits.
    PlusDecimal5 = 0x4d, "plus-decimal-5", Inlined;
    /// A plus sign, six digits.
    PlusDecimal6 = 0x4e, "plus-decimal-6", Inlined;
    /// A plus sign, seven digits.
    PlusDecimal7 = 0x4f, "plus-decimal-7", Inlined;
    /// `xsd:double` of up to 13 significant digits: sign and decimal exponent (7 bits), digits (44), form (5).
    Double = 0x50, "double", Inlined;
    /// `xsd:float` of up to 6 significant digits, laid out as `Double`.
    Float = 0x51, "float", Inlined;
    /// Numbers of all these datatypes that are not inlined, ill-typed ones too.
    Number = 0x5f, "number", Dictionary;

    /// `xsd:date` without a zone: days since 1970-01-01, + 2^55.
    Date = 0x60, "date", Inlined;
    /// `xsd:date` with a zone: minutes from 1970-01-01T00:00Z to its start, + 2^44 (45 bits), zone (11).
    ZonedDate = 0x61, "zoned-date", Inlined;
    /// `xsd:dateTime` of whole seconds without a zone: seconds since 1970, + 2^55.
    DateTime = 0x62, "date-time", Inlined;
    /// `xsd:dateTime` of whole seconds with the zone `Z`: seconds since 1970, + 2^55.
    UtcDateTime = 0x63, "utc-date-time", Inlined;
    /// Other `xsd:dateTime`s of up to three decimals: seconds since -0001-12-31T00:00Z (37 bits), milliseconds (10),
    /// decimals written (2), zone in quarter hours (7).
    MillisecondDateTime = 0x64, "millisecond-date-time", Inlined;
    /// `xsd:dateTime` of six decimals, without a zone, with `Z` or `+00:00`: microseconds since 1970, + 2^53 (54 bits), zone (2).
    MicrosecondDateTime = 0x65, "microsecond-date-time", Inlined;
    /// `xsd:gYear` without a zone: the year + 2^55.
    Year = 0x68, "year", Inlined;
    /// `xsd:gYearMonth` without a zone: 12 · year + month − 1, + 2^55.
    YearMonth = 0x69, "year-month", Inlined;
    /// Dates, times and durations of XML Schema that are not inlined, ill-typed ones too.
    Temporal = 0x6f, "temporal", Dictionary;

    /// Literals of all other datatypes.
    OtherLiteral = 0x78, "other-literal", Dictionary;

    /// A triple term; its dictionary entry is three ids.
    TripleTerm = 0x80, "triple-term", Dictionary;

    /// A term that exists within one query only.
    QueryLocal = 0xff, "query-local", QueryLocal;
}

/// The row of each byte, as position in the table plus one; 0 where the byte is reserved.
const ROW_OF_BYTE: [u8; 256] = {
    let mut rows = [0_u8; 256];
    let mut position = 0;
    while position < TABLE.len() {
        rows[TABLE[position].tag as usize] = position as u8 + 1;
        position += 1;
    }
    rows
};

impl Tag {
    /// The tag of a byte; `None` when the byte is reserved.
    #[must_use]
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Self> {
        let row = usize::from(ROW_OF_BYTE[usize::from(byte)]);
        TABLE.get(row.wrapping_sub(1)).map(|row| row.tag)
    }

    /// The byte of the tag.
    #[must_use]
    #[inline]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// How terms of this tag are found.
    #[must_use]
    #[inline]
    pub fn kind(self) -> TagKind {
        self.row().kind
    }

    /// The name that `inspect` shows.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// All tags, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.tag)
    }

    fn row(self) -> &'static Row {
        &TABLE[usize::from(ROW_OF_BYTE[usize::from(self.byte())] - 1)]
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
