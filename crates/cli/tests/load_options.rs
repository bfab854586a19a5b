//! What `quadrille load` can be told: to leave out what is faulty, to commit by file, where to put temporary files, how
//! to show its progress and its end.

mod common;

use common::{
    Ran, SAMPLE, command, file, finish, folder, loaded_locations, locations, many_quads, quadrille,
    quadrille_with_input, text_of,
};
use std::path::Path;
use std::process::Stdio;

const FAULTY: &str = "<http://e/a> <http://e/p> oops .\n";

fn run_in(folder: &Path, arguments: &[&str]) -> Ran {
    let child = command(arguments).current_dir(folder).spawn();
    finish(child.expect("the program starts"))
}

fn count(location: &str) -> String {
    quadrille(&["count", "--store", location]).ok()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_fault_in_the_last_of_several_files_leaves_nothing_of_any() {
    let folder = folder();
    let files = ["a.nq", "b.nt", "c.ttl"].map(|name| {
        let text = format!("<http://e/{name}> <http://e/p> \"x\" .\n");
        file(&folder, name, &text)
    });
    let last = file(&folder, "z.nq", &format!("{}{FAULTY}", many_quads(50)));
    for location in loaded_locations(&folder) {
        let [a, b, c] = &files;
        for stop in [&["--on-error", "stop"][..], &[]] {
            let arguments = ["load", "--store", &location, a, b, c, &last];
            let error = quadrille(&[&arguments[..], stop].concat()).failed(3);
            assert!(error.contains("z.nq:51:27: "), "{error}");
            assert!(error.contains(FAULTY.trim()), "{error}");
            assert_eq!(count(&location), "6\n");
        }
    }
}

#[test]
fn rejected_lines_are_kept_can_be_mended_and_loaded() {
    let folder = folder();
    let lines: Vec<&str> = SAMPLE.lines().collect();
    let text = format!(
        "{}\n{FAULTY}{}\r\n<http://e/a> <http://e/\u{e9} b> \"c\" .\n",
        lines[0],
        lines[1..].join("\n")
    );
    let bad = file(&folder, "bad.nq", &text);
    let triples = file(&folder, "bad.nt", "<http://e/s> <http://e/p> .\n");
    let rejects = text_of(&folder.path().join("rejected.nq"));
    for location in locations(&folder) {
        let skip = ["load", "--on-error=skip", "--rejects", &rejects, "--store"];
        let ran = quadrille(&[&skip[..], &[&location, &bad, &triples]].concat());
        assert_eq!(ran.code, Some(11), "{}", ran.err);
        assert!(ran.err.contains("loaded 6 quads (6 new)"), "{}", ran.err);
        assert!(ran.err.contains("3 rejected"), "{}", ran.err);
        assert!(ran.err.contains("rejected.nq"), "{}", ran.err);
        assert_eq!(count(&location), "6\n");
        let kept = std::fs::read_to_string(&rejects).expect("the rejects");
        let kept: Vec<&str> = kept.lines().collect();
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert!(kept[0].starts_with(&format!("# {bad}:2:27: ")), "{kept:?}");
        assert_eq!(kept[1], FAULTY.trim());
        assert!(kept[2].starts_with(&format!("# {bad}:8:")), "{kept:?}");
        assert_eq!(kept[3], "<http://e/a> <http://e/\u{e9} b> \"c\" .");
        assert!(kept[4].starts_with(&format!("# {triples}:1:")), "{kept:?}");
        let mended = kept.join("\n").replace("oops", "\"oops\"");
        let mended = mended.replace("\u{e9} b", "b").replace("p> .", "p> 'x' .");
        let mended = mended.replace('\'', "\"");
        let mended = file(&folder, "mended.nq", &mended);
        quadrille(&["load", "--store", &location, &mended]).ok();
        assert_eq!(count(&location), "9\n");
        quadrille(&["verify", "--store", &location]).ok();
    }
}

#[test]
fn invalid_bytes_are_rejected_as_they_are() {
    let folder = folder();
    let path = folder.path().join("latin.nt");
    let line = b"<http://e/s> <http://e/p> \"\xe9\" .\n";
    std::fs::write(
        &path,
        [&line[..], b"<http://e/s> <http://e/p> \"x\" ."].concat(),
    )
    .expect("a file");
    let rejects = folder.path().join("rejected.nq");
    let arguments = ["load", "--store", "memory:", "--on-error", "skip"];
    let named = ["--rejects", &text_of(&rejects), &text_of(&path)];
    let ran = quadrille(&[&arguments[..], &named].concat());
    assert_eq!(ran.code, Some(11), "{}", ran.err);
    let kept = std::fs::read(&rejects).expect("the rejects");
    assert!(kept.starts_with(b"# ") && kept.ends_with(line));
}

#[test]
fn without_rejects_there_is_no_file_and_an_old_one_is_not_lost() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let bad = file(&folder, "bad.nq", FAULTY);
    let skip = ["load", "--store", "memory:", "--on-error", "skip"];
    run_in(folder.path(), &[&skip[..], &[&sample]].concat()).ok();
    assert_eq!(names_in(folder.path()), ["bad.nq", "sample.nq"]);
    let ran = run_in(folder.path(), &[&skip[..], &[&bad]].concat());
    assert_eq!(ran.code, Some(11), "{}", ran.err);
    assert_eq!(
        names_in(folder.path()),
        ["bad.nq", "rejects.nq", "sample.nq"]
    );
    let error = run_in(folder.path(), &[&skip[..], &[&bad]].concat()).failed(2);
    assert!(error.contains("rejects.nq is there already"), "{error}");
    let absent = text_of(&folder.path().join("absent").join("rejected.nq"));
    let arguments = [&skip[..], &["--rejects", &absent, &bad]].concat();
    let error = run_in(folder.path(), &arguments).failed(5);
    assert!(error.contains("rejected.nq"), "{error}");
    let arguments = ["load", "--store", "memory:", "--rejects", "x.nq", &sample];
    let error = quadrille(&arguments).failed(2);
    assert!(error.contains("--on-error skip"), "{error}");
}

