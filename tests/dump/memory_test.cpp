// A dump takes as much memory as it takes, whatever there is to dump.
#include <fcntl.h>

#include <string>

#include "storage/base/unique_fd.hpp"
#include "tests/dump/dump_fixture.hpp"
#include "tests/support/peak_memory.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::storage::dump::test {

BOOST_FIXTURE_TEST_SUITE(memory, dump_fixture)

/// A text of control characters takes six times its bytes in JSON: 300 MB of dump, which the
/// database holds in a few megabytes.
BOOST_AUTO_TEST_CASE(a_large_dump_takes_no_more_memory_than_a_small_one,
                     *boost::unit_test::enable_if<pinhole::test::costs_are_real>()) {
    create(*store, make_user(1, "kim"), make_post(10, 1));
    constexpr entity_id count = 25'000;
    kv::commit commit;
    for (entity_id id = 1000; id < 1000 + count; ++id) {
        comment row = make_comment(id, 10, 1);
        row.content.assign(2000, '\x01');
        // Not through the indexes by text, which would take longer than the rest.
        commit.operations.emplace_back(kv::put{row_key<comment>(id), encode_row(row)});
        if (commit.operations.size() == 2000) {
            must_commit(*store, std::exchange(commit, {}));
        }
    }
    must_commit(*store, std::move(commit));
    const unique_fd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    dump_options options = make_dump_options();
    options.only_alive = true;
    const auto dump = [&](std::vector<std::string> exclude) {
        options.exclude = std::move(exclude);
        const auto stream = make_stream_sink(nowhere.get(), at_second(0));
        const auto report = dump_to(*stream, options);
        BOOST_REQUIRE(report.has_value());
        return report->written.entities;
    };
    dump({"comments"});
    const pinhole::test::peak_memory peak;
    BOOST_TEST(dump({}).at("comments").rows == static_cast<std::uint64_t>(count));
    // The blocks that are read fill the cache of 16 MiB.
    BOOST_TEST(peak.grown_mib() < 64U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
