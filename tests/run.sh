#!/usr/bin/env bash
# Runs every test of the workspace on every backend: unit, integration and documentation tests, then the examples.
#
# Usage: bash tests/run.sh        from any folder. CI=true makes an absent backend or W3C suite a failure.
#
# The last lines count, per backend, the tests whose path names it (`memory::`, `lmdb::`, `rocksdb::`); those of
# programs named after the W3C, such as `w3c_sparql`, are its suites and counted apart, and so are those of the kit's
# test doubles (`mirror-…::`, `faulty-…::`).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/prepare.sh

log=$(mktemp)
output=$(mktemp)
trap 'rm -f "$log" "$output"' EXIT
status=0

cargo test --locked "${CARGO_SELECTION[@]}" --no-fail-fast 2>&1 | tee "$log" || status=$?

# `cargo test` has built the examples with the same features; each must run to its end.
run_examples() {
    local target source name arguments
    target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    for source in crates/*/examples/*.rs; do
        [ -e "$source" ] || continue
        name=$(basename "$source" .rs)
        arguments=()
        if [ "$name" = generate ]; then
            arguments=(1000)
        fi
        if "$target/debug/examples/$name" "${arguments[@]}" >"$output" 2>&1; then
            echo "test example $source ... ok"
        else
            cat "$output"
            echo "test example $source ... FAILED"
        fi
    done
}
if [ "$status" -eq 0 ]; then
    run_examples | tee -a "$log"
fi

awk -v ci="${CI:-}" -v status="$status" -f tests/summary.awk "$log"
