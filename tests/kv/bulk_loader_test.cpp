// A store that was loaded in bulk is what commits would have made of it, and goes on like any
// other.
#include "storage/kv/bulk_loader.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "storage/kv/rocksdb_store.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::kv::test {

namespace {

const std::vector<family_spec> specs{{1, "rows", family_kind::rows},
                                     {2, "index", family_kind::index},
                                     {3, "sums", family_kind::counters},
                                     {4, "terms", family_kind::postings},
                                     {5, "meta", family_kind::rows}};

std::unique_ptr<store> open(const std::filesystem::path& directory) {
    rocksdb_options options;
    options.directory = directory;
    options.families = specs;
    options.block_cache_bytes = std::size_t{8} << 20U;
    options.log = [](log_level, std::string_view) {};
    options.on_failure = [] {};
    return open_rocksdb(options);
}

/// Nothing is worth a line to whoever loads.
void must_be_silent(log_level /*level*/, std::string_view line) {
    BOOST_ERROR(line);
}

std::unique_ptr<bulk_loader> load(const std::filesystem::path& directory) {
    return make_bulk_loader({.directory = directory / "db",
                             .tables = directory / "tables",
                             .families = specs,
                             .log = must_be_silent});
}

commit first_commit() {
    return {{put{{0, 5, "version"}, "1"}, put{{0, 5, "more"}, "2"}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bulk_loads)

BOOST_AUTO_TEST_CASE(every_kind_of_family_reads_as_if_committed) {
    const pinhole::test::temporary_directory directory;
    const auto loader = load(directory.path());
    constexpr int rows = 5'000;
    for (int part = -rows; part < rows; ++part) {  // parts sort as numbers
        loader->add(1, part, {}, std::to_string(part));
        loader->add_sum(3, part, "p", part);
    }
    loader->add(2, 0, std::string("a\0", 2), "covered");
    loader->add(2, 0, std::string("a\0b", 3), {});
    loader->add(2, 1, {}, {});
    loader->add(4, 0, "term", "not kept");
    loader->finish(first_commit());
    BOOST_TEST(!std::filesystem::exists(directory.path() / "tables"));

    const auto opened = open(directory.path() / "db");
    const auto reader = opened->snapshot(read_mode::blocking);
    BOOST_TEST(reader->walk(1, nullptr, 100'000).size() == 2U * rows);
    BOOST_TEST(reader->get({-7, 1, {}})->value == "-7");
    BOOST_TEST(reader->counter({-7, 3, "p"}) == -7);
    BOOST_TEST(reader->get({0, 5, "version"})->value == "1");
    const auto entries = reader->scan({.part = 0, .family = 2, .from = {}, .to = {}, .limit = 9});
    BOOST_REQUIRE(entries.size() == 2U);
    BOOST_TEST(entries[0].value == "covered");
    const auto terms = reader->walk(4, nullptr, 9);
    BOOST_REQUIRE(terms.size() == 1U);
    BOOST_TEST(terms[0].row.value == "");
    BOOST_TEST(reader->get({0, 4, "term"}).has_value());
    BOOST_TEST(!reader->get({0, 4, "tern"}).has_value());
}

BOOST_AUTO_TEST_CASE(ranges_of_a_family_are_written_by_as_many_threads) {
    const pinhole::test::temporary_directory directory;
    const auto loader = load(directory.path());
    constexpr int threads = 3;
    constexpr int keys = 20'000;
    std::vector<std::future<void>> written;
    for (int number = 0; number < threads; ++number) {
        written.push_back(std::async(std::launch::async, [&loader, number] {
            const auto range = loader->new_range(2);
            for (int part = number * keys; part < (number + 1) * keys; ++part) {
                range->add(part, "k", std::to_string(part));
            }
            if (number != 1) {  // the end of all ends it, too
                range->end();
            }
        }));
    }
    for (auto& each : written) {
        each.get();
    }
    loader->new_range(2);  // to which nothing is added
    loader->finish(first_commit());

    const auto opened = open(directory.path() / "db");
    const auto reader = opened->snapshot(read_mode::blocking);
    const auto all = reader->walk(2, nullptr, 100'000);
    BOOST_REQUIRE(all.size() == std::size_t{threads} * keys);
    for (int part = 0; part < threads * keys; ++part) {
        const located_row& each = all[static_cast<std::size_t>(part)];
        BOOST_REQUIRE(each.part == part);
        BOOST_REQUIRE(each.row.value == std::to_string(part));
    }
}

BOOST_AUTO_TEST_CASE(a_load_that_is_given_up_leaves_nothing_open) {
    const pinhole::test::temporary_directory directory;
    {
        const auto given_up = load(directory.path());
        given_up->add(1, 7, {}, "row");
        given_up->end_family(1);
    }
    std::filesystem::remove_all(directory.path() / "db");
    load(directory.path())->finish(first_commit());
    BOOST_TEST(!open(directory.path() / "db")->snapshot(read_mode::blocking)->get({7, 1, {}}));
}

BOOST_AUTO_TEST_CASE(a_place_where_no_store_can_be_is_told_at_the_end) {
    const pinhole::test::temporary_directory directory;
    std::ofstream{directory.path() / "db"} << "a file";
    const auto loader = load(directory.path());
    loader->add(1, 7, {}, "row");
    BOOST_CHECK_THROW(loader->finish(first_commit()), storage_failure);
}

/// Whoever has read a loaded row must learn that it was changed.
BOOST_AUTO_TEST_CASE(stamps_go_on_above_those_of_the_load) {
    const pinhole::test::temporary_directory directory;
    const auto loader = load(directory.path());
    loader->add(1, 7, {}, "loaded");
    loader->add_sum(3, 7, {}, 40);
    loader->finish(first_commit());

    const auto opened = open(directory.path() / "db");
    const stamp seen = opened->snapshot(read_mode::blocking)->get({7, 1, {}})->stamp;
    BOOST_TEST(seen != 0U);
    const commit change{{check{{7, 1, {}}, seen}, put{{7, 1, {}}, "changed"}, add{{7, 3, {}}, 2}}};
    BOOST_TEST((opened->submit_and_wait(change) == outcome::ok));
    BOOST_TEST((opened->submit_and_wait(change) == outcome::conflict));
    BOOST_TEST((opened->submit_and_wait({{insert{{7, 1, {}}, "again"}}}) == outcome::exists));
    const auto reader = opened->snapshot(read_mode::blocking);
    BOOST_TEST(reader->get({7, 1, {}})->stamp > seen);
    BOOST_TEST(reader->counter({7, 3, {}}) == 42);
}

BOOST_AUTO_TEST_CASE(keys_out_of_order_are_refused) {
    const pinhole::test::temporary_directory directory;
    const auto loader = load(directory.path());
    loader->add(1, 2, "b", {});
    BOOST_CHECK_THROW(loader->add(1, 2, "b", {}), storage_failure);
    BOOST_CHECK_THROW(loader->add(1, 2, "a", {}), storage_failure);
    BOOST_CHECK_THROW(loader->add(1, -1, "c", {}), storage_failure);
}

BOOST_AUTO_TEST_CASE(a_store_without_rows_is_made_as_well) {
    const pinhole::test::temporary_directory directory;
    load(directory.path())->finish(first_commit());
    const auto opened = open(directory.path() / "db");
    BOOST_TEST(opened->snapshot(read_mode::blocking)->walk(1, nullptr, 9).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
