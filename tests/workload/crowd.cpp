#include "tests/workload/crowd.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/api/entity_checks.hpp"

namespace pinhole::test {

namespace {

/// One row in so many of a list is compared with the same row by its id.
constexpr std::size_t compared_one_in = 16;

std::size_t count_files(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& from) {
    to.insert(to.end(), from.begin(), from.end());
}

/// Those that a list shows beyond the ones that were seen before.
std::vector<std::string> newer(std::vector<std::string> ids, std::int64_t seen_before) {
    std::erase_if(ids, [=](const std::string& id) { return number_of(id) <= seen_before; });
    std::ranges::sort(ids);
    return ids;
}

void check_list(const std::string& list, std::vector<std::string> found,
                const std::vector<std::string>& wanted, std::int64_t seen_before) {
    std::ranges::sort(found);
    BOOST_TEST_CONTEXT(list) {
        BOOST_TEST(found == newer(wanted, seen_before), boost::test_tools::per_element());
    }
}

}  // namespace

crowd::crowd(std::uint16_t port, unsigned writers, unsigned seed) : owner_(sign_up(port, "owner")) {
    const json post = create_post(owner_);
    shared_post_ = text(post, "id");
    expect_of(owner_.id(), {post});
    writers_.reserve(writers);
    for (unsigned i = 0; i < writers; ++i) {
        writers_.emplace_back(port, seed + i);
    }
}

void crowd::tolerate(const std::set<unsigned>& statuses) {
    for (writer& each : writers_) {
        each.tolerate(statuses);
    }
}

void crowd::limit_rows(std::size_t rows_max) {
    for (writer& each : writers_) {
        each.limit_rows(rows_max);
    }
}

void crowd::write(crowd_signals& signals, const std::function<void()>& harm) {
    std::vector<std::jthread> threads;
    threads.reserve(writers_.size());
    for (writer& each : writers_) {
        threads.emplace_back([&] { each.write(shared_post_, signals); });
    }
    try {
        harm();
    } catch (...) {
        signals.enough = true;
        throw;
    }
}

void crowd::expect_of(const std::string& account, const std::vector<json>& posts) {
    if (std::ranges::find(others_.accounts, account) == others_.accounts.end()) {
        others_.accounts.push_back(account);
    }
    for (const json& post : posts) {
        others_.posts.push_back(text(post, "id"));
        for (const json& file : post.at("files")) {
            others_.files.push_back(text(file, "id"));
        }
    }
}

void crowd::move_to(std::uint16_t port) {
    owner_.move_to(port);
    for (writer& each : writers_) {
        each.client().move_to(port);
    }
}

void crowd::verify(const std::filesystem::path& data, extent how_much) {
    owner_.connection().reconnect();
    BOOST_TEST(owner_.get("/readyz").status == 200U);
    if (how_much == extent::all) {
        seen_before_ = 0;
    }
    for (writer& each : writers_) {
        // It may have waited for its turn for longer than the server keeps an idle connection.
        each.client().connection().reconnect();
        owner_.connection().reconnect();
        each.verify(shared_post_, owner_, how_much, seen_before_);
    }
    const expected_rows wanted = expected();
    check_lists(wanted, seen_before_);
    for (writer& each : writers_) {
        each.client().connection().reconnect();
        check_lists_of(each, seen_before_);
    }
    check_comments_by_post(seen_before_);
    check_files_on_disk(wanted, data);
    if (how_much == extent::all) {
        // What an account's deletion or return does to others' posts settles in the background.
        std::string wrong;
        BOOST_TEST(eventually([&] { return (wrong = find_wrong_count(owner_)).empty(); }), wrong);
    }
    seen_before_ = newest_seen_;
}

expected_rows crowd::expected() const {
    expected_rows all = others_;
    for (const writer& each : writers_) {
        const expected_rows rows = each.expected();
        append(all.posts, rows.posts);
        append(all.files, rows.files);
        append(all.comments, rows.comments);
        append(all.accounts, rows.accounts);
        all.accounts.push_back(each.account());
        all.hidden_files += rows.hidden_files;
    }
    return all;
}

std::size_t crowd::rows() const {
    std::size_t rows = 0;
    for (const writer& each : writers_) {
        rows += each.rows();
    }
    return rows;
}

/// The ids that a list shows beyond those seen before. Some of its rows are compared with what
/// their ids lead to.
std::vector<std::string> crowd::found(const std::string& list, std::int64_t seen_before,
                                      api_client& viewer) {
    const std::string entity = list.substr(0, list.find('?'));
    const char separator = list.contains('?') ? '&' : '?';
    const auto rows = walk_newer(
        viewer, "/api/v1/" + list + std::string(1, separator) + "page_size=100", seen_before);
    for (std::size_t at = 0; at < rows.size(); at += compared_one_in) {
        const std::string path = "/api/v1/" + entity + "/" + text(rows[at], "id");
        // The author alone is shown what is deleted, and in the list alone.
        if (!rows[at].at("is_deleted").get<bool>()) {
            BOOST_TEST(viewer.get_json(path) == rows[at], path << " differs from the list");
        }
    }
    for (const json& row : rows) {
        newest_seen_ = std::max(newest_seen_, number_of(text(row, "id")));
    }
    return ids_of(rows);
}

void crowd::check_lists(const expected_rows& wanted, std::int64_t seen_before) {
    check_list("posts", found("posts", seen_before, owner_), wanted.posts, seen_before);
    check_list("files", found("files", seen_before, owner_), wanted.files, seen_before);
    check_list("comments", found("comments", seen_before, owner_), wanted.comments, seen_before);
    check_list("users", found("users", seen_before, owner_), wanted.accounts, seen_before);
}

void crowd::check_lists_of(writer& each, std::int64_t seen_before) {
    const expected_rows wanted = each.expected();
    const std::string by = "?author=" + each.account();
    const auto check = [&](const std::string& list, api_client& viewer,
                           const std::vector<std::string>& ids) {
        check_list(list, found(list, seen_before, viewer), ids, seen_before);
    };
    check("posts" + by, owner_, wanted.posts);
    check("comments" + by, owner_, wanted.comments);
    check("posts?author=me&is_deleted=true", each.client(), wanted.deleted_posts);

    // A like's row is older than the last time that it was given.
    std::vector<std::string> liked = wanted.liked_posts;
    if (each.likes_shared_post()) {
        liked.push_back(shared_post_);
    }
    const auto likes = walk(owner_, "/api/v1/likes?page_size=100&user=" + each.account());
    std::vector<std::string> shown;
    shown.reserve(likes.size());
    for (const json& like : likes) {
        shown.push_back(text(like, "post"));
    }
    check_list("likes of " + each.account(), std::move(shown), liked, 0);
}

/// Those of the shared post, which all write about.
void crowd::check_comments_by_post(std::int64_t seen_before) {
    std::vector<std::string> all;
    for (const writer& each : writers_) {
        std::vector<std::string> own;
        for (const comment_entry& entry : each.comments()) {
            if (entry.post == shared_post_ && entry.state.is(fate::alive)) {
                own.push_back(entry.id);
            }
        }
        const std::string list = "comments?post=" + shared_post_ + "&author=" + each.account();
        check_list(list, found(list, seen_before, owner_), own, seen_before);
        append(all, own);
    }
    const std::string list = "comments?post=" + shared_post_;
    check_list(list, found(list, seen_before, owner_), all, seen_before);
}

/// Every file that is there belongs to a row, be it a deleted one, and lies where that says.
void crowd::check_files_on_disk(const expected_rows& wanted, const std::filesystem::path& data) {
    BOOST_TEST(count_files(data / "media/public") == wanted.files.size());
    BOOST_TEST(count_files(data / "media/hidden") == wanted.hidden_files);
    // The last upload's markers go after its answer.
    const std::filesystem::path incoming = data / "media/incoming";
    const bool is_tidy = eventually([&] { return std::filesystem::is_empty(incoming); });
    BOOST_TEST(is_tidy, incoming);
}

}  // namespace pinhole::test
