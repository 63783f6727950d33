#!/bin/sh
# What the examples run as `servanda` (tests/it/cli.rs): the program itself, with three liberties.
# - It runs in the scratch directory of its file of examples.
# - The words |, < and > mean what they do in a shell; trycmd knows no shell.
# - What is different each time has a name: [LINK] is a link or digest, [TIME] a recorded time, [TODAY] today.
set -u
unset SERVANDA_RECORDER
cd "$SERVANDA_SCRATCH" || exit 99
servanda() { "$SERVANDA_BIN" "$@"; }

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

# In tables the name is as wide as what it stands for, so that columns stay where they are.
second='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}'
hex4='[0-9a-f]{4}'
hex32="$hex4$hex4$hex4$hex4$hex4$hex4$hex4$hex4"
printf %s "${output%:*}" | sed -E \
    -e "s/${second}\.[0-9]{6}Z(  )/[TIME]                     \1/g" \
    -e "s/${second}Z(  )/[TIME]              \1/g" \
    -e "s/${second}(\.[0-9]{6})?Z/[TIME]/g" \
    -e "s/$hex32$hex32/[LINK]/g" \
    -e "s/$hex32(  )/[LINK]                          \1/g" \
    -e "s/$hex32/[LINK]/g" \
    -e "s/($today)/[TODAY]/g"
exit "$code"
