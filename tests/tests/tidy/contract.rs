//! The contract and its conformance suite say the same: each bullet has cases, and each case its bullet.

use super::{assert_none, root};
use quadrille_backend_testkit::{Case, cases};
use quadrille_tests::Memory;
use std::collections::{BTreeMap, BTreeSet};

/// The groups of the suite that may not shrink below so many cases.
const GROUP_SIZES: [(&str, usize); 10] = [
    ("single_keys", 20),
    ("ranges", 15),
    ("prefixes", 10),
    ("cursors", 10),
    ("batches", 15),
    ("transactions", 15),
    ("reopening", 10),
    ("concurrency", 10),
    ("errors", 10),
    ("room", 5),
];

/// The bullets under `# Behaviour` in the documentation comments of a source, each on one line.
fn obligations(text: &str) -> Vec<String> {
    let mut bullets: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let Some(comment) = line.trim_start().strip_prefix("///") else {
            inside = false;
            continue;
        };
        let comment = comment.strip_prefix(' ').unwrap_or(comment);
        if let Some(heading) = comment.strip_prefix("# ") {
            inside = heading == "Behaviour";
        } else if let Some(bullet) = comment.strip_prefix("* ").filter(|_| inside) {
            bullets.push(bullet.to_owned());
        } else if let Some(more) = comment.strip_prefix("  ").filter(|_| inside) {
            let bullet = bullets.last_mut().expect("a bullet goes on");
            bullet.push(' ');
            bullet.push_str(more);
        }
    }
    bullets
}

/// The kinds of errors that stand under `# Errors`, in back-ticks.
fn error_kinds(text: &str) -> BTreeSet<&str> {
    let mut kinds = BTreeSet::new();
    let mut inside = false;
    for line in text.lines() {
        let comment = line.trim_start().strip_prefix("///").map(str::trim);
        inside = match comment {
            Some("# Errors") => true,
            Some(comment) => inside && !comment.starts_with("# "),
            None => false,
        };
        let spans = comment.unwrap_or_default().split('`').skip(1).step_by(2);
        let words = spans.filter(|span| span.chars().all(char::is_alphabetic));
        kinds.extend(words.filter(|word| inside && word.starts_with(char::is_uppercase)));
    }
    kinds.remove("Transaction");
    kinds
}

fn contract() -> String {
    let path = root().join("crates/backend/src/contract.rs");
    std::fs::read_to_string(path).expect("the contract is text")
}

#[test]
fn every_obligation_of_the_contract_has_its_cases() {
    let text = contract();
    let obligations = obligations(&text);
    assert!(obligations.len() > 50, "the bullets are found");
    let cases = cases::<Memory>();
    let mut listed: Vec<&str> = cases.iter().map(Case::obligation).collect();
    listed.dedup();
    let unchecked = obligations
        .iter()
        .filter(|bullet| !listed.contains(&bullet.as_str()));
    let unchecked: Vec<String> = unchecked.cloned().collect();
    assert_none("a bullet of the contract has no case", &unchecked);
    let unwritten = listed
        .iter()
        .filter(|bullet| !obligations.iter().any(|o| o == **bullet));
    let unwritten: Vec<String> = unwritten.map(|bullet| (*bullet).to_owned()).collect();
    assert_none("a case checks what the contract does not say", &unwritten);
    assert_eq!(
        listed, obligations,
        "the suite has the order of the contract"
    );
}

/// `Io` and `Corrupted` are what the world may do to any operation; the damaged files of the suite bring them about.
#[test]
fn every_kind_of_error_is_part_of_an_obligation() {
    let text = contract();
    let kinds = error_kinds(&text);
    assert!(
        kinds.contains("Busy") && kinds.contains("ReadOnly"),
        "{kinds:?}"
    );
    let obligations = obligations(&text);
    let named = |kind: &str| obligations.iter().any(|o| o.contains(&format!("`{kind}`")));
    let unnamed = kinds
        .into_iter()
        .filter(|kind| !named(kind) && *kind != "Corrupted");
    let unnamed: Vec<String> = unnamed.map(str::to_owned).collect();
    assert_none("no bullet says when this kind of error is due", &unnamed);
}

#[test]
fn case_names_differ_and_groups_stay_large() {
    let cases = cases::<Memory>();
    let names: BTreeSet<&str> = cases.iter().map(Case::name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *sizes
            .entry(name.split("::").next().unwrap_or_default())
            .or_default() += 1;
    }
    let small = GROUP_SIZES
        .iter()
        .filter(|(group, least)| sizes.get(group) < Some(least));
    let small: Vec<String> = small
        .map(|(group, least)| format!("{group} of {least}"))
        .collect();
    assert_none("a group of the suite became too small", &small);
}

#[test]
fn bullets_and_kinds_are_found() {
    let text = "/// Text.\n///\n/// # Behaviour\n/// * One is\n///   `Busy`.\n/// * Two.\n///\n/// # Errors\n\
                /// `Busy`, `Io` (no\n/// `value`).\n/// * no bullet\nfn f();\n/// `Full`\nfn g();\n";
    assert_eq!(obligations(text), ["One is `Busy`.", "Two."]);
    assert_eq!(error_kinds(text), BTreeSet::from(["Busy", "Io"]));
}
