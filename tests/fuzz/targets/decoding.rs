//! Any bytes as the entries that a store reads from its backend: an error at most.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quadrille_store::fuzzing::Entry;

fuzz_target!(|bytes: &[u8]| {
    let [choice, key_bytes, rest @ ..] = bytes else {
        return;
    };
    let entry = Entry::ALL[usize::from(*choice) % Entry::ALL.len()];
    let (key, payload) = rest.split_at(usize::from(*key_bytes).min(rest.len()));
    // An error is an answer.
    let _ = entry.decode(key, payload);
});