#[test]
fn statements_are_rejected_with_their_place_alone() {
    let folder = folder();
    let statements =
        "<http://e/a> <http://e/p> 1 .\n<http://e/b> oops 2 .\n<http://e/c> <http://e/p> 3 .\n";
    let rejects = folder.path().join("rejected.nq");
    for extension in ["ttl", "trig", "n3"] {
        let path = file(&folder, &format!("bad.{extension}"), statements);
        let arguments = ["load", "--store", "memory:", "--on-error", "skip"];
        let ran = quadrille(&[&arguments[..], &["--rejects", &text_of(&rejects), &path]].concat());
        assert_eq!(ran.code, Some(11), "{}", ran.err);
        assert!(ran.err.contains("loaded 2 quads"), "{}", ran.err);
        let kept = std::fs::read_to_string(&rejects).expect("the rejects");
        assert!(kept.lines().all(|line| line.starts_with("# ")), "{kept}");
        assert!(kept.starts_with(&format!("# {path}:2:")), "{kept}");
        assert!(kept.contains("oops"), "{kept}");
        quadrille(&["count", "--data", &text_of(&rejects)]).ok();
    }
}

#[test]
fn documents_that_cannot_be_read_on_end_the_load() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", &format!("{SAMPLE}{FAULTY}"));
    let json = file(&folder, "bad.jsonld", "{\"@id\": \"http://e/a\", oops");
    let xml = file(&folder, "bad.rdf", "<rdf:RDF><oops");
    for location in loaded_locations(&folder) {
        for path in [&json, &xml] {
            let rejects = folder.path().join("rejected.nq");
            let arguments = ["load", "--store", &location, "--on-error", "skip"];
            let named = ["--rejects", &text_of(&rejects), &sample, path];
            let error = quadrille(&[&arguments[..], &named].concat()).failed(3);
            assert!(error.contains(&format!("{path}:1:")), "{error}");
            assert!(!rejects.exists());
            assert_eq!(count(&location), "6\n");
        }
    }
}

