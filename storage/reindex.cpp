#include "storage/reindex.hpp"

#include <optional>

#include "storage/base/fold.hpp"
#include "storage/maintenance/batch_writer.hpp"
#include "storage/meta.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage {

namespace {

constexpr std::uint32_t rows_per_read = 1024;
constexpr std::size_t operations_per_commit = 10'000;
constexpr std::string_view fold_version_name = "fold_version";

template <class Row, class Function>
void for_each_row(kv::store& store, const Function& function) {
    std::optional<kv::key> beyond;
    for (;;) {
        const auto found =
            store.snapshot(kv::read_mode::blocking)
                ->walk(schema<Row>::family, beyond ? &*beyond : nullptr, rows_per_read);
        for (const kv::located_row& each : found) {
            function(decode_row<Row>(each.row.value));
        }
        if (found.size() < rows_per_read) {
            return;
        }
        beyond = {found.back().part, schema<Row>::family, found.back().row.key};
    }
}

template <class Row>
void add_entries_of(kv::store& store, batch_writer& out) {
    for_each_row<Row>(store, [&](const Row& row) {
        append_index_upkeep<Row>(out.commit(), nullptr, &row);
        append_inverted_upkeep<Row>(out.commit(), nullptr, &row);
        if constexpr (has_ranks<Row>) {
            append_unranked<Row>(out.commit(), row.id);
        }
        out.flush_beyond(operations_per_commit);
    });
}

void erase_terms(kv::store& store, batch_writer& out, std::uint8_t number) {
    for (;;) {
        const auto entries = scan_index(*store.snapshot(kv::read_mode::blocking),
                                        {.family = families::terms,
                                         .prefix = index_prefix(number, true),
                                         .limit = rows_per_read});
        for (const kv::row& entry : entries) {
            out.commit().operations.emplace_back(
                kv::erase{{global_part, families::terms, entry.key}});
        }
        out.flush_beyond(0);
        if (entries.size() < rows_per_read) {
            return;
        }
    }
}

template <class Row>
void remake_trigrams_of(kv::store& store, batch_writer& out) {
    for_each_inverted<Row>([&](const inverted_index<Row>& index) {
        if (index.kind == term_kind::trigrams) {
            erase_terms(store, out, index.number);
        }
    });
    for_each_row<Row>(store, [&](const Row& row) {
        append_inverted_upkeep<Row>(out.commit(), nullptr, &row);
        out.flush_beyond(operations_per_commit);
    });
}

}  // namespace

void append_fold_version(kv::commit& commit) {
    append_meta(commit, fold_version_name, fold_version());
}

void add_index_entries(kv::store& store) {
    batch_writer out{store};
    add_entries_of<user>(store, out);
    add_entries_of<post>(store, out);
    add_entries_of<file>(store, out);
    add_entries_of<comment>(store, out);
    add_entries_of<like>(store, out);
    append_fold_version(out.commit());
    out.flush_beyond(0);
}

void refresh_trigrams(kv::store& store) {
    const auto made_with = read_meta(*store.snapshot(kv::read_mode::blocking), fold_version_name);
    if (made_with == fold_version()) {
        return;
    }
    batch_writer out{store};
    remake_trigrams_of<user>(store, out);
    remake_trigrams_of<post>(store, out);
    remake_trigrams_of<comment>(store, out);
    append_fold_version(out.commit());
    out.flush_beyond(0);
}

}  // namespace pinhole::storage
