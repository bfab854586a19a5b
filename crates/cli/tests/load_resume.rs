//! `quadrille load --resume`: a load that is killed, however often and wherever, ends with the store that it would have
//! made without that.
//!
//! What flows in: files, and loads by processes that are killed right after a checkpoint or somewhat later. What flows
//! out: stores, compared by their sorted dumps, whose blank nodes bear the store's numbers, and by their statistics. What
//! always holds: what a load leaves behind is resumed, refused with a word on what to do, or gone.
#![cfg(unix)]

mod common;

use common::{Ran, command, file, finish, folder, locations, path_of, quadrille, text_of};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A hundred bytes a line: terms that come again and terms that do not, blank nodes, numbers, and a few long literals.
fn lines(count: usize, first: usize, with_graphs: bool) -> String {
    let mut text = String::new();
    for number in first..first + count {
        let scattered = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (room, kind) = (scattered % 5_000, scattered % 23);
        let graph = match with_graphs {
            true => format!("<http://example.org/graph/{}> ", scattered % 7),
            false => String::new(),
        };
        let object = match number % 8 {
            0 => format!("_:b{}", scattered % 900),
            1 => format!("\"{number}\"^^<http://www.w3.org/2001/XMLSchema#integer>"),
            2 if number % 4_000 == 2 => format!("\"{}\"", format!("{scattered:x}").repeat(300)),
            _ => format!("\"the {scattered:x} of {number}\""),
        };
        writeln!(
            text,
            "<http://example.org/collection/room/{room}> <http://example.org/kind/{kind}> {object} {graph}."
        )
        .expect("memory");
    }
    text
}

/// Several megabytes whose prefixes and base change on the way; of TriG, some of it in long graph blocks.
fn turtle(count: usize, with_graphs: bool) -> String {
    let mut text =
        "@base <http://example.org/base/> .\n@prefix p: <http://example.org/p/> .\n".to_owned();
    for part in 0..6 {
        writeln!(text, "PREFIX p: <http://example.org/p/{part}/>").expect("memory");
        if part == 3 {
            text.push_str("BASE <http://example.org/other/>\n");
        }
        if with_graphs {
            let label = ["<graph>", "GRAPH p:graph", "_:graph"][part % 3];
            writeln!(text, "{label} {{").expect("memory");
        }
        for number in 0..count / 6 {
            writeln!(
                text,
                "<item/{part}/{number}> p:kind \"the kind of {number}\" ; p:of [ p:number {number} ] , _:shared{} .",
                number % 50
            )
            .expect("memory");
        }
        if with_graphs {
            text.push_str("}\n");
        }
    }
    text
}

fn gzipped(folder: &TempDir, name: &str, text: &str) -> String {
    let plain = file(folder, name, text);
    let status = Command::new("gzip").args(["-1", "-f", &plain]).status();
    assert!(status.is_ok_and(|status| status.success()), "gzip");
    format!("{plain}.gz")
}

/// The folder of a store's checkpoints.
fn checkpoints(location: &str) -> PathBuf {
    let mut path = path_of(location).into_os_string();
    path.push(".load");
    path.into()
}

/// What must be the same of two stores: all but the sizes of what depends on the store's own hash key.
fn content(location: &str) -> (String, String) {
    let dump = quadrille(&["dump", "--store", location, "--sorted"]).ok();
    let stats = quadrille(&["stats", "--store", location]).ok();
    let is_same = |line: &&str| {
        ![
            "disk_bytes",
            "bytes_per_quad",
            "hashes",
            "log",
            "root",
            "memory",
        ]
        .iter()
        .any(|word| line.starts_with(word))
    };
    let stats: Vec<&str> = stats.lines().filter(is_same).collect();
    (dump, stats.join("\n"))
}

/// No checkpoint is left. Of a load that was killed as it took the folder away, that may be all.
#[track_caller]
fn assert_gone(location: &str) {
    assert!(
        !checkpoints(location).join("checkpoint").exists(),
        "it stays"
    );
}

#[track_caller]
fn assert_same(location: &str, expected: &(String, String)) {
    let (dump, stats) = content(location);
    let mut pairs = dump.lines().zip(expected.0.lines());
    let difference = pairs.find(|(line, expected)| line != expected);
    assert_eq!(difference, None);
    assert_eq!(dump.len(), expected.0.len());
    assert_eq!(stats, expected.1);
    quadrille(&["verify", "--store", location]).ok();
}

