// Far more work than the server can do: it says so, holds no more than it may, and is itself again
// when it is over.
//
// PINHOLE_TEST_OVERLOAD_SECONDS sets how long it is overloaded.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/api/entity_checks.hpp"
#include "tests/load/load_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
/// Both hashes at work (19 MiB each), decoders, caches and write buffers as they fill.
constexpr std::uint64_t memory_growth_max = 300 * mebibyte;
/// Between the first half of an overload and its end.
constexpr std::uint64_t memory_creep_max = 48 * mebibyte;

std::chrono::seconds overload_time() {
    const char* const wanted = std::getenv("PINHOLE_TEST_OVERLOAD_SECONDS");
    return std::chrono::seconds(wanted != nullptr ? std::stoi(wanted) : 6);
}

/// What clients were answered, by status, and whatever should not have been.
class outcome {
public:
    void note(const http_response& answer) {
        const std::lock_guard lock(mutex_);
        ++by_status_[answer.status];
        const bool unavailable = answer.status == 503;
        if (unavailable && std::atoi(answer.header("Retry-After").c_str()) < 1) {
            wrong_.emplace_back("503 without Retry-After");
        }
        if (answer.status >= 500 && !unavailable) {
            wrong_.push_back("status " + std::to_string(answer.status) + ": " + answer.body);
        }
    }
    void note_broken(const std::exception& failure) {
        const std::lock_guard lock(mutex_);
        ++by_status_[0];
        last_failure_ = failure.what();
    }
    std::size_t count(unsigned status) const {
        const std::lock_guard lock(mutex_);
        const auto found = by_status_.find(status);
        return found == by_status_.end() ? 0 : found->second;
    }
    void report() const {
        const std::lock_guard lock(mutex_);
        for (const auto& [status, count] : by_status_) {
            BOOST_TEST_MESSAGE("status " << status << ": " << count);
        }
        for (const std::string& wrong : wrong_) {
            BOOST_ERROR(wrong);
        }
        BOOST_TEST_MESSAGE(last_failure_);
    }

private:
    mutable std::mutex mutex_;
    std::map<unsigned, std::size_t> by_status_;
    std::vector<std::string> wrong_;
    std::string last_failure_;
};

/// Threads that each do one thing again and again until they are told to stop.
class crowd {
public:
    crowd() = default;
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;
    ~crowd() { disperse(); }

    /// A connection that ends is what happens to whom there is no room for: he comes again.
    void add(unsigned count, std::uint16_t port,
             const std::function<http_response(api_client&)>& act, outcome& seen) {
        threads_.reserve(threads_.size() + count);
        for (unsigned i = 0; i < count; ++i) {
            threads_.emplace_back([this, port, act, &seen] {
                while (!over_) {
                    try {
                        api_client client(port);
                        while (!over_) {
                            seen.note(act(client));
                        }
                    } catch (const http_failure& failure) {
                        seen.note_broken(failure);
                    }
                }
            });
        }
    }
    void disperse() {
        over_ = true;
        for (std::thread& thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }

private:
    std::atomic<bool> over_ = false;
    std::vector<std::thread> threads_;
};

http_response log_in(api_client& client, const std::string& username, std::string_view password) {
    return client.post("/api/v1/auth/login", {{"username", username}, {"password", password}});
}

template <class Act>
std::chrono::steady_clock::duration time_of(const Act& act) {
    const auto begun = std::chrono::steady_clock::now();
    act();
    return std::chrono::steady_clock::now() - begun;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(overload)

BOOST_AUTO_TEST_CASE(it_is_refused_with_503_in_flat_memory_and_leaves_nothing_behind) {
    load_server server({"--connections-max", "60", "--hash-queue-max", "4", "--media-queue-max",
                        "4", "--media-threads", "1"});
    auto user = sign_up(server.port());
    const json post = create_post(user);
    const std::string token = user.token();
    // Another one logs in: whoever has too many logins loses the oldest.
    const std::string name = sign_up(server.port()).username();
    const std::string path = path_of_post(post);
    const std::string photo = make_jpeg(600, 400, 1);
    const auto as_user = [token](api_client& client) -> api_client& {
        client.set_token(token);
        return client;
    };
    const auto before = server.process().resident_bytes();
    outcome logins;
    outcome others;
    std::uint64_t memory_midway = 0;
    {
        crowd clients;
        clients.add(
            20, server.port(), [name](api_client& c) { return log_in(c, name, default_password); },
            logins);
        clients.add(
            20, server.port(),
            [as_user, photo](api_client& c) {
                multipart_body form;
                form.file("files", "a.jpg", "image/jpeg", photo);
                return as_user(c).upload(form);
            },
            others);
        clients.add(
            20, server.port(),
            [as_user, path](api_client& c) { return as_user(c).put(path + "/like"); }, others);
        clients.add(
            20, server.port(), [as_user, path](api_client& c) { return as_user(c).get(path); },
            others);
        const auto end = std::chrono::steady_clock::now() + overload_time();
        std::this_thread::sleep_until(end - overload_time() / 2);
        memory_midway = server.process().resident_bytes_max();
        std::this_thread::sleep_until(end);
    }
    const auto memory = server.process().resident_bytes_max();
    user.move_to(server.port());  // where it idled, it has made room for others
    const auto read = time_of([&] { check_status(user.get(path), 200); });
    const auto write = time_of([&] { check_status(user.put(path + "/like"), 200); });
    const auto login = time_of([&] { check_status(log_in(user, name, default_password), 200); });
    logins.report();
    others.report();
    BOOST_TEST_MESSAGE("memory: " << before / mebibyte << " MiB before, "
                                  << memory_midway / mebibyte << " midway, " << memory / mebibyte
                                  << " at the end");
    BOOST_TEST(logins.count(200) > 0U);
    BOOST_TEST(logins.count(503) > 0U);
    BOOST_TEST(others.count(200) > 0U);
    BOOST_TEST(others.count(201) > 0U);
    BOOST_TEST(others.count(503) > 0U);
    check_memory(memory, before + memory_growth_max);
    check_memory(memory, memory_midway + memory_creep_max);
    BOOST_TEST((read < plain_request_patience));
    BOOST_TEST((write < plain_request_patience));
    BOOST_TEST((login < plain_request_patience));
    BOOST_TEST(find_wrong_count(user) == "");
    server.check_stops();
}

/// Reading needs no hash: whoever reads is served while those who log in queue up or are refused.
BOOST_AUTO_TEST_CASE(a_login_storm_does_not_keep_readers_waiting) {
    load_server server({"--hash-queue-max", "16"});
    auto user = sign_up(server.port());
    const json post = create_post(user);
    const std::string name = user.username();
    outcome logins;
    crowd storm;
    storm.add(
        40, server.port(), [name](api_client& c) { return log_in(c, name, "wrong horse"); },
        logins);
    BOOST_TEST(eventually([&] { return logins.count(503) > 0; }));
    for (int i = 0; i < 500; ++i) {
        const auto taken = time_of([&] { check_status(user.get(path_of_post(post)), 200); });
        BOOST_TEST_REQUIRE((taken < plain_request_patience));
    }
    storm.disperse();
    logins.report();
    BOOST_TEST(logins.count(401) > 0U);
    check_status(log_in(user, name, default_password), 200);
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
