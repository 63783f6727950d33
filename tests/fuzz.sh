#!/bin/sh
# Fuzzes whatever reads bytes from outside: sh tests/fuzz.sh [SECONDS a target, 60 if not said] [TARGET ...]
# With `check` instead of seconds: a short run that is the same each time, as tests/all.sh makes it.
#
# Needs Rust, a C++ compiler and nothing else: libFuzzer is built from a crate, and coverage is what stable Rust has.
# Inputs that were found to reach new code stay in fuzz/corpus, and those that fail in fuzz/failures.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
host=$(rustc -vV | sed -n 's/^host: //p')
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
# Without --target these would hold for build scripts too.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --quiet --manifest-path fuzz/Cargo.toml --locked --release --target "$host" --target-dir "$target"
[ $# -gt 0 ] || set -- codec formats import tables journal
mkdir -p fuzz/failures
# What is written on the way need not outlive a power cut: in memory syncs cost nothing.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
for name in "$@"; do
    program=$target/$host/release/$name
    seeds=fuzz/seeds/$name
    [ -d "$seeds" ] || seeds=
    if [ "$seconds" = check ]; then
        echo "fuzz $name: a short run"
        # What is found goes into the first directory, and is not kept.
        found=$(mktemp -d)
        "$program" -seed=1 -runs=3000 -rss_limit_mb=2048 -verbosity=0 \
            "-artifact_prefix=fuzz/failures/$name-" "$found" $seeds 2>"$found/said" || {
            cat "$found/said" >&2
            exit 1
        }
        rm -rf "$found"
    else
        echo "fuzz $name: $seconds seconds"
        mkdir -p "fuzz/corpus/$name"
        "$program" "-max_total_time=$seconds" -rss_limit_mb=2048 -timeout=10 -verbosity=0 -print_final_stats=1 \
            "-artifact_prefix=fuzz/failures/$name-" "fuzz/corpus/$name" $seeds
    fi
done
