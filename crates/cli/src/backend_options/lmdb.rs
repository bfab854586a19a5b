//! The options of the LMDB backend.

use super::table::{Named, Table};
use super::value::{DURATION, NUMBER, SIZE, SWITCH, duration, number, size, switch};
use quadrille::LmdbOptions;

pub(super) const OPTIONS: &Table<LmdbOptions> = &Table {
    backend: "lmdb",
    options: &[
        Named {
            name: "map_bytes",
            values: SIZE,
            about: "the address space to reserve",
            reading: true,
            set: |options, text| Some(options.map_bytes(size(text)?)),
        },
        Named {
            name: "map_bytes_max",
            values: SIZE,
            about: "up to what it grows, and no less than it is",
            reading: false,
            set: |options, text| Some(options.map_bytes_max(size(text)?)),
        },
        Named {
            name: "growth_wait",
            values: DURATION,
            about: "how long growing waits for snapshots to go",
            reading: true,
            set: |options, text| Some(options.growth_wait(duration(text)?)),
        },
        Named {
            name: "readers_max",
            values: NUMBER,
            about: "the most snapshots open at once, over all processes",
            reading: true,
            set: |options, text| Some(options.readers_max(number(text)?)),
        },
        Named {
            name: "read_ahead",
            values: SWITCH,
            about: "whether the system reads ahead of page faults",
            reading: true,
            set: |options, text| Some(options.read_ahead(switch(text)?)),
        },
        Named {
            name: "ingest_commit_bytes",
            values: SIZE,
            about: "after how many bytes a bulk load commits and goes on",
            reading: false,
            set: |options, text| Some(options.ingest_commit_bytes(size(text)?)),
        },
    ],
};

#[cfg(test)]
#[test]
fn every_option_takes_its_values() {
    use super::table::tests::every_option_takes;
    let values = [
        ("map_bytes", "64GiB"),
        ("map_bytes_max", "1TiB"),
        ("growth_wait", "2s"),
        ("readers_max", "200"),
        ("read_ahead", "off"),
        ("ingest_commit_bytes", "16MiB"),
    ];
    every_option_takes(OPTIONS, &values, LmdbOptions::new);
}
