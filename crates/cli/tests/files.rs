//! Which files a command reads, how they may be compressed, and what is said of those that cannot be read.

mod common;

use common::{
    SAMPLE, command, file, finish, folder, loaded_locations, locations, path_of, quadrille,
    quadrille_with_input, text_of,
};
use quadrille::io::{CompressedWriter, Compression};
use std::io::Write;
use std::process::Stdio;
use tempfile::TempDir;

const COMPRESSIONS: [&str; 4] = ["gz", "zst", "bz2", "xz"];

/// The sample, compressed by the program itself.
fn compressed(folder: &TempDir, extension: &str) -> String {
    let sample = file(folder, "plain.nq", SAMPLE);
    let path = text_of(&folder.path().join(format!("sample.nq.{extension}")));
    quadrille(&["dump", "--data", &sample, "--output", &path]).ok();
    path
}

fn count_in(data: &[&str]) -> String {
    let mut arguments = vec!["count"];
    for data in data {
        arguments.extend(["--data", data]);
    }
    quadrille(&arguments).ok()
}

#[test]
fn every_format_and_compression_is_told_by_the_name() {
    let folder = folder();
    let sample = file(
        &folder,
        "sample.ttl",
        "<http://e/a> <http://e/b> <http://e/c>, \"d\"@en .",
    );
    let magic: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"];
    for format in ["nt", "nq", "ttl", "trig", "rdf", "jsonld", "n3"] {
        let plain = text_of(&folder.path().join(format!("plain.{format}")));
        quadrille(&["dump", "--data", &sample, "--output", &plain]).ok();
        assert_eq!(count_in(&[&plain]), "2\n", "{format}");
        for (compression, magic) in COMPRESSIONS.into_iter().zip(magic) {
            let path = format!("{plain}.{compression}");
            quadrille(&["dump", "--data", &sample, "--output", &path]).ok();
            let bytes = std::fs::read(&path).expect("the dump");
            assert!(bytes.starts_with(magic), "{path}");
            assert_eq!(count_in(&[&path]), "2\n", "{path}");
        }
    }
}

#[test]
fn media_types_and_names_tell_the_format_too() {
    let folder = folder();
    let sample = file(&folder, "sample", "<http://e/a> <http://e/b> \"c\" .");
    for name in [
        "turtle",
        "N-Triples",
        ".nq",
        "text/turtle",
        "application/trig; q=1",
        "N3",
    ] {
        let arguments = ["dump", "--data", &sample, "--input-format", name];
        for format in ["application/ld+json", "RDF/XML", "nt"] {
            let dumped = [&arguments[..], &["--output-format", format]].concat();
            let text = quadrille(&dumped).ok();
            assert!(text.contains("http://e/a"), "{text}");
            let count = ["count", "--data", "-", "--input-format", format];
            assert_eq!(quadrille_with_input(&count, &text).ok(), "1\n");
        }
    }
    let arguments = ["count", "--data", &sample, "--input-format", "csv"];
    let error = quadrille(&arguments);
    assert_eq!(error.code, Some(2));
    assert!(error.err.contains("known are ntriples"), "{}", error.err);
}

