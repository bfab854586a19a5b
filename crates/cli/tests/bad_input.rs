//! Loads of files that are wrong in every way there is, and onto disks that fill up: the error names the file and the
//! place, the exit code is not 0, and the store is what it was before.
//!
//! What flows in: five files, of which the third is wrong. What flows out: the error, and afterwards `verify` and a sorted
//! dump. What always holds: the dump is that of before, byte by byte.

mod common;

use common::{Ran, SAMPLE, file, folder, loaded_locations, many_quads, quadrille, text_of};
use tempfile::TempDir;

const FAULTY: &str = "<http://e/a> <http://e/p> oops .\n";

/// All quads of a store that `verify` finds nothing wrong with.
#[track_caller]
fn sound_dump(location: &str) -> String {
    quadrille(&["verify", "--store", location]).ok();
    quadrille(&["dump", "--store", location, "--sorted"]).ok()
}

/// What is wrong with the third file, the exit code, and what the error says beside its name.
fn faults(folder: &TempDir) -> Vec<(String, i32, Vec<&'static str>)> {
    let text = many_quads(200);
    let mut faults = vec![
        (
            file(folder, "faulty.nq", &format!("{text}{FAULTY}{text}")),
            3,
            vec!["faulty.nq:201:27: ", FAULTY.trim()],
        ),
        (
            file(
                folder,
                "faulty.ttl",
                "<http://e/a>\n  <http://e/p> oops .\n",
            ),
            3,
            vec!["faulty.ttl:2:", "<http://e/p> oops ."],
        ),
        (
            file(
                folder,
                "old.nt",
                &format!("{}{FAULTY}", "# said\r".repeat(9)),
            ),
            3,
            vec!["old.nt:10:27: ", FAULTY.trim()],
        ),
        (
            text_of(&folder.path().join("absent.nq")),
            5,
            vec!["absent.nq", "No such file"],
        ),
        (
            file(folder, "unknown.csv", SAMPLE),
            2,
            vec!["unknown.csv", "--input-format"],
        ),
    ];
    let latin = folder.path().join("latin.nq");
    let latin_1 = [
        SAMPLE.as_bytes(),
        b"<http://e/a> <http://e/p> \"caf\xe9\" .\n",
    ]
    .concat();
    std::fs::write(&latin, latin_1).expect("a file");
    faults.push((text_of(&latin), 3, vec!["latin.nq:7:", "caf"]));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("a folder");
    faults.push((text_of(&empty), 5, vec!["empty", "holds no file"]));
    for extension in ["gz", "zst", "bz2", "xz"] {
        let whole = file(folder, "whole.nq", &text);
        let cut = text_of(&folder.path().join(format!("cut.nq.{extension}")));
        quadrille(&["dump", "--data", &whole, "--output", &cut]).ok();
        let bytes = std::fs::read(&cut).expect("the dump");
        std::fs::write(&cut, &bytes[..bytes.len() - 9]).expect("a file");
        faults.push((cut, 3, vec!["cut.nq.", "cut off"]));
    }
    faults
}

#[test]
fn a_wrong_file_in_the_middle_of_five_leaves_the_store_as_it_was() {
    let folder = folder();
    let right = [1, 2, 4, 5].map(|number| {
        let text = format!("<http://e/file/{number}> <http://e/p> \"text of {number}\" .\n");
        file(&folder, &format!("right{number}.nq"), &text)
    });
    let [first, second, fourth, fifth] = &right;
    for location in loaded_locations(&folder) {
        let before = sound_dump(&location);
        let faults = faults(&folder);
        for (third, code, parts) in &faults {
            let files = [first, second, third, fourth, fifth];
            let files: Vec<&str> = files.into_iter().map(String::as_str).collect();
            let arguments = ["load", "--store", &location];
            let error = quadrille(&[&arguments[..], &files].concat()).failed(*code);
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
            assert!(sound_dump(&location) == before, "{third}");
        }
        std::fs::remove_dir(folder.path().join("empty")).expect("it is empty");
        quadrille(&["load", "--store", &location, first, second, fourth, fifth]).ok();
        assert_eq!(sound_dump(&location).lines().count(), 10);
    }
}

/// Runs lines of a shell, in which `$q` is the program and `$disk` a fresh disk of so many bytes that nobody else sees.
/// `None`, said aloud, where the system lets a process mount none.
#[cfg(target_os = "linux")]
fn on_a_small_disk(folder: &TempDir, bytes: usize, lines: &str) -> Option<Ran> {
    use std::process::{Command, Stdio};
    let unshared = |script: &str| {
        let disk = folder.path().join("disk");
        std::fs::create_dir_all(&disk).expect("a folder");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]);
        command.env("q", env!("CARGO_BIN_EXE_quadrille"));
        command.env("disk", disk).current_dir(folder.path());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mount = format!("mount -t tmpfs -o size={bytes} none \"$disk\"");
    let can = unshared(&mount).status();
    if !can.is_ok_and(|status| status.success()) {
        // Not by a macro, whose output a passing test keeps to itself.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: a process cannot mount a disk of its own here\n",
        );
        return None;
    }
    let script = format!("{mount} || exit 99\n{lines}");
    let child = unshared(&script).spawn().expect("a shell");
    Some(common::finish(child))
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_the_store_as_it_was() {
    let folder = folder();
    file(&folder, "sample.nq", SAMPLE);
    file(&folder, "large.nq", &many_quads(200_000));
    for location in common::locations(&folder) {
        let (scheme, _) = location.split_once(':').expect("a location");
        let lines = format!(
            "store={scheme}:$disk/store
            $q load --store $store sample.nq 2> quiet || exit 98
            $q dump --store $store --sorted > before || exit 97
            $q load --store $store large.nq 2> error; code=$?
            $q verify --store $store > quiet || exit 96
            $q dump --store $store --sorted | cmp - before || exit 95
            $q load --store $store sample.nq 2> quiet || exit 94
            cat error >&2; exit $code"
        );
        let Some(ran) = on_a_small_disk(&folder, 3 << 20, &lines) else {
            return;
        };
        assert_eq!(ran.code, Some(9), "{scheme}: {}", ran.err);
        assert!(ran.err.contains("No space left"), "{scheme}: {}", ran.err);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_of_temporary_files_leaves_the_store_as_it_was() {
    let folder = folder();
    file(&folder, "large.nq", &many_quads(60_000));
    for location in loaded_locations(&folder) {
        let before = sound_dump(&location);
        let lines =
            format!("$q load --store {location} --memory 0 --temporary-folder $disk large.nq");
        let Some(ran) = on_a_small_disk(&folder, 1 << 20, &lines) else {
            return;
        };
        let error = ran.failed(9);
        assert!(error.contains("temporary file"), "{error}");
        assert!(error.contains("No space left"), "{error}");
        assert!(sound_dump(&location) == before, "{location}");
    }
}
