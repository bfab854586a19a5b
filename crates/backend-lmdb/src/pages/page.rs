//! The inside of one branch or leaf page: its nodes, and whether they lie as LMDB lays them.
//!
//! What flows in: the bytes of a page. What flows out: its nodes, or the first thing that is wrong. What always holds:
//! the nodes of a page fill the space between `upper` and its end without gaps, as LMDB moves them together whenever
//! one goes.

use super::format::{
    HEAD_BYTES, Head, NODE_HEAD_BYTES, NUMBER_BYTES, STORED_KEY_BYTES_MAX, node_flags, page_flags,
    u16_at,
};
use std::ops::Range;

/// A node of a page; the ranges lie within the page.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) key: Range<usize>,
    /// What stands behind the key; empty on branch pages.
    pub(super) data: Range<usize>,
    /// Flags of a node on a leaf; 0 on branch pages.
    pub(super) flags: u16,
    /// The page below, on branch pages; the length of the value, on leaves.
    pub(super) number: u64,
}

/// Checks a page and finds its nodes.
///
/// # Errors
/// What is wrong with it.
pub(super) fn nodes(page: &[u8], number: u64, is_leaf: bool) -> Result<Vec<Node>, String> {
    let head = Head::read(page).ok_or("it is shorter than a page's head")?;
    let expected = if is_leaf {
        page_flags::LEAF
    } else {
        page_flags::BRANCH
    };
    check_number(&head, number)?;
    if head.flags != expected {
        let flags = head.flags;
        return Err(format!("its flags are {flags:#x} instead of {expected:#x}"));
    }
    let (lower, upper) = (usize::from(head.lower), usize::from(head.upper));
    if lower < HEAD_BYTES || lower % 2 != 0 || lower > upper || upper > page.len() {
        return Err(format!(
            "its free space is from {lower} to {upper}, of {} bytes",
            page.len()
        ));
    }
    let count = (lower - HEAD_BYTES) / 2;
    if count == 0 {
        return Err("it holds no entry".to_owned());
    }
    let nodes: Option<Result<Vec<Node>, String>> = (0..count)
        .map(|index| {
            let offset = usize::from(u16_at(page, HEAD_BYTES + 2 * index)?);
            let node = node(page, offset, upper, is_leaf, index);
            Some(node.map_err(|what| format!("entry {index} {what}")))
        })
        .collect();
    let nodes = nodes.ok_or("it ends before its entries")??;
    check_layout(&nodes, upper, page.len())?;
    Ok(nodes)
}

/// Refuses a page that says it is another.
pub(super) fn check_number(head: &Head, number: u64) -> Result<(), String> {
    if head.number == number {
        return Ok(());
    }
    Err(format!("it says that it is page {}", head.number))
}

fn node(
    page: &[u8],
    offset: usize,
    upper: usize,
    is_leaf: bool,
    index: usize,
) -> Result<Node, String> {
    let outside = || format!("starts at {offset}, outside of {upper} to {}", page.len());
    if offset < upper || !offset.is_multiple_of(2) {
        return Err(outside());
    }
    let field = |at: usize| u16_at(page, offset + at).ok_or_else(outside);
    let (low, middle, flags) = (field(0)?, field(2)?, field(4)?);
    let key_bytes = usize::from(field(6)?);
    // The first key of a branch page stands for everything below the second, and may be missing.
    if key_bytes > STORED_KEY_BYTES_MAX || (key_bytes == 0 && (is_leaf || index > 0)) {
        return Err(format!("has a key of {key_bytes} bytes"));
    }
    let (flags, number) = match (is_leaf, u64::from(middle) << 16 | u64::from(low)) {
        (true, number) => (flags, number),
        (false, number) => (0, u64::from(flags) << 32 | number),
    };
    let data_bytes = match (is_leaf, flags) {
        (false, _) => 0,
        (true, node_flags::BIG) => NUMBER_BYTES,
        (true, 0 | node_flags::DATABASE) => usize::try_from(number).unwrap_or(usize::MAX),
        (true, flags) => return Err(format!("has flags {flags:#x}")),
    };
    let key = offset + NODE_HEAD_BYTES..offset + NODE_HEAD_BYTES + key_bytes;
    let end = key.end.checked_add(data_bytes).ok_or_else(outside)?;
    if end > page.len() {
        return Err(format!("ends at {end} of {} bytes", page.len()));
    }
    Ok(Node {
        data: key.end..end,
        key,
        flags,
        number,
    })
}

/// Nodes start at even positions, so that the last byte of one may be of no use.
fn check_layout(nodes: &[Node], upper: usize, page_bytes: usize) -> Result<(), String> {
    let mut extents: Vec<(usize, usize)> = nodes
        .iter()
        .map(|node| {
            let end = node.data.end.next_multiple_of(2);
            (node.key.start - NODE_HEAD_BYTES, end)
        })
        .collect();
    extents.sort_unstable();
    let mut position = upper;
    for (start, end) in extents {
        if start != position {
            let what = if start < position {
                "overlap"
            } else {
                "leave a gap"
            };
            return Err(format!("its entries {what} at {start}"));
        }
        position = end;
    }
    if position != page_bytes {
        return Err(format!(
            "its entries end at {position} of {page_bytes} bytes"
        ));
    }
    Ok(())
}