#[test]
fn a_batch_keeps_the_files_before_the_fault() {
    let folder = folder();
    let [a, b, c] = ["a.nq", "b.nq", "c.nq"].map(|name| {
        let text = format!("<http://e/{name}> <http://e/p> \"x\" .\n");
        file(&folder, name, &text)
    });
    let bad = file(&folder, "bad.nq", &format!("{}{FAULTY}", many_quads(9)));
    for location in locations(&folder) {
        let arguments = ["load", "--store", &location, "--batch", &a, &b, &bad, &c];
        let error = quadrille(&arguments).failed(3);
        assert!(error.contains("bad.nq:10:27"), "{error}");
        assert!(
            error.contains("2 of 4 files are loaded and stay"),
            "{error}"
        );
        assert_eq!(count(&location), "2\n");
        let ran = quadrille(&["load", "--store", &location, "--batch", &a, &c]);
        assert!(ran.err.contains("loaded 2 quads (1 new)"), "{}", ran.err);
        assert_eq!(count(&location), "3\n");
        quadrille(&["verify", "--store", &location]).ok();
    }
}

#[test]
fn the_summary_adds_up() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", &format!("{SAMPLE}{SAMPLE}"));
    for location in locations(&folder) {
        let ran = quadrille(&["load", "--store", &location, "--json", &sample]);
        assert_eq!(ran.err, "");
        let summary: serde_json::Value = serde_json::from_str(&ran.ok()).expect("JSON");
        for (name, value) in [
            ("sources", 1),
            ("bytes_read", 2 * SAMPLE.len()),
            ("quads_read", 12),
            ("quads_new", 6),
            ("duplicates", 6),
            ("rejected", 0),
            // Nine IRIs of items, graphs and predicates, and no short literal.
            ("quads", 6),
        ] {
            assert_eq!(summary[name], value, "{name}");
        }
        assert!(summary["terms_new"].as_u64() > Some(4), "{summary}");
        let stages = summary["seconds_by_stage"].as_object().expect("stages");
        let names = ["reading", "sorting", "indexes", "terms", "committing"];
        assert_eq!(stages.len(), names.len());
        let sum: f64 = names.iter().filter_map(|name| stages[*name].as_f64()).sum();
        assert!(sum > 0.0, "{summary}");
        assert!(summary["bytes_per_quad"].as_f64() > Some(1.0), "{summary}");
        let peak = summary["peak_memory_bytes"].as_u64();
        assert_eq!(peak.is_some(), cfg!(target_os = "linux"));
        let again = quadrille(&["load", "--store", &location, &sample]);
        for words in [
            "11 duplicates, 0 rejected, 0 new terms",
            "reading 0.",
            "a quad on disk",
        ] {
            assert!(again.err.contains(words), "{}", again.err);
        }
    }
}

#[test]
fn progress_is_told_in_a_pipe_when_it_is_asked_for() {
    let folder = folder();
    let path = file(&folder, "many.nq", &many_quads(50_000));
    let arguments = ["load", "--store", "memory:", &path];
    let silent = quadrille(&arguments);
    assert!(
        silent.err.starts_with("loaded 50,000 quads"),
        "{}",
        silent.err
    );
    let seldom = quadrille(&[&arguments[..], &["--progress"]].concat());
    assert!(
        seldom.err.starts_with("loaded 50,000 quads"),
        "{}",
        seldom.err
    );
    let often = quadrille(&[&arguments[..], &["--progress=0s"]].concat());
    let told = |words: &str| often.err.lines().any(|line| line.starts_with(words));
    for words in [
        format!("{path}: "),
        "sorting SPOC: ".to_owned(),
        "writing POCS: ".to_owned(),
        "writing terms: ".to_owned(),
        "committing: ".to_owned(),
    ] {
        assert!(told(&words), "{words} in {}", often.err);
    }
    assert!(often.err.contains(" quads/s"), "{}", often.err);
    assert_eq!(often.ok(), "");
    let wrong = quadrille(&[&arguments[..], &["--progress=soon"]].concat());
    assert_eq!(wrong.code, Some(2));
}

