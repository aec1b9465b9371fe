# shellcheck shell=bash
# The way to the host, for the scripts that go there: source it behind lib.sh. ssh runs without what
# the user has configured, believes DEPLOY_KNOWN_HOSTS alone, and asks nobody.

path=${DEPLOY_PATH:-/opt/pinhole}
work=

quote() { printf '%q' "$1"; }

# Puts the key where ssh can read it, and nobody else, until the script ends.
connect() {
    local name
    for name in DEPLOY_HOST DEPLOY_SSH_KEY DEPLOY_KNOWN_HOSTS; do
        [[ -n ${!name-} ]] || die "$name is empty"
    done
    [[ $DEPLOY_HOST =~ ^[a-z_][a-z0-9_-]*@([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?$ ]] ||
        die "DEPLOY_HOST needs USER@HOST or USER@HOST:PORT, not '$DEPLOY_HOST'"
    [[ ${DEPLOY_TIMEOUT:-120} =~ ^[1-9][0-9]*$ ]] ||
        die "DEPLOY_TIMEOUT needs seconds, not '$DEPLOY_TIMEOUT'"
    [[ $path == /* && $path != *[[:space:]]* ]] || die "DEPLOY_PATH needs to be absolute, without spaces"
    work=$(umask 077 && mktemp -d)
    trap 'rm -rf -- "$work"' EXIT
    (
        umask 077
        printf '%s\n' "$DEPLOY_SSH_KEY" >"$work/key"
        printf '%s\n' "$DEPLOY_KNOWN_HOSTS" >"$work/known_hosts"
    )
}

# on_remote COMMAND: its output and exit status; 255 if the host cannot be reached or is another.
on_remote() {
    local host=$DEPLOY_HOST port=22
    if [[ $host =~ ^(.*[^:0-9\]]|.*\]|.*[0-9]):([0-9]+)$ ]]; then
        host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
    fi
    host=${host//[\[\]]/}
    ssh -F none -p "$port" -i "$work/key" \
        -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none \
        -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$work/known_hosts" \
        -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 \
        -o ServerAliveInterval=15 -o ServerAliveCountMax=4 \
        "$host" "$1"
}
