#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "storage/query/views.hpp"
#include "tests/storage/list_pages.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id users_count = 6;

using query::direction;
using query::entity;
using query::page_request;

/// Rows of all kinds, deleted at random at every level, with times that often coincide; kept in
/// memory too, so that each list can be worked out naively.
class list_fixture {
public:
    list_fixture() : seed_(make_seed()), random_(seed_), store(open_store(directory_.path())) {
        kv::commit commit;
        for (entity_id id = 1; id <= users_count; ++id) {
            user row = make_user(id, "user" + std::to_string(id), second());
            row.is_deleted = random_.one_in(4);
            add(commit, users, row);
        }
        for (int i = 0; i < 25; ++i) {
            post row = make_post(take_id(), user_id(), second());
            row.files.clear();
            row.is_deleted = random_.one_in(4);
            add(commit, posts, row);
        }
        for (const auto& [id, parent] : posts) {
            for (std::size_t count = random_.pick(4); count > 0; --count) {
                file attached = make_post(take_id(), 1, second()).files[0];
                attached.post.id = id;
                attached.is_deleted = random_.one_in(4);
                add(commit, files, attached);
            }
            for (std::size_t count = random_.pick(6); count > 0; --count) {
                add_comment(commit, id);
            }
            for (entity_id who = 1; who <= users_count; ++who) {
                if (random_.one_in(2)) {
                    like row = make_like(take_id(), id, who, second());
                    row.is_deleted = random_.one_in(4);
                    add(commit, likes, row);
                }
            }
        }
        must_commit(*store, std::move(commit));
    }

    entity_id take_id() { return next_id_ += 2; }
    entity_id user_id() { return static_cast<entity_id>(random_.pick(users_count)) + 1; }
    std::int64_t second() { return static_cast<std::int64_t>(random_.pick(12)); }
    /// A list of the entity, for `check_walks`.
    auto pages_of(query::entity root,
                  std::vector<std::pair<std::string, std::string>> parameters = {}) {
        return [this, root, parameters](const query::page_request& page) {
            return read(*store, [&](const kv::reader& reader) {
                return list(reader, root, parameters, page);
            });
        };
    }
    std::string seed_text() const { return "PINHOLE_TEST_SEED=" + std::to_string(seed_); }
    generator& random() { return random_; }

    void add_comment(kv::commit& commit, entity_id post) {
        comment row = make_comment(take_id(), post, user_id(), second());
        row.is_deleted = random_.one_in(4);
        add(commit, comments, row);
    }
    template <class Row>
    void add(kv::commit& commit, std::map<entity_id, Row>& rows, const Row& row) {
        append_create(commit, row);
        rows[row.id] = row;
    }

    bool is_alive_user(entity_id id) const { return !users.at(id).is_deleted; }
    bool is_visible_post(entity_id id) const {
        const post& row = posts.at(id);
        return !row.is_deleted && is_alive_user(row.author.id);
    }

private:
    std::uint64_t seed_;
    generator random_;
    pinhole::test::temporary_directory directory_;
    entity_id next_id_ = 100;

public:
    std::unique_ptr<kv::store> store;
    std::map<entity_id, user> users;
    std::map<entity_id, post> posts;
    std::map<entity_id, file> files;
    std::map<entity_id, comment> comments;
    std::map<entity_id, like> likes;
};

/// The ids of the rows that are kept, newest first, the larger id first where times coincide.
template <class Row, class Keep>
ids naive(const std::map<entity_id, Row>& rows, const Keep& keep) {
    std::vector<std::pair<timestamp, entity_id>> found;
    for (const auto& [id, row] : rows) {
        if (keep(row)) {
            found.emplace_back(row.created_at, id);
        }
    }
    std::ranges::sort(found, std::greater{});
    ids sorted;
    for (const auto& [at, id] : found) {
        sorted.push_back(id);
    }
    return sorted;
}

constexpr std::uint32_t page_sizes[] = {1, 2, 3, 7, 20, 100};

