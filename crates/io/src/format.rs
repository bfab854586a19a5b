//! The RDF syntaxes this crate reads and writes, and how one is recognised.
//!
//! What flows in: a file name, a media type or a name. What flows out: a [`RdfFormat`]. What always holds: each
//! format's own [`name`](RdfFormat::name), [`media_type`](RdfFormat::media_type) and
//! [`extension`](RdfFormat::extension) are recognised as that format.

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
}

impl RdfFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::NTriples, Self::NQuads, Self::Turtle, Self::TriG];

    /// The name by which people choose it: `ntriples`, `nquads`, `turtle`, `trig`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NTriples => "ntriples",
            Self::NQuads => "nquads",
            Self::Turtle => "turtle",
            Self::TriG => "trig",
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
        }
    }

    /// Whether it can hold named graphs; the others hold the triples of one graph.
    #[must_use]
    pub fn has_named_graphs(self) -> bool {
        matches!(self, Self::NQuads | Self::TriG)
    }

    /// Whether it writes the quads of a graph in a block of their own.
    pub(crate) fn has_graph_blocks(self) -> bool {
        matches!(self, Self::TriG)
    }

    /// The format of a file extension without its dot, in any case.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "nt" => Some(Self::NTriples),
            "nq" => Some(Self::NQuads),
            "ttl" | "turtle" => Some(Self::Turtle),
            "trig" => Some(Self::TriG),
            _ => None,
        }
    }

    /// The format that a path's extension names.
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Option<Self> {
        Self::from_extension(path.as_ref().extension()?.to_str()?)
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
            _ => None,
        }
    }

    /// The format of a name (`ntriples`, `N-Triples`), an extension or a media type: what a person may type.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = name.trim().to_ascii_lowercase().replace(['-', '_'], "");
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
#[error("\"{0}\" is no RDF format; known are ntriples, nquads, turtle and trig")]
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
    }

    #[test]
    fn what_is_unknown_is_no_format() {
        assert_eq!(RdfFormat::from_path("data"), None);
        assert_eq!(RdfFormat::from_path("data.csv"), None);
        assert_eq!(RdfFormat::from_media_type(""), None);
        assert!("rdf".parse::<RdfFormat>().is_err());
    }
}
