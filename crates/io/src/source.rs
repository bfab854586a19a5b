//! Where quads come from: a file, standard input, or any reader.
//!
//! What flows in: a path, `-`, or a reader. What flows out: an open reader with a name for messages and, when it is
//! known, its length. What always holds: nothing is opened before [`Source::open`].

use crate::format::RdfFormat;
use crate::{LoadError, input::Input};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file, standard input or a reader, with its format if it is known.
pub struct Source {
    name: String,
    origin: Origin,
    format: Option<RdfFormat>,
}

enum Origin {
    Path(PathBuf),
    StandardInput,
    Reader(Box<dyn Read + Send>),
}

impl Source {
    /// A file; its extension tells its format.
    #[must_use]
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string(),
            format: RdfFormat::from_path(&path),
            origin: Origin::Path(path),
        }
    }

    /// Standard input, named `-`.
    #[must_use]
    pub fn standard_input() -> Self {
        Self {
            name: "-".to_owned(),
            format: None,
            origin: Origin::StandardInput,
        }
    }

    /// What a command line names: `-` is standard input, anything else a path.
    #[must_use]
    pub fn argument(argument: impl AsRef<Path>) -> Self {
        match argument.as_ref() {
            path if path == Path::new("-") => Self::standard_input(),
            path => Self::path(path),
        }
    }

    /// Any reader, under a name for messages.
    #[must_use]
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self {
            name: name.into(),
            format: None,
            origin: Origin::Reader(Box::new(reader)),
        }
    }

    /// Says the format, whatever the name tells.
    #[must_use]
    pub fn with_format(mut self, format: RdfFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// The name that messages show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The format, if it was given or the name tells it.
    #[must_use]
    pub fn format(&self) -> Option<RdfFormat> {
        self.format
    }

    /// Opens it for reading from its start.
    pub(crate) fn open(self) -> Result<Input, LoadError> {
        let name = self.name;
        let failed = |error| LoadError::Io {
            name: name.clone(),
            error,
        };
        match self.origin {
            Origin::Path(path) => {
                let file = File::open(&path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                if metadata.is_dir() {
                    return Err(failed(io::ErrorKind::IsADirectory.into()));
                }
                // A pipe with a name can be read once only, and has no length.
                let file_bytes = metadata.is_file().then_some(metadata.len());
                let again = metadata.is_file().then_some(path);
                Input::new(name.clone(), Box::new(file), file_bytes, again)
            }
            Origin::StandardInput => Input::new(name.clone(), Box::new(io::stdin()), None, None),
            Origin::Reader(reader) => Input::new(name.clone(), reader, None, None),
        }
        .map_err(failed)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Source")
            .field("name", &self.name)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
