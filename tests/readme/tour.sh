#!/usr/bin/env bash
# Runs the README's tour as printed against a real server, and compares what each part prints with
# what the README says. After every part the server is killed with -9 and started again, so the
# tour is also the test that what was answered is kept. `tour.sh PROGRAM README`; PHOTO and VIDEO
# may name files to use instead of the generated ones.
set -euo pipefail

program=$(readlink -f -- "$1")
readme=$(readlink -f -- "$2")
# shellcheck source=tools/server.sh
source "$(dirname -- "$readme")/tools/server.sh"

work=$(mktemp -d)
finish() {
    local status=$?
    [[ -z $server_pid ]] || stop_server KILL 2>/dev/null || true
    ((status == 0)) || tail -n 30 -- "$work/server.log" >&2 || true
    rm -rf -- "$work"
}
trap finish EXIT
cd -- "$work"

# Files 1.sh, 1.txt, 2.sh, …: each part of the tour and what it is to print (a part without a text
# block prints nothing).
awk '
    /^<!-- tour -->$/ { touring = 1 }
    /^<!-- \/tour -->$/ { touring = 0 }
    !touring { next }
    /^```sh$/ { part++; file = part ".sh"; printf "" > (part ".txt"); next }
    /^```text$/ { file = part ".txt"; next }
    /^```$/ { file = ""; next }
    file != "" { print > file }' "$readme"
parts=(*.sh)
((${#parts[@]} >= 5)) || {
    echo "only ${#parts[@]} parts found: are the tour's markers in the README?" >&2
    exit 1
}

# On an address of its own: nobody else takes its port while the server is away.
start_server "$program" server.log --data-dir data \
    --listen "127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1)):0"
# shellcheck disable=SC2034  # the tour reads it
PINHOLE=http://$server_address
address=$server_address

# Sourced, not executed: as in a terminal, later parts use the variables of earlier ones.
take_part() {
    local expected=$1.txt
    # shellcheck source=/dev/null
    source "./$1.sh" >"$1.out"
    if ! diff -u --label "README, part $1" --label "printed" "$expected" "$1.out" >&2; then
        printf 'part %s was:\n%s\n' "$1" "$(<"$1.sh")" >&2
        exit 1
    fi
}

crash() {
    stop_server KILL 2>/dev/null || true
    start_server "$program" server.log --data-dir data --listen "$address"
}

for ((part = 1; part <= ${#parts[@]}; part++)); do
    take_part "$part"
    crash
done
# The last part only reads: it must print the same again.
take_part "${#parts[@]}"

stop_server TERM || {
    echo "on SIGTERM the server ended with $?, not with 0" >&2
    exit 1
}
echo "${#parts[@]} parts, ${#parts[@]} crashes, all as printed"
