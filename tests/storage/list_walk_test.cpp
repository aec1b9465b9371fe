// What paging promises while other people write: walking a list, whatever its order and filters,
// shows every row that was there all along exactly once, in order, in both directions.
//
// The rows that are watched do not change. Around them, on several threads, others come, go, come
// back and change: posts and comments (also under watched posts), likes, and whole accounts. Their
// values are drawn from where those of the watched rows lie, so that they stand among them.
// PINHOLE_TEST_SEED repeats what is drawn, PINHOLE_TEST_WALK_SECONDS walks for longer.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "storage/comments.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"
#include "tests/storage/query_comparison.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id watched_users = 6;
constexpr entity_id watched_posts = 40;
constexpr int comments_per_post = 4;
constexpr int writers_count = 2;
/// Of one writer; what is deleted makes no room.
constexpr std::size_t rows_per_writer_max = 400;
constexpr int seconds_ordinary = 5;

using page_ids = std::vector<entity_id>;

std::int64_t any_second(generator& random) {
    return static_cast<std::int64_t>(random.pick(50));
}

std::string any_content(generator& random) {
    return random.one_in(2) ? "by the sea" : "at home";
}

struct made_row {
    entity_id id;
    entity_id author;
};

/// Who writes around the watched rows: two people of its own, and what they have made so far.
class writer {
public:
    writer(kv::store& store, entity_id number, std::uint64_t seed)
        : store_(store),
          random_(seed),
          next_id_(100'000 * number),
          people_{1'000 + number * 2, 1'001 + number * 2} {
        for (const entity_id who : people_) {
            // Between the names of the watched ones.
            create(store_,
                   make_user(who, "user" + std::to_string(who % 7) + "x" + std::to_string(who)));
        }
    }

    void run(const std::atomic<bool>& stops) {
        while (!stops) {
            if (random_.one_in(20)) {
                rank_unranked(store_);
            }
            if (change_something()) {
                ++changes_;
            }
        }
    }

    int changes() const { return changes_; }

private:
    /// Whether it was committed: people may be deleted, and what they made may be gone.
    bool change_something() {
        const bool is_full = posts_.size() + comments_.size() > rows_per_writer_max;
        switch (random_.pick(is_full ? 6 : 10)) {
            case 0:
                return flip_person();
            case 1:
                return delete_post();
            case 2:
                return restore_post();
            case 3:
                return edit_post();
            case 4:
                return delete_comment();
            case 5:
                return like_or_not();
            case 6:
            case 7:
                return add_post();
            default:
                return add_comment();
        }
    }

    template <class Function>
    bool commit(const Function& function) {
        auto plan = function(*store_.snapshot(kv::read_mode::blocking));
        return plan && !plan->commit.empty() &&
               store_.submit_and_wait(std::move(plan->commit)) == kv::outcome::ok;
    }

    /// Mostly there: what hides all that somebody made is rarer than the rest.
    bool flip_person() {
        const entity_id who = person();
        const bool may_hide = random_.one_in(3);
        return commit([&](const kv::reader& reader) -> result<planned<bool>> {
            const auto before = row_reader{reader}.find<user>(who);
            planned<bool> plan{.commit = {}, .value = true};
            if (before->row.is_deleted || may_hide) {
                user after = before->row;
                after.is_deleted = !after.is_deleted;
                append_update(plan.commit, *before, after);
            }
            return plan;
        });
    }

    bool add_post() {
        post row = make_post(take_id(), person(), any_second(random_));
        row.content = any_content(random_);
        const bool is_made =
            commit([&](const kv::reader& reader) { return plan_create_post(reader, row); });
        if (is_made) {
            posts_.push_back({row.id, row.author.id});
        }
        return is_made;
    }

    bool delete_post() {
        return with_a_post([&](const kv::reader& reader, entity_id id, entity_id author) {
            return plan_delete_post(reader, author, id, at_second(100), {});
        });
    }

    bool restore_post() {
        return with_a_post([&](const kv::reader& reader, entity_id id, entity_id author) {
            return plan_restore_post(reader, author, id, at_second(101), std::chrono::hours(1));
        });
    }

    bool edit_post() {
        const std::string content = any_content(random_);
        return with_a_post([&](const kv::reader& reader, entity_id id, entity_id author) {
            return plan_edit_post(reader, author, id, content, at_second(102), {});
        });
    }

    bool add_comment() {
        comment row = make_comment(take_id(), post_to_look_at(), person(), any_second(random_));
        row.content = any_content(random_);
        const bool is_made =
            commit([&](const kv::reader& reader) { return plan_create_comment(reader, row); });
        if (is_made) {
            comments_.push_back({row.id, row.author.id});
        }
        return is_made;
    }

    bool delete_comment() {
        if (comments_.empty()) {
            return false;
        }
        const made_row& target = comments_[random_.pick(comments_.size())];
        return commit([&](const kv::reader& reader) {
            return plan_delete_comment(reader, target.author, target.id, at_second(103), {});
        });
    }

    /// Of its own posts: the watched ones' counts must stay.
    bool like_or_not() {
        const entity_id who = person();
        if (random_.one_in(2)) {
            return with_a_post([&](const kv::reader& reader, entity_id id, entity_id) {
                return plan_unlike(reader, who, id, at_second(104), {});
            });
        }
        const like row = make_like(take_id(), 0, who, any_second(random_));
        return with_a_post([&](const kv::reader& reader, entity_id id, entity_id) {
            like made = row;
            made.post.id = id;
            return plan_like(reader, made);
        });
    }

    template <class Function>
    bool with_a_post(const Function& function) {
        if (posts_.empty()) {
            return false;
        }
        const made_row& target = posts_[random_.pick(posts_.size())];
        return commit(
            [&](const kv::reader& reader) { return function(reader, target.id, target.author); });
    }

    /// One of its own or a watched one.
    entity_id post_to_look_at() {
        return posts_.empty() || random_.one_in(2)
                   ? 100 + 2 * static_cast<entity_id>(random_.pick(watched_posts))
                   : posts_[random_.pick(posts_.size())].id;
    }

    entity_id person() { return people_[random_.pick(people_.size())]; }
    entity_id take_id() { return next_id_ += 2; }

    kv::store& store_;
    generator random_;
    entity_id next_id_;
    std::array<entity_id, 2> people_;
    std::vector<made_row> posts_;
    std::vector<made_row> comments_;
    std::atomic<int> changes_ = 0;
};

naive_test text_test(std::vector<relation> path, const char* field, const char* lookup,
                     const char* text) {
    naive_test made;
    made.path = std::move(path);
    made.field = field;
    made.lookup = lookup;
    made.is_text = true;
    made.texts = {text};
    return made;
}

naive_test number_test(std::vector<relation> path, const char* field, const char* lookup,
                       std::int64_t number) {
    naive_test made;
    made.path = std::move(path);
    made.field = field;
    made.lookup = lookup;
    made.numbers = {number};
    return made;
}

naive_query list_of(const char* list, const std::vector<naive_test>& tests,
                    std::vector<naive_order> order) {
    naive_query made{.list = list, .filters = {}, .order = std::move(order)};
    made.filters.reserve(tests.size());
    for (const naive_test& test : tests) {
        made.filters.push_back({.condition = {.what = 't', .parts = {}, .test = test}});
    }
    return made;
}

/// Lists through every kind of source and order. None asks for what changes of a watched row.
std::vector<naive_query> walked_lists() {
    const relation author{"author", "users", nullptr};
    const relation post{"post", "posts", nullptr};
    const relation user{"user", "users", nullptr};
    const relation likes{"likes", "likes", "post"};
    const naive_order oldest{{}, "created_at", false, false};
    const naive_order most_liked{{}, "like_count", false, true};
    return {
        list_of("posts", {}, {}),
        list_of("posts", {}, {oldest}),
        list_of("posts", {}, {most_liked}),
        list_of("posts", {}, {{{author}, "username", true, false}, oldest}),
        list_of("posts", {text_test({}, "content", "icontains", "SEA")}, {}),
        list_of("posts", {text_test({author}, "username", "startswith", "user")}, {most_liked}),
        list_of("posts", {number_test({author}, "id", "", 1)}, {}),
        list_of("posts", {number_test({likes, user}, "id", "", 2)}, {oldest}),
        list_of("users", {}, {{{}, "username", true, true}}),
        list_of("users", {number_test({{"posts", "posts", "author"}}, "id", "gt", 1)}, {}),
        list_of("comments", {}, {}),
        list_of("comments", {number_test({post}, "id", "", 100)}, {oldest}),
        list_of("comments", {text_test({}, "content", "contains", "sea")},
                {{{post}, "like_count", false, true}, {{author}, "username", true, false}}),
        list_of("likes", {}, {{{post}, "content", true, false}, {{user}, "username", true, true}}),
        list_of("files", {}, {{{post}, "created_at", false, true}}),
    };
}

class watched_world {
public:
    watched_world() : seed_(make_seed()), random_(seed_), store_(open_store(directory_.path())) {
        kv::commit commit;
        for (entity_id id = 1; id <= watched_users; ++id) {
            append_create(commit, make_user(id, "user" + std::to_string(id), any_second(random_)));
        }
        for (entity_id i = 0; i < watched_posts; ++i) {
            add_post(commit, 100 + 2 * i);
        }
        must_commit(*store_, std::move(commit));
    }

