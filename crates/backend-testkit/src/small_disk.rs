//! A disk of a few megabytes, which the other process has for itself and a test can fill.
//!
//! What flows in: a role, a folder and the size. What flows out: a [`Process`] that finds a fresh disk at the folder. What
//! always holds: nobody else sees the disk, and it is gone with the process.

use crate::child::Process;
use std::path::Path;
use std::process::{Command, Stdio};

/// The name of a file that takes half of the disk; who removes it makes room.
pub const BALLAST: &str = "ballast";

/// Gives a process a view of its own of what is mounted.
const UNSHARE: [&str; 5] = ["unshare", "--map-root-user", "--mount", "sh", "-c"];
/// With the program, the folder, the size of the disk and the size and place of the ballast.
const MOUNT: &str = "mount -t tmpfs -o size=\"$2\" none \"$1\" && head -c \"$3\" /dev/zero > \"$1/$4\" && exec \"$0\"";

/// Whether this system lets a process mount a disk for itself.
#[must_use]
pub fn can_mount() -> bool {
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let mut command = mount_at("true".as_ref(), folder.path(), 1 << 20);
    let done = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

fn mount_at(program: &std::ffi::OsStr, folder: &Path, bytes: usize) -> Command {
    let mut command = Command::new(UNSHARE[0]);
    command.args(&UNSHARE[1..]).arg(MOUNT);
    command.arg(program).arg(folder);
    command.args([&bytes.to_string(), &(bytes / 2).to_string(), BALLAST]);
    command
}

/// Starts this program again in a role, over a folder at which it finds a disk of so many bytes, half of them taken.
///
/// # Panics
/// When the system starts no process. Where [`can_mount`] is false, the process ends at once.
#[must_use]
pub fn start(role: &str, folder: &Path, bytes: usize) -> Process {
    Process::start_by(role, folder, |program| {
        mount_at(program.get_program(), folder, bytes)
    })
}
