#include "storage/ranking.hpp"

#include "storage/check.hpp"
#include "storage/comments.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr entity_id lee = 2;
constexpr entity_id sea = 10;
constexpr std::uint8_t by_likes = 14;
constexpr std::uint8_t by_comments = 15;

struct ranking_fixture {
    ranking_fixture() {
        create(*store, make_user(kim, "kim"), make_user(lee, "lee"));
        write(*store, [&](const kv::reader& reader) {
            return plan_create_post(reader, make_post(sea, kim));
        });
    }

    std::size_t unranked() const {
        return read(*store, [](const kv::reader& reader) {
            return list_unranked<user>(reader, 100).ids.size() +
                   list_unranked<post>(reader, 100).ids.size();
        });
    }
    bool is_at(std::uint8_t index, std::int64_t count) const {
        return read(*store, [&](const kv::reader& reader) {
            return reader.get(rank_key(index, count, sea)).has_value();
        });
    }
    void like(entity_id who) {
        write(*store, [&](const kv::reader& reader) {
            return plan_like(reader, make_like(100 + who, sea, who));
        });
    }
    check_report check() const {
        return read(*store, [](const kv::reader& reader) { return check_rows(reader); });
    }
    void check_rows_are_right() const {
        const auto report = check();
        BOOST_TEST(report.details() == std::vector<std::string>{},
                   boost::test_tools::per_element());
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(ranking, ranking_fixture)

BOOST_AUTO_TEST_CASE(a_row_comes_to_its_places) {
    BOOST_TEST(unranked() == 3U);
    check_rows_are_right();
    BOOST_TEST(rank_unranked(*store));
    BOOST_TEST(unranked() == 0U);
    BOOST_TEST(is_at(by_likes, 0));
    BOOST_TEST(is_at(by_comments, 0));
    check_rows_are_right();
}

BOOST_AUTO_TEST_CASE(likes_move_it_once_for_all) {
    rank_unranked(*store);
    like(kim);
    like(lee);
    BOOST_TEST(unranked() == 1U);
    BOOST_TEST(is_at(by_likes, 0));
    check_rows_are_right();
    BOOST_TEST(rank_unranked(*store));
    BOOST_TEST(!is_at(by_likes, 0));
    BOOST_TEST(is_at(by_likes, 2));
    BOOST_TEST(is_at(by_comments, 0));
    check_rows_are_right();
}

BOOST_AUTO_TEST_CASE(a_deleted_one_leaves_and_a_restored_one_comes_back) {
    like(lee);
    rank_unranked(*store);
    write(*store, [](const kv::reader& reader) {
        return plan_delete_post(reader, kim, sea, at_second(5), {});
    });
    rank_unranked(*store);
    BOOST_TEST(!is_at(by_likes, 1));
    check_rows_are_right();
    write(*store, [](const kv::reader& reader) {
        return plan_restore_post(reader, kim, sea, at_second(6), std::chrono::hours{1});
    });
    rank_unranked(*store);
    BOOST_TEST(is_at(by_likes, 1));
    check_rows_are_right();
}

BOOST_AUTO_TEST_CASE(a_like_that_comes_between_keeps_the_mark) {
    rank_unranked(*store);
    like(kim);
    kv::commit late =
        read(*store, [](const kv::reader& reader) { return plan_rank<post>(reader, 100); });
    like(lee);
    must_commit(*store, std::move(late));
    BOOST_TEST(is_at(by_likes, 1));
    BOOST_TEST(unranked() == 1U);
    check_rows_are_right();
    rank_unranked(*store);
    BOOST_TEST(is_at(by_likes, 2));
    check_rows_are_right();
}

BOOST_AUTO_TEST_CASE(marks_of_one_commit_may_be_taken_off_one_by_one) {
    rank_unranked(*store);
    kv::commit commit;
    for (entity_id id = 20; id < 30; id += 2) {
        append_create(commit, make_post(id, kim));
    }
    must_commit(*store, std::move(commit));
    for (std::size_t left = 5; left > 0; --left) {
        BOOST_TEST(unranked() == left);
        kv::commit one =
            read(*store, [](const kv::reader& reader) { return plan_rank<post>(reader, 1); });
        must_commit(*store, std::move(one));
    }
    BOOST_TEST(unranked() == 0U);
    like(kim);
    BOOST_TEST(unranked() == 1U);
}

BOOST_AUTO_TEST_CASE(the_check_finds_what_is_ranked_wrongly) {
    rank_unranked(*store);
    const auto problems_after = [this](kv::operation broken) {
        kv::commit commit;
        commit.operations.push_back(std::move(broken));
        must_commit(*store, std::move(commit));
        return check().problems;
    };
    BOOST_TEST(problems_after(kv::add{post_counts_key(sea), one_like}) > 0U);
    BOOST_TEST(problems_after(kv::add{post_counts_key(sea), -one_like}) == 0U);
    BOOST_TEST(problems_after(kv::put{rank_key(by_likes, 7, sea), {}}) == 1U);
    BOOST_TEST(problems_after(kv::erase{rank_key(by_likes, 7, sea)}) == 0U);
    BOOST_TEST(problems_after(kv::erase{rank_key(by_likes, 0, sea)}) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
