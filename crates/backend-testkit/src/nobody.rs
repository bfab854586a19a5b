//! The other process as the user `nobody`, who has no rights: root has them all, whatever the permissions say.

use crate::child::Process;
#[cfg(unix)]
use std::fs;
use std::path::Path;

/// The user and the group `nobody`, on all systems in use.
#[cfg(unix)]
const NOBODY: u32 = 65_534;

/// Whether this process may start another as nobody, who then finds what lies in temporary folders.
#[cfg(unix)]
pub(crate) fn can_be() -> bool {
    use std::os::unix::process::CommandExt;
    let Ok(folder) = tempfile::tempdir() else {
        return false;
    };
    let mut command = std::process::Command::new("true");
    command.uid(NOBODY).gid(NOBODY).current_dir(folder.path());
    open_to_all(folder.path()) && command.status().is_ok_and(|status| status.success())
}

#[cfg(unix)]
fn open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).is_ok()
}

/// Starts this program again in a role, as nobody, from a copy in a temporary folder, which it opens to all.
///
/// # Panics
/// When the program cannot be copied, or the system starts no process.
#[cfg(unix)]
pub(crate) fn start(role: &str, folder: &Path, home: &Path) -> Process {
    use std::os::unix::process::CommandExt;
    Process::start_by(role, folder, |program| {
        let copy = home.join("program");
        fs::copy(program.get_program(), &copy).expect("a copy of the program");
        assert!(open_to_all(home) && open_to_all(&copy));
        let mut command = std::process::Command::new(copy);
        command.uid(NOBODY).gid(NOBODY).current_dir(home);
        command
    })
}

/// There is no such user.
#[cfg(not(unix))]
pub(crate) fn can_be() -> bool {
    false
}

/// Starts this program again as it is.
#[cfg(not(unix))]
pub(crate) fn start(role: &str, folder: &Path, _home: &Path) -> Process {
    Process::start(role, folder)
}
