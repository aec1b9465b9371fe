#include "storage/check.hpp"

#include "storage/comments.hpp"
#include "storage/idempotency.hpp"
#include "storage/jobs.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr entity_id lee = 2;
constexpr entity_id shown = 10;
constexpr entity_id remark = 30;
constexpr entity_id heart = 40;

/// Two users, a post with its file, a comment, a like, an idempotency record.
struct check_fixture {
    check_fixture() {
        create(*store, make_user(kim, "kim"), make_user(lee, "lee"));
        write(*store, [](const kv::reader& reader) {
            return plan_create_post(reader, make_post(shown, kim));
        });
        write(*store, [](const kv::reader& reader) {
            return plan_create_comment(reader, make_comment(remark, shown, lee));
        });
        write(*store, [](const kv::reader& reader) {
            return plan_like(reader, make_like(heart, shown, lee));
        });
        kv::commit commit;
        append_answer(commit, *store->snapshot(kv::read_mode::blocking), keys, {"scope", "key"},
                      {.fingerprint = "f", .status = 201}, at_second(1));
        must_commit(*store, std::move(commit));
    }

    check_report check() const { return check_rows(*store->snapshot(kv::read_mode::blocking)); }
    /// What the check says once this was done to the store behind everybody's back.
    std::string problem_after(const kv::operation& damage) {
        kv::commit commit;
        commit.operations.push_back(damage);
        must_commit(*store, std::move(commit));
        const check_report report = check();
        BOOST_TEST(report.problems == 1U);
        return report.findings.empty() ? "" : report.findings.front().message;
    }
    template <class Row>
    Row row(entity_id id) const {
        return find<Row>(*store, id)->row;
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
    secrets keys{test_master};
};

bool contains(const std::string& text, std::string_view part) {
    return text.contains(part);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(check, check_fixture)

BOOST_AUTO_TEST_CASE(what_was_written_by_commits_agrees) {
    const check_report report = check();
    BOOST_TEST(report.details() == std::vector<std::string>{}, boost::test_tools::per_element());
    BOOST_TEST(report.problems == 0U);
    BOOST_TEST(report.rows == 6U);
    BOOST_TEST(report.index_entries > report.rows);
}

BOOST_AUTO_TEST_CASE(deleted_rows_and_running_jobs_agree) {
    write(*store, [](const kv::reader& reader) {
        return plan_unlike(reader, lee, shown, at_second(5), {});
    });
    user gone = row<user>(lee);
    gone.is_deleted = true;
    kv::commit commit;
    append_update(commit, *find<user>(*store, lee), gone);
    append_job(commit, {job_kind::settle_counts, lee});
    must_commit(*store, std::move(commit));
    BOOST_TEST(check().problems == 0U);
}

BOOST_AUTO_TEST_CASE(a_row_without_an_index_entry_is_found) {
    const auto& by_author = std::get<index_position<post>("author")>(schema<post>::indexes);
    const auto problem = problem_after(kv::erase{index_key(by_author, row<post>(shown))});
    BOOST_TEST(contains(problem, "post 10 lacks its index entry"), problem);
}

BOOST_AUTO_TEST_CASE(an_index_entry_without_a_row_is_found) {
    kv::commit commit;
    commit.operations.emplace_back(kv::erase{row_key<like>(heart)});
    must_commit(*store, std::move(commit));
    const check_report report = check();
    BOOST_TEST(report.count(finding_kind::stray_entry) == 3U);
    BOOST_TEST(report.count(finding_kind::stray_unique) == 1U);
    BOOST_TEST(report.count(finding_kind::wrong_counter) == 1U);
    BOOST_TEST(report.problems == 5U);
    BOOST_TEST(contains(report.findings.front().message, "of likes without its row"));
}

BOOST_AUTO_TEST_CASE(an_entry_of_an_older_value_is_found) {
    comment older = row<comment>(remark);
    older.created_at = at_second(77);
    const auto& newest = std::get<index_position<comment>("newest")>(schema<comment>::indexes);
    const auto problem = problem_after(kv::put{index_key(newest, older), {}});
    BOOST_TEST(contains(problem, "an entry of index newest of comments without its row"), problem);
}

BOOST_AUTO_TEST_CASE(an_entry_that_covers_another_reference_is_found) {
    const auto& by_author = std::get<index_position<comment>("author")>(schema<comment>::indexes);
    const auto problem = problem_after(
        kv::put{index_key(by_author, row<comment>(remark)), encode_covered(shown + 1)});
    BOOST_TEST(contains(problem, "comment 30 is not what its index entry says"), problem);
}

BOOST_AUTO_TEST_CASE(a_lost_unique_entry_is_found) {
    const auto problem = problem_after(kv::erase{username_unique_key("kim")});
    BOOST_TEST(contains(problem, "user 1 lacks its unique entry username"), problem);
}

BOOST_AUTO_TEST_CASE(a_counter_that_drifted_is_found) {
    const auto problem = problem_after(kv::add{post_counts_key(shown), one_comment});
    BOOST_TEST(contains(problem, "post 10: its counts are 1 likes and 2 comments, but it has 1 "),
               problem);
}

BOOST_AUTO_TEST_CASE(a_count_of_posts_that_drifted_is_found) {
    const auto problem = problem_after(kv::add{user_post_count_key(kim), -1});
    BOOST_TEST(contains(problem, "user 1: its post count is 0, but it has 1"), problem);
}

BOOST_AUTO_TEST_CASE(a_counter_of_nothing_is_found) {
    BOOST_TEST(contains(problem_after(kv::add{post_counts_key(99), 1}), "a counter of nothing"));
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_file_that_differs_is_found) {
    post changed = row<post>(shown);
    changed.files.front().width += 1;
    BOOST_TEST(contains(problem_after(kv::put{row_key<post>(shown), encode_row(changed)}),
                        "post 10: its copy of its files"));
}

BOOST_AUTO_TEST_CASE(a_row_under_nothing_is_found) {
    comment lost = make_comment(31, 98, 97);
    kv::commit commit;
    append_create(commit, lost);
    must_commit(*store, std::move(commit));
    const check_report report = check();
    const std::vector<std::string> expected{"comment 31 has no post: 98",
                                            "comment 31 has no author: 97"};
    BOOST_TEST(report.details() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_row_that_counts_though_it_is_deleted_is_found) {
    comment ghost = row<comment>(remark);
    ghost.is_counted = false;
    kv::commit commit;
    commit.operations.emplace_back(kv::put{row_key<comment>(remark), encode_row(ghost)});
    must_commit(*store, std::move(commit));
    const check_report report = check();
    BOOST_TEST(contains(report.details().front(), "comment 30 does not count"));
    BOOST_TEST(contains(report.details().back(), "post 10: its counts are"));
}

BOOST_AUTO_TEST_CASE(an_idempotency_record_that_would_never_expire_is_found) {
    const auto found =
        store->snapshot(kv::read_mode::blocking)->walk(families::idempotency, nullptr, 1);
    BOOST_TEST_REQUIRE(found.size() == 1U);
    const kv::key entry = expiry_key_of_record(found[0].row.key, found[0].row.value);
    BOOST_TEST(contains(problem_after(kv::erase{entry}), "an idempotency record lacks its index"));
}

BOOST_AUTO_TEST_CASE(a_damaged_row_is_found) {
    BOOST_TEST(contains(problem_after(kv::put{row_key<user>(kim), "\xff"}), "cut short"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
