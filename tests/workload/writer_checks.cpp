// What a writer finds afterwards, compared with its ledger.
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/workload/writer.hpp"

namespace pinhole::test {

namespace {

constexpr std::size_t sample_size = 8;

fate fate_of(const http_response& answer) {
    BOOST_TEST((answer.status == 200 || answer.status == 404), answer.status);
    return answer.status == 200 ? fate::alive : fate::deleted;
}

/// What is there must be something that was written; from now on nothing else may be.
template <class T>
void observe(possible<T>& expected, const T& seen, std::string_view what) {
    BOOST_TEST(expected.allows(seen), what << " is not what was acknowledged");
    expected.settle(seen);
}

/// Both in any order: each of the ids, exactly once.
void check_ids(std::vector<std::string> found, std::vector<std::string> wanted,
               std::string_view url) {
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    BOOST_TEST_CONTEXT(url) {
        BOOST_TEST(found == wanted, boost::test_tools::per_element());
    }
}

/// Under something deleted not all can be seen.
bool is_known(const post_entry& entry) {
    return entry.state.is_known() && entry.content.is_known() && entry.liked.is_known() &&
           std::ranges::all_of(entry.files,
                               [](const file_entry& file) { return file.state.is_known(); });
}

bool is_known(const comment_entry& entry) {
    return entry.state.is_known() && entry.content.is_known();
}

}  // namespace

void writer::verify(const std::string& shared_post, api_client& viewer, extent how_much,
                    std::int64_t seen_before) {
    BOOST_TEST_CONTEXT(client_.username()) {
        BOOST_TEST(surprise_ == "");
        surprise_.clear();
        settle_password();
        settle_account(viewer);
        check_logins();
        settle_creations(seen_before);
        check_entries(posts_, how_much, [this](post_entry& entry) { check_post(entry); });
        check_entries(comments_, how_much, [this](comment_entry& entry) { check_comment(entry); });
        check_profile(shared_post);
        check_repeated_creations();
    }
}

template <class Entry, class Check>
void writer::check_entries(std::vector<Entry>& entries, extent how_much, const Check& check) {
    const std::size_t stride = how_much == extent::all ? 1 : 1 + entries.size() / sample_size;
    std::size_t at = random_() % stride;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i == at || entries[i].is_touched) {
            check(entries[i]);
            entries[i].is_touched = !is_known(entries[i]);
        }
        at += i == at ? stride : 0;
    }
}

/// Exactly one of the passwords that it may be is the account's.
void writer::settle_password() {
    if (!std::exchange(is_password_touched_, false)) {
        return;
    }
    std::vector<std::string> right;
    for (const std::string& candidate : password_.values()) {
        const auto answer = send_login("/api/v1/auth/login", candidate);
        if (account_.is(fate::alive)) {
            BOOST_TEST((answer.status == 200 || answer.status == 401), answer.status);
        }
        if (answer.status == 200) {
            right.push_back(candidate);
            logins_.push_back({.token = text(json::parse(answer.body), "token")});
        }
    }
    if (!account_.is(fate::alive)) {
        return;  // a deleted account has no logins; restoring it needs the password
    }
    BOOST_TEST_REQUIRE(right.size() == 1U, "not one of the passwords works");
    if (right.front() != password_.first()) {
        // The change ended the other logins, in the same commit.
        const login_entry newest = logins_.back();
        end_logins_but(client_.token());
        logins_.back() = newest;
    }
    password_.settle(right.front());
}

void writer::settle_account(api_client& viewer) {
    if (account_.is(fate::alive)) {
        return;
    }
    const std::string path = "/api/v1/users/@" + client_.username();
    observe(account_, fate_of(viewer.get(path)), path);
    if (account_.is(fate::deleted)) {
        end_logins_but("");
        BOOST_TEST(send_login("/api/v1/auth/login", password_.first()).status == 401U);
        for (const post_entry& entry : posts_) {
            if (entry.is_touched) {
                BOOST_TEST(viewer.get("/api/v1/posts/" + entry.id).status == 404U);
                check_file(entry.files.front(), false, viewer);
            }
        }
    }
    BOOST_TEST_REQUIRE(restore_account());
}

void writer::check_logins() {
    for (login_entry& login : logins_) {
        const auto answer = request_as(login.token, "GET", "/api/v1/users/me");
        BOOST_TEST((answer.status == 200 || answer.status == 401), answer.status);
        observe(login.state, answer.status == 200 ? fate::alive : fate::deleted, "a login");
    }
    std::erase_if(logins_, [](const login_entry& login) { return login.state.is(fate::deleted); });
    const auto sessions = client_.get_json("/api/v1/auth/sessions").at("results").size();
    BOOST_TEST(sessions >= logins_.size());
    BOOST_TEST(sessions <= logins_.size() + lost_logins_);
}

