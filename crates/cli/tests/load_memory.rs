//! The memory of a load stays within its budget, however much data there is.
//!
//! What flows in: N-Quads with hardly a term that comes twice, several times larger than the budget. What flows out: a
//! load by another process, whose own memory is looked at every few milliseconds; above the limit it is ended. Pages of
//! the store's file are not counted: the system takes them away as it needs. Where the system lets a test make a control
//! group, the process runs in one whose memory ends a little above that, files' pages included, so it would be killed.
#![cfg(all(target_os = "linux", feature = "lmdb"))]

mod common;

use common::{finish, folder, quadrille, text_of};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Some 290 MB of text. Without a budget a load of it takes 400 MiB.
const QUADS: u64 = 2_000_000;
const BUDGET: u64 = 64 * MIB;
/// What one commit of the backend gathers, and then writes to pages of its own.
const COMMIT: u64 = 16 * MIB;

/// What the help of `--memory` and the backend's options allow in all.
fn limit() -> u64 {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    BUDGET + 24 * MIB + 16 * MIB * cores + 2 * COMMIT
}

/// What the control group allows beyond that, for what the kernel keeps for the process and pages on their way to disk.
const KERNEL: u64 = 24 * MIB;

/// A control group for one process, with a limit on its memory; gone when dropped.
struct ControlGroup {
    folder: PathBuf,
    peak: PathBuf,
    /// The file that says which controllers groups below have, if it was changed.
    enabled: Option<PathBuf>,
}

impl ControlGroup {
    /// A group of version 2 or 1, whichever the system has; none when it has neither, or lets none be made.
    fn with_limit(bytes: u64) -> std::io::Result<Self> {
        let name = format!("quadrille-test-{}", std::process::id());
        let (root, limit, peak) = match Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            true => ("/sys/fs/cgroup", "memory.max", "memory.peak"),
            false => (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.max_usage_in_bytes",
            ),
        };
        let root = Path::new(root);
        let folder = root.join(name);
        std::fs::create_dir(&folder)?;
        let mut group = Self {
            peak: folder.join(peak),
            folder,
            enabled: None,
        };
        if !group.folder.join(limit).exists() {
            let controllers = root.join("cgroup.subtree_control");
            std::fs::write(&controllers, "+memory")?;
            group.enabled = Some(controllers);
        }
        std::fs::write(group.folder.join(limit), bytes.to_string())?;
        // Without swap there is no such file, and nothing to forbid.
        for (file, bytes) in [
            ("memory.swap.max", 0),
            ("memory.memsw.limit_in_bytes", bytes),
        ] {
            let file = group.folder.join(file);
            if file.exists() {
                std::fs::write(file, bytes.to_string())?;
            }
        }
        Ok(group)
    }

    /// The most that the group has taken, where the kernel tells.
    fn peak(&self) -> Option<u64> {
        std::fs::read_to_string(&self.peak)
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // The process is gone, but the kernel may need a moment to notice.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        if let Some(controllers) = &self.enabled {
            let _ = std::fs::write(controllers, "-memory");
        }
    }
}

/// The program, in a control group if there is one.
fn program_in(group: Option<&ControlGroup>) -> Command {
    let program = env!("CARGO_BIN_EXE_quadrille");
    let mut command = match group {
        None => Command::new(program),
        Some(group) => {
            let mut command = Command::new("sh");
            command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]);
            command.arg(group.folder.join("cgroup.procs")).arg(program);
            command
        }
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn write_quads(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..QUADS {
        let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (predicate, graph) = (number % 50, number % 1000);
        writeln!(
            file,
            "<http://example.org/collection/item/{scattered:016x}> <http://example.org/p/{predicate}> \
             \"the {:x} of {number}\" <http://example.org/graph/{graph}> .",
            scattered >> 7
        )?;
    }
    file.flush()
}

/// The memory of a process that no file stands behind, in bytes; `None` once it has ended.
fn own_memory_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[test]
fn a_load_stays_within_its_memory() {
    let folder = folder();
    let path = folder.path().join("large.nq");
    write_quads(&path).expect("a file");
    let size = std::fs::metadata(&path).expect("a file").len();
    assert!(size > 4 * BUDGET, "{size} bytes are not enough");
    let location = format!("lmdb:{}", text_of(&folder.path().join("store")));
    let budget = BUDGET.to_string();
    let commit = format!("ingest_commit_bytes={COMMIT}");
    let group = ControlGroup::with_limit(limit() + KERNEL);
    if let Err(error) = &group {
        // Not by a macro, whose output a passing test keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: no control group could be made to limit the memory of a load: {error}"
        );
    }
    let group = group.ok();
    let mut child = program_in(group.as_ref())
        .args(["load", "--store", &location, "--memory", &budget])
        .args(["--backend-option", &commit])
        .args(["--temporary-folder", &text_of(folder.path())])
        .arg(&path)
        .spawn()
        .expect("the program starts");
    let (mut peak, mut samples) = (0, 0);
    while child.try_wait().expect("a child").is_none() {
        if let Some(bytes) = own_memory_bytes(child.id()) {
            peak = peak.max(bytes);
            samples += 1;
        }
        if peak > limit() {
            child.kill().expect("a child");
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let ran = finish(child);
    if let Some(group) = group {
        // All that was read and written went through it.
        let peak = group.peak().unwrap_or(u64::MAX);
        assert!(peak > BUDGET, "the process was not in its group: {peak}");
        assert!(limit() + KERNEL < size, "the limit is no limit");
    }
    let (peak, limit) = (peak / MIB, limit() / MIB);
    assert!(peak <= limit, "{peak} MiB, of {limit} that are allowed");
    assert!(samples > 20 && peak > 30, "{peak} MiB in {samples} samples");
    ran.ok();
    let count = quadrille(&["count", "--store", &location]).ok();
    assert_eq!(count, format!("{QUADS}\n"));
}
