#include "tests/workload/crowd.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/api/entity_checks.hpp"

namespace pinhole::test {

void writer::write(const std::string& shared_post, crowd_signals& signals) {
    try {
        while (!signals.enough) {
            if (write_once(shared_post)) {
                ++signals.acknowledged;
            }
        }
    } catch (const http_failure& failure) {
        // What was under way is marked as unknown already.
        if (!signals.may_break) {
            surprise_ += std::string{failure.what()} + "\n";
        }
    }
}

void writer::verify(const std::string& shared_post) {
    BOOST_TEST(surprise_ == "");
    for (auto& [path, state] : things_) {
        const auto answer = client_.get(path);
        BOOST_TEST_CONTEXT(client_.username() << " wrote " << path) {
            if (state == fate::unknown) {
                state = answer.status == 200 ? fate::alive : fate::deleted;
            }
            BOOST_TEST(answer.status == (state == fate::alive ? 200U : 404U));
        }
    }
    settle_comment();
    const json post = client_.get_json("/api/v1/posts/" + shared_post);
    BOOST_TEST_CONTEXT(client_.username() << " likes " << shared_post) {
        if (likes_) {
            BOOST_TEST(post.at("liked") == *likes_);
        }
        likes_ = post.at("liked").get<bool>();
    }
    if (bio_) {
        BOOST_TEST(client_.get_json("/api/v1/users/me").at("bio") == *bio_);
    }
}

/// Whether it was acknowledged.
bool writer::write_once(const std::string& shared_post) {
    const std::string post = "/api/v1/posts/" + shared_post;
    switch (random_() % 9) {
        case 0:
        case 1:
            return create(client_.upload(post_form("by " + client_.username(), 2)));
        case 2:
        case 3:
            return comment(post);
        case 4:
            return delete_something();
        case 5:
            return restore_something();
        case 6:
            return edit_bio();
        default:
            return toggle_like(post);
    }
}

bool writer::create(const http_response& answer) {
    if (!expect(answer, 201)) {
        return false;
    }
    things_[answer.header("Location")] = fate::alive;
    return true;
}

bool writer::comment(const std::string& post) {
    if (!pending_comment_) {
        const std::string name = client_.username() + " " + std::to_string(++comments_);
        pending_comment_ = {post + "/comments", name};
    }
    if (!create(send_comment())) {
        return false;
    }
    pending_comment_.reset();
    return true;
}

http_response writer::send_comment() {
    return client_.post(pending_comment_->target, {{"content", pending_comment_->name}},
                        {{"Idempotency-Key", pending_comment_->name}});
}

/// Whether the one under way had happened or not, now it has, and once.
void writer::settle_comment() {
    if (!pending_comment_) {
        return;
    }
    BOOST_TEST(create(send_comment()));
    std::size_t found = 0;
    for (const json& row : walk(client_, "/api/v1/comments?author=me&page_size=100")) {
        found += text(row, "content") == pending_comment_->name ? 1 : 0;
    }
    BOOST_TEST(found == 1U, pending_comment_->name);
    pending_comment_.reset();
}

bool writer::restore_something() {
    const auto deleted = std::ranges::find_if(things_, [](const auto& thing) {
        return thing.second == fate::deleted && thing.first.contains("/posts/");
    });
    if (deleted == things_.end()) {
        return false;
    }
    deleted->second = fate::unknown;
    if (!expect(client_.post(deleted->first + "/restore"), 200)) {
        return false;
    }
    deleted->second = fate::alive;
    return true;
}

bool writer::delete_something() {
    const auto alive = std::ranges::find_if(
        things_, [](const auto& thing) { return thing.second == fate::alive; });
    if (alive == things_.end()) {
        return false;
    }
    alive->second = fate::unknown;
    if (!expect(client_.remove(alive->first), 204)) {
        return false;
    }
    alive->second = fate::deleted;
    return true;
}

bool writer::toggle_like(const std::string& post) {
    const bool likes = !likes_.value_or(false);
    likes_.reset();
    const auto answer = likes ? client_.put(post + "/like") : client_.remove(post + "/like");
    // One that was there already, from a write whose answer was lost, is a 200.
    if (answer.status != 200 && !expect(answer, likes ? 201 : 204)) {
        return false;
    }
    likes_ = likes;
    return true;
}

bool writer::edit_bio() {
    const std::string bio = "bio " + std::to_string(random_());
    bio_.reset();
    if (!expect(client_.patch("/api/v1/users/me", {{"bio", bio}}), 200)) {
        return false;
    }
    bio_ = bio;
    return true;
}

bool writer::expect(const http_response& answer, unsigned status) {
    if (answer.status != status && !tolerated_.contains(answer.status)) {
        surprise_ += std::to_string(answer.status) + ": " + answer.body + "\n";
    }
    return answer.status == status;
}

namespace {

std::size_t count_files(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

}  // namespace

crowd::crowd(std::uint16_t port, unsigned writers, unsigned seed)
    : owner_(sign_up(port, "owner")), shared_post_(text(create_post(owner_), "id")) {
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

void crowd::move_to(std::uint16_t port) {
    owner_.move_to(port);
    for (writer& each : writers_) {
        each.client().move_to(port);
    }
}

void crowd::verify(const std::filesystem::path& data) {
    BOOST_TEST(owner_.get("/readyz").status == 200U);
    for (writer& each : writers_) {
        each.verify(shared_post_);
    }
    check_nothing_is_half(data);
    BOOST_TEST(find_wrong_count(owner_) == "");
}

std::size_t crowd::count_deleted_files() {
    std::size_t count = 0;
    for (writer& each : writers_) {
        for (const json& post :
             walk(each.client(), "/api/v1/posts?author=me&is_deleted=true&page_size=100")) {
            count += post.at("files").size();
        }
    }
    return count;
}

/// Every post that is there has all its files, and every file on disk belongs to a post, be it a
/// deleted one.
void crowd::check_nothing_is_half(const std::filesystem::path& data) {
    std::size_t files = 0;
    for (const json& post : walk(owner_, "/api/v1/posts?page_size=100")) {
        for (const json& file : post.at("files")) {
            ++files;
            const auto served = owner_.get(text(file, "url"));
            BOOST_TEST(served.status == 200U);
            BOOST_TEST(served.body.size() == file.at("size").get<std::size_t>());
        }
    }
    BOOST_TEST(walk(owner_, "/api/v1/files?page_size=100").size() == files);
    BOOST_TEST(count_files(data / "media/public") == files);
    BOOST_TEST(count_files(data / "media/hidden") == count_deleted_files());
    BOOST_TEST(std::filesystem::is_empty(data / "media/incoming"));
}

}  // namespace pinhole::test