    std::string seed_text() const { return "PINHOLE_TEST_SEED=" + std::to_string(seed_); }
    kv::store& store() { return *store_; }
    generator& random() { return random_; }

private:
    void add_post(kv::commit& commit, entity_id id) {
        post row = make_post(id, 1 + id / 2 % watched_users, any_second(random_));
        row.content = any_content(random_);
        append_create(commit, row);
        append_create(commit, row.files.front());
        std::int64_t likes = 0;
        for (entity_id who = 1; who <= watched_users; ++who) {
            if (random_.one_in(2)) {
                append_create(commit, make_like(take_id(), id, who, any_second(random_)));
                ++likes;
            }
        }
        for (int i = 0; i < comments_per_post; ++i) {
            comment said = make_comment(take_id(), id, watched_user(), any_second(random_));
            said.content = any_content(random_);
            append_create(commit, said);
        }
        commit.operations.emplace_back(
            kv::add{post_counts_key(id), likes * one_like + comments_per_post * one_comment});
    }

    entity_id watched_user() { return static_cast<entity_id>(random_.pick(watched_users)) + 1; }
    entity_id take_id() { return next_id_ += 2; }

    std::uint64_t seed_;
    generator random_;
    pinhole::test::temporary_directory directory_;
    std::unique_ptr<kv::store> store_;
    entity_id next_id_ = 1'000;
};

/// All ids that one walk shows, in the list's order, each page from a snapshot of its own.
ids_or_fault walk(const kv::store& store, query::list_request request, query::direction way) {
    const bool is_back = way == query::direction::previous;
    std::vector<page_ids> pages;
    request.page.from = query::position{.direction = way, .key = {}};
    while (request.page.from) {
        const auto answer = query::run_list(*store.snapshot(kv::read_mode::blocking), request);
        if (!answer) {
            return std::unexpected{answer.error().message};
        }
        pages.push_back(ids_on(*answer));
        request.page.from = is_back ? answer->rows.previous : answer->rows.next;
    }
    if (is_back) {
        std::ranges::reverse(pages);
    }
    page_ids all;
    for (const page_ids& page : pages) {
        all.insert(all.end(), page.begin(), page.end());
    }
    return all;
}

struct watched_list {
    naive_query query;
    page_ids expected;
};

/// What is wrong with a walk; nothing if it is as it should be.
std::optional<std::string> fault_of(const watched_list& list, const ids_or_fault& walked) {
    if (!walked) {
        return walked.error();
    }
    page_ids watched;
    const std::set<entity_id> expected(list.expected.begin(), list.expected.end());
    std::ranges::copy_if(*walked, std::back_inserter(watched),
                         [&](entity_id id) { return expected.contains(id); });
    if (watched == list.expected) {
        return std::nullopt;
    }
    for (const entity_id id : expected) {
        const auto times = std::ranges::count(watched, id);
        if (times != 1) {
            return "row " + std::to_string(id) + " came " + std::to_string(times) + " times";
        }
    }
    return "the rows came in another order";
}

std::vector<watched_list> lists_before_changes(watched_world& in) {
    std::vector<watched_list> lists;
    for (naive_query& each : walked_lists()) {
        each.page_size = 100;
        auto found = run_query(in.store(), each, 1);
        BOOST_REQUIRE_MESSAGE(found, test::to_text(each) << ": " << found.error());
        BOOST_TEST_REQUIRE(found->size() > 3U, test::to_text(each));
        lists.push_back({std::move(each), std::move(*found)});
    }
    return lists;
}

/// Walks every list once in each direction; says what is wrong.
std::optional<std::string> walk_all(watched_world& in, const std::vector<watched_list>& lists,
                                    std::size_t& rows_between) {
    for (const watched_list& list : lists) {
        naive_query query = list.query;
        query.page_size = static_cast<std::uint32_t>(1 + in.random().pick(12));
        const auto request = to_request(query, 1).value();
        for (const auto way : {query::direction::next, query::direction::previous}) {
            const auto walked = walk(in.store(), request, way);
            if (auto fault = fault_of(list, walked)) {
                return to_text(query) + ", pages of " + std::to_string(query.page_size) +
                       (way == query::direction::next ? ", forth: " : ", back: ") + *fault;
            }
            rows_between += walked->size() - list.expected.size();
        }
    }
    return std::nullopt;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(list_walks)

BOOST_AUTO_TEST_CASE(rows_that_stay_come_once_and_in_order_while_others_come_and_go) {
    watched_world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    const auto lists = lists_before_changes(in);
    std::vector<std::unique_ptr<writer>> writers;
    writers.reserve(writers_count);
    for (int i = 0; i < writers_count; ++i) {
        writers.push_back(std::make_unique<writer>(in.store(), i + 1, in.random().pick(1U << 30U)));
    }
    std::atomic<bool> stops = false;
    std::vector<std::thread> threads;
    threads.reserve(writers.size());
    for (const auto& each : writers) {
        threads.emplace_back([&stops, &who = *each] { who.run(stops); });
    }
    const auto end =
        std::chrono::steady_clock::now() +
        std::chrono::seconds(queries_wanted("PINHOLE_TEST_WALK_SECONDS", seconds_ordinary));
    // However slow the disk is: a walk without changes shows nothing.
    constexpr int changes_min = 20;
    const auto has_done_little = [](const auto& each) { return each->changes() <= changes_min; };
    std::optional<std::string> fault;
    std::size_t rows_between = 0;
    int rounds = 0;
    do {
        fault = walk_all(in, lists, rows_between);
        ++rounds;
    } while (!fault && (std::chrono::steady_clock::now() < end ||
                        std::ranges::any_of(writers, has_done_little)));
    stops = true;
    for (std::thread& each : threads) {
        each.join();
    }
    BOOST_TEST(!fault, fault.value_or(""));
    BOOST_TEST(rows_between > 0U);
    for (const auto& each : writers) {
        BOOST_TEST_MESSAGE(each->changes() << " changes in " << rounds << " rounds");
        BOOST_TEST(each->changes() > changes_min);
    }
}

BOOST_AUTO_TEST_CASE(a_walk_that_loses_doubles_or_moves_a_row_is_told) {
    const watched_list list{.query = {}, .expected = {1, 2, 3}};
    BOOST_TEST(!fault_of(list, page_ids{9, 1, 2, 8, 3}));
    BOOST_TEST(fault_of(list, page_ids{1, 3}).value() == "row 2 came 0 times");
    BOOST_TEST(fault_of(list, page_ids{1, 2, 2, 3}).value() == "row 2 came 2 times");
    BOOST_TEST(fault_of(list, page_ids{2, 1, 3}).value() == "the rows came in another order");
    BOOST_TEST(fault_of(list, std::unexpected{std::string{"refused"}}).value() == "refused");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
