//! The text of the contract: what it says of each item, and its bullets under *Behaviour*.

/// The source of the contract.
const CONTRACT: &str = include_str!("../../../backend/src/contract.rs");

/// A trait, a structure or a method of the contract.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// `Trait`, `Structure` or `Trait::method`.
    pub(crate) name: String,
    /// All that its documentation says, on one line.
    pub(crate) text: String,
    /// What stands under *Behaviour*, a line for each bullet.
    pub(crate) bullets: Vec<String>,
}

/// The name that a line of code declares after a keyword.
fn declared<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(keyword)?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// Adds a line of documentation.
fn add_line(item: &mut Item, in_behaviour: bool, line: &str) {
    item.text.push_str(line);
    item.text.push(' ');
    if !in_behaviour {
        return;
    }
    if let Some(bullet) = line.strip_prefix("* ") {
        item.bullets.push(bullet.to_owned());
    } else if let Some(last) = item.bullets.last_mut().filter(|_| !line.is_empty()) {
        last.push(' ');
        last.push_str(line);
    }
}

/// Every trait, structure and method of the contract with its documentation.
pub(crate) fn items() -> Vec<Item> {
    let (mut items, mut item, mut within) = (Vec::new(), Item::default(), String::new());
    let mut in_behaviour = false;
    let lines = CONTRACT.lines().map(str::trim);
    for line in lines.filter(|line| !line.starts_with("#[")) {
        if let Some(documentation) = line.strip_prefix("///") {
            let documentation = documentation.trim();
            if let Some(heading) = documentation.strip_prefix("# ") {
                in_behaviour = heading == "Behaviour";
            } else {
                add_line(&mut item, in_behaviour, documentation);
            }
            continue;
        }
        let outer = declared(line, "pub trait ").or_else(|| declared(line, "pub struct "));
        let name = match (outer, declared(line, "fn ")) {
            (Some(name), _) => {
                name.clone_into(&mut within);
                Some(within.clone())
            }
            (None, Some(method)) => Some(format!("{within}::{method}")),
            (None, None) => None,
        };
        let item = std::mem::take(&mut item);
        in_behaviour = false;
        items.extend(name.map(|name| Item { name, ..item }));
    }
    items
}
