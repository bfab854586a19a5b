//! The options of the RocksDB backend.

use super::table::{Named, Table};
use super::value::{NUMBER, SIZE, Values, number, size};
use quadrille::RocksDbOptions;
use quadrille::backend::rocksdb::Compression;

pub(super) const OPTIONS: &Table<RocksDbOptions> = &Table {
    backend: "rocksdb",
    options: &[
        Named {
            name: "compression",
            values: Values {
                form: "none|lz4|snappy|zstd",
                words: "none, lz4, snappy or zstd",
            },
            about: "how blocks are compressed from now on; kept with the store",
            reading: false,
            set: |options, text| Some(options.compression(Compression::from_name(text)?)),
        },
        Named {
            name: "block_bytes",
            values: SIZE,
            about: "RocksDB's own blocks before compression; kept with the store",
            reading: false,
            set: |options, text| Some(options.block_bytes(size(text)?)),
        },
        Named {
            name: "filter_bits_per_key",
            values: NUMBER,
            about: "bits of the Bloom filters for each key, 0 for none; kept with the store",
            reading: false,
            set: |options, text| Some(options.filter_bits_per_key(number(text)?)),
        },
        Named {
            name: "cache_bytes",
            values: SIZE,
            about: "the most memory for cached blocks",
            reading: true,
            set: |options, text| Some(options.cache_bytes(size(text)?)),
        },
        Named {
            name: "write_buffer_bytes",
            values: SIZE,
            about: "the most memory for writes that are not yet in files",
            reading: false,
            set: |options, text| Some(options.write_buffer_bytes(size(text)?)),
        },
        Named {
            name: "background_jobs",
            values: NUMBER,
            about: "the most threads that write and merge files",
            reading: false,
            set: |options, text| Some(options.background_jobs(number(text)?)),
        },
        Named {
            name: "open_files_max",
            values: NUMBER,
            about: "the most table files open at once",
            reading: true,
            set: |options, text| Some(options.open_files_max(number(text)?)),
        },
        Named {
            name: "bytes_max",
            values: SIZE,
            about: "the most bytes of keys and values in the store",
            reading: false,
            set: |options, text| Some(options.bytes_max(size(text)?)),
        },
    ],
};

#[cfg(test)]
#[test]
fn every_option_takes_its_values() {
    use super::table::tests::every_option_takes;
    let values = [
        ("compression", "zstd"),
        ("block_bytes", "16KiB"),
        ("filter_bits_per_key", "0"),
        ("cache_bytes", "1GiB"),
        ("write_buffer_bytes", "256MiB"),
        ("background_jobs", "4"),
        ("open_files_max", "512"),
        ("bytes_max", "1TiB"),
    ];
    every_option_takes(OPTIONS, &values, RocksDbOptions::new);
}
