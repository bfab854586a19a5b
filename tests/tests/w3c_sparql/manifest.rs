//! The suites' manifests as a list of tests.
//!
//! What flows in: the folder of the suites. What flows out: every test of every manifest that the top ones include, in
//! their order. What always holds: a test that a manifest lists is in the list, whatever its kind.

use crate::path_of;
use oxrdf::vocab::rdf;
use oxrdf::{
    BlankNodeRef, Graph, NamedNode, NamedNodeRef, NamedOrBlankNode, NamedOrBlankNodeRef, Term,
    TermRef,
};
use oxttl::TurtleParser;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders of the suites, and the URLs that their files have.
pub(crate) const SUITES: [(&str, &str); 2] = [
    (
        "sparql10",
        "http://www.w3.org/2001/sw/DataAccess/tests/data-r2/",
    ),
    (
        "sparql11",
        "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/",
    ),
];

/// The manifests that include all others, by suite.
const TOP: [(&str, &str); 4] = [
    ("sparql10", "manifest-syntax.ttl"),
    ("sparql10", "manifest-evaluation.ttl"),
    ("sparql10", "extended-manifest-evaluation.ttl"),
    ("sparql11", "manifest-all.ttl"),
];

/// What a test asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    PositiveSyntax,
    NegativeSyntax,
    Evaluation,
    CsvResult,
    /// Anything else, by its class in the manifest.
    Other(String),
}

