//! The suites: their manifests, the files of each test, and the results to expect.
//!
//! What flows in: the folder of the suites. What flows out: the tests. What always holds: a file that a manifest names
//! and that is not there is `None`, never an error.

use crate::own_results::own_result;
use oxrdf::vocab::rdf;
use oxrdf::{NamedOrBlankNode, Term};
use quadrille_io::{RdfFormat, ReadOptions, Source, read_quads};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// One of the suites.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Suite {
    NTriples,
    NQuads,
    Turtle,
    TriG,
    RdfXml,
}

impl Suite {
    pub(crate) const ALL: [Self; 5] = [
        Self::NTriples,
        Self::NQuads,
        Self::Turtle,
        Self::TriG,
        Self::RdfXml,
    ];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::NTriples => "rdf-n-triples",
            Self::NQuads => "rdf-n-quads",
            Self::Turtle => "rdf-turtle",
            Self::TriG => "rdf-trig",
            Self::RdfXml => "rdf-xml",
        }
    }

    pub(crate) fn format(self) -> RdfFormat {
        match self {
            Self::NTriples => RdfFormat::NTriples,
            Self::NQuads => RdfFormat::NQuads,
            Self::Turtle => RdfFormat::Turtle,
            Self::TriG => RdfFormat::TriG,
            Self::RdfXml => RdfFormat::RdfXml,
        }
    }

    /// The folder that relative IRIs of the tests are resolved in: the archives of Turtle and RDF/XML, whose
    /// results we compare with, are older than the manifests beside them and have others.
    fn base(self) -> String {
        match self {
            Self::Turtle => "http://www.w3.org/2013/TurtleTests/".to_owned(),
            Self::RdfXml => "http://www.w3.org/2013/RDFXMLTests/".to_owned(),
            other => format!(
                "https://w3c.github.io/rdf-tests/rdf/rdf11/{}/",
                other.folder()
            ),
        }
    }
}

/// What a test asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Expectation {
    /// The file is accepted.
    Accepted,
    /// The file is refused.
    Refused,
    /// The file gives these quads.
    Result(PathBuf),
    /// Each graph of the file gives these triples: TriG's tests hold the data of a Turtle test, once in the default
    /// graph, once in a named one, or in one of the two.
    EachGraph(PathBuf),
    /// The file gives these quads, written by this project as N-Quads.
    OwnResult(&'static str),
    /// The file gives certain quads, but the suite lacks the file that says which.
    ResultAbsent,
}

/// A test of a suite.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) suite: Suite,
    pub(crate) name: String,
    /// The file to load; `None` when the suite lacks it.
    pub(crate) action: Option<PathBuf>,
    pub(crate) base: String,
    pub(crate) expectation: Expectation,
}

/// A test as the manifest states it.
struct Entry {
    kind: String,
    action: String,
    result: Option<String>,
}

/// A suite as it lies on disk: its entries by name, and its files.
struct Files {
    suite: Suite,
    /// Where the files are looked for.
    folders: Vec<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

/// All tests, sorted; archives are unpacked into `scratch`.
pub(crate) fn read_all(suites: &Path, scratch: &Path) -> Vec<Test> {
    let all = Suite::ALL.map(|suite| Files::read(suite, suites, scratch));
    let turtle = all.iter().find(|files| files.suite == Suite::Turtle);
    let turtle = turtle.expect("all suites are read");
    all.iter().flat_map(|files| files.tests(turtle)).collect()
}

impl Files {
    fn read(suite: Suite, suites: &Path, scratch: &Path) -> Self {
        let beside = suites.join(suite.folder());
        let archive = beside.join("TESTS.tar.gz");
        let mut entries = BTreeMap::new();
        let mut folders = vec![beside.clone()];
        if archive.is_file() {
            let folder = unpack(&archive, &scratch.join(suite.folder()));
            // Four tests stand in the older manifest only.
            entries.extend(entries_of(&folder.join("manifest.ttl")));
            folders.insert(0, folder);
        }
        entries.extend(entries_of(&beside.join("manifest.ttl")));
        Self {
            suite,
            folders,
            entries,
        }
    }

