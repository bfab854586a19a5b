//! Where quads come from: files, standard input, or any reader.
//!
//! What flows in: a path, a folder, a pattern, `-`, or a reader. What flows out: an open reader with a name for messages and, when it is
//! known, its length. What always holds: no file is opened before [`Source::open`].

mod files;

use crate::format::RdfFormat;
use crate::{LoadError, input::Input};
use quadrille_store::ReadContext;
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
    /// A file; its extension tells its format. Whether it is compressed, its first bytes tell.
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

    /// What a command line names: `-` is standard input, a folder the files in it and in its folders whose names tell a
    /// format, a pattern such as `data/*.nq.gz` or `data/**/*.ttl` the files it matches, anything else is a path. Files
    /// come sorted by name. Folders behind symbolic links are not entered.
    ///
    /// # Errors
    /// When a folder cannot be read or holds no such file, or a pattern is not valid or matches no file.
    pub fn argument(argument: impl AsRef<Path>) -> Result<Vec<Self>, LoadError> {
        let path = argument.as_ref();
        if path == Path::new("-") {
            return Ok(vec![Self::standard_input()]);
        }
        let files = if path.is_dir() {
            files::in_folder(path)?
        } else {
            match path.to_str().filter(|text| files::is_pattern(text)) {
                // A file may be named like a pattern.
                Some(pattern) if !path.exists() => files::matching(pattern)?,
                _ => vec![path.to_owned()],
            }
        };
        Ok(files.into_iter().map(Self::path).collect())
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

    /// The path, if it is an ordinary file: only such a one can be read once more.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Path(path) if path.is_file() => Some(path),
            _ => None,
        }
    }

    /// Opens it for reading from a place of its text on.
    pub(crate) fn open_from(self, offset: u64, context: &ReadContext) -> Result<Input, LoadError> {
        match self.origin {
            Origin::Path(path) if offset > 0 => {
                Input::of_file_from(self.name, path, offset, context)
            }
            _ => self.open(),
        }
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
