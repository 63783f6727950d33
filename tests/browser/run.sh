#!/bin/sh
# The tests in a real browser, from any directory: sh tests/browser/run.sh [NAME.test.js ...]
#
# Needs node and Chromium. As root, where apt-get is there, missing ones are installed. Elsewhere the tests are skipped
# with a line that says so, but never where CI is true. The packages of package.json go under the target directory.
set -eu
cd "$(dirname "$0")/../.."

# Ends here without the tests: that is an error where CI is true.
give_up() {
    echo "SKIPPED: tests in a browser: $1" >&2
    [ "${CI:-}" != true ] || exit 1
    exit 0
}

# Installs a package of Debian's where its command is missing.
there() {
    command -v "$1" >/dev/null 2>&1 && return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "$2"
}

there node nodejs || give_up "there is no node"
there npm npm || give_up "there is no npm"
there chromium chromium || give_up "there is no chromium"

modules=${CARGO_TARGET_DIR:-target}/tools/browser
mkdir -p "$modules"
modules=$(cd "$modules" && pwd)
if ! cmp -s tests/browser/package.json "$modules/package.json"; then
    rm -rf "$modules/node_modules"
    cp tests/browser/package.json "$modules/draft.json"
    (cd "$modules" && mv draft.json package.json && npm install --no-audit --no-fund --no-package-lock --ignore-scripts) || {
        rm -f "$modules/package.json"
        give_up "npm could not install the packages"
    }
fi

# The server whose pages are tried. tests/all.sh names the program that the other tests have built: with their features, so
# that `cargo build` would compile every package again.
if [ -z "${SERVANDA_BINARY:-}" ]; then
    command -v cargo >/dev/null 2>&1 || give_up "there is no cargo to build servanda with"
    cargo build --quiet --locked --features objects,postgres
    SERVANDA_BINARY=${CARGO_TARGET_DIR:-target}/debug/servanda
fi

SERVANDA_BROWSER_MODULES=$modules/
SERVANDA_CHROMIUM=$(command -v chromium)
export SERVANDA_BINARY SERVANDA_BROWSER_MODULES SERVANDA_CHROMIUM
[ $# -gt 0 ] || set -- tests/browser/*.test.js
# Two files at once: a page keeps one processor busy, and node leaves one of two alone.
exec node --test --test-concurrency=2 "$@"