#[test]
fn a_memory_budget_is_a_size() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let load = |size: &str| quadrille(&["load", "--store", "memory:", "--memory", size, &sample]);
    for size in ["0", "64MiB", "1.5GiB"] {
        load(size).ok();
    }
    for size in ["", "much", "-1"] {
        assert_eq!(load(size).code, Some(2), "{size}");
    }
}

#[test]
fn a_temporary_folder_that_is_not_there_or_no_folder_is_named() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let more = file(&folder, "more.nq", &many_quads(20_000));
    let absent = text_of(&folder.path().join("absent"));
    for location in loaded_locations(&folder) {
        let load = |temporary: &str| {
            let options = ["--temporary-folder", temporary, "--memory", "0", &more];
            quadrille(&[&["load", "--store", &location][..], &options].concat())
        };
        let error = load(&absent).failed(5);
        assert!(error.contains(&absent), "{error}");
        let error = load(&sample).failed(1);
        assert!(error.contains(&sample), "{error}");
        assert_eq!(count(&location), "6\n");
        load(&text_of(folder.path())).ok();
        assert_eq!(count(&location), "20006\n");
    }
}

/// The system is told to let no file grow beyond 64 KiB, which the temporary files do first.
#[cfg(unix)]
#[test]
fn temporary_files_that_cannot_grow_end_the_load() {
    let folder = folder();
    let more = file(&folder, "more.nq", &many_quads(60_000));
    let limited = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", limited, env!("CARGO_BIN_EXE_quadrille")]);
    command.args(["load", "--store", "memory:", "--memory", "0", &more]);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().expect("a shell"));
    let error = ran.failed(9);
    assert!(error.contains("temporary file"), "{error}");
    assert!(error.contains("File too large"), "{error}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_every_stage_and_leaves_nothing() {
    use std::io::{BufRead, BufReader, Read};
    use std::time::{Duration, Instant};
    let folder = folder();
    let path = file(&folder, "many.nq", &many_quads(600_000));
    for location in loaded_locations(&folder) {
        for stage in [
            "sorting SPOC",
            "writing SPOC",
            "writing OCSP",
            "writing term hashes",
        ] {
            let arguments = ["load", "--store", &location, "--progress=0s", &path];
            let mut child = command(&arguments).spawn().expect("the program starts");
            let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
            lines
                .find(|line| line.as_ref().is_ok_and(|line| line.starts_with(stage)))
                .expect("the stage begins")
                .expect("text");
            let sent = std::process::Command::new("kill")
                .args(["-INT", &child.id().to_string()])
                .status();
            assert!(sent.is_ok_and(|status| status.success()));
            let start = Instant::now();
            lines.for_each(drop);
            let status = child.wait().expect("it ends");
            let took = start.elapsed();
            let mut out = String::new();
            let mut stdout = child.stdout.take().expect("it is piped");
            stdout.read_to_string(&mut out).expect("text");
            assert_eq!((status.code(), out.as_str()), (Some(130), ""), "{stage}");
            assert!(took < Duration::from_secs(1), "{stage}: {took:?}");
            assert_eq!(count(&location), "6\n", "{stage}");
        }
        quadrille(&["verify", "--store", &location]).ok();
    }
}

#[test]
fn standard_input_is_rejected_from_as_well() {
    let folder = folder();
    let rejects = text_of(&folder.path().join("rejected.nq"));
    let text = format!("{SAMPLE}{FAULTY}");
    let arguments = ["load", "--store", "memory:", "--input-format", "nq"];
    let options = ["--on-error", "skip", "--rejects", &rejects, "-"];
    let ran = quadrille_with_input(&[&arguments[..], &options].concat(), &text);
    assert_eq!(ran.code, Some(11), "{}", ran.err);
    let kept = std::fs::read_to_string(&rejects).expect("the rejects");
    assert!(
        kept.starts_with("# -:7:27: ") && kept.ends_with(FAULTY),
        "{kept}"
    );
}
