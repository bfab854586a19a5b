//! The options of the backend in memory.

use super::table::{Named, Table};
use super::value::{SIZE, size};
use quadrille::InMemoryOptions;

pub(super) const OPTIONS: &Table<InMemoryOptions> = &Table {
    backend: "memory",
    options: &[Named {
        name: "bytes_max",
        values: SIZE,
        about: "the most bytes of keys and values in the store",
        // Files are loaded into it by commands that only read them.
        reading: true,
        set: |options, text| Some(options.bytes_max(size(text)?)),
    }],
};

#[cfg(test)]
#[test]
fn every_option_takes_its_values() {
    use super::table::tests::every_option_takes;
    every_option_takes(OPTIONS, &[("bytes_max", "64MiB")], InMemoryOptions::new);
}