#[test]
fn compressed_standard_input_is_told_by_its_first_bytes() {
    let folder = folder();
    for extension in COMPRESSIONS {
        let bytes = std::fs::read(compressed(&folder, extension)).expect("a file");
        let mut child = command(&["count", "--data", "-", "--input-format", "nq"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        stdin.write_all(&bytes).expect("input is read");
        drop(stdin);
        assert_eq!(finish(child).ok(), "6\n", "{extension}");
    }
}

#[test]
fn folders_patterns_and_files_are_read_in_one_load() {
    let folder = folder();
    let turtle = |name: &str| format!("<http://e/{name}> <http://e/b> \"{name}\" .");
    let inner = folder.path().join("data").join("inner");
    std::fs::create_dir_all(&inner).expect("a folder");
    file(&folder, "data/a.ttl", &turtle("a"));
    file(&folder, "data/b.nt", &turtle("b"));
    file(&folder, "data/notes.txt", "not RDF");
    file(&folder, "data/inner/c.n3", &turtle("c"));
    let single = file(&folder, "single.trig", &turtle("d"));
    let data = text_of(&folder.path().join("data"));
    assert_eq!(count_in(&[&data]), "3\n");
    assert_eq!(count_in(&[&format!("{data}/*.ttl")]), "1\n");
    assert_eq!(count_in(&[&format!("{data}/**/*.n[13]")]), "1\n");
    assert_eq!(count_in(&[&format!("{data}/?.*")]), "2\n");
    for location in locations(&folder) {
        let ran = quadrille(&["load", "--store", &location, &data, &single]);
        assert!(ran.err.contains("loaded 4 quads (4 new)"), "{}", ran.err);
    }
}

#[test]
fn folders_and_patterns_without_files_are_errors_and_make_no_store() {
    let folder = folder();
    let empty = text_of(&folder.path().join("empty"));
    std::fs::create_dir(&empty).expect("a folder");
    file(&folder, "empty/notes.txt", "not RDF");
    let text = format!("{empty}/*.txt");
    for location in locations(&folder) {
        let load = |argument: &str| quadrille(&["load", "--store", &location, argument]);
        let error = load(&empty).failed(5);
        assert!(error.contains("holds no file"), "{error}");
        let error = load(&format!("{empty}/*.ttl")).failed(5);
        assert!(error.contains("matches no file"), "{error}");
        let error = load(&format!("{empty}/[")).failed(5);
        assert!(error.contains("the pattern is not valid"), "{error}");
        let error = load(&text).failed(2);
        assert!(error.contains("--input-format"), "{error}");
        assert!(!path_of(&location).exists());
    }
}

#[test]
fn compressed_data_that_is_cut_off_or_damaged_leaves_nothing() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        for extension in COMPRESSIONS {
            let bytes = std::fs::read(compressed(&folder, extension)).expect("a file");
            let path = folder.path().join(format!("broken.nq.{extension}"));
            let mut damaged = bytes.clone();
            damaged[bytes.len() / 2] ^= 0xff;
            for broken in [
                &bytes[..0],
                &bytes[..bytes.len() / 2],
                &bytes[..bytes.len() - 1],
                &damaged,
            ] {
                std::fs::write(&path, broken).expect("a file");
                let name = text_of(&path);
                let error = quadrille(&["load", "--store", &location, &name]).failed(3);
                assert!(error.contains(&name), "{error}");
                assert!(
                    error.contains("cut off") || error.contains("damaged"),
                    "{error}"
                );
            }
        }
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
        quadrille(&["verify", "--store", &location]).ok();
    }
}

#[test]
fn an_error_in_compressed_text_is_shown_where_it_is() {
    let folder = folder();
    let long = "<http://e/a> <http://e/b> \"".to_owned() + &"x".repeat(900_000);
    let text = format!("{}{long}\n", SAMPLE.repeat(10));
    for extension in COMPRESSIONS {
        let path = folder.path().join(format!("broken.nq.{extension}"));
        let output = std::fs::File::create(&path).expect("a file");
        let mut writer =
            CompressedWriter::new(output, Compression::from_path(&path)).expect("a writer");
        writer.write_all(text.as_bytes()).expect("a write");
        writer.finish().expect("an end");
        let error = quadrille(&["count", "--data", &text_of(&path)]).failed(3);
        assert!(error.contains(":61:27: "), "{}", &error[..200]);
        assert!(error.contains("<http://e/a> <http://e/b> \"xxx"), "{error}");
    }
}

#[test]
fn text_that_is_no_utf_8_leaves_nothing() {
    let folder = folder();
    let documents: [(&str, &[u8]); 7] = [
        ("nt", b"<http://e/s> <http://e/p> \"\xff\" ."),
        ("nq", b"<http://e/s> <http://e/p> \"\xff\" ."),
        ("ttl", b"<http://e/s> <http://e/p> \"\xff\" ."),
        ("trig", b"<http://e/s> <http://e/p> \"\xff\" ."),
        ("n3", b"<http://e/s> <http://e/p> \"\xff\" ."),
        ("jsonld", b"{\"@id\": \"http://e/s\", \"http://e/p\": \"\xff\"}"),
        (
            "rdf",
            b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:e='http://e/'>\
              <e:s><e:p>\xff</e:p></e:s></rdf:RDF>",
        ),
    ];
    for location in loaded_locations(&folder) {
        for (extension, document) in documents {
            let path = folder.path().join(format!("latin.{extension}"));
            std::fs::write(&path, document).expect("a file");
            let error = quadrille(&["load", "--store", &location, &text_of(&path)]).failed(3);
            assert!(error.contains(&format!("latin.{extension}:1:")), "{error}");
        }
        assert_eq!(quadrille(&["count", "--store", &location]).ok(), "6\n");
    }
}

