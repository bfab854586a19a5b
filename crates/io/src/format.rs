//! The RDF syntaxes this crate reads and writes, and how one is recognised.
//!
//! What flows in: a file name, a media type or a name. What flows out: a [`RdfFormat`]. What always holds: each
//! format's own [`name`](RdfFormat::name), [`media_type`](RdfFormat::media_type) and
//! [`extension`](RdfFormat::extension) are recognised as that format.

use crate::compression::Compression;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// An RDF syntax.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RdfFormat {
    /// [N-Triples](https://www.w3.org/TR/rdf12-n-triples/): one triple a line.
    NTriples,
    /// [N-Quads](https://www.w3.org/TR/rdf12-n-quads/): one quad a line.
    NQuads,
    /// [Turtle](https://www.w3.org/TR/rdf12-turtle/): triples with prefixes and abbreviations.
    Turtle,
    /// [TriG](https://www.w3.org/TR/rdf12-trig/): Turtle with named graphs.
    TriG,
    /// [RDF/XML](https://www.w3.org/TR/rdf12-xml/): triples as nested XML elements.
    RdfXml,
    /// [JSON-LD](https://www.w3.org/TR/json-ld11/): linked data as JSON. Remote contexts are never loaded.
    JsonLd,
    /// [N3](https://w3c.github.io/N3/spec/), as far as it is plain RDF: formulas and variables are refused.
    N3,
}

impl RdfFormat {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::NTriples,
        Self::NQuads,
        Self::Turtle,
        Self::TriG,
        Self::RdfXml,
        Self::JsonLd,
        Self::N3,
    ];

    /// The name by which people choose it: `ntriples`, `nquads`, `turtle`, `trig`, `rdfxml`, `jsonld`, `n3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NTriples => "ntriples",
            Self::NQuads => "nquads",
            Self::Turtle => "turtle",
            Self::TriG => "trig",
            Self::RdfXml => "rdfxml",
            Self::JsonLd => "jsonld",
            Self::N3 => "n3",
        }
    }

    /// The extension of its files, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::NTriples => "nt",
            Self::NQuads => "nq",
            Self::Turtle => "ttl",
            Self::TriG => "trig",
            Self::RdfXml => "rdf",
            Self::JsonLd => "jsonld",
            Self::N3 => "n3",
        }
    }

    /// Its registered media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::NTriples => "application/n-triples",
            Self::NQuads => "application/n-quads",
            Self::Turtle => "text/turtle",
            Self::TriG => "application/trig",
            Self::RdfXml => "application/rdf+xml",
            Self::JsonLd => "application/ld+json",
            Self::N3 => "text/n3",
        }
    }

    /// Whether it can hold named graphs; the others hold the triples of one graph.
    #[must_use]
    pub fn has_named_graphs(self) -> bool {
        matches!(self, Self::NQuads | Self::TriG | Self::JsonLd)
    }

    /// Whether there is a place to read on behind what is not of the format: the next line or statement.
    pub(crate) fn can_be_read_on(self) -> bool {
        !matches!(self, Self::RdfXml | Self::JsonLd)
    }

    /// Whether it writes the quads of a graph in a block of their own.
    pub(crate) fn has_graph_blocks(self) -> bool {
        matches!(self, Self::TriG | Self::JsonLd)
    }

    /// The format of a file extension without its dot, in any case.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "nt" => Some(Self::NTriples),
            "nq" => Some(Self::NQuads),
            "ttl" | "turtle" => Some(Self::Turtle),
            "trig" => Some(Self::TriG),
            "rdf" | "rdfs" | "owl" => Some(Self::RdfXml),
            "jsonld" => Some(Self::JsonLd),
            "n3" => Some(Self::N3),
            _ => None,
        }
    }

    /// The format that a path's extension names, below that of a compression: `museum.nq`, `museum.nq.gz`.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        let mut path = path.as_ref();
        if Compression::from_path(path).is_some() {
            path = Path::new(path.file_stem()?);
        }
        Self::from_extension(path.extension()?.to_str()?)
    }

    /// The format of a media type; parameters such as `;charset=utf-8` are ignored, as is case.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next()?.trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/n-triples" | "text/plain" => Some(Self::NTriples),
            "application/n-quads" | "text/x-nquads" => Some(Self::NQuads),
            "text/turtle" | "application/turtle" | "application/x-turtle" => Some(Self::Turtle),
            "application/trig" | "application/x-trig" => Some(Self::TriG),
            "application/rdf+xml" | "application/xml" | "text/xml" => Some(Self::RdfXml),
            "application/ld+json" | "application/json" => Some(Self::JsonLd),
            "text/n3" | "text/rdf+n3" | "application/n3" => Some(Self::N3),
            _ => None,
        }
    }

    /// The format of a name (`ntriples`, `N-Triples`), an extension or a media type: what a person may type.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = name
            .trim()
            .to_ascii_lowercase()
            .replace(['-', '_', '/'], "");
        Self::ALL
            .into_iter()
            .find(|format| format.name() == plain)
            .or_else(|| Self::from_extension(name.trim().trim_start_matches('.')))
            .or_else(|| Self::from_media_type(name))
    }
}

impl fmt::Display for RdfFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no RDF format of this crate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" is no RDF format; known are ntriples, nquads, turtle, trig, rdfxml, jsonld and n3"
)]
pub struct UnknownFormat(pub String);

impl FromStr for RdfFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::from_name(name).ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_recognised_by_its_own_marks() {
        for format in RdfFormat::ALL {
            assert_eq!(RdfFormat::from_name(format.name()), Some(format));
            assert_eq!(RdfFormat::from_extension(format.extension()), Some(format));
            assert_eq!(
                RdfFormat::from_media_type(format.media_type()),
                Some(format)
            );
            assert_eq!(RdfFormat::from_name(format.extension()), Some(format));
            assert_eq!(RdfFormat::from_name(format.media_type()), Some(format));
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }

    #[test]
    fn spelling_may_vary() {
        assert_eq!(RdfFormat::from_name("N-Quads"), Some(RdfFormat::NQuads));
        assert_eq!(RdfFormat::from_name(".TTL"), Some(RdfFormat::Turtle));
        assert_eq!(
            RdfFormat::from_media_type("Text/Turtle; charset=utf-8"),
            Some(RdfFormat::Turtle)
        );
        assert_eq!(RdfFormat::from_path("a.b/data.NQ"), Some(RdfFormat::NQuads));
        assert_eq!(RdfFormat::from_name("RDF/XML"), Some(RdfFormat::RdfXml));
        assert_eq!(RdfFormat::from_name("JSON-LD"), Some(RdfFormat::JsonLd));
    }

    #[test]
    fn the_format_stands_below_the_compression() {
        for extension in ["gz", "zst", "bz2", "xz", "GZ"] {
            let path = format!("a.b/data.ttl.{extension}");
            assert_eq!(RdfFormat::from_path(path), Some(RdfFormat::Turtle));
            assert_eq!(RdfFormat::from_path(format!("data.{extension}")), None);
        }
    }

    #[test]
    fn what_is_unknown_is_no_format() {
        assert_eq!(RdfFormat::from_path("data"), None);
        assert_eq!(RdfFormat::from_path("data.csv"), None);
        assert_eq!(RdfFormat::from_media_type(""), None);
        assert!("csv".parse::<RdfFormat>().is_err());
    }
}
