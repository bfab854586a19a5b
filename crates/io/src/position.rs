//! Where a load has come to, as a checkpoint keeps it.
//!
//! What flows in: the sources and options of a load, and the place in the source that is being read. What flows out: the
//! same as JSON, and back. What always holds: a load goes on only with sources and options that give the quads that it
//! would have got; what must be the same and is not is named.

use crate::error::LoadError;
use crate::read::{GraphTarget, OnError, ReadOptions, Totals};
use crate::source::Source;
use crate::turtle::{Prefixes, Scope};
use serde::{Deserialize, Serialize};
use std::time::UNIX_EPOCH;

/// What a load is of, and where it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) settings: Settings,
    pub(crate) sources: Vec<Fingerprint>,
    /// The first source of the commit that is under way: with a commit for each source, those before are committed.
    pub(crate) first: usize,
    /// The source that is read next.
    pub(crate) next: usize,
    /// Where in it; `None` is its start.
    pub(crate) place: Option<PlaceInSource>,
    /// What the sources from the first one on held that are read.
    pub(crate) bytes_read: u64,
    pub(crate) rejected: u64,
    /// What the observer wants to know again.
    pub(crate) observer: Vec<u8>,
}

/// The options that say which quads are read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    graph: String,
    base: Option<String>,
    lenient: bool,
    blank_nodes: String,
    skips: bool,
    commits_each: bool,
}

/// What tells a source from another, and a file from what it was before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    name: String,
    format: Option<String>,
    /// `None` for what can be read once only.
    file: Option<FileState>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct FileState {
    bytes: u64,
    /// Nanoseconds since 1970, where the file system knows.
    modified: Option<u64>,
}

/// A place between two statements of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlaceInSource {
    /// The bytes of text before it.
    pub(crate) offset: u64,
    /// The ends of lines before it.
    pub(crate) lines: u64,
    quads_read: u64,
    rejected: u64,
    /// How the source is read: places of one way mean nothing to another.
    way: String,
    /// What is in force there.
    base: Option<String>,
    prefixes: Prefixes,
    graph: Option<String>,
}

fn refused(reason: String) -> LoadError {
    LoadError::NotResumable { reason }
}

