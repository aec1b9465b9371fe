#!/usr/bin/env bash
# The README's configuration table is the server's own: `configuration.sh PROGRAM README`.
set -euo pipefail

said=$(awk '
    /^<!-- \/configuration -->$/ { inside = 0 }
    inside { print }
    /^<!-- configuration -->$/ { inside = 1 }' "$2")
is=$("$1" --print-configuration-markdown)
[[ -n $is ]]
if ! diff -u --label README <(printf '%s\n' "$said") --label server <(printf '%s\n' "$is"); then
    echo "the README's table is old: run tools/dev docs" >&2
    exit 1
fi
