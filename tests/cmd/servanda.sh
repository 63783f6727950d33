#!/bin/sh
# What the examples run as `servanda` (tests/it/cli.rs): the program itself, with three liberties.
# - It runs in the scratch directory of its file of examples.
# - The words |, < and > mean what they do in a shell; trycmd knows no shell.
# - What is different each time has a name: [LINK] is a link or digest, [ROOT] a tree's root in base64,
#   [WITNESS] where a witness listens, [TIME] a recorded time, [TODAY] today.
set -u
unset SERVANDA_RECORDER
cd "$SERVANDA_SCRATCH" || exit 99

# With SERVANDA_POSTGRES, the beginning of a URL, each ledger that is in no directory is in a schema of that database, and
# the output calls it by its name.
place() {
    case ${SERVANDA_POSTGRES:+$1} in
    '' | *[!a-z0-9_]*) printf %s "$1" ;;
    *) [ -e "$1" ] && printf %s "$1" || printf %s "$SERVANDA_POSTGRES$1" ;;
    esac
}
servanda() {
    before=
    for word; do
        shift
        [ "$before" != --ledger ] || word=$(place "$word")
        set -- "$@" "$word"
        before=$word
    done
    SERVANDA_LEDGER=$(place "$SERVANDA_LEDGER") "$SERVANDA_BIN" "$@"
}
names() {
    if [ -z "${SERVANDA_POSTGRES:-}" ]; then
        cat
    else
        url=$(printf %s "$SERVANDA_POSTGRES" | sed 's/[][\\.*^$|]/\\&/g')
        sed "s|'$url\\([a-z0-9_]*\\)'|\\1|g; s|$url\\([a-z0-9_]*\\)|\\1|g"
    fi
}

# With SERVANDA_SERVERS, each ledger that is there is served first, by a process that stays and is noted in that file. A
# ledger that cannot be served is used as it is.
serve_all() {
    find . -maxdepth 3 -name servanda -type f | while read -r marker; do
        ledger=${marker%/servanda}
        [ -e "$ledger/socket" ] && continue
        "$SERVANDA_BIN" serve --ledger "$ledger" --listen 127.0.0.1:0 --no-memory </dev/null >/dev/null 2>&1 &
        echo $! >>"$SERVANDA_SERVERS"
        # One that ended is gone from the list of processes, or stays in it as a child that nobody waited for.
        for _ in $(seq 500); do
            [ -e "$ledger/socket" ] && break
            [ -e /proc/self ] && [ ! -e "/proc/$!" ] && break
            grep -qs '^State:.*Z' "/proc/$!/status" && break
            sleep 0.02
        done
    done
}
[ -z "${SERVANDA_SERVERS:-}" ] || serve_all

line=servanda
for word; do
    case $word in
    '|' | '<' | '>') line="$line $word" ;;
    *\'*) line="$line '$(printf %s "$word" | sed "s/'/'\\\\''/g")'" ;;
    *) line="$line '$word'" ;;
    esac
done

before=$(date +%F)
# The exit code goes last, so that newlines at the end are kept.
output=$(eval "$line" 2>&1; echo ":$?")
code=${output##*:}
today="$before|$(date +%F)"

# In tables a name is as wide as what it stands for, so that columns stay where they are; and a link may be broken.
printf %s "${output%:*}" | names | awk -v today="$today" '
function stand_in(pattern, name,    done, rest) {
    rest = $0
    while (match(rest, pattern)) {
        done = done substr(rest, 1, RSTART - 1) name
        if (substr(rest, RSTART + RLENGTH, 2) == "  ")
            done = done sprintf("%" (RLENGTH - length(name)) "s", "")
        rest = substr(rest, RSTART + RLENGTH)
    }
    $0 = done rest
}
{
    root = "="
    for (n = 0; n < 43; n++) root = "[A-Za-z0-9+\\/]" root
    stand_in(root, "[ROOT]")
    stand_in("127[.]0[.]0[.]1:[0-9][0-9]*", "[WITNESS]")
    digit = "[0-9a-f]"
    few = digit digit digit digit digit digit
    stand_in(few few digit "*", "[LINK]")
    two = "[0-9][0-9]"
    stand_in(two two "-" two "-" two "T" two ":" two ":" two "[.]?[0-9]*Z", "[TIME]")
    stand_in(today, "[TODAY]")
    print
}' || exit 99
exit "$code"
