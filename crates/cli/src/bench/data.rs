//! What `--data` names: a file, or a number of quads to generate.

use crate::failure::Failure;
use quadrille::io::generate::generate;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The seed of the generator: the same number always gives the same quads.
const SEED: u64 = 1;

/// The data to measure with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Data {
    /// A file of the user.
    File(PathBuf),
    /// So many generated quads.
    Generated(u64),
}

impl fmt::Display for Data {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Generated(quads) => write!(formatter, "generated:{quads}"),
        }
    }
}

impl FromStr for Data {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_prefix("generated:") else {
            return match text {
                "-" => Err("the data is read once for each backend, so it must be a file".into()),
                "" => Err("it must be a file, or `generated:` and a number of quads".into()),
                path => Ok(Self::File(path.into())),
            };
        };
        let digits = number.replace(['_', ','], "");
        match digits.parse() {
            Ok(quads) if quads > 0 => Ok(Self::Generated(quads)),
            _ => Err(format!(
                "`{number}` is no number of quads: write `generated:1000000`"
            )),
        }
    }
}

impl Data {
    /// The file that holds the data, among the working files if it is generated.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Generated(_) => folder.join("generated.nq"),
        }
    }

    /// Writes the data into the folder if it is to be generated.
    pub(crate) fn prepare(&self, folder: &Path) -> Result<(), Failure> {
        let Self::Generated(quads) = self else {
            return Ok(());
        };
        let path = self.file(folder);
        File::create(&path)
            .and_then(|file| generate(*quads, SEED).write_n_quads(file))
            .map(drop)
            .map_err(|error| Failure::io(format!("cannot write {}", path.display()), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_a_file_or_generated() {
        assert_eq!("a.nq".parse(), Ok(Data::File("a.nq".into())));
        for text in [
            "generated:1000000",
            "generated:1_000_000",
            "generated:1,000,000",
        ] {
            assert_eq!(text.parse(), Ok(Data::Generated(1_000_000)), "{text}");
        }
        for text in [
            "generated:",
            "generated:0",
            "generated:many",
            "generated:-1",
            "-",
            "",
        ] {
            assert!(text.parse::<Data>().is_err(), "{text}");
        }
    }
}
