// SIGTERM under full load: nothing acknowledged is lost, no answer is cut, what was read is
// answered, and the process ends with 0 in time.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/crash/trial.hpp"
#include "tests/support/media_samples.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

using std::chrono::steady_clock;

constexpr unsigned writers = 8;
constexpr unsigned pipelines = 2;
constexpr unsigned downloads = 2;
constexpr unsigned uploads = 4;
constexpr std::size_t idle_connections = 50;
constexpr std::chrono::seconds end_patience(10);  // the promise

/// Asks without pause until the connection ends, several requests at a time, and remembers which
/// were answered. Or downloads: the same with one at a time.
class asker {
public:
    asker(std::uint16_t port, std::string name, std::string target, int at_once)
        : connection_(port),
          name_(std::move(name)),
          target_(std::move(target)),
          at_once_(at_once) {}

    void ask_until_closed() {
        try {
            for (;;) {
                std::string requests;
                for (int i = 0; i < at_once_; ++i) {
                    sent_.push_back(name_ + "-" + std::to_string(sent_.size()));
                    requests += "GET " + target_ +
                                " HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + sent_.back() +
                                "\r\n\r\n";
                }
                connection_.send(requests);
                for (int i = 0; i < at_once_; ++i) {
                    const auto answer = connection_.receive();
                    is_wrong_ = is_wrong_ || answer.status != 200;
                    ++answered_;
                }
            }
        } catch (const cut_answer&) {
            is_cut_ = true;
        } catch (const http_failure&) {
            is_closed_ = true;  // before an answer: neither done nor begun, as the log must say
        }
    }

    void check(const std::string& log) const {
        BOOST_TEST_CONTEXT(name_) {
            BOOST_TEST(is_closed_);
            BOOST_TEST(!is_cut_);
            BOOST_TEST(!is_wrong_);
            BOOST_TEST(answered_ > 0U);
            for (std::size_t at = answered_; at < sent_.size(); ++at) {
                BOOST_TEST(!log.contains("\"request_id\":\"" + sent_[at] + "\""),
                           sent_[at] << " was read and not answered");
            }
        }
    }

private:
    http_client connection_;
    std::string name_;
    std::string target_;
    int at_once_;
    std::vector<std::string> sent_;  ///< their X-Request-Id
    std::size_t answered_ = 0;
    bool is_closed_ = false;
    bool is_cut_ = false;
    bool is_wrong_ = false;
};

/// An upload whose second half is sent when the server is stopping already.
class late_upload {
public:
    late_upload(const api_client& author, std::uint16_t port)
        : connection_(port), form_(post_form("late", 2)) {
        connection_.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                         author.token() + "\r\nContent-Type: " + form_.content_type() +
                         "\r\nContent-Length: " + std::to_string(form_.text().size()) +
                         "\r\nExpect: 100-continue\r\n\r\n");
        BOOST_TEST_REQUIRE(connection_.receive().status == 100U);
        connection_.send(form_.text().substr(0, half()));
    }

    /// Where the post is.
    std::string finish() {
        connection_.send(form_.text().substr(half()));
        const auto answer = connection_.receive();
        check_status(answer, 201);
        // The server closes when it has, lest the answer be lost.
        connection_.shutdown_send();
        return answer.header("Location");
    }

private:
    std::size_t half() const { return form_.text().size() / 2; }

    http_client connection_;
    multipart_body form_;
};

/// All that asks of the server while the crowd writes.
class audience {
public:
    audience(api_client& owner, std::uint16_t port, const std::string& large_file) {
        askers_.reserve(pipelines + downloads);
        for (unsigned i = 0; i < pipelines; ++i) {
            askers_.emplace_back(port, "pipeline" + std::to_string(i), "/healthz", 8);
        }
        for (unsigned i = 0; i < downloads; ++i) {
            askers_.emplace_back(port, "download" + std::to_string(i), large_file, 1);
        }
        uploads_.reserve(uploads);
        for (unsigned i = 0; i < uploads; ++i) {
            uploads_.emplace_back(owner, port);
        }
        idle_.reserve(idle_connections);
        for (std::size_t i = 0; i < idle_connections; ++i) {
            idle_.emplace_back(port).request("GET", "/healthz");
        }
        threads_.reserve(askers_.size());
        for (asker& each : askers_) {
            threads_.emplace_back([&each] { each.ask_until_closed(); });
        }
    }

    /// Where the posts are that it has made.
    std::vector<std::string> finish_uploads() {
        std::vector<std::string> made;
        made.reserve(uploads_.size());
        for (late_upload& each : uploads_) {
            made.push_back(each.finish());
        }
        return made;
    }

    void check(const std::string& log) {
        threads_.clear();
        for (const asker& each : askers_) {
            each.check(log);
        }
        for (http_client& each : idle_) {
            BOOST_TEST(each.receive_until_closed() == "");
        }
    }

private:
    std::vector<asker> askers_;
    std::vector<late_upload> uploads_;
    std::vector<http_client> idle_;
    std::vector<std::jthread> threads_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(stopping)

BOOST_AUTO_TEST_CASE(under_full_load_nothing_is_lost_and_no_answer_cut) {
    const int rounds = rounds_from("PINHOLE_TEST_STOP_ROUNDS", 8);
    dice random;
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << random.seed()) {
        const temporary_directory directory;
        trial life(directory.path() / "data", directory.path() / "log");
        crowd people(life.port(), writers, random.seed());
        // Of an account that the crowd does not know.
        api_client owner = sign_up(life.port(), "late");
        multipart_body form;
        form.field("content", "large")
            .file("files", "large.jpg", "image/jpeg", make_jpeg(1200, 1200, random.seed()));
        const json large = parse(owner.upload(form), 201);
        people.expect_of(owner.id(), {large});
        for (int round = 0; round < rounds; ++round) {
            BOOST_TEST_CONTEXT("round " << round) {
                std::filesystem::resize_file(life.log(), 0);
                audience others(owner, life.port(), text(large.at("files").at(0), "url"));
                std::vector<std::string> made;
                crowd_signals signals;
                steady_clock::time_point stopped_at;
                people.write(signals, [&] {
                    wait_for_a_moment(signals, random);
                    signals.may_break = true;
                    stopped_at = steady_clock::now();
                    life.server().send_signal(SIGTERM);
                    made = others.finish_uploads();
                });
                BOOST_TEST(life.server().wait(end_patience).exit_status == 0);
                BOOST_TEST((steady_clock::now() - stopped_at < end_patience));
                BOOST_TEST(signals.answers_cut == 0);
                others.check(read_file(life.log().string()));
                life.check_database();

                people.move_to(life.start());
                owner.move_to(life.port());
                std::vector<json> posts;
                posts.reserve(made.size());
                for (const std::string& path : made) {
                    posts.push_back(owner.get_json(path));
                }
                people.expect_of(owner.id(), posts);
                people.verify(life.data(), round + 1 < rounds ? extent::recent : extent::all);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
