//! Tidy checks: what the repository promises about its own files.
//!
//! In flows the working tree and `cargo metadata`; out flow lists of violations, which must be empty. Always holds:
//! nothing is built or written here, and every check is itself tested on made-up input that breaks its rule.

#[path = "tidy/contract.rs"]
mod contract;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines a Rust file may have.
const FILE_LINES_MAX: usize = 800;
/// The most lines a function may have, signature and closing brace included.
const FUNCTION_LINES_MAX: usize = 70;
/// Longer functions that are better whole, each with the reason.
const LONG_FUNCTIONS: [(&str, &str, &str); 1] = [(
    "crates/backend-testkit/src/list.rs",
    "cases",
    "the one list of all conformance cases",
)];
/// Packages that are no members of the workspace.
const PACKAGES_APART: [&str; 2] = ["benches/compare", "tests/fuzz"];
/// Folders whose content this project did not write, or that tools make.
const FOREIGN_FOLDERS: [&str; 4] = ["target", ".git", "w3c", "node_modules"];
/// Endings of names that stand for a file wherever they appear in back-ticks.
const FILE_ENDINGS: [&str; 8] = [".rs", ".md", ".toml", ".sh", ".nq", ".awk", ".lock", ".yml"];

/// Which crates of the workspace a crate may depend on, outside tests; the order of the layers.
const LAYERS: [(&str, &[&str]); 11] = [
    ("quadrille-backend", &[]),
    ("quadrille-backend-example", &["quadrille-backend"]),
    ("quadrille-backend-lmdb", &["quadrille-backend"]),
    ("quadrille-backend-rocksdb", &["quadrille-backend"]),
    // Its cases about stores, with the feature `store`: whoever writes a backend wants to see a store on it.
    (
        "quadrille-backend-testkit",
        &["quadrille-backend", "quadrille-store"],
    ),
    ("quadrille-measure", &[]),
    ("quadrille-store", &["quadrille-backend"]),
    ("quadrille-io", &["quadrille-backend", "quadrille-store"]),
    (
        "quadrille-sparql",
        &["quadrille-backend", "quadrille-store"],
    ),
    (
        "quadrille",
        &[
            "quadrille-backend",
            "quadrille-backend-lmdb",
            "quadrille-backend-rocksdb",
            "quadrille-io",
            "quadrille-sparql",
            "quadrille-store",
        ],
    ),
    (
        "quadrille-cli",
        &[
            "quadrille",
            "quadrille-backend",
            "quadrille-io",
            "quadrille-measure",
            "quadrille-sparql",
            "quadrille-store",
        ],
    ),
];

/// Members that stand above all layers and may use any crate.
const ABOVE_ALL_LAYERS: [&str; 2] = ["quadrille-tests", "quadrille-benches"];

/// The crates that are allowed to link C or C++ themselves.
const LINKS_C: [&str; 2] = ["quadrille-backend-lmdb", "quadrille-backend-rocksdb"];

/// Packages with a `links` key that holds no foreign code: it only keeps two versions from being built together.
const LINKS_WITHOUT_C: [&str; 3] = ["rayon-core", "prettyplease", "wasm-bindgen-shared"];

/// Crates that parse or write RDF files; the store and the backends must not depend on them.
const FILE_FORMATS: [&str; 5] = ["oxttl", "oxrdfxml", "oxjsonld", "oxrdfio", "spargebra"];

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the tests are a folder of the workspace")
        .to_path_buf()
}

/// All files under a folder, sorted, without foreign folders.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the repository can be listed") {
            let path = entry
                .expect("an entry of the repository can be read")
                .path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if !FOREIGN_FOLDERS.contains(&name) && path != root().join("shared") {
                    folders.push(path);
                }
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn files_ending(ending: &str) -> Vec<(PathBuf, String)> {
    let files = files_under(&root()).into_iter();
    let chosen = files.filter(|path| path.to_string_lossy().ends_with(ending));
    chosen
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a source file is text");
            (path, text)
        })
        .collect()
}

