#!/usr/bin/env bash
# What the files of a deployment say of each other, and the scripts that run in the container, with
# Debian's BusyBox or any other sh: `files.sh ROOT`.
set -euo pipefail
cd -- "$1"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failures=0

check() {
    local what=$1
    shift
    "$@" || {
        printf 'not so: %s\n' "$what"
        failures=$((failures + 1))
    }
}

# The image and tools/dev compile with one list. A package that is named twice could be left behind once.
named_twice() {
    local sections
    mapfile -t sections < <(sed -n 's/^\[\(.*\)\]$/\1/p' tools/apt-packages.txt)
    tools/dev packages "${sections[@]}" | sort | uniq -d
}
check "no package is named twice" [ -z "$(named_twice)" ]
for list in build 'runtime image'; do
    check "the image takes the packages of $list" grep -qF "/src/tools/dev packages $list >" Dockerfile
    # shellcheck disable=SC2086  # names of sections
    check "tools/dev knows the sections $list" tools/dev packages $list >/dev/null
done

# Nothing of the tests, of git or of secrets gets into the context of the build.
for needed in CMakeLists.txt storage server handlers tools; do
    check "the build sees $needed" grep -qxF "!$needed" .dockerignore
done
check "the build sees nothing else" [ "$(grep -c '^!' .dockerignore)" = 7 ]
check "the first rule leaves all out" [ "$(grep -vE '^#' .dockerignore | head -n 1)" = '*' ]

# Each variable of the compose files is explained, and none is explained that is not there.
variables() { grep -ohE '\$\{[A-Z_]+' "$@" | tr -d '{$' | sort -u; }
explained() { grep -ohE '^#?[A-Z_]+=' "$@" | tr -d '#=' | sort -u; }
check "each variable is in an example" \
    diff <(variables docker-compose.yml docker-compose.prod.yml | grep -vx PINHOLE_NGINX_IMAGE) \
    <(explained .env.example .env.prod.example)
for secret in .env .env.prod; do
    check "git ignores $secret" grep -qxF "$secret" .gitignore
done

# Actions are named by commit, which nobody can move; what a workflow calls is there.
unpinned() { grep -hE '^ *(- )?uses: ' .github/workflows/*.yml | grep -vE '@[0-9a-f]{40} # v[0-9.]+$|uses: \./'; }
check "each action is named by commit" [ -z "$(unpinned)" ]
# shellcheck disable=SC2016  # GitHub's expression, not the shell's
check "a run by hand from another branch displaces no deployment" \
    grep -qxF '  group: deploy-${{ github.ref }}' .github/workflows/deploy.yml
mapfile -t called < <(grep -ohE 'tools/deploy/[a-z/-]*[a-z]|tests/deploy/[a-z_]+\.py' .github/workflows/*.yml | sort -u)
for script in "${called[@]}"; do
    check "$script is there, and runs" [ -x "$script" ]
done

# entry KEY: whether the image's entrypoint lets the server start with this key.
entry() { PINHOLE_SECRET_KEY=$1 sh tools/deploy/image/pinhole-entrypoint pinhole-server; }
mkdir "$work/bin"
printf '#!/bin/sh\necho started\n' >"$work/bin/pinhole-server"
chmod +x "$work/bin/pinhole-server"
PATH=$work/bin:$PATH
example=$(sed -n 's/^PINHOLE_SECRET_KEY=//p' .env.example)
for key in '' "$example" short "$(printf 'a%.0s' {1..64})" CHANGE_ME_CHANGE_ME_CHANGE_ME_123456; do
    status=0
    entry "$key" >"$work/said" 2>&1 || status=$?
    check "refused: '$key'" [ "$status" = 78 ]
    check "and said why: '$key'" grep -q 'openssl rand -hex 32' "$work/said"
done
check "a key by chance is taken" [ "$(entry "$(openssl rand -hex 32)")" = started ]
check "other commands run as they are" \
    [ "$(PINHOLE_SECRET_KEY='' sh tools/deploy/image/pinhole-entrypoint echo there)" = there ]

# The schedule's script calls pinhole-admin as it should, and knows how the last backup went.
cat >"$work/bin/pinhole-admin" <<'END'
#!/bin/sh
echo "$*" >>"$CALLS"
! grep -qxF -- "$*" "$FAIL"
END
chmod +x "$work/bin/pinhole-admin"
export CALLS=$work/calls FAIL=$work/fail PINHOLE_BACKUP_DIR=$work/backups PINHOLE_BACKUP_KEEP=2
export PINHOLE_BACKUP_VERIFY_DAYS=''
mkdir "$work/backups"
: >"$FAIL"
backup() { sh tools/deploy/image/pinhole-backup "$@" >/dev/null 2>&1; }
fails() { ! backup "$@"; }
folder=$work/backups/current
made="--quiet backup --keep 2 $folder" looked_at="--quiet backup verify $folder"
check "there is none at first" fails status
for fault in "$made" "$looked_at"; do
    echo "$fault" >"$FAIL"
    check "a failure is said: $fault" fails now
    check "and remembered: $fault" fails status
done
: | tee "$FAIL" >"$CALLS"
check "a backup is made" backup now
check "and looked at" diff <(printf '%s\n' "$made" "$looked_at") "$CALLS"
check "and remembered" backup status
touch -d '27 hours ago' "$work/backups/last-good"
check "for a day" fails status
: >"$CALLS"
PINHOLE_BACKUP_VERIFY_DAYS=1234567 backup now
check "on some days every byte is read" grep -qxF -- "--quiet backup verify --all --hash $folder" "$CALLS"
for wrong in AT=24:00 AT=3:30 AT=noon KEEP=0 KEEP=-1 KEEP=all VERIFY_DAYS=8 VERIFY_DAYS=sunday; do
    status=0
    env "PINHOLE_BACKUP_$wrong" sh tools/deploy/image/pinhole-backup now >/dev/null 2>&1 || status=$?
    check "refused: $wrong" [ "$status" = 78 ]
done
# A signal ends it between two backups, and one that is under way.
cat >"$work/bin/pinhole-admin" <<'END'
#!/bin/sh
trap 'echo ended >>"$CALLS"; exit 130' TERM
echo begun >"$BEGUN"
while :; do sleep 0.1; done
END
rm "$work/backups/last-good"
mkfifo "$work/begun"
BEGUN=$work/begun sh tools/deploy/image/pinhole-backup daily >/dev/null 2>&1 &
read -r _ <"$work/begun"
kill -TERM $!
wait $! || check "it ends well" false
check "and what was under way, too" grep -qx ended "$CALLS"

((failures == 0)) && echo "the files of a deployment agree"
