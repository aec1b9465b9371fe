#!/usr/bin/env bash
# queries.sh TOOLS BUILD: tools/bench/queries on a small data set. It must be made and then used
# again, and every published query be answered, the search for the needle with all that was hidden.
set -euo pipefail

tools=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# run ARGUMENT…: the table goes to $work/table, what is said beside it to $work/log.
run() {
    "$tools/bench/queries" --build "$build" --data "$work/data" --posts 500 --runs 1 "$@" \
        >"$work/table" 2>"$work/log" || {
        cat -- "$work/log"
        exit 1
    }
}

# expect WHAT PATTERN FILE: a line of the file matches.
expect() {
    grep -qE -- "$2" "$work/$3" || {
        printf 'no %s:\n' "$1"
        cat -- "$work/$3"
        exit 1
    }
}

run
expect 'data set made' '^making 500 posts$' log
queries=$(grep -cv -e '^#' -e '^$' -- "$tools/bench/queries.txt")
measured=$(grep -cE '^\| `.* \| [0-9]+ → [0-9]+ \| (\*\*)?[0-9]+(\*\*)? \|$' "$work/table")
if ((measured != queries)); then
    printf '%d queries, but %d were measured:\n' "$queries" "$measured"
    cat -- "$work/table"
    exit 1
fi
# shellcheck disable=SC2016  # Markdown's own backticks
expect 'row of a page' '^\| `posts` \| [a-z]+[.a-z]* \| [0-9]+ → 20 \|' table
# shellcheck disable=SC2016
expect 'row of the needle' '^\| `posts\?content__icontains=quokka` .* → 3 \|' table
expect 'sum' '^500 posts: of [0-9]+ queries [0-9]+ took more than 5 ms, 0 were refused\.$' table

echo posts >"$work/list"
run --list "$work/list"
if grep '^making' "$work/log"; then
    echo 'the data set was there, and was made again'
    exit 1
fi
