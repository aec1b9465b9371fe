# shellcheck shell=bash
# Starts and ends a server for the shell scripts of tests/ and tools/bench/: source it. It speaks
# to the program only as an operator does: flags, the line that names the address, signals.

# The server's process, and the HOST:PORT it serves on.
server_pid=
server_address=

# start_server PROGRAM LOG ARGUMENT…: returns once the server can serve; its log goes to LOG.
# Errors: 1 if it ended or said nothing for 60 s.
start_server() {
    local program=$1 log=$2 line pattern='(\[[0-9a-f:]+\]|[a-z0-9.-]+):[0-9]+' pipe
    shift 2
    pipe=$(mktemp -u)
    mkfifo -- "$pipe"
    "$program" "$@" >"$pipe" 2>>"$log" &
    server_pid=$!
    server_address=
    # Stays open while the server lives, or whatever else it prints would be its SIGPIPE.
    exec {server_output}<"$pipe"
    rm -- "$pipe"
    while IFS= read -r -t 60 -u "$server_output" line; do
        if [[ $line =~ $pattern ]]; then
            # shellcheck disable=SC2034  # read by the scripts that source this
            server_address=${BASH_REMATCH[0]}
            return 0
        fi
    done
    printf 'the server did not come up; the end of its log:\n' >&2
    tail -n 20 -- "$log" >&2
    return 1
}

# stop_server SIGNAL: sends it and waits for the end; answers the server's exit status.
stop_server() {
    local status=0
    kill -s "$1" "$server_pid"
    wait "$server_pid" || status=$?
    exec {server_output}<&-
    server_pid=
    return "$status"
}

# cpu_ticks PID: CPU time of a process with all its threads, in clock ticks. Fields 14 and 15 of the
# line, counted from behind the program's name, which may hold spaces.
cpu_ticks() {
    local -a fields
    read -r -a fields <<<"$(sed 's/^.*) //' "/proc/$1/stat")"
    echo $((fields[11] + fields[12]))
}
