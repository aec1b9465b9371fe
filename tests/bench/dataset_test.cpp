#include "tools/bench/dataset.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/time.hpp"
#include "storage/check.hpp"
#include "storage/secrets.hpp"
#include "tests/storage/storage_fixture.hpp"
#include "tools/sample/vocabulary.hpp"

namespace pinhole::bench {

namespace {

namespace test = storage::test;

constexpr dataset_size small{.posts = 500};

/// Every row of a family, decoded.
template <class Row>
std::vector<Row> all(const kv::store& store) {
    std::vector<Row> rows;
    const auto found = store.snapshot(kv::read_mode::blocking)
                           ->walk(storage::schema<Row>::family, nullptr, 1'000'000);
    rows.reserve(found.size());
    for (const kv::located_row& each : found) {
        rows.push_back(storage::decode_row<Row>(each.row.value));
    }
    return rows;
}

/// Everything in the store, as its bytes.
std::vector<std::string> dump(const kv::store& store) {
    std::vector<std::string> lines;
    const auto snapshot = store.snapshot(kv::read_mode::blocking);
    for (const kv::family_spec& family : storage::families::all) {
        for (const kv::located_row& each : snapshot->walk(family.id, nullptr, 1'000'000)) {
            std::string& line = lines.emplace_back(family.name);
            line.append(" ").append(std::to_string(each.part)).append(" ");
            line.append(each.row.key).append(" ").append(each.row.value);
        }
    }
    return lines;
}

struct dataset_fixture {
    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = test::open_store(directory.path());
    dataset_names names = make_dataset(*store, small);

    template <class Row>
    Row row(storage::entity_id id) const {
        return test::find<Row>(*store, id).value().row;
    }
};

template <class Row>
void check_times(const kv::store& store) {
    std::vector<Row> rows = all<Row>(store);
    std::ranges::sort(rows, {}, &Row::id);
    BOOST_TEST(std::ranges::is_sorted(rows, {}, &Row::created_at));
    const auto first = storage::to_rfc3339(rows.front().created_at);
    const auto last = storage::to_rfc3339(rows.back().created_at);
    BOOST_TEST(first.starts_with("2024-01"), first);
    BOOST_TEST(last.starts_with("2026-"), last);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dataset, dataset_fixture)

BOOST_AUTO_TEST_CASE(rows_entries_and_counters_agree) {
    const auto report = storage::check_rows(*store->snapshot(kv::read_mode::blocking));
    BOOST_TEST(report.details() == std::vector<std::string>{}, boost::test_tools::per_element());
    BOOST_TEST(report.problems == 0U);
}

BOOST_AUTO_TEST_CASE(has_the_rows_that_its_size_names) {
    BOOST_TEST(all<storage::user>(*store).size() == small.users());
    BOOST_TEST(all<storage::post>(*store).size() == small.posts);
    BOOST_TEST(all<storage::like>(*store).size() == small.likes());
    BOOST_TEST(all<storage::comment>(*store).size() == small.comments());
    BOOST_TEST(all<storage::file>(*store).size() > small.posts);
    const dataset_size large{};
    BOOST_TEST(large.users() == 1'000U);
    BOOST_TEST(large.likes() == 500'000U);
    BOOST_TEST(large.comments() == 300'000U);
}

BOOST_AUTO_TEST_CASE(is_the_same_each_time) {
    const pinhole::test::temporary_directory elsewhere;
    const auto other = test::open_store(elsewhere.path());
    const dataset_names others_names = make_dataset(*other, small);
    BOOST_TEST(others_names.popular_post == names.popular_post);
    // Not by Boost.Test, which would print all of it.
    BOOST_TEST((dump(*other) == dump(*store)));
}

BOOST_AUTO_TEST_CASE(times_ascend_with_ids) {
    check_times<storage::user>(*store);
    check_times<storage::post>(*store);
    check_times<storage::comment>(*store);
    check_times<storage::like>(*store);
}

BOOST_AUTO_TEST_CASE(nobody_writes_before_signing_up_or_about_what_is_not_there) {
    for (const auto& post : all<storage::post>(*store)) {
        BOOST_TEST((row<storage::user>(post.author.id).created_at <= post.created_at));
    }
    for (const auto& like : all<storage::like>(*store)) {
        BOOST_TEST((row<storage::user>(like.user.id).created_at <= like.created_at));
        BOOST_TEST((row<storage::post>(like.post.id).created_at <= like.created_at));
    }
    for (const auto& comment : all<storage::comment>(*store)) {
        BOOST_TEST((row<storage::post>(comment.post.id).created_at <= comment.created_at));
    }
}

BOOST_AUTO_TEST_CASE(some_of_each_kind_are_deleted) {
    const auto deleted = []<class Row>(const std::vector<Row>& rows) {
        return static_cast<std::size_t>(std::ranges::count(rows, true, &Row::is_deleted));
    };
    BOOST_TEST(deleted(all<storage::user>(*store)) == 1U);
    BOOST_TEST(deleted(all<storage::post>(*store)) > 0U);
    BOOST_TEST(deleted(all<storage::like>(*store)) > small.likes() / 50);
    BOOST_TEST(deleted(all<storage::comment>(*store)) > small.comments() / 50);
}

BOOST_AUTO_TEST_CASE(the_caller_can_log_in_and_likes_what_is_known) {
    const auto caller = row<storage::user>(names.caller);
    BOOST_TEST(caller.username == caller_username);
    BOOST_TEST(storage::verify_password(caller.password, caller_password));
    const auto likes = all<storage::like>(*store);
    const auto is_callers = [&](const storage::like& like) {
        return like.user.id == names.caller && !like.is_deleted;
    };
    BOOST_TEST(std::ranges::count_if(likes, is_callers) ==
               static_cast<std::ptrdiff_t>(small.caller_likes()));
}

BOOST_AUTO_TEST_CASE(the_needles_are_where_they_should_be) {
    const auto posts = all<storage::post>(*store);
    const auto comments = all<storage::comment>(*store);
    const auto is_needle = [](const auto& row) -> bool {
        return row.content.contains(sample::rare_word);
    };
    BOOST_TEST(std::ranges::count_if(posts, is_needle) ==
               static_cast<std::ptrdiff_t>(small.rare_posts()));
    BOOST_TEST(std::ranges::count_if(comments, is_needle) ==
               static_cast<std::ptrdiff_t>(small.rare_comments()));
    const auto has_common = [](const auto& row) -> bool {
        return row.content.contains(sample::common_word);
    };
    BOOST_TEST(std::ranges::count_if(posts, has_common) > 50);
}

BOOST_AUTO_TEST_CASE(a_store_that_is_not_new_is_refused) {
    BOOST_CHECK_THROW(make_dataset(*store, small), kv::storage_failure);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::bench
