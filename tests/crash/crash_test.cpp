// kill -9 in the middle of writes: what was acknowledged is there, nothing is half there, and the
// server comes back without a hand.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <random>

#include "tests/api/entity_checks.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned writers = 8;
constexpr int rounds = 3;
constexpr int writes_per_round = 400;

/// What a writer knows of a thing that it wrote.
enum class fate { alive, deleted, unknown };

/// Writes without pause and remembers what was acknowledged.
class writer {
public:
    writer(std::uint16_t port, unsigned seed) : client_(sign_up(port, "writer")), random_(seed) {}

    api_client& client() { return client_; }
    const std::string& surprise() const { return surprise_; }

    /// Until the server is gone, which is no surprise once it was killed.
    void write_until_it_dies(const std::string& shared_post, std::atomic<int>& acknowledged,
                             const std::atomic<bool>& killed) {
        try {
            for (;;) {
                write_once(shared_post);
                ++acknowledged;
            }
        } catch (const http_failure& failure) {
            // What was under way is marked as unknown already.
            if (!killed) {
                surprise_ += std::string{failure.what()} + "\n";
            }
        }
    }

    /// Compares with what is there, on the test's own thread, and takes over what was unknown.
    void verify(const std::string& shared_post) {
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

private:
    void write_once(const std::string& shared_post) {
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

    void create(const http_response& answer) {
        if (expect(answer, 201)) {
            things_[answer.header("Location")] = fate::alive;
        }
    }

    void comment(const std::string& post) {
        const std::string name = client_.username() + " " + std::to_string(++comments_);
        pending_comment_ = {post + "/comments", name};
        create(send_comment());
        pending_comment_.reset();
    }
    http_response send_comment() {
        return client_.post(pending_comment_->target, {{"content", pending_comment_->name}},
                            {{"Idempotency-Key", pending_comment_->name}});
    }
    /// Whether the one under way had happened or not, now it has, and once.
    void settle_comment() {
        if (!pending_comment_) {
            return;
        }
        create(send_comment());
        std::size_t found = 0;
        for (const json& row : walk(client_, "/api/v1/comments?author=me&page_size=100")) {
            found += text(row, "content") == pending_comment_->name ? 1 : 0;
        }
        BOOST_TEST(found == 1U, pending_comment_->name);
        pending_comment_.reset();
    }

    void restore_something() {
        const auto deleted = std::ranges::find_if(things_, [](const auto& thing) {
            return thing.second == fate::deleted && thing.first.contains("/posts/");
        });
        if (deleted != things_.end()) {
            deleted->second = fate::unknown;
            if (expect(client_.post(deleted->first + "/restore"), 200)) {
                deleted->second = fate::alive;
            }
        }
    }

    void delete_something() {
        const auto alive = std::ranges::find_if(
            things_, [](const auto& thing) { return thing.second == fate::alive; });
        if (alive != things_.end()) {
            alive->second = fate::unknown;
            if (expect(client_.remove(alive->first), 204)) {
                alive->second = fate::deleted;
            }
        }
    }

    void toggle_like(const std::string& post) {
        const bool likes = !likes_.value_or(false);
        likes_.reset();
        const auto answer = likes ? client_.put(post + "/like") : client_.remove(post + "/like");
        if (answer.status < 300) {
            likes_ = likes;
        } else {
            expect(answer, likes ? 201 : 204);
        }
    }

    void edit_bio() {
        const std::string bio = "bio " + std::to_string(random_());
        bio_.reset();
        if (expect(client_.patch("/api/v1/users/me", {{"bio", bio}}), 200)) {
            bio_ = bio;
        }
    }

    bool expect(const http_response& answer, unsigned status) {
        if (answer.status != status) {
            surprise_ += std::to_string(answer.status) + ": " + answer.body + "\n";
        }
        return answer.status == status;
    }

    api_client client_;
    std::minstd_rand random_;
    std::map<std::string, fate> things_;
    std::optional<bool> likes_ = false;  ///< nothing: not known
    std::optional<std::string> bio_;
    struct pending_comment {
        std::string target;
        std::string name;
    };
    std::optional<pending_comment> pending_comment_;
    int comments_ = 0;
    std::string surprise_;
};

std::size_t count_files(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

std::size_t count_deleted_files(std::vector<writer>& crowd) {
    std::size_t count = 0;
    for (writer& each : crowd) {
        for (const json& post :
             walk(each.client(), "/api/v1/posts?author=me&is_deleted=true&page_size=100")) {
            count += post.at("files").size();
        }
    }
    return count;
}

/// Every post that is there has all its files, and every file on disk belongs to a post, be it a
/// deleted one.
void check_nothing_is_half(api_client& viewer, std::vector<writer>& crowd,
                           const std::filesystem::path& data) {
    std::size_t files = 0;
    for (const json& post : walk(viewer, "/api/v1/posts?page_size=100")) {
        for (const json& file : post.at("files")) {
            ++files;
            const auto served = viewer.get(text(file, "url"));
            BOOST_TEST(served.status == 200U);
            BOOST_TEST(served.body.size() == file.at("size").get<std::size_t>());
        }
    }
    BOOST_TEST(walk(viewer, "/api/v1/files?page_size=100").size() == files);
    BOOST_TEST(count_files(data / "media/public") == files);
    BOOST_TEST(count_files(data / "media/hidden") == count_deleted_files(crowd));
    BOOST_TEST(std::filesystem::is_empty(data / "media/incoming"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(crashes)

BOOST_AUTO_TEST_CASE(every_acknowledged_write_survives_kill_9) {
    const temporary_directory directory;
    const auto data = directory.path() / "data";
    const auto log = directory.path() / "log";
    std::optional<server_process> server;
    server.emplace(serve_arguments(data), log);
    std::uint16_t port = server->wait_until_serving();
    auto owner = sign_up(port, "owner");
    const std::string shared_post = text(create_post(owner), "id");
    std::vector<writer> crowd;
    crowd.reserve(writers);
    for (unsigned i = 0; i < writers; ++i) {
        crowd.emplace_back(port, i + 1);
    }
    for (int round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round) {
            std::atomic<int> acknowledged = 0;
            std::atomic<bool> killed = false;
            run_parallel(writers + 1, [&](unsigned index) {
                if (index < writers) {
                    crowd[index].write_until_it_dies(shared_post, acknowledged, killed);
                } else if (eventually([&] { return acknowledged > writes_per_round; },
                                      std::chrono::seconds(60))) {
                    killed = true;
                    server->send_signal(SIGKILL);
                } else {
                    server->send_signal(SIGTERM);  // too slow: fails below, and hangs nobody
                }
            });
            BOOST_TEST(server->wait().signal == SIGKILL);
            server.emplace(serve_arguments(data), log);
            port = server->wait_until_serving();
            owner.move_to(port);
            BOOST_TEST(owner.get("/readyz").status == 200U);
            for (writer& each : crowd) {
                each.client().move_to(port);
                each.verify(shared_post);
                BOOST_TEST(each.surprise() == "");
            }
            check_nothing_is_half(owner, crowd, data);
            BOOST_TEST(find_wrong_count(owner) == "");
        }
    }
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