/// A path as the messages show it: relative to the root.
fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn assert_none(rule: &str, violations: &[String]) {
    assert!(
        violations.is_empty(),
        "{rule}:\n  {}",
        violations.join("\n  ")
    );
}

// ---- paths in Markdown

/// The targets of `[text](target)` and `[name]: target` that point into the repository, fragments cut off.
fn markdown_links(text: &str) -> Vec<String> {
    let inline = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target);
    let reference = text
        .lines()
        .filter(|line| line.starts_with('['))
        .filter_map(|line| line.split_once("]: "));
    let targets = inline.chain(reference.map(|(_, target)| target.trim()));
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| target.split('#').next().unwrap_or_default().to_owned())
        .filter(|target| !target.is_empty())
        .collect()
}

/// What stands in single back-ticks, and the words of indented or fenced code.
fn markdown_code_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            words.extend(line.split_whitespace().map(str::to_owned));
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            words.extend(spans.flat_map(str::split_whitespace).map(str::to_owned));
        }
    }
    words
}

/// Whether a word of code can only mean a file or folder of the repository.
fn means_a_path(word: &str, top_level: &BTreeSet<String>) -> bool {
    let plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let first = word.split('/').next().unwrap_or_default();
    let into_repository = word.contains('/') && top_level.contains(first);
    let is_file = !word.contains('/')
        && FILE_ENDINGS
            .iter()
            .any(|ending| word.ends_with(ending) && word != *ending);
    plain && (into_repository || is_file)
}

/// The paths that a Markdown text names and that `exists` does not know.
fn missing_paths(
    text: &str,
    top_level: &BTreeSet<String>,
    exists: impl Fn(&str) -> bool,
) -> Vec<String> {
    let words = markdown_code_words(text);
    let words = words
        .into_iter()
        .filter(|word| means_a_path(word, top_level));
    markdown_links(text)
        .into_iter()
        .chain(words)
        .filter(|path| !exists(path))
        .collect()
}

fn top_level_names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root()).expect("the root can be listed");
    let names = entries.map(|entry| entry.expect("an entry of the root").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names
        .filter(|name| !FOREIGN_FOLDERS.contains(&name.as_str()))
        .collect()
}

#[test]
fn every_path_in_markdown_exists() {
    let (root, top_level) = (root(), top_level_names());
    let all_files = files_under(&root);
    let mut violations = Vec::new();
    for (file, text) in files_ending(".md") {
        let folder = file.parent().expect("a file has a folder");
        let exists = |path: &str| {
            let bare = !path.contains('/') && all_files.iter().any(|file| file.ends_with(path));
            bare || folder.join(path).exists() || root.join(path).exists()
        };
        let missing = missing_paths(&text, &top_level, exists);
        violations.extend(
            missing
                .iter()
                .map(|path| format!("{} names {path}", shown(&file))),
        );
    }
    assert_none("a path in a Markdown file does not exist", &violations);
}

#[test]
fn missing_markdown_paths_are_found() {
    let top_level = BTreeSet::from(["crates".to_owned(), "data".to_owned()]);
    let text = "[gone](gone.md#part), [web](https://a.example/b.md), `crates/nope/src/lib.rs`, `lib.rs`, `text/turtle`\n\
                [name]: other.md\n```\nrun data/none.nq --store lmdb:./museum\n```\n    cat data/here.nq\n";
    let missing = missing_paths(text, &top_level, |path| {
        path == "lib.rs" || path == "data/here.nq"
    });
    assert_eq!(
        missing,
        [
            "gone.md",
            "other.md",
            "crates/nope/src/lib.rs",
            "data/none.nq"
        ]
    );
}

// ---- Rust files

