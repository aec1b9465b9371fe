#include <algorithm>
#include <array>

#include "storage/database.hpp"
#include "storage/idempotency.hpp"
#include "storage/ranking.hpp"
#include "storage/reindex.hpp"
#include "tests/maintenance/random_world.hpp"

namespace pinhole::storage::test {

namespace {

/// All that derives from rows, but for marks that come and go; a line each, without stamps.
std::vector<std::string> derived(const kv::store& store) {
    std::vector<std::string> lines;
    const auto reader = store.snapshot(kv::read_mode::blocking);
    for (const kv::family_id family :
         {families::index, families::terms, families::unique, families::counters}) {
        for (const auto& each : reader->walk(family, nullptr, UINT32_MAX)) {
            // A sum of nothing is as good as none.
            if (family != families::counters || each.row.value != "0") {
                lines.push_back(std::to_string(family) + '/' + std::to_string(each.part) + '/' +
                                hex(each.row.key) + '=' + hex(each.row.value));
            }
        }
    }
    return lines;
}

struct reindexed_fixture {
    reindexed_fixture() {
        make_random_world(in, random);
        kv::commit commit;
        append_answer(commit, *in.store().snapshot(kv::read_mode::blocking), keys, {"scope", "key"},
                      {.fingerprint = "f", .status = 201}, at_second(1));
        must_commit(in.store(), std::move(commit));
        in.settle();
    }

    generator random{make_seed()};
    secrets keys{test_master};
    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reindexing_all, reindexed_fixture)

BOOST_AUTO_TEST_CASE(makes_what_was_there) {
    const auto before = derived(in.store());
    const reindex_report made = reindex(in.store());
    BOOST_TEST(derived(in.store()) == before, boost::test_tools::per_element());
    BOOST_TEST(made.rewritten == 0U);
    BOOST_TEST(made.damaged == 0U);
    BOOST_TEST(made.shared == 0U);
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(makes_all_anew_when_nothing_is_left_or_all_is_rubbish) {
    const auto before = derived(in.store());
    for (const bool rubbish : {false, true}) {
        kv::commit commit;
        const auto reader = in.store().snapshot(kv::read_mode::blocking);
        for (const kv::family_id family :
             {families::index, families::terms, families::unique, families::counters}) {
            for (const auto& each : reader->walk(family, nullptr, UINT32_MAX)) {
                const kv::key key{each.part, family, each.row.key};
                if (!rubbish || random.one_in(2)) {
                    commit.operations.emplace_back(kv::erase{key});
                } else if (family == families::counters) {
                    commit.operations.emplace_back(kv::add{key, 17});
                } else if (family != families::terms) {
                    commit.operations.emplace_back(kv::put{key, "\xff"});
                }
            }
        }
        must_commit(in.store(), std::move(commit));
        reindex(in.store());
        BOOST_TEST(derived(in.store()) == before, boost::test_tools::per_element());
        in.must_be_sound();
    }
}

BOOST_AUTO_TEST_CASE(sets_right_what_rows_have_of_others) {
    const auto rows = read_plain_rows(in.store());
    kv::commit commit;
    std::size_t spoilt = 0;
    for (const auto& [id, plain] : rows) {
        if (plain.entity == "likes" && random.one_in(3)) {
            like row = decode_row<like>(plain.bytes);
            row.is_counted = !row.is_counted;
            commit.operations.emplace_back(kv::put{row_key<like>(id), encode_row(row)});
            ++spoilt;
        } else if (plain.entity == "posts" && random.one_in(3)) {
            post row = decode_row<post>(plain.bytes);
            row.files.pop_back();
            commit.operations.emplace_back(kv::put{row_key<post>(id), encode_row(row)});
            ++spoilt;
        }
    }
    must_commit(in.store(), std::move(commit));
    BOOST_TEST(reindex(in.store()).rewritten == spoilt);
    in.must_be_sound();
    BOOST_TEST(reindex(in.store()).rewritten == 0U);
}

BOOST_AUTO_TEST_CASE(leaves_damaged_rows_and_shared_names_as_they_are) {
    kv::commit commit;
    user other = make_user(900'000, "user1");
    commit.operations.emplace_back(kv::put{row_key<user>(other.id), encode_row(other)});
    commit.operations.emplace_back(kv::put{row_key<comment>(900'001), "\xff"});
    must_commit(in.store(), std::move(commit));
    const reindex_report made = reindex(in.store());
    BOOST_TEST(made.damaged == 1U);
    BOOST_TEST(made.shared == 1U);
    const check_report report = in.check();
    BOOST_TEST(report.count(finding_kind::undecodable) == 1U);
    BOOST_TEST(report.count(finding_kind::shared_unique) == 1U);
    BOOST_TEST(report.problems == 2U);
}

BOOST_AUTO_TEST_CASE(one_that_was_interrupted_is_finished_before_the_database_opens) {
    const auto before = derived(in.store());
    std::stop_source stop;
    std::size_t reports = 0;
    const work_watch watch{.report =
                               [&](const work_progress&) {
                                   if (++reports == 8) {
                                       stop.request_stop();
                                   }
                               },
                           .stop = stop.get_token()};
    BOOST_CHECK_THROW(reindex(in.store(), watch), work_interrupted);
    BOOST_TEST(is_reindexing(*in.store().snapshot(kv::read_mode::blocking)));
    BOOST_TEST(derived(in.store()).size() < before.size());
    reindex(in.store());
    BOOST_TEST(!is_reindexing(*in.store().snapshot(kv::read_mode::blocking)));
    BOOST_TEST(derived(in.store()) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
