//! Makes a failing case small.
//!
//! What flows in: a case that differs, and the tree of its query. What flows out: a case that still differs, of which no
//! single part can be left out; or what was reached when the steps ran out.

use crate::compare::{Case, Verdict};
use crate::tree::Tree;

/// How many smaller cases are tried.
const TRIES_MAX: usize = 3000;

/// The smallest case found.
pub(crate) fn shrink(mut tree: Tree, mut case: Case) -> Case {
    let mut tries = 0;
    let mut differs = |case: &Case| {
        tries += 1;
        (tries <= TRIES_MAX).then(|| matches!(case.verdict(), Verdict::Differs { .. }))
    };
    loop {
        let before = (case.data.len(), case.query.len());
        shrink_data(&mut case, &mut differs);
        'query: loop {
            for smaller in tree.smaller() {
                let candidate = Case {
                    query: smaller.to_string(),
                    ..case.clone()
                };
                if candidate.query.len() < case.query.len() && differs(&candidate) == Some(true) {
                    (tree, case) = (smaller, candidate);
                    continue 'query;
                }
            }
            break;
        }
        if (case.data.len(), case.query.len()) == before {
            return case;
        }
    }
}

/// Leaves out halves of the data, then quarters, and so on.
fn shrink_data(case: &mut Case, differs: &mut impl FnMut(&Case) -> Option<bool>) {
    let mut size = case.data.len().div_ceil(2);
    while size > 0 {
        let mut start = 0;
        while start < case.data.len() {
            let mut candidate = case.clone();
            candidate
                .data
                .drain(start..case.data.len().min(start + size));
            if differs(&candidate) == Some(true) {
                *case = candidate;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
}