impl Position {
    /// The start of a load.
    pub(crate) fn start(sources: &[Source], options: &ReadOptions, commits_each: bool) -> Self {
        Self {
            settings: Settings::of(options, commits_each),
            sources: sources.iter().map(Fingerprint::of).collect(),
            first: 0,
            next: 0,
            place: None,
            bytes_read: 0,
            rejected: 0,
            observer: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, LoadError> {
        serde_json::to_vec(self).map_err(|error| refused(error.to_string()))
    }

    /// What a checkpoint kept of a load that this one is to go on with.
    ///
    /// # Errors
    /// When it was a load of other sources or with other options, or a file has changed that it had begun to read.
    pub(crate) fn resume(&self, kept: &[u8]) -> Result<Self, LoadError> {
        let kept: Self = serde_json::from_slice(kept)
            .map_err(|error| refused(format!("its checkpoint is of another kind: {error}")))?;
        self.settings.check(&kept.settings)?;
        let (now, then) = (self.sources.len(), kept.sources.len());
        if now != then {
            return Err(refused(format!(
                "it was a load of {then} sources, and these are {now}"
            )));
        }
        let is_in_order = kept.first <= kept.next && kept.next <= then && kept.first < then.max(1);
        if !is_in_order || (kept.place.is_some() && kept.next == then) {
            return Err(refused("its checkpoint is of another kind".to_owned()));
        }
        let begun = kept.next + usize::from(kept.place.is_some());
        for (number, (now, then)) in self.sources.iter().zip(&kept.sources).enumerate() {
            now.check(then, number < begun)?;
        }
        Ok(Self {
            settings: self.settings.clone(),
            sources: self.sources.clone(),
            ..kept
        })
    }
}

impl Settings {
    fn of(options: &ReadOptions, commits_each: bool) -> Self {
        let blank_nodes = options.blank_nodes.as_ref();
        Self {
            graph: match &options.graph {
                GraphTarget::AsWritten => "as written".to_owned(),
                GraphTarget::DefaultInto(graph) => format!("the default graph into {graph}"),
                GraphTarget::AllInto(graph) => format!("all into {graph}"),
            },
            base: options.base.clone(),
            lenient: options.lenient,
            blank_nodes: match blank_nodes.map(|scope| scope.prefix()) {
                None => "of their source".to_owned(),
                Some(None) => "as written".to_owned(),
                Some(Some(prefix)) => format!("under {prefix}"),
            },
            skips: options.on_error == OnError::Skip,
            commits_each,
        }
    }

    fn check(&self, then: &Self) -> Result<(), LoadError> {
        let base = |settings: &Self| settings.base.clone().unwrap_or_else(|| "none".to_owned());
        let said = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let pairs = [
            ("graph", self.graph.clone(), then.graph.clone()),
            ("base IRI", base(self), base(then)),
            ("leniency", said(self.lenient), said(then.lenient)),
            (
                "blank nodes",
                self.blank_nodes.clone(),
                then.blank_nodes.clone(),
            ),
            (
                "a commit for each source",
                said(self.commits_each),
                said(then.commits_each),
            ),
            // Nothing was faulty yet in a load that stops at the first fault, so it may begin to skip.
            (
                "skipping of what is faulty",
                said(self.skips || !then.skips),
                said(true),
            ),
        ];
        for (what, now, then) in pairs {
            if now != then {
                return Err(refused(format!(
                    "it was begun with another option ({what}: {then}, now {now})"
                )));
            }
        }
        Ok(())
    }
}

impl Fingerprint {
    fn of(source: &Source) -> Self {
        let metadata = source.file().and_then(|path| path.metadata().ok());
        let file = metadata.map(|metadata| FileState {
            bytes: metadata.len(),
            modified: metadata
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                .and_then(|since| u64::try_from(since.as_nanos()).ok()),
        });
        Self {
            name: source.name().to_owned(),
            format: source.format().map(|format| format.to_string()),
            file,
        }
    }

    fn check(&self, then: &Self, is_begun: bool) -> Result<(), LoadError> {
        if (&self.name, &self.format) != (&then.name, &then.format) {
            return Err(refused(format!(
                "it was a load of {}, in the place of {}",
                then.told(),
                self.told()
            )));
        }
        if is_begun && self.file != then.file {
            return Err(refused(format!(
                "{} has changed since it was read",
                self.name
            )));
        }
        Ok(())
    }

    fn told(&self) -> String {
        match &self.format {
            Some(format) => format!("{} ({format})", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether it can be read from a place on by another process.
    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl PlaceInSource {
    pub(crate) fn new(offset: u64, lines: u64, totals: &Totals, way: &str, scope: &Scope) -> Self {
        Self {
            offset,
            lines,
            quads_read: totals.quads_read,
            rejected: totals.rejected,
            way: way.to_owned(),
            base: scope.base().map(str::to_owned),
            prefixes: scope.prefixes().clone(),
            graph: scope.graph_label(),
        }
    }

    /// What the source held before this place.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            quads_read: self.quads_read,
            bytes_read: 0,
            rejected: self.rejected,
        }
    }

    /// Fails when the source is read in another way now.
    pub(crate) fn check_way(&self, way: &str, name: &str) -> Result<(), LoadError> {
        if self.way == way {
            return Ok(());
        }
        Err(refused(format!(
            "{name} was being read by {}, which these options do not allow",
            self.way
        )))
    }

    /// What is in force there.
    pub(crate) fn scope(&self) -> Result<Scope, LoadError> {
        let (base, graph) = (self.base.as_deref(), self.graph.as_deref());
        Scope::of_parts(base, self.prefixes.clone(), graph)
            .ok_or_else(|| refused("its checkpoint is of another kind".to_owned()))
    }
}
