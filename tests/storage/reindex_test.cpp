#include "storage/reindex.hpp"

#include "storage/check.hpp"
#include "storage/meta.hpp"
#include "storage/ranking.hpp"
#include "tests/storage/naive_world.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::array index_families{families::index, families::terms};

/// Marks say what has happened, and when.
bool is_mark(std::string_view key) {
    return key.starts_with(index_prefix(schema<user>::unranked_number, true)) ||
           key.starts_with(index_prefix(schema<post>::unranked_number, true));
}

/// All index entries but for marks, as text.
std::vector<std::string> contents(const kv::store& store) {
    std::vector<std::string> all;
    const auto reader = store.snapshot(kv::read_mode::blocking);
    for (const kv::family_id family : index_families) {
        for (const auto& each : reader->walk(family, nullptr, 1'000'000)) {
            if (family == families::index && is_mark(each.row.key)) {
                continue;
            }
            std::string& line = all.emplace_back(std::to_string(each.part));
            line.append("/").append(hex(each.row.key)).append("=").append(hex(each.row.value));
        }
    }
    return all;
}

void erase_all(kv::store& store, const std::vector<std::uint8_t>& numbers) {
    kv::commit commit;
    const auto reader = store.snapshot(kv::read_mode::blocking);
    for (const kv::family_id family : index_families) {
        for (const auto& each : reader->walk(family, nullptr, 1'000'000)) {
            if (std::ranges::count(numbers, static_cast<std::uint8_t>(each.row.key.front())) > 0) {
                commit.operations.emplace_back(kv::erase{{each.part, family, each.row.key}});
            }
        }
    }
    must_commit(store, std::move(commit));
}

/// What the second schema version brought.
const std::vector<std::uint8_t> new_indexes{2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17, 22, 34};

}  // namespace

BOOST_AUTO_TEST_SUITE(reindexing)

BOOST_AUTO_TEST_CASE(entries_of_an_older_database_are_made) {
    world in;
    kv::store& store = in.store();
    const auto before = contents(store);
    erase_all(store, new_indexes);
    BOOST_TEST(contents(store).size() < before.size());
    add_index_entries(store);
    BOOST_TEST(contents(store) == before, boost::test_tools::per_element());
    add_index_entries(store);
    BOOST_TEST(contents(store) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(trigrams_of_another_case_mapping_are_made_anew) {
    world in;
    kv::store& store = in.store();
    const auto before = contents(store);
    refresh_trigrams(store);
    BOOST_TEST(contents(store) == before, boost::test_tools::per_element());
    const auto set_version = [&store](std::int64_t version) {
        kv::commit commit;
        append_meta(commit, "fold_version", version);
        // As another mapping would have it: an entry too many, and all others missing.
        commit.operations.emplace_back(
            kv::put{{0, families::terms, term_prefix(13, "xyz") + std::string(16, '\x01')}, {}});
        must_commit(store, std::move(commit));
    };
    set_version(1);
    erase_all(store, {3, 4, 34});
    refresh_trigrams(store);
    BOOST_TEST(contents(store) == before, boost::test_tools::per_element());
    refresh_trigrams(store);
    BOOST_TEST(contents(store) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
