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

# A backup that fails removes nothing; one that succeeds keeps as many as it should.
cat >"$work/bin/pinhole-admin" <<'END'
#!/bin/sh
[ ! -e "$FAIL" ] || exit 1
for target; do :; done
echo dump >"$target"
END
chmod +x "$work/bin/pinhole-admin"
mkdir "$work/backups"
touch "$work"/backups/pinhole-2026010{1,2,3}T000000Z.tar.zst "$work/backups/mine.tar.zst"
export FAIL=$work/fail PINHOLE_BACKUP_DIR=$work/backups PINHOLE_BACKUP_KEEP=2
: >"$FAIL"
backup() { sh tools/deploy/image/pinhole-backup now >/dev/null 2>&1; }
if backup; then check "a failed backup says so" false; fi
check "a failed backup removes nothing" [ "$(find "$work/backups" -type f | wc -l)" = 4 ]
rm "$FAIL"
check "a backup is made" backup
check "the newest two are kept, and what is not ours" \
    [ "$(find "$work/backups" -type f -printf '%f\n' | sort | grep -vc '2026010[12]')" = 3 ]
check "and no more" [ "$(find "$work/backups" -type f | wc -l)" = 3 ]
for wrong in 24:00 3:30 noon; do
    if PINHOLE_BACKUP_AT=$wrong backup; then check "no such time: $wrong" false; fi
done

((failures == 0)) && echo "the files of a deployment agree"