#[test]
fn a_folder_where_a_file_is_expected_is_named() {
    let folder = folder();
    let sample = file(&folder, "sample.nq", SAMPLE);
    let taken = text_of(&folder.path().join("taken.nq"));
    std::fs::create_dir(&taken).expect("a folder");
    let error = quadrille(&["dump", "--data", &sample, "--output", &taken]).failed(1);
    assert!(error.contains("taken.nq"), "{error}");
    let error = quadrille(&["query", "--data", &sample, "--file", &taken]).failed(1);
    assert!(error.contains("taken.nq"), "{error}");
}

#[test]
fn a_dump_that_fails_leaves_what_was_there() {
    let folder = folder();
    let triple_term = "<http://e/s> <http://e/p> <<( <http://e/s> <http://e/p> <http://e/o> )>> .";
    let sample = file(&folder, "sample.nq", &format!("{SAMPLE}{triple_term}"));
    let output = file(&folder, "out.jsonld", "before");
    let arguments = ["dump", "--data", &sample, "--output", &output];
    let error = quadrille(&arguments).failed(2);
    assert!(
        error.contains("jsonld cannot hold a triple term"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&output).expect("text"), "before");
    let parts = std::fs::read_dir(folder.path()).expect("a folder");
    assert_eq!(parts.count(), 2);
}

#[test]
fn a_sorted_dump_is_the_same_on_every_backend() {
    let folder = folder();
    let sample = file(&folder, "plain.nq", SAMPLE);
    let mut dumps = vec![quadrille(&["dump", "--data", &sample, "--sorted"]).ok()];
    for location in loaded_locations(&folder) {
        dumps.push(quadrille(&["dump", "--store", &location, "--sorted"]).ok());
    }
    assert!(dumps[0].lines().is_sorted() && dumps[0].lines().count() == 6);
    assert!(dumps.iter().all(|dump| *dump == dumps[0]), "{dumps:?}");
}

#[test]
fn labels_are_kept_on_demand() {
    let folder = folder();
    for location in loaded_locations(&folder) {
        let path = file(
            &folder,
            "dump.nq",
            &quadrille(&["dump", "--store", &location]).ok(),
        );
        let keep = [
            "load",
            "--store",
            &location,
            "--keep-blank-node-labels",
            &path,
        ];
        let again = quadrille(&keep);
        assert!(
            again.err.contains("loaded 6 quads (0 new)"),
            "{}",
            again.err
        );
        let renamed = quadrille(&["load", "--store", &location, &path]);
        assert!(
            renamed.err.contains("loaded 6 quads (1 new)"),
            "{}",
            renamed.err
        );
    }
}

/// Root may read everything, so as root this runs the program as nobody.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_leaves_nothing() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let folder = folder();
    let allow = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("rights");
    };
    allow(folder.path(), 0o777);
    let program = folder.path().join("program");
    std::fs::copy(env!("CARGO_BIN_EXE_quadrille"), &program).expect("a copy");
    allow(&program, 0o755);
    let is_root = std::fs::metadata(folder.path()).expect("a folder").uid() == 0;
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if is_root {
            command.uid(NOBODY);
        }
        finish(command.spawn().expect("the program starts"))
    };
    let sample = file(&folder, "sample.nq", SAMPLE);
    let secret = file(&folder, "secret.nq", SAMPLE);
    allow(std::path::Path::new(&secret), 0);
    for location in locations(&folder) {
        run(&["load", "--store", &location, &sample]).ok();
        let error = run(&["load", "--store", &location, &sample, &secret]).failed(1);
        assert!(error.contains("secret.nq: Permission denied"), "{error}");
        assert_eq!(run(&["count", "--store", &location]).ok(), "6\n");
    }
    let error = run(&["dump", "--data", &sample, "--output", &secret]).failed(1);
    assert!(error.contains("secret.nq: Permission denied"), "{error}");
}
