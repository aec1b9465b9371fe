#include "storage/reindex.hpp"

#include "storage/check.hpp"
#include "storage/meta.hpp"
#include "storage/ranking.hpp"
#include "tests/storage/naive_world.hpp"

namespace pinhole::storage::test {

namespace {

/// Everything in a family, as text.
std::vector<std::string> contents(const kv::store& store, kv::family_id family) {
    std::vector<std::string> all;
    const auto reader = store.snapshot(kv::read_mode::blocking);
    for (const auto& each : reader->walk(family, nullptr, 1'000'000)) {
        all.push_back(std::to_string(each.part) + "/" + hex(each.row.key) + "=" +
                      hex(each.row.value));
    }
    return all;
}

void erase_all(kv::store& store, const std::vector<std::uint8_t>& numbers) {
    kv::commit commit;
    for (const auto& each :
         store.snapshot(kv::read_mode::blocking)->walk(families::index, nullptr, 1'000'000)) {
        if (std::ranges::count(numbers, static_cast<std::uint8_t>(each.row.key.front())) > 0) {
            commit.operations.emplace_back(
                kv::erase{{each.part, families::index, each.row.key}});
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
    const auto before = contents(store, families::index);
    erase_all(store, new_indexes);
    BOOST_TEST(contents(store, families::index).size() < before.size());
    add_index_entries(store);
    BOOST_TEST(contents(store, families::index) == before, boost::test_tools::per_element());
    add_index_entries(store);
    BOOST_TEST(contents(store, families::index) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(trigrams_of_another_case_mapping_are_made_anew) {
    world in;
    kv::store& store = in.store();
    const auto before = contents(store, families::index);
    refresh_trigrams(store);
    BOOST_TEST(contents(store, families::index) == before, boost::test_tools::per_element());
    const auto set_version = [&store](std::int64_t version) {
        kv::commit commit;
        append_meta(commit, "fold_version", version);
        // As another mapping would have it: an entry too many, and all others missing.
        commit.operations.emplace_back(
            kv::put{{0, families::index, term_prefix(13, "xyz") + std::string(16, '\x01')}, {}});
        must_commit(store, std::move(commit));
    };
    set_version(1);
    erase_all(store, {3, 4, 34});
    refresh_trigrams(store);
    BOOST_TEST(contents(store, families::index) == before, boost::test_tools::per_element());
    refresh_trigrams(store);
    BOOST_TEST(contents(store, families::index) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
