#!/usr/bin/env bash
# Each suite that docs/reliability.md names is there: `reliability.sh BUILD DOCUMENT`. What they show
# is shown by the suites themselves, which all run with the rest.
set -euo pipefail
build=$1 document=$2

missing=0
named=0
while read -r program suites; do
    content=$("$build/$program" --list_content 2>&1)
    for suite in ${suites//,/ }; do
        named=$((named + 1))
        # A space for the star: there, but not to be run in this build.
        grep -qxE -- "${suite}[* ]" <<<"$content" || {
            echo "$document names $suite of $program, which is not there" >&2
            missing=$((missing + 1))
        }
    done
done < <(tr '\n' ' ' <"$document" | grep -oE 'test_[a-z_]+ --run_test=[a-z_,]+' |
    sed 's/--run_test=//' | sort -u)

((named > 0 && missing == 0))
