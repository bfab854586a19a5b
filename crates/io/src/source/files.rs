//! The files that a folder or a pattern stands for, sorted.

use crate::LoadError;
use crate::format::RdfFormat;
use std::io;
use std::path::{Path, PathBuf};

/// Whether a text has the signs of a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The files that a pattern matches.
pub(super) fn matching(pattern: &str) -> Result<Vec<PathBuf>, LoadError> {
    let no_files = |reason: String| LoadError::NoFiles {
        name: pattern.to_owned(),
        reason,
    };
    let paths = glob::glob(pattern)
        .map_err(|error| no_files(format!("the pattern is not valid: {error}")))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| LoadError::Io {
            name: error.path().display().to_string(),
            error: error.into(),
        })?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(no_files("the pattern matches no file".to_owned()));
    }
    files.sort();
    Ok(files)
}

/// The files in a folder, and in folders in it, whose names tell a format.
pub(super) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        list(&folder, &mut files, &mut folders).map_err(|error| LoadError::Io {
            name: folder.display().to_string(),
            error,
        })?;
    }
    if files.is_empty() {
        return Err(LoadError::NoFiles {
            name: folder.display().to_string(),
            reason: "the folder holds no file whose name tells an RDF format".to_owned(),
        });
    }
    files.sort();
    Ok(files)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            folders.push(path);
        } else if RdfFormat::from_path(&path).is_some() && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(())
}
