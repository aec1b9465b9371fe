# shellcheck shell=bash
# What the scripts of this folder share: source it.

# Where the repository is.
# shellcheck disable=SC2034  # read by the scripts that source this
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# usage SCRIPT: its head comment.
usage() {
    sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$1" >&2
    exit 2
}

# output NAME VALUE: for the later steps of a workflow on GitHub; elsewhere nothing.
output() {
    [[ -z ${GITHUB_OUTPUT-} ]] || printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}