/// Loads until the process has made another checkpoint and then for a while, and kills it; `None` when it was killed.
fn load_for(arguments: &[&str], folder: &Path, then: Duration) -> Option<Ran> {
    let manifest = folder.join("checkpoint");
    let before = fs::read(&manifest).ok();
    let mut child = command(arguments).spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if child.try_wait().expect("a child").is_some() {
            return Some(finish(child));
        }
        if fs::read(&manifest)
            .ok()
            .is_some_and(|now| Some(now) != before)
        {
            break;
        }
        assert!(Instant::now() < deadline, "no checkpoint is made");
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(then);
    child.kill().expect("a child");
    let ran = finish(child);
    // It may have been killed after all was done.
    if ran.code.is_none() && ran.err.contains("loaded ") && !manifest.exists() {
        let code = if ran.err.contains(", 0 rejected") {
            0
        } else {
            11
        };
        return Some(Ran {
            code: Some(code),
            ..ran
        });
    }
    ran.code.is_some().then_some(ran)
}

/// Loads and kills until a load comes to its end; how often it was killed.
fn load_with_kills(arguments: &[&str], folder: &Path) -> (usize, Ran) {
    let mut kills = 0;
    loop {
        let resume = &["--resume"][..usize::from(kills > 0)];
        let arguments = [arguments, resume].concat();
        let then = Duration::from_millis((kills as u64 * 7) % 40);
        match load_for(&arguments, folder, then) {
            Some(ran) => return (kills, ran),
            None => kills += 1,
        }
        assert!(kills < 500, "it does not come on");
    }
}

const OFTEN: [&str; 2] = ["--checkpoint-every", "0s"];