    fn tests(&self, turtle: &Self) -> Vec<Test> {
        let test = |(name, entry): (&String, &Entry)| {
            let (expectation, base) = self.expectation(name, entry, turtle);
            Test {
                suite: self.suite,
                name: name.clone(),
                action: self.file(&entry.action),
                base,
                expectation,
            }
        };
        self.entries.iter().map(test).collect()
    }

    fn expectation(&self, name: &str, entry: &Entry, turtle: &Self) -> (Expectation, String) {
        let base = format!("{}{}", self.suite.base(), entry.action);
        if entry.kind.contains("Negative") {
            return (Expectation::Refused, base);
        }
        let Some(result) = &entry.result else {
            return (Expectation::Accepted, base);
        };
        if let Some(file) = self.file(result) {
            return (Expectation::Result(file), base);
        }
        if self.suite != Suite::TriG {
            return (Expectation::ResultAbsent, base);
        }
        match own_result(name) {
            Some(quads) => (Expectation::OwnResult(quads), base),
            None => turtle
                .twin(name)
                .unwrap_or((Expectation::ResultAbsent, base)),
        }
    }

    /// What the Turtle test of the same data expects, for a test of TriG; its results are relative to its own base.
    fn twin(&self, trig_name: &str) -> Option<(Expectation, String)> {
        let entry = self.entries.get(&trig_name.replace("trig-", "turtle-"))?;
        let file = self.file(entry.result.as_ref()?)?;
        let base = format!("{}{}", self.suite.base(), entry.action);
        Some((Expectation::EachGraph(file), base))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        let mut paths = self.folders.iter().map(|folder| folder.join(name));
        paths.find(|path| path.is_file())
    }
}

/// Unpacks an archive; returns the folder of its manifest, which is the target or the one folder in it.
fn unpack(archive: &Path, target: &Path) -> PathBuf {
    let reader = flate2::read::GzDecoder::new(File::open(archive).unwrap());
    tar::Archive::new(reader).unpack(target).unwrap();
    let is_root = |folder: &PathBuf| folder.join("manifest.ttl").is_file();
    let inside = std::fs::read_dir(target).unwrap();
    std::iter::once(target.to_owned())
        .chain(inside.map(|entry| entry.unwrap().path()))
        .find(is_root)
        .unwrap_or_else(|| panic!("{} holds no manifest", archive.display()))
}

/// The entries of a manifest by name.
fn entries_of(manifest: &Path) -> BTreeMap<String, Entry> {
    const MANIFEST: &str = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#";
    const BASE: &str = "http://manifest.example/";
    let options = ReadOptions {
        base: Some(BASE.to_owned()),
        ..ReadOptions::default()
    };
    let mut properties: HashMap<NamedOrBlankNode, HashMap<String, String>> = HashMap::new();
    let add = |quad: oxrdf::Quad| {
        let text = match quad.object {
            Term::NamedNode(iri) => iri.as_str().trim_start_matches(BASE).to_owned(),
            Term::Literal(literal) => literal.value().to_owned(),
            _ => return Ok(()),
        };
        let subject = properties.entry(quad.subject).or_default();
        subject.insert(quad.predicate.into_string(), text);
        Ok(())
    };
    read_quads(Source::path(manifest), &options, add, |_| {}).unwrap();
    let entry = |mut test: HashMap<String, String>| {
        let kind = test.remove(rdf::TYPE.as_str())?;
        let mut take = |name: &str| test.remove(&format!("{MANIFEST}{name}"));
        let action = take("action")?;
        let result = take("result");
        Some((
            take("name")?,
            Entry {
                kind,
                action,
                result,
            },
        ))
    };
    properties.into_values().filter_map(entry).collect()
}