/// Names of the functions, with their length in lines, that are longer than `lines_max`; relies on rustfmt's layout.
fn long_functions(text: &str, lines_max: usize) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        let words: Vec<&str> = body.split(' ').collect();
        let Some(keyword) = words.iter().position(|word| *word == "fn") else {
            continue;
        };
        let modifiers = [
            "pub",
            "pub(crate)",
            "pub(super)",
            "const",
            "async",
            "unsafe",
            "extern",
            "\"C\"",
        ];
        if !words[..keyword].iter().all(|word| modifiers.contains(word)) {
            continue;
        }
        let end = |line: &&str| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest == "}" || rest.ends_with(';') && !rest.starts_with(' '))
        };
        let length = lines[start..]
            .iter()
            .position(end)
            .map_or(1, |last| last + 1);
        if length > lines_max && !body.ends_with('}') {
            let name = words
                .get(keyword + 1)
                .unwrap_or(&"")
                .split(['(', '<'])
                .next()
                .unwrap_or_default();
            long.push((name.to_owned(), length));
        }
    }
    long
}

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    let files = files_ending(".rs");
    assert!(files.len() > 10, "the walk finds the sources");
    let silent = files.iter().filter(|(_, text)| !text.starts_with("//! "));
    let violations: Vec<String> = silent.map(|(path, _)| shown(path)).collect();
    assert_none("a Rust file does not open with `//!`", &violations);
}

#[test]
fn rust_files_and_functions_are_short() {
    let mut violations = Vec::new();
    let mut excused = 0;
    for (path, text) in files_ending(".rs") {
        let lines = text.lines().count();
        let file = shown(&path);
        if lines > FILE_LINES_MAX {
            violations.push(format!("{file} has {lines} lines"));
        }
        for (name, lines) in long_functions(&text, FUNCTION_LINES_MAX) {
            let excuse =
                |(long_in, long, _): &&(&str, &str, &str)| *long_in == file && *long == name;
            if LONG_FUNCTIONS.iter().any(|entry| excuse(&entry)) {
                excused += 1;
            } else {
                violations.push(format!("{file}: fn {name} has {lines} lines"));
            }
        }
    }
    assert_none("a file or function is too long", &violations);
    let listed = LONG_FUNCTIONS.len();
    assert_eq!(
        excused, listed,
        "a listed function is no longer long: take it off the list"
    );
}

#[test]
fn long_functions_are_found() {
    let text = "impl A {\n    pub fn short(&self);\n    pub(crate) fn long(\n        &self,\n    ) {\n        let x = 1;\n\n        x;\n    }\n}\n\nfn small() {\n    1;\n}\n";
    assert_eq!(long_functions(text, 5), [("long".to_owned(), 7)]);
    assert_eq!(
        long_functions(text, 2),
        [("long".to_owned(), 7), ("small".to_owned(), 3)]
    );
}

/// The lines with a marker of unfinished work; the markers are put together here so that this file has none.
fn unfinished_lines(text: &str) -> Vec<usize> {
    let markers = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("dbg", "!("),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| markers.iter().any(|marker| line.contains(marker)))
        .map(|(number, _)| number + 1)
        .collect()
}

#[test]
fn nothing_is_marked_unfinished() {
    let mut violations = Vec::new();
    for ending in [".rs", ".sh", ".md", ".toml", ".awk"] {
        for (path, text) in files_ending(ending) {
            let numbers = unfinished_lines(&text);
            violations.extend(
                numbers
                    .iter()
                    .map(|number| format!("{}:{number}", shown(&path))),
            );
        }
    }
    assert_none("a line is marked unfinished", &violations);
    assert_eq!(
        unfinished_lines(concat!("a\n// TO", "DO later\ndbg", "!(x)")),
        [2, 3]
    );
}

// ---- what cargo knows

