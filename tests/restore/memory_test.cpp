// A restore takes as much memory as it may, whatever there is to restore.
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "storage/dump/external_sorter.hpp"
#include "storage/dump/posting_sorter.hpp"
#include "storage/kv/byte_order.hpp"
#include "tests/restore/restore_fixture.hpp"
#include "tests/support/peak_memory.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::storage::test {

namespace {

using pinhole::test::peak_memory;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

std::string number_key(std::uint64_t number) {
    std::string key(sizeof number, '\0');
    kv::store_u64(key.data(), number);
    return key;
}

/// A dump with one user and post, and so many comments of 400 random letters: 390 trigrams each.
void write_comments(const fs::path& dump, std::size_t count, generator& random) {
    fs::create_directory(dump);
    const std::string times =
        R"("created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"})"
        "\n";
    std::ofstream{dump / "users.jsonl"} << R"({"id":"1","username":"kim","password":"!",)" << times;
    std::ofstream{dump / "posts.jsonl"} << R"({"id":"2","author":"1","content":"",)" << times;
    std::ofstream{dump / "files.jsonl"}
        << R"({"id":"3","post":"2","position":0,"type":"image","url":"/media/a.jpg",)"
        << R"("content_type":"image/jpeg","size":1,"width":1,"height":1,)" << times;
    std::ofstream comments{dump / "comments.jsonl"};
    std::string text(400, ' ');
    for (std::size_t id = 4; id < count + 4; ++id) {
        for (char& letter : text) {
            letter = static_cast<char>('a' + random.engine()() % 26);
        }
        comments << R"({"id":")" << id << R"(","post":"2","author":"1","content":")" << text
                 << "\"," << times;
    }
    std::ofstream{dump / "likes.jsonl"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory, *boost::unit_test::enable_if<pinhole::test::costs_are_real>())

BOOST_AUTO_TEST_CASE(a_sorter_with_many_runs_keeps_to_its_share) {
    const pinhole::test::temporary_directory directory;
    generator random{1};
    dump::external_sorter sorter{directory.path(), mebibyte / 2};
    const peak_memory peak;
    for (std::uint64_t at = 0; at < 1'500'000; ++at) {  // 120 runs
        sorter.add(number_key(random.engine()()), "value");
    }
    sorter.finish();
    while (sorter.next()) {
    }
    BOOST_TEST(peak.grown_mib() < 40U);  // what merges 64 runs reads a quarter of a MiB from each
}

BOOST_AUTO_TEST_CASE(a_posting_sorter_keeps_to_its_share) {
    const pinhole::test::temporary_directory directory;
    generator random{1};
    dump::posting_sorter sorter{directory.path(), 8 * mebibyte};
    const peak_memory peak;
    for (std::uint64_t row = 0; row < 60'000; ++row) {
        sorter.begin_row(number_key(row) + number_key(row));
        for (std::size_t term = 0; term < 100; ++term) {
            sorter.add(number_key(random.pick(5'000)));
        }
    }
    BOOST_TEST(peak.grown_mib() < 24U);  // 6 million entries: 48 MiB
    sorter.finish();
    std::uint64_t found = 0;
    while (sorter.next()) {
        ++found;
    }
    BOOST_TEST(found == sorter.size());
    BOOST_TEST(peak.grown_mib() < 24U);
}

/// 8 million entries take 64 MiB where they are sorted without a bound.
BOOST_AUTO_TEST_CASE(a_restore_keeps_to_its_memory) {
    const pinhole::test::temporary_directory directory;
    generator random{1};
    write_comments(directory.path() / "dump", 20'000, random);
    restore_options options{.no_manifest = true};
    options.memory_bytes = 16 * mebibyte;
    const peak_memory peak;
    must_restore(directory.path() / "dump", directory.path() / "target", options);
    BOOST_TEST(peak.grown_mib() < 112U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
