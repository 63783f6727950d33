#!/bin/sh
# Fuzzes whatever reads bytes from outside: sh tests/fuzz.sh [SECONDS a target, 60 if not said] [TARGET ...]
#
# Needs Rust, a C++ compiler and nothing else: libFuzzer is built from a crate, and coverage is what stable Rust has.
# Inputs that were found to reach new code stay in fuzz/corpus, and those that fail in fuzz/failures.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}/fuzz
# Without --target these would hold for build scripts too.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --quiet --manifest-path fuzz/Cargo.toml --locked --release --target "$host" --target-dir "$target"
[ $# -gt 0 ] || set -- codec formats import tables journal
for name in "$@"; do
    mkdir -p "fuzz/corpus/$name" fuzz/failures
    echo "fuzz $name: $seconds seconds"
    # The seeds are ours; what is found goes into the corpus, which is nobody's.
    seeds=fuzz/seeds/$name
    [ -d "$seeds" ] || seeds=
    "$target/$host/release/$name" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=0 \
        -verbosity=0 -artifact_prefix="fuzz/failures/$name-" "fuzz/corpus/$name" $seeds
done