/// `cargo metadata` of the workspace, with all features; `full` includes the packages it depends on.
fn metadata(full: bool) -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args([
        "metadata",
        "--format-version",
        "1",
        "--all-features",
        "--locked",
    ]);
    if full {
        command.args(["--filter-platform", &host_triple()]);
    } else {
        command.arg("--no-deps");
    }
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn host_triple() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("rustc writes text");
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Each package with the names of what it depends on, tests left out.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names = |package: &Value| {
        let needed =
            list(package, "dependencies").filter(|dependency| text(dependency, "kind") != "dev");
        needed
            .map(|dependency| text(dependency, "name").to_owned())
            .collect()
    };
    list(metadata, "packages")
        .map(|package| (text(package, "name").to_owned(), names(package)))
        .collect()
}

/// Where a package depends on a crate of the workspace that does not lie below it, or has no place in the layers.
fn upward_dependencies(packages: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut violations = Vec::new();
    for (package, needed) in packages
        .iter()
        .filter(|(package, _)| !ABOVE_ALL_LAYERS.contains(&package.as_str()))
    {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| name == package) else {
            violations.push(format!("{package} is not in the table of layers"));
            continue;
        };
        let internal = needed.iter().filter(|name| packages.contains_key(*name));
        let upward = internal.filter(|name| !allowed.contains(&name.as_str()));
        violations.extend(upward.map(|name| format!("{package} depends on {name}")));
    }
    violations
}

#[test]
fn crates_depend_downwards_only() {
    let packages = dependencies(&metadata(false));
    assert!(
        packages.contains_key("quadrille-store"),
        "cargo metadata lists the members"
    );
    assert_none(
        "a crate depends on one that is not below it",
        &upward_dependencies(&packages),
    );
}

#[test]
fn upward_dependencies_are_found() {
    let entry = |name: &str, needed: &[&str]| {
        (
            name.to_owned(),
            needed.iter().map(|&name| name.to_owned()).collect(),
        )
    };
    let packages = BTreeMap::from([
        entry("quadrille-backend", &["imbl", "quadrille-store"]),
        entry("quadrille-store", &["quadrille-backend"]),
        entry("quadrille-else", &[]),
    ]);
    let violations = upward_dependencies(&packages);
    assert_eq!(
        violations,
        [
            "quadrille-backend depends on quadrille-store",
            "quadrille-else is not in the table of layers"
        ]
    );
}

#[test]
fn store_and_backends_know_no_file_format() {
    let packages = dependencies(&metadata(false));
    let below = packages
        .iter()
        .filter(|(name, _)| *name == "quadrille-store" || name.starts_with("quadrille-backend"));
    let mut violations = Vec::new();
    for (package, needed) in below {
        let formats = needed
            .iter()
            .filter(|name| FILE_FORMATS.contains(&name.as_str()));
        violations.extend(formats.map(|name| format!("{package} depends on {name}")));
    }
    assert_none(
        "a crate that knows no files depends on a file format",
        &violations,
    );
}

/// The ids of all packages that one is built from, itself included, tests left out.
fn closure(metadata: &Value, start: &str, stop: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"], "nodes")
        .map(|node| (text(node, "id"), node))
        .collect();
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(id) = waiting.pop() {
        if (id != start && stop(&id)) || !reached.insert(id.clone()) {
            continue;
        }
        let needed = nodes
            .get(id.as_str())
            .into_iter()
            .flat_map(|node| list(node, "deps"));
        let linked = needed
            .filter(|dependency| list(dependency, "dep_kinds").any(|kind| kind["kind"].is_null()));
        waiting.extend(linked.map(|dependency| text(dependency, "pkg").to_owned()));
    }
    reached
}

