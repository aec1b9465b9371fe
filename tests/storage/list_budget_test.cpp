// What a page may cost: rows that are read and not seen count too.
#include <optional>

#include "tests/storage/list_pages.hpp"

namespace pinhole::storage::test {

using query::entity;
using query::page_request;
using query::position;

BOOST_AUTO_TEST_SUITE(list_budget)

// A page that is mostly looked for among rows that are not to be seen ends early, and the way on
// leads over them: nothing behind them is lost.
BOOST_AUTO_TEST_CASE(a_sparse_list_is_walked_within_its_budget) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    user gone = make_user(2, "lee");
    gone.is_deleted = true;
    create(*store, make_user(1, "kim"), gone);
    // Two visible posts lie beneath 200 of somebody who has left, and one above them.
    create_post(*store, make_post(100, 1, 0));
    create_post(*store, make_post(200, 1, 0));
    create_post(*store, make_post(9000, 1, 900));
    kv::commit commit;
    for (entity_id number = 1; number <= 200; ++number) {
        append_create(commit, make_post(1000 + 2 * number, 2, number));
    }
    must_commit(*store, std::move(commit));

    const auto page_of_posts = [&](const page_request& request) {
        return read(*store, [&](const kv::reader& reader) {
            return list(reader, entity::post, {}, request);
        });
    };
    for (const std::uint64_t rows_read_max : {0U, 1U, 7U, 50U, 150U, 200U, 1000U}) {
        BOOST_TEST_INFO_SCOPE(rows_read_max);
        ids forwards;
        std::optional<position> from;
        std::optional<position> back;
        ids last;
        std::size_t pages = 0;
        do {
            const auto page =
                page_of_posts({.size = 2, .from = from, .rows_read_max = rows_read_max});
            last = ids_of(page);
            forwards.insert(forwards.end(), last.begin(), last.end());
            from = page.next;
            back = page.previous;
            BOOST_REQUIRE_LT(++pages, 100U);
        } while (from);
        BOOST_TEST((forwards == ids{9000, 200, 100}));
        BOOST_TEST((pages > 2) == (rows_read_max <= 200));

        ids backwards = last;
        while (back) {
            const auto page =
                page_of_posts({.size = 2, .from = back, .rows_read_max = rows_read_max});
            ids newer = ids_of(page);
            newer.insert(newer.end(), backwards.begin(), backwards.end());
            backwards = std::move(newer);
            back = page.previous;
        }
        BOOST_TEST((backwards == forwards));
    }
}

BOOST_AUTO_TEST_CASE(what_hangs_under_something_deleted_is_not_walked) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    user gone = make_user(2, "lee");
    gone.is_deleted = true;
    create(*store, make_user(1, "kim"), gone);
    post deleted = make_post(100, 1, 0);
    deleted.is_deleted = true;
    create_post(*store, deleted);
    kv::commit commit;
    for (entity_id number = 1; number <= 100; ++number) {
        append_create(commit, make_comment(1000 + number, 100, 1, number));
        append_create(commit, make_like(2000 + number, 100, 3000 + number, number));
        append_create(commit, make_post(5000 + 2 * number, 2, number));
    }
    must_commit(*store, std::move(commit));

    const auto check_empty = [](const auto& page) {
        BOOST_TEST(page.results.empty());
        BOOST_TEST(!page.next.has_value());
    };
    read(*store, [&](const kv::reader& reader) {
        const page_request request{.size = 1, .rows_read_max = 2};
        check_empty(list(reader, entity::comment, only("post", 100), request));
        check_empty(list(reader, entity::like, only("post", 100), request));
        check_empty(list(reader, entity::file, only("post", 100), request));
        check_empty(list(reader, entity::post, only("author", 2), request));
        check_empty(list(reader, entity::comment, only("author", 2), request));
        check_empty(list(reader, entity::like, only("user", 2), request));
        return true;
    });
}