/// Whether one under way had happened or not, now it has, and once.
void writer::settle_creations(std::int64_t seen_before) {
    for (std::size_t at = pending_.size(); at-- > 0;) {
        if (pending_[at].has_key()) {
            BOOST_TEST(send_pending(at), "sending it again does not settle a creation");
            continue;
        }
        settle_without_key(pending_[at], seen_before);
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    BOOST_TEST(surprise_ == "");
}

void writer::settle_without_key(const creation& made, std::int64_t seen_before) {
    const bool is_post = made.what == creation::kind::post;
    const std::string list = is_post ? "/api/v1/posts" : "/api/v1/comments";
    std::size_t found = 0;
    for (const json& row : walk_newer(client_, list + "?author=me&page_size=100", seen_before)) {
        if (text(row, "content") == made.content) {
            adopt(made, row);
            ++found;
        }
    }
    BOOST_TEST(found <= 1U, made.content << " is there more than once");
}

void writer::check_repeated_creations() {
    for (const answered_creation& known : answered_) {
        const auto answer = known.made.send(client_);
        BOOST_TEST_CONTEXT("again: " << known.made.content) {
            BOOST_TEST(answer.status == 201U);
            BOOST_TEST(answer.body == known.answer);
        }
    }
    answered_.clear();
}

void writer::check_profile(const std::string& shared_post) {
    const json me = client_.get_json("/api/v1/users/me");
    observe(bio_, text(me, "bio"), "the bio");
    const json post = client_.get_json("/api/v1/posts/" + shared_post);
    observe(likes_shared_, post.at("liked").get<bool>(), "the like of the shared post");
    const auto likes = client_.get_json("/api/v1/likes?user=me&post=" + shared_post).at("results");
    BOOST_TEST(likes.size() == (likes_shared_.first() ? 1U : 0U));
    for (const json& like : likes) {
        BOOST_TEST(client_.get_json("/api/v1/likes/" + text(like, "id")) == like);
    }
}

void writer::check_post(post_entry& entry) {
    const std::string path = "/api/v1/posts/" + entry.id;
    BOOST_TEST_CONTEXT(path) {
        const auto answer = client_.get(path);
        observe(entry.state, fate_of(answer), path);
        if (entry.state.is(fate::alive)) {
            check_alive_post(entry, json::parse(answer.body));
            return;
        }
        for (const char* list : {"files", "comments", "likes"}) {
            const std::string url = "/api/v1/" + std::string(list) + "?post=" + entry.id;
            const auto rows = client_.get(url);
            BOOST_TEST((rows.status == 404 || walk(client_, url).empty()), url);
        }
        for (const file_entry& file : entry.files) {
            check_file(file, false, client_);
        }
    }
}

void writer::check_alive_post(post_entry& entry, const json& post) {
    observe(entry.content, text(post, "content"), "the content");
    observe(entry.liked, post.at("liked").get<bool>(), "the like");
    std::vector<std::string> shown;
    shown.reserve(post.at("files").size());
    for (const json& file : post.at("files")) {
        shown.push_back(text(file, "id"));
    }
    std::vector<std::string> wanted;
    for (file_entry& file : entry.files) {
        const bool is_shown = std::ranges::find(shown, file.id) != shown.end();
        observe(file.state, is_shown ? fate::alive : fate::deleted, file.url);
        check_file(file, is_shown, client_);
        if (is_shown) {
            wanted.push_back(file.id);
        }
    }
    // In their order, and none that was not sent.
    BOOST_TEST(shown == wanted, boost::test_tools::per_element());
    const std::string files = "/api/v1/files?page_size=100&post=" + entry.id;
    check_ids(ids_of(walk(client_, files)), wanted, files);
    const auto likes = client_.get_json("/api/v1/likes?post=" + entry.id).at("results");
    BOOST_TEST(likes.size() == post.at("like_count").get<std::size_t>());
    BOOST_TEST(likes.size() == (entry.liked.first() ? 1U : 0U));
}

void writer::check_file(const file_entry& entry, bool is_visible, api_client& viewer) {
    BOOST_TEST_CONTEXT(entry.url) {
        const unsigned status = is_visible ? 200 : 404;
        BOOST_TEST(viewer.get("/api/v1/files/" + entry.id).status == status);
        const auto media = viewer.get(entry.url);
        BOOST_TEST(media.status == status);
        if (is_visible) {
            BOOST_TEST(sha256_of(media.body) == entry.sha256);
        }
    }
}

void writer::check_comment(comment_entry& entry) {
    const std::string path = "/api/v1/comments/" + entry.id;
    const auto answer = client_.get(path);
    if (!is_post_alive(entry.post)) {
        BOOST_TEST(answer.status == 404U, path);
        return;
    }
    observe(entry.state, fate_of(answer), path);
    if (entry.state.is(fate::alive)) {
        observe(entry.content, text(json::parse(answer.body), "content"), path);
    }
}

std::size_t writer::rows() const {
    std::size_t rows = posts_.size() + comments_.size() + accounts_.size();
    for (const post_entry& entry : posts_) {
        rows += entry.files.size();
    }
    return rows;
}

expected_rows writer::expected() const {
    expected_rows rows;
    for (const post_entry& entry : posts_) {
        const bool is_alive = entry.state.is(fate::alive);
        (is_alive ? rows.posts : rows.deleted_posts).push_back(entry.id);
        for (const file_entry& file : entry.files) {
            if (is_alive && file.state.first() == fate::alive) {
                rows.files.push_back(file.id);
            } else {
                ++rows.hidden_files;
            }
        }
        if (is_alive && entry.liked.first()) {
            rows.liked_posts.push_back(entry.id);
        }
    }
    for (const comment_entry& entry : comments_) {
        if (is_post_alive(entry.post) && entry.state.first() == fate::alive) {
            rows.comments.push_back(entry.id);
        }
    }
    rows.accounts = accounts_;
    return rows;
}

}  // namespace pinhole::test
