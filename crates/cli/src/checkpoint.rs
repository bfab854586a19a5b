//! The checkpoints of `quadrille load`: how often they are made, where they are, and what is done about one that is there.
//!
//! What flows in: options and the place of the store. What flows out: what the loader is to do, and words about it. What
//! always holds: no checkpoint is thrown away unless `--restart` says so or the load has ended well.

use crate::failure::{Exit, Failure};
use crate::{output, rejects};
use clap::Args;
use indicatif::HumanCount;
use quadrille::io::{AfterInterruption, LoadCheckpoints, LoadError, ResumedFrom};
use quadrille::{Checkpoint, Location};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Args, Debug)]
pub(crate) struct CheckpointOptions {
    /// Go on with a load that was interrupted, from its last checkpoint; begins at the start where there is none. All other
    /// arguments are to be those of the load, but for `--memory`, `--on-error skip`, `--durability` and what is shown
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Delete the checkpoint of a load that was interrupted, and begin anew
    #[arg(long)]
    restart: bool,
    /// How much time passes between two checkpoints, or `off`. A checkpoint writes what was read since the one before it to
    /// the disk: up to 32 bytes a quad and 64 a new term, most of which a load that does not fit into its memory writes
    /// anyway. They are in the folder PATH.load beside the store, or in `--temporary-folder`; a load that ends well takes
    /// it away
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_interval)]
    checkpoint_every: Interval,
}

/// The time between checkpoints; `None` makes none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interval(Option<Duration>);

fn parse_interval(text: &str) -> Result<Interval, String> {
    if text == "off" {
        return Ok(Interval(None));
    }
    humantime::parse_duration(text)
        .map(|interval| Interval(Some(interval)))
        .map_err(|error| format!("it must be a duration such as 90s, or `off`: {error}"))
}

impl CheckpointOptions {
    /// What a load into a store is to do; `None` when it makes no checkpoints and there is none.
    pub(crate) fn of(
        &self,
        location: &Location,
        temporary_folder: Option<&Path>,
    ) -> Result<Option<LoadCheckpoints>, Failure> {
        let Some(folder) = location
            .path()
            .and_then(|path| folder_of(path, temporary_folder))
        else {
            if self.resume || self.restart {
                let message = format!(
                    "a load into {location} ends with its process: there is nothing to resume"
                );
                return Err(Failure::new(Exit::Usage, message));
            }
            return Ok(None);
        };
        // Without an interval, one that is there is still not to be passed over.
        if self.checkpoint_every.0.is_none() && !folder.exists() {
            self.tell_begin(&folder);
            return Ok(None);
        }
        let after_interruption = match (self.resume, self.restart) {
            (true, _) => AfterInterruption::Resume,
            (_, true) => AfterInterruption::Restart,
            _ => AfterInterruption::Refuse,
        };
        let interval = self.checkpoint_every.0.unwrap_or(Duration::MAX);
        let checkpoints = LoadCheckpoints::new(folder);
        Ok(Some(
            checkpoints
                .every(interval)
                .after_interruption(after_interruption)
                .staying_when_done(true),
        ))
    }

    fn tell_begin(&self, folder: &Path) {
        if self.resume {
            tell_of_none(folder);
        }
    }
}

/// The folder of the checkpoints of a store: named as the store, beside it or in another folder.
fn folder_of(store: &Path, temporary_folder: Option<&Path>) -> Option<PathBuf> {
    let path = std::path::absolute(store).ok()?;
    // A path that ends in `..` has no name as it is.
    let path = match path.file_name() {
        Some(_) => path,
        None => path.canonicalize().ok()?,
    };
    let mut name = OsString::from(path.file_name()?);
    name.push(".load");
    match temporary_folder {
        Some(folder) => Some(folder.join(name)),
        // As the user wrote it, where that can be.
        None if store.file_name().is_some() => Some(store.with_file_name(name)),
        None => Some(path.with_file_name(name)),
    }
}