impl Kind {
    fn new(class: &str) -> Self {
        match class {
            "PositiveSyntaxTest" | "PositiveSyntaxTest11" => Self::PositiveSyntax,
            "NegativeSyntaxTest" | "NegativeSyntaxTest11" => Self::NegativeSyntax,
            "QueryEvaluationTest" => Self::Evaluation,
            "CSVResultFormatTest" => Self::CsvResult,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the test can only run on a store.
    pub(crate) fn needs_store(&self) -> bool {
        matches!(self, Self::Evaluation | Self::CsvResult)
    }
}

/// A test of a suite. Files are given with the URL that they are read as.
#[derive(Debug)]
pub(crate) struct Test {
    /// Suite, group and test, such as `sparql11/aggregates/agg01`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) query: SuiteFile,
    pub(crate) data: Vec<SuiteFile>,
    pub(crate) graph_data: Vec<SuiteFile>,
    /// The endpoints that the query may ask, with the default graphs that they answer from.
    pub(crate) services: Vec<(NamedNode, Vec<SuiteFile>)>,
    pub(crate) result: Option<SuiteFile>,
    /// Whether the number of equal rows may be less than in the result: `REDUCED`.
    pub(crate) lax: bool,
    pub(crate) suites: PathBuf,
}

/// A file of a suite.
#[derive(Clone, Debug)]
pub(crate) struct SuiteFile {
    pub(crate) url: String,
    pub(crate) path: PathBuf,
}

impl SuiteFile {
    pub(crate) fn new(url: &str, suites: &Path) -> Self {
        Self {
            url: url.to_owned(),
            path: path_of(url, suites),
        }
    }

    /// The text of the file.
    pub(crate) fn read(&self) -> String {
        fs::read_to_string(&self.path)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// What comes after the last dot of its name.
    pub(crate) fn extension(&self) -> &str {
        self.path
            .extension()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }
}

/// All tests of the suites in a folder.
pub(crate) fn read(suites: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for (suite, file) in TOP {
        let (_, base) = SUITES.iter().find(|(folder, _)| *folder == suite).unwrap();
        read_manifest(&format!("{base}{file}"), suites, &mut tests);
    }
    tests
}

fn read_manifest(url: &str, suites: &Path, tests: &mut Vec<Test>) {
    let file = SuiteFile::new(url, suites);
    let manifest = Manifest {
        graph: parse_turtle(&file),
        suites: suites.to_owned(),
    };
    let this = NamedNode::new(url).unwrap();
    for include in manifest.list(this.as_ref(), "include") {
        let Term::NamedNode(include) = include else {
            panic!("{url} includes {include}")
        };
        read_manifest(include.as_str(), suites, tests);
    }
    let folder = file.path.parent().unwrap().strip_prefix(suites).unwrap();
    for entry in manifest.list(this.as_ref(), "entries") {
        let Term::NamedNode(entry) = entry else {
            panic!("{url} lists {entry}")
        };
        tests.push(manifest.test(&entry, &folder.display().to_string()));
    }
}

fn parse_turtle(file: &SuiteFile) -> Graph {
    let parser = TurtleParser::new().with_base_iri(&file.url).unwrap();
    let text = file.read();
    parser.for_slice(&text).map(Result::unwrap).collect()
}

struct Manifest {
    graph: Graph,
    suites: PathBuf,
}

impl Manifest {
    fn test(&self, test: &NamedNode, folder: &str) -> Test {
        let class = self
            .object(test.as_ref(), rdf::TYPE)
            .expect("a test has a class");
        let Term::NamedNode(class) = class else {
            panic!("{test} is a {class}")
        };
        let kind = Kind::new(class.as_str().rsplit('#').next().unwrap());
        let action = self.object(test.as_ref(), manifest("action").as_ref());
        let of_action = |name| match &action {
            Some(Term::BlankNode(action)) => {
                self.files(action.as_ref(), query_vocabulary(name).as_ref())
            }
            _ => Vec::new(),
        };
        let services = match &action {
            Some(Term::BlankNode(action)) => self.services(action.as_ref()),
            _ => Vec::new(),
        };
        let query = match &action {
            Some(Term::NamedNode(query)) => SuiteFile::new(query.as_str(), &self.suites),
            _ => of_action("query")
                .into_iter()
                .next()
                .unwrap_or_else(|| SuiteFile {
                    url: String::new(),
                    path: PathBuf::new(),
                }),
        };
        Test {
            name: format!(
                "{folder}/{}",
                test.as_str().rsplit(['#', '/']).next().unwrap()
            ),
            kind,
            query,
            data: of_action("data"),
            graph_data: of_action("graphData"),
            services,
            result: self
                .files(test.as_ref(), manifest("result").as_ref())
                .into_iter()
                .next(),
            lax: self.object(test.as_ref(), manifest("resultCardinality").as_ref())
                == Some(manifest("LaxCardinality").into()),
            suites: self.suites.clone(),
        }
    }

    fn services(&self, action: BlankNodeRef<'_>) -> Vec<(NamedNode, Vec<SuiteFile>)> {
        let predicate = query_vocabulary("serviceData");
        let services = self
            .graph
            .objects_for_subject_predicate(action, predicate.as_ref());
        let service = |service: TermRef<'_>| {
            let TermRef::BlankNode(service) = service else {
                return None;
            };
            match self.object(service, query_vocabulary("endpoint").as_ref()) {
                Some(Term::NamedNode(endpoint)) => {
                    let data = self.files(service, query_vocabulary("data").as_ref());
                    Some((endpoint, data))
                }
                _ => None,
            }
        };
        services.filter_map(service).collect()
    }

    fn files<'a>(
        &self,
        subject: impl Into<NamedOrBlankNodeRef<'a>>,
        predicate: NamedNodeRef<'a>,
    ) -> Vec<SuiteFile> {
        let objects = self.graph.objects_for_subject_predicate(subject, predicate);
        let mut files: Vec<_> = objects
            .filter_map(|object| match object {
                TermRef::NamedNode(file) => Some(SuiteFile::new(file.as_str(), &self.suites)),
                _ => None,
            })
            .collect();
        files.sort_by(|left, right| left.url.cmp(&right.url));
        files
    }

    fn object<'a>(
        &self,
        subject: impl Into<NamedOrBlankNodeRef<'a>>,
        predicate: NamedNodeRef<'a>,
    ) -> Option<Term> {
        let object = self.graph.object_for_subject_predicate(subject, predicate);
        object.map(TermRef::into_owned)
    }

    /// The members of an RDF list.
    fn list(&self, subject: NamedNodeRef<'_>, predicate: &str) -> Vec<Term> {
        let mut members = Vec::new();
        let mut rest = self.object(subject, manifest(predicate).as_ref());
        while let Some(Term::BlankNode(node)) = rest {
            let node = NamedOrBlankNode::from(node);
            members.extend(self.object(node.as_ref(), rdf::FIRST));
            rest = self.object(node.as_ref(), rdf::REST);
        }
        members
    }
}

fn manifest(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!(
        "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#{name}"
    ))
}

fn query_vocabulary(name: &str) -> NamedNode {
    NamedNode::new_unchecked(format!(
        "http://www.w3.org/2001/sw/DataAccess/tests/test-query#{name}"
    ))
}
