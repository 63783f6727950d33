#!/bin/sh
# The long run: damages files of ledgers, kills processes that write, cuts the power, and prints a summary as JSON.
#
#   sh tests/endurance.sh                                    10,000 damages, 3,000 kills, 100,000 power cuts
#   sh tests/endurance.sh 600                                for 600 seconds, a third for each
#   sh tests/endurance.sh damages=500 kills=60 cuts=6000 seed=7
#   sh tests/endurance.sh case=kills:7:41                    one case again, as a failure names it
#   sh tests/endurance.sh failovers=20                       kills the primary of a PostgreSQL cluster, and nothing else;
#                                                            the run without words does so 8 times at its end
#
# Ends with 1 if a promise of docs/reliability.md was broken. What such a case left is kept under the target directory.
# Needs Rust and sh; without strace, no process is killed at a chosen system call.
set -eu
cd "$(dirname "$0")/.."
# Syncs to memory cost nothing, and a killed process loses nothing that it wrote.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
status=0
case $* in
'') failovers=8 ;;
failovers=*) failovers=${1#failovers=} ;;
*) failovers=0 ;;
esac
[ "${1:-}" = "failovers=$failovers" ] || SERVANDA_ENDURANCE="$*" SERVANDA_ENDURANCE_SUMMARY=$summary RUST_BACKTRACE=0 \
    nice -n 10 cargo test --quiet --locked --features objects,postgres --test it endurance::a_long_run -- --ignored --nocapture >&2 || status=1
if [ "$failovers" -gt 0 ]; then
    SERVANDA_FAILOVERS=$failovers nice -n 10 cargo test --quiet --locked --features objects,postgres --test it \
        postgres::failover::a_long_run -- --ignored --nocapture >&2 || status=1
fi
cat "$summary"
exit "$status"