/// Walks to the end and back; `list` answers the page of a page_request.
template <class List>
void check_walks(const ids& expected, const List& list) {
    for (const std::uint32_t size : page_sizes) {
        BOOST_TEST_INFO_SCOPE("page size " << size << ", " << expected.size() << " rows");
        std::vector<ids> pages;
        ids walked;
        page_request request{.size = size};
        auto page = list(request);
        BOOST_TEST(!page.previous.has_value());
        for (;;) {
            pages.push_back(ids_of(page));
            BOOST_REQUIRE(pages.back().size() <= size);
            BOOST_REQUIRE((!pages.back().empty() || expected.empty()));
            walked.insert(walked.end(), pages.back().begin(), pages.back().end());
            if (!page.next) {
                break;
            }
            request.from = page.next;
            page = list(request);
            BOOST_REQUIRE(page.previous.has_value());
        }
        BOOST_REQUIRE_EQUAL_COLLECTIONS(walked.begin(), walked.end(), expected.begin(),
                                        expected.end());
        for (std::size_t i = pages.size() - 1; i > 0; --i) {
            request.from = page.previous;
            BOOST_REQUIRE(request.from.has_value());
            page = list(request);
            BOOST_REQUIRE(ids_of(page) == pages[i - 1]);
            BOOST_REQUIRE(page.next.has_value());
        }
        BOOST_TEST(!page.previous.has_value());
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lists, list_fixture)

BOOST_AUTO_TEST_CASE(users_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    check_walks(naive(users, [](const user& row) { return !row.is_deleted; }),
                pages_of(entity::user));
}

BOOST_AUTO_TEST_CASE(posts_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto expected = [&](entity_id author) {
        return naive(posts, [&](const post& row) {
            return (author == 0 || row.author.id == author) && !row.is_deleted &&
                   is_alive_user(row.author.id);
        });
    };
    check_walks(expected(0), pages_of(entity::post));
    for (entity_id author = 1; author <= users_count; ++author) {
        check_walks(expected(author), pages_of(entity::post, only("author", author)));
    }
    check_walks({}, pages_of(entity::post, only("author", 999'999)));
}

BOOST_AUTO_TEST_CASE(own_deleted_posts_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto expected = naive(posts, [&](const post& row) {
        return row.author.id == viewer && row.is_deleted && is_alive_user(viewer);
    });
    check_walks(expected, [&](const page_request& page) {
        return read(*store, [&](const kv::reader& reader) {
            query::list_request request{.root = entity::post, .page = page, .me = viewer};
            request.order = query::parse_ordering({entity::post, viewer}, "-created_at").value();
            request.deleted_since = timestamp{};
            return query::run_list(reader, request).value().rows;
        });
    });
}

/// They may be gone since the login was looked at.
BOOST_AUTO_TEST_CASE(own_deleted_posts_are_not_there_without_their_author) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto before = find<user>(*store, viewer).value();
    user gone = before.row;
    gone.is_deleted = true;
    kv::commit commit;
    append_update(commit, before, gone);
    must_commit(*store, std::move(commit));
    read(*store, [&](const kv::reader& reader) {
        query::list_request request{.root = entity::post, .page = {.size = 100}, .me = viewer};
        request.order = query::parse_ordering({entity::post, viewer}, "-created_at").value();
        request.deleted_since = timestamp{};
        BOOST_TEST(query::run_list(reader, request).value().rows.results.empty());
        return true;
    });
}

BOOST_AUTO_TEST_CASE(files_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto expected = [&](entity_id post) {
        return naive(files, [&](const file& row) {
            return (post == 0 || row.post.id == post) && !row.is_deleted &&
                   is_visible_post(row.post.id);
        });
    };
    check_walks(expected(0), pages_of(entity::file));
    check_walks({}, pages_of(entity::file, only("post", 999'999)));
    for (const auto& [id, row] : posts) {
        check_walks(expected(id), pages_of(entity::file, only("post", id)));
    }
}

BOOST_AUTO_TEST_CASE(comments_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto expected = [&](entity_id post, entity_id author) {
        return naive(comments, [&](const comment& row) {
            return (post == 0 || row.post.id == post) && (author == 0 || row.author.id == author) &&
                   !row.is_deleted && is_alive_user(row.author.id) && is_visible_post(row.post.id);
        });
    };
    check_walks(expected(0, 0), pages_of(entity::comment));
    const entity_id some_post = posts.begin()->first;
    for (entity_id author = 1; author <= users_count; ++author) {
        check_walks(expected(0, author), pages_of(entity::comment, only("author", author)));
        check_walks(expected(some_post, author),
                    pages_of(entity::comment, both("post", some_post, "author", author)));
    }
    for (const auto& [id, row] : posts) {
        check_walks(expected(id, 0), pages_of(entity::comment, only("post", id)));
    }
}

BOOST_AUTO_TEST_CASE(likes_page_as_worked_out_naively) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto expected = [&](entity_id post, entity_id who) {
        return naive(likes, [&](const like& row) {
            return (post == 0 || row.post.id == post) && (who == 0 || row.user.id == who) &&
                   !row.is_deleted && is_alive_user(row.user.id) && is_visible_post(row.post.id);
        });
    };
    check_walks(expected(0, 0), pages_of(entity::like));
    const entity_id some_post = posts.rbegin()->first;
    for (entity_id who = 1; who <= users_count; ++who) {
        check_walks(expected(0, who), pages_of(entity::like, only("user", who)));
        check_walks(expected(some_post, who),
                    pages_of(entity::like, both("post", some_post, "user", who)));
    }
    for (const auto& [id, row] : posts) {
        check_walks(expected(id, 0), pages_of(entity::like, only("post", id)));
    }
}

BOOST_AUTO_TEST_CASE(what_was_there_all_along_comes_exactly_once) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    const auto is_seen = [&](const comment& row) {
        return !row.is_deleted && is_alive_user(row.author.id) && is_visible_post(row.post.id);
    };
    const ids before = naive(comments, is_seen);
    ids walked;
    std::set<entity_id> erased;
    page_request request{.size = 3};
    for (;;) {
        const auto page = pages_of(entity::comment)(request);
        for (const entity_id id : ids_of(page)) {
            walked.push_back(id);
        }
        if (!page.next) {
            break;
        }
        request.from = page.next;
        // Somebody writes and deletes between the pages, also the row that the next page is after.
        kv::commit commit;
        for (const auto& [id, row] : posts) {
            if (random().one_in(6)) {
                add_comment(commit, id);
            }
        }
        for (const entity_id id : before) {
            if (!erased.contains(id) && (random().one_in(15) || id == walked.back())) {
                append_erase(commit, find<comment>(*store, id).value());
                erased.insert(id);
            }
        }
        must_commit(*store, std::move(commit));
        BOOST_REQUIRE_LT(walked.size(), 10'000U);
    }
    for (const entity_id id : before) {
        const auto times = std::ranges::count(walked, id);
        BOOST_TEST_INFO_SCOPE("comment " << id);
        BOOST_TEST((times == 1 || (times == 0 && erased.contains(id))));
    }
    std::ranges::sort(walked);
    BOOST_TEST((std::ranges::adjacent_find(walked) == walked.end()));
}

BOOST_AUTO_TEST_CASE(a_page_of_which_all_has_gone_leads_back) {
    const auto comments_page = pages_of(entity::comment);
    kv::commit commit;
    entity_id author = 0;
    entity_id post = 0;
    for (const auto& [id, row] : posts) {
        post = is_visible_post(id) ? id : post;
    }
    for (const auto& [id, row] : users) {
        author = row.is_deleted ? author : id;
    }
    if (post == 0 || author == 0) {
        return;  // this seed deleted them all; there is no page to lose
    }
    for (const auto& [id, row] : comments) {
        append_erase(commit, find<comment>(*store, id).value());
    }
    append_create(commit, make_comment(9001, post, author, 1));
    append_create(commit, make_comment(9002, post, author, 2));
    must_commit(*store, std::move(commit));
    const auto first = comments_page({.size = 1});
    BOOST_TEST((ids_of(first) == ids{9002}));

    kv::commit erase;
    append_erase(erase, find<comment>(*store, 9001).value());
    must_commit(*store, std::move(erase));
    const auto second = comments_page({.size = 1, .from = first.next});
    BOOST_TEST(second.results.empty());
    BOOST_TEST(!second.next.has_value());
    // The position is the one of the row before, which an empty page can only lie beyond.
    BOOST_REQUIRE(second.previous.has_value());
    BOOST_TEST((second.previous->direction == direction::previous));
}

BOOST_AUTO_TEST_CASE(a_walk_goes_on_behind_a_long_text_that_was_deleted) {
    const pinhole::test::temporary_directory fresh;
    const auto own = open_store(fresh.path());
    create(*own, make_user(1, "kim"));
    ids all;
    for (entity_id number = 0; number < 8; ++number) {
        post row = make_post(100 + 2 * number, 1, 0);
        row.content = std::string(1500, 'x') + std::to_string(number);
        all.push_back(row.id);
        create_post(*own, row);
    }
    const auto page_from = [&](const std::optional<query::position>& from) {
        return read(*own, [&](const kv::reader& reader) {
            query::list_request request{
                .root = entity::post, .page = {.size = 3, .from = from}, .me = viewer};
            request.order = query::parse_ordering({entity::post, viewer}, "content").value();
            return query::run_list(reader, request).value().rows;
        });
    };
    const auto first = page_from({});
    BOOST_TEST((ids_of(first) == ids{all[0], all[1], all[2]}));
    const auto last = find<post>(*own, all[2]).value();
    post deleted = last.row;
    deleted.is_deleted = true;
    kv::commit commit;
    append_update(commit, last, deleted);
    must_commit(*own, std::move(commit));
    const auto second = page_from(first.next);
    BOOST_TEST((ids_of(second) == ids{all[3], all[4], all[5]}));
    BOOST_TEST((ids_of(page_from(second.previous)) == ids{all[0], all[1]}));
}

BOOST_AUTO_TEST_CASE(joined_fields_are_those_of_the_rows) {
    BOOST_TEST_INFO_SCOPE(seed_text());
    kv::commit commit;
    for (const auto& [id, row] : posts) {
        commit.operations.emplace_back(
            kv::add{post_counts_key(id), 2 * one_like + id * one_comment});
    }
    commit.operations.emplace_back(kv::add{user_post_count_key(viewer), 5});
    must_commit(*store, std::move(commit));
    const auto views_of = [&](entity root) {
        std::string json;
        read(*store, [&](const kv::reader& reader) {
            query::append_views(json, reader, sight::alive, viewer, root,
                                list(reader, root, {}, {.size = 100}).results);
            return true;
        });
        return nlohmann::json::parse(json);
    };
    for (const auto& view : views_of(entity::post)) {
        const entity_id id = std::stoll(view.at("id").get<std::string>());
        const bool liked = std::ranges::any_of(likes, [&](const auto& entry) {
            const like& row = entry.second;
            return row.post.id == id && row.user.id == viewer && !row.is_deleted;
        });
        BOOST_TEST(view.at("liked").get<bool>() == liked);
        BOOST_TEST(view.at("like_count").get<int>() == 2);
        BOOST_TEST(view.at("comment_count").get<entity_id>() == id);
        BOOST_TEST(view.at("author").at("username").get<std::string>() ==
                   users.at(posts.at(id).author.id).username);
    }
    for (const auto& view : views_of(entity::user)) {
        BOOST_TEST(view.at("post_count").get<int>() ==
                   (view.at("id").get<std::string>() == std::to_string(viewer) ? 5 : 0));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