/// Says that a load begins at its start though it was to be resumed.
pub(crate) fn tell_where_none_is(checkpoints: &LoadCheckpoints) {
    let resumes = checkpoints.after_interruption == AfterInterruption::Resume;
    if resumes && !is_there(checkpoints) {
        tell_of_none(&checkpoints.folder);
    }
}

/// Takes the checkpoint away when everybody knows that the load has ended well.
pub(crate) fn remove(checkpoints: &LoadCheckpoints) -> Result<(), Failure> {
    rejects::clear(&checkpoints.folder);
    Ok(Checkpoint::remove(&checkpoints.folder)?)
}

fn tell_of_none(folder: &Path) {
    output::note(format_args!(
        "there is no checkpoint in {}: the load begins at its start",
        folder.display()
    ));
}

/// Whether a checkpoint is there, be it a damaged one.
pub(crate) fn is_there(checkpoints: &LoadCheckpoints) -> bool {
    !matches!(Checkpoint::read(&checkpoints.folder), Ok(None))
}

/// Where a load was resumed, in words.
pub(crate) fn told(from: &ResumedFrom) -> String {
    let quads = HumanCount(from.quads_read);
    let made = humantime::format_rfc3339_seconds(from.made);
    if from.is_committed {
        return format!("the load had committed {quads} quads before it was interrupted");
    }
    match &from.next {
        Some((name, 0)) => {
            format!("resuming after {quads} quads, as of {made}, at the start of {name}")
        }
        Some((name, lines)) => {
            let line = lines + 1;
            format!("resuming after {quads} quads, as of {made}, at {name}:{line}")
        }
        None => format!("resuming after {quads} quads, as of {made}: all is read"),
    }
}

/// A failed load, with what can be done about its checkpoint.
pub(crate) fn failure(error: LoadError, checkpoints: &LoadCheckpoints) -> Failure {
    if let LoadError::Interrupted { made, .. } = &error {
        let made = humantime::format_rfc3339_seconds(*made);
        return Failure::from(error).adding(format_args!(
            "made {made}; say --resume to go on from there, or --restart to begin anew"
        ));
    }
    let is_fault = matches!(error, LoadError::Syntax(_));
    let cannot_resume = matches!(error, LoadError::NotResumable { .. });
    let failure = Failure::from(error);
    if !is_there(checkpoints) {
        return failure;
    }
    if cannot_resume || failure.exit() == Exit::Usage || failure.exit() == Exit::Corrupted {
        return failure.adding("say --restart to delete its checkpoint and begin anew");
    }
    let behind = if is_fault {
        ", in N-Triples and N-Quads with --on-error skip behind this fault (a file that is changed can no longer be gone \
         on with)"
    } else {
        ""
    };
    failure.adding(format_args!(
        "the checkpoint of the load stays in {}: --resume goes on from there{behind}, --restart begins anew",
        checkpoints.folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_named_as_the_store() {
        let of = |store: &str, folder: Option<&str>| {
            folder_of(Path::new(store), folder.map(Path::new)).expect("a folder")
        };
        assert_eq!(of("./db", None), Path::new("./db.load"));
        assert_eq!(of("db/", None), Path::new("db.load"));
        assert_eq!(of("a/db.v1", None), Path::new("a/db.v1.load"));
        assert_eq!(of("a/db", Some("/tmp/x")), Path::new("/tmp/x/db.load"));
        let here = std::env::current_dir().expect("a folder");
        let name = here.file_name().expect("a name").to_string_lossy();
        assert_eq!(of(".", None), here.with_file_name(format!("{name}.load")));
    }

    #[test]
    fn an_interval_is_a_duration_or_off() {
        assert_eq!(parse_interval("off"), Ok(Interval(None)));
        let interval = Interval(Some(Duration::from_millis(1500)));
        assert_eq!(parse_interval("1s 500ms"), Ok(interval));
        assert!(parse_interval("often").is_err());
    }
}