#[test]
fn only_two_backends_link_c() {
    let metadata = metadata(true);
    let packages: BTreeMap<&str, &Value> = list(&metadata, "packages")
        .map(|package| (text(package, "id"), package))
        .collect();
    let name_of = |id: &str| {
        packages
            .get(id)
            .map(|package| text(package, "name"))
            .unwrap_or_default()
    };
    let foreign = |id: &str| {
        packages
            .get(id)
            .is_some_and(|package| !package["links"].is_null())
            && !LINKS_WITHOUT_C.contains(&name_of(id))
    };
    let members: Vec<&str> = list(&metadata, "workspace_members")
        .filter_map(Value::as_str)
        .collect();
    let mut linking = BTreeMap::new();
    for member in members
        .iter()
        .filter(|id| !ABOVE_ALL_LAYERS.contains(&name_of(id)))
    {
        let stop = |id: &str| members.contains(&id) && LINKS_C.contains(&name_of(id));
        let found = closure(&metadata, member, stop);
        let found: BTreeSet<String> = found
            .iter()
            .filter(|id| foreign(id))
            .map(|id| name_of(id).to_owned())
            .collect();
        linking.insert(name_of(member), found);
    }
    assert!(
        linking.values().any(|found| !found.is_empty()),
        "the persistent backends link C"
    );
    let others = linking
        .iter()
        .filter(|(name, found)| !LINKS_C.contains(name) && !found.is_empty());
    let violations: Vec<String> = others
        .map(|(name, found)| format!("{name} links {found:?}"))
        .collect();
    assert_none("a crate links C beside the two backends", &violations);
}

// ---- sources that nothing builds

/// The files that `mod name;` lines of a source file lead to, whether they exist or not.
fn module_files(file: &Path, is_target: bool, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let stem = file
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let base = if is_target || stem == "mod" {
        folder.to_path_buf()
    } else {
        folder.join(stem)
    };
    let mut files = Vec::new();
    let mut path_attribute = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[path = \"") {
            path_attribute = rest.split('"').next().map(|path| folder.join(path));
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let name = match words[..] {
            ["mod", name] => name.strip_suffix(';'),
            [visibility, "mod", name] if visibility.starts_with("pub") => name.strip_suffix(';'),
            _ => None,
        };
        if let Some(name) = name {
            let usual = [
                base.join(format!("{name}.rs")),
                base.join(name).join("mod.rs"),
            ];
            files.extend(
                path_attribute
                    .take()
                    .map_or(usual.to_vec(), |path| vec![path]),
            );
        }
    }
    files
}

/// All files that the targets of a package are built from.
fn reached_files(targets: Vec<PathBuf>) -> BTreeSet<PathBuf> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<(PathBuf, bool)> = targets.into_iter().map(|path| (path, true)).collect();
    while let Some((path, is_target)) = waiting.pop() {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let modules = module_files(&path, is_target, &text);
        let path = path.canonicalize().unwrap_or(path);
        if reached.insert(path) {
            waiting.extend(modules.into_iter().map(|module| (module, false)));
        }
    }
    reached
}

#[test]
fn every_source_file_belongs_to_a_target() {
    let metadata = metadata(false);
    let targets = list(&metadata, "packages").flat_map(|package| list(package, "targets"));
    let reached = reached_files(
        targets
            .map(|target| PathBuf::from(text(target, "src_path")))
            .collect(),
    );
    let apart = PACKAGES_APART.map(|package| root().join(package));
    let sources = files_ending(".rs")
        .into_iter()
        .filter(|(path, _)| !apart.iter().any(|package| path.starts_with(package)));
    let orphans = sources.filter(|(path, _)| {
        path.canonicalize()
            .is_ok_and(|path| !reached.contains(&path))
    });
    let violations: Vec<String> = orphans.map(|(path, _)| shown(&path)).collect();
    assert_none(
        "no target and no module declaration leads to a source file",
        &violations,
    );
}

#[test]
fn module_declarations_are_followed() {
    let text = "mod a;\npub mod b;\n#[path = \"odd.rs\"]\nmod c;\n// mod d;\nmod e {\n}\n";
    let of = |file: &str, is_target| {
        let files = module_files(Path::new(file), is_target, text);
        files
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("src/lib.rs", true),
        [
            "src/a.rs",
            "src/a/mod.rs",
            "src/b.rs",
            "src/b/mod.rs",
            "src/odd.rs"
        ]
    );
    assert_eq!(of("src/x.rs", false)[0], "src/x/a.rs");
}