BOOST_AUTO_TEST_CASE(two_filters_cost_no_more_than_what_they_find) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    create(*store, make_user(1, "kim"), make_user(2, "lee"), make_user(3, "ada"));
    create_post(*store, make_post(100, 1, 0));
    kv::commit commit;
    append_create(commit, make_comment(1000, 100, 2, 0));
    append_create(commit, make_like(2000, 100, 2, 0));
    for (entity_id number = 1; number <= 100; ++number) {
        append_create(commit, make_comment(1000 + number, 100, 1, number));
        append_create(commit, make_like(2000 + number, 100, 3000 + number, number));
    }
    must_commit(*store, std::move(commit));

    read(*store, [&](const kv::reader& reader) {
        const page_request request{.size = 1, .rows_read_max = 2};
        const auto found = list(reader, entity::comment, both("post", 100, "author", 2), request);
        BOOST_TEST((ids_of(found) == ids{1000}));
        BOOST_TEST(!found.next.has_value());
        const auto likes_of = [&](entity_id who) {
            return ids_of(list(reader, entity::like, both("post", 100, "user", who), request));
        };
        BOOST_TEST((likes_of(2) == ids{2000}));
        BOOST_TEST(likes_of(3).empty());
        return true;
    });
}

/// A reference with more rows than are collected at first drives whatever the order is, and a URL
/// is one row.
BOOST_AUTO_TEST_CASE(a_reference_drives_an_order_without_an_index) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    create(*store, make_user(1, "kim"), make_user(2, "lee"));
    constexpr entity_id others = 3'000;
    constexpr entity_id of_kim = 95;
    for (entity_id number = 1; number <= others; ++number) {
        create_post(*store, make_post(1000 + 2 * number, number <= of_kim ? 1 : 2, number));
    }
    const auto page_of = [&](entity root, const filters& parameters, const std::string& order) {
        return read(*store, [&](const kv::reader& reader) {
            query::list_request request{
                .root = root, .page = {.size = 20, .rows_read_max = 1'000}, .me = viewer};
            for (const auto& [name, value] : parameters) {
                request.filter.parts.push_back(
                    query::parse_parameter({root, viewer}, name, value).value());
            }
            request.order = query::parse_ordering({root, viewer}, order).value();
            return query::run_list(reader, request);
        });
    };
    for (const std::string order : {"position", "post__content", "type,url"}) {
        const auto found = page_of(entity::file, only("post__author", 1), order);
        BOOST_TEST_REQUIRE(found.has_value(), order);
        BOOST_TEST(found->rows.results.size() == 20U);
    }
    const auto all = page_of(entity::file, only("post__author", 1), "-created_at");
    BOOST_TEST_REQUIRE(all.has_value());
    const std::string url = std::get<file>(all->rows.results.front()).url;
    for (const auto& [root, name] :
         {std::pair{entity::file, "url"}, std::pair{entity::file, "url__in"},
          std::pair{entity::post, "files__url"}}) {
        const auto found = page_of(root, {{name, url}}, "-created_at");
        BOOST_TEST_REQUIRE(found.has_value(), name);
        BOOST_TEST(found->rows.results.size() == 1U);
        BOOST_TEST(found->plan.rows_read < 20U);
    }
}

/// What is over the budget is told truly: what the index leads to, and what else there is.
BOOST_AUTO_TEST_CASE(a_query_over_its_budget_is_told_what_would_be_cheaper) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    create(*store, make_user(1, "kim"));
    for (entity_id number = 1; number <= 200; ++number) {
        create_post(*store, make_post(1000 + 2 * number, 1, number));
    }
    read(*store, [&](const kv::reader& reader) {
        query::list_request request{
            .root = entity::post, .page = {.size = 20, .rows_read_max = 50}, .me = viewer};
        request.filter.parts.push_back(
            query::parse_parameter({entity::post, viewer}, "content__endswith", "zz").value());
        request.order = query::parse_ordering({entity::post, viewer}, "content").value();
        const auto refused = query::run_list(reader, request);
        BOOST_TEST_REQUIRE(!refused.has_value());
        const std::string& message = refused.error().message;
        BOOST_TEST(message.contains("posts.newest leads to too many"), message);
        BOOST_TEST(message.contains("is asked content__endswith=zz."), message);
        BOOST_TEST(message.contains("id, author, files, comments, likes, "), message);
        BOOST_TEST(message.contains("sorted; in order come those by created_at, "), message);
        return true;
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
