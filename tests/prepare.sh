# Sourced by tests/run.sh and .ci/run: finds out whether RocksDB can be built here and installs what it needs where
# the machine allows it.
#
# Sets CARGO_SELECTION, the packages and features that cargo is to work on: all of them, or all but RocksDB.

CARGO_SELECTION=(--workspace --all-features)

# bindgen loads libclang at run time (libclang-cpp is another library), RocksDB is C++.
have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -E 'libclang(-[0-9.]+)?\.so' >/dev/null && return 0
    compgen -G '/usr/lib/llvm*/lib/libclang.so*' >/dev/null && return 0
    compgen -G '/usr/lib/llvm*/lib/libclang-[0-9]*.so*' >/dev/null && return 0
    compgen -G '/usr/lib*/libclang.so*' >/dev/null && return 0
    [ -e /Library/Developer/CommandLineTools/usr/lib/libclang.dylib ]
}

have_compiler() { command -v "${CXX:-c++}" >/dev/null; }

install_rocksdb_tools() {
    command -v apt-get >/dev/null || return 1
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy libclang-dev g++
}

if ! { have_libclang && have_compiler; }; then
    echo 'RocksDB needs libclang and a C++ compiler; installing them (apt-get install libclang-dev g++).' >&2
    if ! install_rocksdb_tools || ! { have_libclang && have_compiler; }; then
        echo 'They could not be installed: install libclang and a C++ compiler by hand, or set LIBCLANG_PATH.' >&2
        if [ "${CI:-}" = true ]; then
            exit 1
        fi
        echo 'Going on without the RocksDB backend.' >&2
        CARGO_SELECTION=(--workspace --exclude quadrille-backend-rocksdb)
    fi
fi
