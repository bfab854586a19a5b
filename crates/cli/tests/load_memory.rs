//! The memory of a load stays within its budget, however much data there is.
//!
//! What flows in: N-Quads with hardly a term that comes twice, several times larger than the budget. What flows out: a
//! load by another process, whose own memory is looked at every few milliseconds; above the limit it is ended. Pages of
//! the store's file are not counted: the system takes them away as it needs.
#![cfg(all(target_os = "linux", feature = "lmdb"))]

mod common;

use common::{command, finish, folder, quadrille, text_of};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
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
    let mut child = command(&["load", "--store", &location, "--memory", &budget])
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
    let (peak, limit) = (peak / MIB, limit() / MIB);
    assert!(peak <= limit, "{peak} MiB, of {limit} that are allowed");
    assert!(samples > 20 && peak > 30, "{peak} MiB in {samples} samples");
    ran.ok();
    let count = quadrille(&["count", "--store", &location]).ok();
    assert_eq!(count, format!("{QUADS}\n"));
}
