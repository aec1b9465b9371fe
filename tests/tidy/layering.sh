#!/usr/bin/env bash
# The architecture's layers, as a grep: all headers lie below one root, so the compiler sees no
# wrong include. `layering.sh ROOT` checks a tree; `layering.sh --self-test` shows that each rule
# catches what it is there for.
set -euo pipefail

violations=0

# refuse WHAT PATTERN FILE…: no file may have a line that matches the extended regular expression.
refuse() {
    local what=$1 pattern=$2 found
    shift 2
    (($# > 0)) || return 0
    if found=$(grep -HnE -- "$pattern" "$@"); then
        printf '%s:\n%s\n' "$what" "$found"
        violations=$((violations + 1))
    fi
}

# code FOLDER…: prints the sources below them, one a line.
code() {
    find "$@" -type f \( -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null | sort
}

not_in_a_comment='^([^/]|/[^/])*'

include() { printf '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](%s)' "$1"; }

check_tree() {
    cd -- "$1"
    violations=0
    local -a storage above_rocksdb above_seam server handlers tools all
    mapfile -t storage < <(code storage)
    mapfile -t above_rocksdb < <(code storage | grep -v '^storage/kv/rocksdb')
    # Whoever opens a store knows which; the tests of storage and of its control socket, and what
    # looks into the store that a server has left, open theirs as the database does.
    mapfile -t above_seam < <(code storage server handlers tools tests |
        grep -vE '^(storage|tests)/kv/' |
        grep -vxE 'storage/(database|restore/target_store)\.cpp|tests/(storage/storage_fixture|control/served_store|crash/trial)\.cpp')
    mapfile -t server < <(code server | grep -vx 'server/main.cpp')
    mapfile -t handlers < <(code handlers)
    # The benchmark's yardsticks are the bare libraries.
    mapfile -t tools < <(code tools | grep -v '^tools/bench/')
    mapfile -t all < <(code storage server handlers tools tests)

    refuse "storage knows no layer above it" "$(include '(server|handlers|tools|tests)/')" \
        "${storage[@]}"
    refuse "storage is synchronous: no Asio, no Beast" "$(include 'boost/(asio|beast)')" \
        "${storage[@]}"
    refuse "RocksDB's types stay in storage/kv/rocksdb*" "$(include 'rocksdb/')" \
        "${above_rocksdb[@]}" "${server[@]}" "${handlers[@]}" "${tools[@]}"
    refuse "only storage/database.cpp knows which store lies below" "$(include 'storage/kv/rocksdb_')" \
        "${above_seam[@]}"
    refuse "the server is handed a router; only main.cpp knows more" \
        "$(include '(handlers|storage|tools|tests)/')" "${server[@]}"
    refuse "the server knows no entity" \
        "$not_in_a_comment"'(\b((post|like|comment)_count|username)\b|"(/api/v1)?/(users|posts|likes)\b)' \
        "${server[@]}"
    refuse "handlers are above the server and storage only" "$(include '(tools|tests)/')" \
        "${handlers[@]}"
    refuse "tools use storage as handlers do" "$(include '(server|handlers|tests)/')" "${tools[@]}"
    refuse "Boost.Test is linked, not compiled into each test" "$(include 'boost/test/included')" \
        "${all[@]}"
    refuse "libstdc++ 12 has no <format>; fmt is there" "$(include 'format>')" "${all[@]}"
    ((violations == 0))
}

# The tree of a program that breaks no rule, and that each case of the self-test breaks in one place.
self_test() {
    local tree file line failed=0 caught=0
    tree=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder's name now, not at exit
    trap "rm -rf -- '$tree'" EXIT
    while IFS='|' read -r file line; do
        rm -rf -- "${tree:?}"/*
        mkdir -p "$tree"/{storage/kv,server,handlers,tools/bench,tests/kv,tests/storage}
        echo '#include <rocksdb/db.h>' >"$tree/storage/kv/rocksdb_store.cpp"
        tee -a "$tree"/{storage/{kv/rocksdb_store,database},tests/{kv/rocksdb_test,storage/storage_fixture}}.cpp \
            >/dev/null <<<'#include "storage/kv/rocksdb_store.hpp"'
        echo '#include "storage/kv/store.hpp"' >"$tree/handlers/posts.cpp"
        echo '#include "handlers/routes.hpp"' >"$tree/server/main.cpp"
        echo '#include <boost/beast.hpp>' >"$tree/tools/bench/bare_beast.cpp"
        echo 'int a;  ///< a pattern such as "/api/v1/posts/{id}"; post is a verb here' >"$tree/server/router.cpp"
        if ! (check_tree "$tree" >/dev/null); then
            echo "self-test: the clean tree was refused"
            failed=1
        fi
        printf '%s\n' "$line" >>"$tree/$file"
        if (check_tree "$tree" >/dev/null); then
            printf 'self-test: not caught: %s in %s\n' "$line" "$file"
            failed=1
        fi
        caught=$((caught + 1))
    done <<'CASES'
storage/ids.hpp|#include "server/router.hpp"
storage/ids.hpp|#include "handlers/routes.hpp"
storage/jobs.cpp|  #  include <boost/asio/io_context.hpp>
storage/jobs.cpp|#include <boost/beast/core.hpp>
storage/schema.cpp|#include <rocksdb/db.h>
storage/database.hpp|#include "storage/kv/rocksdb_store.hpp"
storage/jobs.cpp|#include "storage/kv/rocksdb_health.hpp"
handlers/posts.cpp|#include "storage/kv/rocksdb_store.hpp"
server/main.cpp|#include "storage/kv/rocksdb_store.hpp"
tools/dump.cpp|#include "storage/kv/rocksdb_store.hpp"
tests/storage/jobs_test.cpp|#include "storage/kv/rocksdb_store.hpp"
handlers/posts.cpp|#include "rocksdb/db.h"
handlers/posts.cpp|#include "tools/admin.hpp"
tools/dump.cpp|#include <rocksdb/db.h>
tools/dump.cpp|#include "handlers/routes.hpp"
server/router.cpp|#include "handlers/routes.hpp"
server/router.cpp|#include "storage/kv/store.hpp"
server/router.cpp|int like_count;
server/router.cpp|router.add("/posts", get);
tests/a.cpp|#include <boost/test/included/unit_test.hpp>
storage/ids.cpp|#include <format>
CASES
    ((failed == 0 && caught > 0)) && echo "$caught violations tried, all caught"
}

case ${1-} in
    --self-test) self_test ;;
    ?*) check_tree "$1" && echo "the layers are as they should be" ;;
    *)
        echo "usage: layering.sh ROOT | --self-test" >&2
        exit 2
        ;;
esac