/// All arguments of a load that makes a checkpoint after every piece of text.
fn often<'a>(location: &'a str, files: &[&'a str]) -> Vec<&'a str> {
    let begin = ["load", "--store", location];
    [&begin[..], &OFTEN, files].concat()
}

/// A store of the same kind that was loaded at once.
fn reference(location: &str, more: &[&str]) -> String {
    let location = format!("{location}.reference");
    let begin = ["load", "--store", &location, "--checkpoint-every", "off"];
    let ran = quadrille(&[&begin[..], more].concat());
    assert!(matches!(ran.code, Some(0 | 11)), "{}", ran.err);
    location
}

#[test]
fn a_load_that_is_killed_again_and_again_gives_the_same_store() {
    let folder = folder();
    let quads = file(&folder, "a.nq", &lines(50_000, 0, true));
    let triples = gzipped(&folder, "b.nt", &lines(40_000, 30_000, false));
    let turtle_text = file(&folder, "c.ttl", &turtle(20_000, false));
    let trig = file(&folder, "d.trig", &turtle(20_000, true));
    let json = file(
        &folder,
        "e.jsonld",
        r#"{"@id": "http://e/x", "http://e/p": [{}, {"http://e/q": 1}]}"#,
    );
    let files = [&*quads, &triples, &turtle_text, &trig, &json];
    for location in locations(&folder) {
        // Memory for all, and for a part: sorted files and tables of ids are resumed as well.
        for memory in ["1GiB", "1MiB"] {
            let location = format!("{location}.{memory}");
            let more = [&["--memory", memory][..], &files].concat();
            let expected = content(&reference(&location, &more));
            let arguments = often(&location, &more);
            let (kills, ran) = load_with_kills(&arguments, &checkpoints(&location));
            assert!(kills > 8, "{kills}");
            ran.ok();
            assert_same(&location, &expected);
            assert_gone(&location);
        }
    }
}

#[test]
fn a_load_goes_on_in_mid_file_and_says_where() {
    let folder = folder();
    for (name, text) in [
        ("a.nq", lines(60_000, 0, true)),
        ("lone.nq", lines(60_000, 0, true).replace('\n', "\r")),
        ("pairs.nq", lines(60_000, 0, true).replace('\n', "\r\n")),
        ("a.ttl", turtle(30_000, false)),
        ("a.trig", turtle(30_000, true)),
    ] {
        let path = file(&folder, name, &text);
        for location in locations(&folder) {
            let location = format!("{location}.{name}");
            let arguments = often(&location, &[&path]);
            let ran = load_for(&arguments, &checkpoints(&location), Duration::ZERO);
            assert!(ran.is_none(), "{ran:?}");
            let ran = quadrille(&[&arguments[..], &["--resume", "--json"]].concat());
            let told = ran.err.lines().next().expect("a line").to_owned();
            assert!(told.starts_with("resuming after "), "{told}");
            assert!(told.contains(&format!(" at {path}:")), "{told}");
            let summary: String = ran.ok();
            assert!(
                !summary.contains("\"resumed_after_quads\": null"),
                "{summary}"
            );
        }
    }
}

/// Faulty lines on both sides of every checkpoint, told once each, at their place in the whole file.
#[test]
fn what_is_left_out_is_kept_through_kills() {
    let folder = folder();
    let mut text = String::new();
    for part in 0..30 {
        text.push_str(&lines(2_000, part * 2_000, true));
        writeln!(text, "<http://e/a> <http://e/p> oops{part} .").expect("memory");
    }
    let plain = file(&folder, "a.nq", &text);
    let compressed = gzipped(&folder, "b.nq", &text);
    for location in locations(&folder) {
        let (expected, kept) = (
            format!("{location}.expected.nq"),
            format!("{location}.kept.nq.gz"),
        );
        let (expected, kept) = (path_of(&expected), path_of(&kept));
        let skip = |rejects: &Path| {
            ["--on-error", "skip", "--rejects", &text_of(rejects)].map(str::to_owned)
        };
        let skipping = skip(&expected);
        let mut more: Vec<&str> = skipping.iter().map(String::as_str).collect();
        more.extend([&*plain, &compressed]);
        let reference = content(&reference(&location, &more));
        let skipping = skip(&kept);
        let mut more: Vec<&str> = skipping.iter().map(String::as_str).collect();
        more.extend([&*plain, &compressed]);
        let (kills, ran) = load_with_kills(&often(&location, &more), &checkpoints(&location));
        assert!(kills > 4, "{kills}");
        assert_eq!(ran.code, Some(11), "{}", ran.err);
        assert!(ran.err.contains("60 rejected"), "{}", ran.err);
        assert_same(&location, &reference);
        let unzipped = Command::new("gzip").arg("-dc").arg(&kept).output();
        let unzipped = unzipped.expect("gzip").stdout;
        assert!(
            unzipped == fs::read(&expected).expect("the rejects"),
            "the rejects are others"
        );
        assert_gone(&location);
    }
}

#[test]
fn an_error_behind_a_checkpoint_is_told_at_its_place_and_can_be_passed() {
    let folder = folder();
    let text = format!(
        "{}oops .\n{}",
        lines(50_000, 0, true),
        lines(10, 50_000, true)
    );
    let path = file(&folder, "a.nq", &text);
    let rejects = text_of(&folder.path().join("rejected.nq"));
    for location in locations(&folder) {
        let arguments = often(&location, &[&path]);
        let ran = load_for(&arguments, &checkpoints(&location), Duration::ZERO);
        assert!(ran.is_none(), "{ran:?}");
        let resume = [&arguments[..], &["--resume"]].concat();
        for _ in 0..2 {
            let ran = quadrille(&resume);
            assert_eq!(ran.code, Some(3), "{}", ran.err);
            assert!(ran.err.contains("a.nq:50001:1: "), "{}", ran.err);
            assert!(ran.err.contains("--resume goes on"), "{}", ran.err);
            assert!(ran.err.contains("--on-error skip"), "{}", ran.err);
        }
        let skip = ["--on-error", "skip", "--rejects", &rejects];
        let ran = quadrille(&[&resume[..], &skip].concat());
        assert_eq!(ran.code, Some(11), "{}", ran.err);
        assert!(ran.err.contains("loaded 50,010 quads"), "{}", ran.err);
        assert!(!checkpoints(&location).exists(), "the folder stays");
    }
}

#[test]
fn a_restart_takes_away_what_was_left_out_before_it() {
    let folder = folder();
    let path = file(
        &folder,
        "a.nq",
        &format!("oops\n{}", lines(50_000, 0, true)),
    );
    let broken = file(&folder, "b.rdf", "<broken");
    let rejects = text_of(&folder.path().join("rejected.nq"));
    for location in locations(&folder) {
        let skip = ["--on-error", "skip", "--rejects", &rejects];
        let ran = quadrille(&[&often(&location, &[&path, &broken])[..], &skip].concat());
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        assert!(checkpoints(&location).join("rejects").exists());
        let whole = file(&folder, "c.nq", &lines(10, 0, true));
        quadrille(&["load", "--store", &location, "--restart", &whole]).ok();
        assert!(!checkpoints(&location).exists(), "the folder stays");
    }
}

#[test]
fn with_a_commit_for_each_file_those_that_are_loaded_are_passed_over() {
    let folder = folder();
    let files: Vec<String> = (0..4)
        .map(|number| {
            file(
                &folder,
                &format!("{number}.nq"),
                &lines(20_000, number * 15_000, true),
            )
        })
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for location in locations(&folder) {
        let more = [&["--batch"][..], &files].concat();
        let expected = content(&reference(&location, &more));
        let (kills, ran) = load_with_kills(&often(&location, &more), &checkpoints(&location));
        assert!(kills > 4, "{kills}");
        ran.ok();
        assert_same(&location, &expected);
        assert_gone(&location);
    }
}

/// The file that is at fault may be mended, as it was not begun: `--batch` goes on with it.
#[test]
fn with_a_commit_for_each_file_a_faulty_one_can_be_mended() {
    let folder = folder();
    let first = file(&folder, "1.nq", &lines(20_000, 0, true));
    let second = file(&folder, "2.nq", "oops .\n");
    for location in locations(&folder) {
        let arguments = [&often(&location, &[&first, &second])[..], &["--batch"]].concat();
        fs::write(&second, "oops .\n").expect("a file");
        let error = quadrille(&arguments).failed(3);
        assert!(
            error.contains("1 of 2 files are loaded and stay"),
            "{error}"
        );
        fs::write(&second, lines(10, 20_000, true)).expect("a file");
        let ran = quadrille(&[&arguments[..], &["--resume"]].concat());
        assert!(ran.err.contains("loaded 10 quads"), "{}", ran.err);
        ran.ok();
        assert!(!checkpoints(&location).exists(), "the folder stays");
    }
}

/// A load that was killed after its first checkpoint, and what it was of.
struct Killed {
    folder: TempDir,
    location: String,
    path: String,
}

impl Killed {
    fn all() -> Vec<Self> {
        let count = locations(&folder()).len();
        (0..count).map(Self::new).collect()
    }

    fn new(backend: usize) -> Self {
        let folder = folder();
        let path = file(&folder, "a.nq", &lines(50_000, 0, true));
        let location = locations(&folder).swap_remove(backend);
        // Little memory, so that ids are in files too.
        let arguments = often(&location, &["--memory", "1MiB", &path]);
        let ran = load_for(&arguments, &checkpoints(&location), Duration::ZERO);
        assert!(ran.is_none(), "{ran:?}");
        Self {
            folder,
            location,
            path,
        }
    }

    fn load(&self, more: &[&str]) -> Ran {
        let begin = [
            "load",
            "--store",
            &self.location,
            "--checkpoint-every",
            "1h",
        ];
        quadrille(&[&begin[..], more].concat())
    }

    fn load_same(&self, more: &[&str]) -> Ran {
        self.load(&[more, &[&self.path]].concat())
    }

    fn count(&self) -> String {
        quadrille(&["count", "--store", &self.location]).ok()
    }

    /// Whether all is loaded, and nothing twice.
    #[track_caller]
    fn assert_loaded(&self) {
        let text = lines(50_000, 0, true);
        let distinct: std::collections::HashSet<&str> = text.lines().collect();
        assert_eq!(self.count(), format!("{}\n", distinct.len()));
    }
}

#[test]
fn a_checkpoint_is_neither_passed_over_nor_lost_without_being_asked() {
    for killed in Killed::all() {
        for more in [&[][..], &["--checkpoint-every", "off"], &["--batch"]] {
            let begin = ["load", "--store", &killed.location, &killed.path];
            let error = quadrille(&[&begin[..], more].concat()).failed(2);
            assert!(error.contains("a load was interrupted after "), "{error}");
            assert!(
                error.contains("--resume") && error.contains("--restart"),
                "{error}"
            );
            assert_eq!(killed.count(), "0\n");
        }
        let ran = killed.load_same(&["--restart"]);
        assert!(!ran.err.contains("resum"), "{}", ran.err);
        ran.ok();
        killed.assert_loaded();
        assert!(!checkpoints(&killed.location).exists(), "the folder stays");
        let ran = killed.load_same(&["--resume"]);
        assert!(
            ran.err.contains("there is no checkpoint in "),
            "{}",
            ran.err
        );
        ran.ok();
    }
}

#[test]
fn other_sources_and_options_are_refused_and_named() {
    for killed in Killed::all() {
        let other = file(&killed.folder, "b.nq", &lines(5, 0, true));
        let path = &killed.path;
        for (more, reason) in [
            (&[&*other][..], "in the place of"),
            (&[path, &other], "it was a load of 1 sources"),
            (
                &["--graph", "http://e/g", path],
                "(graph: as written, now all into",
            ),
            (
                &["--base", "http://e/", path],
                "(base IRI: none, now http://e/",
            ),
            (&["--lenient", path], "(leniency: no, now yes)"),
            (
                &["--keep-blank-node-labels", path],
                "(blank nodes: of their source, now as written)",
            ),
            (
                &["--batch", path],
                "(a commit for each source: no, now yes)",
            ),
            (&["--input-format", "trig", path], "in the place of"),
        ] {
            let error = killed.load(&[&["--resume"], more].concat()).failed(2);
            assert!(error.contains("the load cannot be resumed: "), "{error}");
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(error.contains("--restart"), "{error}");
        }
        fs::write(path, lines(50_000, 1, true)).expect("a file");
        let error = killed.load_same(&["--resume"]).failed(2);
        assert!(error.contains("has changed since it was read"), "{error}");
        assert_eq!(killed.count(), "0\n");
    }
}

#[test]
fn a_store_that_was_written_to_or_is_another_is_refused() {
    for killed in Killed::all() {
        let (folder, aside) = (
            checkpoints(&killed.location),
            killed.folder.path().join("aside"),
        );
        fs::rename(&folder, &aside).expect("a folder");
        let other = file(&killed.folder, "b.nq", &lines(5, 0, true));
        killed.load(&[&other]).ok();
        fs::rename(&aside, &folder).expect("a folder");
        let error = killed.load_same(&["--resume"]).failed(2);
        assert!(error.contains("the store was written to"), "{error}");
        assert!(error.contains("--restart"), "{error}");
        assert_eq!(killed.count(), "5\n");
        fs::remove_dir_all(path_of(&killed.location)).expect("a folder");
        let error = killed.load_same(&["--resume"]).failed(2);
        assert!(error.contains("into another store"), "{error}");
        killed.load_same(&["--restart"]).ok();
        killed.assert_loaded();
    }
}

#[test]
fn a_store_in_memory_cannot_be_resumed() {
    let folder = folder();
    let path = file(&folder, "a.nq", &lines(5, 0, true));
    for flag in ["--resume", "--restart"] {
        let error = quadrille(&["load", "--store", "memory:", flag, &path]).failed(2);
        assert!(error.contains("nothing to resume"), "{error}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let (from, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .expect("an entry");
        if from.is_dir() {
            copy_folder(&from, &to.join(name));
        } else {
            fs::copy(&from, to.join(name)).expect("a file");
        }
    }
}

fn names_in(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect()
}

/// Deletes from the copy of a checkpoint what the killed load had not yet named in it: who opens the checkpoint, if in
/// vain since its files are empty, clears that away.
fn keep_what_is_named(killed: &Killed, folder: &Path, copy: &Path) {
    let unnamed = "999999999999.part";
    for folder in [folder, copy] {
        fs::write(folder.join(unnamed), "a file of a load that was killed").expect("a file");
    }
    for name in names_in(folder) {
        if name.to_string_lossy().ends_with(".part") {
            fs::write(folder.join(name), "").expect("a file");
        }
    }
    killed.load_same(&["--resume"]).failed(7);
    for name in names_in(copy) {
        if !folder.join(&name).exists() {
            fs::remove_file(copy.join(name)).expect("a file");
        }
    }
    assert!(!copy.join(unnamed).exists(), "it is not cleared away");
}

/// Every file of a checkpoint, cut short, changed in one byte, or gone: an error and an intact store, or no harm at all.
#[test]
fn a_damaged_checkpoint_is_an_error_and_never_wrong_data() {
    for killed in Killed::all() {
        let folder = checkpoints(&killed.location);
        let aside = killed.folder.path().join("aside");
        copy_folder(&folder, &aside);
        keep_what_is_named(&killed, &folder, &aside);
        let names = names_in(&aside);
        let mut refused = 0;
        for name in &names {
            let bytes = fs::read(aside.join(name)).expect("a file");
            let mut changed = bytes.clone();
            if let Some(byte) = changed.get_mut(bytes.len() / 2) {
                *byte ^= 0x40;
            }
            let cut = bytes[..bytes.len() - bytes.len() / 3].to_vec();
            for damaged in [Some(changed), Some(cut), None] {
                if damaged.as_ref() == Some(&bytes) || name == "lock" {
                    continue;
                }
                fs::remove_dir_all(&folder).expect("a folder");
                copy_folder(&aside, &folder);
                match &damaged {
                    Some(bytes) => fs::write(folder.join(name), bytes),
                    None if name == "checkpoint" => continue,
                    None => fs::remove_file(folder.join(name)),
                }
                .expect("a file");
                let ran = killed.load_same(&["--resume"]);
                assert_eq!(killed.count(), "0\n", "{name:?}: {}", ran.err);
                assert_eq!(ran.code, Some(7), "{name:?}: {}", ran.err);
                assert!(ran.err.contains("--restart"), "{}", ran.err);
                refused += 1;
            }
        }
        assert!(refused > 15, "{refused}");
        fs::remove_dir_all(&folder).expect("a folder");
        copy_folder(&aside, &folder);
        fs::write(folder.join("checkpoint"), "").expect("a file");
        killed.load_same(&["--resume"]).failed(7);
        killed.load_same(&["--restart"]).ok();
        killed.assert_loaded();
    }
}

/// No file may grow beyond 64 KiB, which the next sorted run does.
#[test]
fn a_full_disk_leaves_the_checkpoint_before_it_whole() {
    for killed in Killed::all() {
        // RocksDB's own files are larger when it opens.
        if !killed.location.starts_with("lmdb:") {
            continue;
        }
        let expected = content(&reference(&killed.location, &[&killed.path]));
        let limited = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
        for _ in 0..2 {
            let mut command = Command::new("sh");
            command.args(["-c", limited, env!("CARGO_BIN_EXE_quadrille")]);
            command.args(often(&killed.location, &["--resume", &killed.path]));
            let output = command.output().expect("a shell");
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(9), "{error}");
            assert!(error.contains("--resume goes on"), "{error}");
        }
        killed.load_same(&["--resume"]).ok();
        assert_same(&killed.location, &expected);
    }
}

#[test]
fn two_loads_do_not_share_a_folder() {
    let folder = folder();
    let path = file(&folder, "a.nq", &lines(5, 0, true));
    let temporary = text_of(folder.path());
    for location in locations(&folder) {
        let place = checkpoints(&location);
        fs::create_dir_all(&place).expect("a folder");
        let lock = fs::File::create(place.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        let arguments = [
            "load",
            "--store",
            &location,
            "--temporary-folder",
            &temporary,
            &path,
        ];
        let error = quadrille(&arguments).failed(6);
        assert!(error.contains("another load"), "{error}");
        drop(lock);
        quadrille(&arguments).ok();
        assert!(!place.exists(), "the folder stays");
    }
}

#[test]
fn an_interrupt_keeps_the_checkpoint() {
    let folder = folder();
    let path = file(&folder, "a.nq", &lines(80_000, 0, true));
    for location in locations(&folder) {
        let arguments = often(&location, &[&path]);
        let manifest = checkpoints(&location).join("checkpoint");
        let child = command(&arguments).spawn().expect("the program starts");
        while !manifest.exists() {
            thread::sleep(Duration::from_millis(1));
        }
        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()));
        let ran = finish(child);
        assert_eq!(ran.code, Some(130), "{}", ran.err);
        assert!(ran.err.contains("--resume goes on"), "{}", ran.err);
        quadrille(&[&arguments[..], &["--resume"]].concat()).ok();
        assert_same(&location, &content(&reference(&location, &[&path])));
    }
}

#[test]
fn a_short_load_makes_no_checkpoint_and_leaves_no_folder() {
    let folder = folder();
    let path = file(&folder, "a.nq", &lines(20_000, 0, true));
    let faulty = file(&folder, "b.nq", "oops .\n");
    for location in locations(&folder) {
        quadrille(&["load", "--store", &location, &path]).ok();
        quadrille(&["load", "--store", &location, &path, &faulty]).failed(3);
        assert!(!checkpoints(&location).exists(), "the folder stays");
        // What a killed load left that had made none is no hindrance.
        let place = checkpoints(&location);
        fs::create_dir_all(&place).expect("a folder");
        fs::write(place.join("000000000003.part"), "rows").expect("a file");
        fs::write(place.join("rejects"), "lines").expect("a file");
        let rejects = text_of(&folder.path().join("rejected.nq"));
        let skip = [
            "load",
            "--store",
            &location,
            "--on-error",
            "skip",
            "--rejects",
            &rejects,
        ];
        quadrille(&[&skip[..], &[&path]].concat()).ok();
        assert!(!place.exists(), "the folder stays");
    }
}
