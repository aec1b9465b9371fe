// One of many clients that do everything that the API offers, at random, to the same few things.
//
// It holds each answer against what may come: other clients change the same rows at the same time,
// so that most actions have several right answers. Failures are collected, not asserted.
// Thread-safety: a client belongs to one thread, `shared_things` to all.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/api/api_client.hpp"

namespace pinhole::test {

/// A bounded set of names that threads add to and, once there is one, pick from.
class shared_pool {
public:
    explicit shared_pool(std::size_t size_max) : size_max_(size_max) {}

    /// In place of another where the pool is full.
    void add(std::string name, unsigned random);
    bool is_full() const;
    std::string pick(unsigned random) const;

private:
    std::size_t size_max_;
    mutable std::mutex mutex_;
    std::vector<std::string> names_;
};

/// What all clients of a run work on.
struct shared_things {
    shared_pool posts{150};     ///< ids
    shared_pool comments{500};  ///< ids
    shared_pool media{100};     ///< URLs
    std::string anchor;         ///< id of a post that nobody deletes
    std::atomic<int> accounts = 0;
    /// The server was told to stop: answers may fail to come.
    std::atomic<bool> stopping = false;

    /// Where the comment with an idempotency key was said to be; the first one counts.
    std::string note_location(const std::string& key, const std::string& location);
    std::map<std::string, std::string> locations() const;

    /// Remembers that an action was answered as it hoped to be.
    void note_success(std::string_view action);
    /// The actions that never were, separated by spaces.
    std::string find_unsuccessful() const;
    /// Until there are none, but no longer than this.
    void wait_for_successes(std::chrono::milliseconds time) const;
    std::map<std::string, int> successes() const;

private:
    std::string unsuccessful() const;

    mutable std::mutex mutex_;
    mutable std::condition_variable first_success_;  ///< of an action
    std::map<std::string, std::string> locations_;
    std::map<std::string, int, std::less<>> successes_;
};

inline constexpr unsigned idempotency_keys = 8;

class busy_client {
public:
    /// `team`: logged in to an account that other clients use too. Signs up an account of its own.
    busy_client(std::uint16_t port, api_client team, shared_things& shared, unsigned seed);

    /// Acts until the server is gone or `done` is set. Whatever is wrong stands in `surprises`.
    void work(const std::atomic<bool>& done);
    const std::string& surprises() const { return surprises_; }

private:
    friend struct busy_actions;

    void act();
    void surprise(const std::string& what);
    /// True if the answer has the first of these statuses, which is what the action wants.
    bool expect(const http_response& answer, std::initializer_list<unsigned> allowed);
    std::string any_post();
    /// The post is there for the others to work on.
    void remember(const json& post);

    void upload();
    void upload_with_key();
    void break_off_an_upload();
    void edit_a_post();
    void delete_a_post();
    void restore_a_post();
    void delete_a_file();
    void like();
    void unlike();
    void comment();
    void comment_with_key();
    void edit_a_comment();
    void delete_a_comment();
    void edit_profile();
    void leave_and_return();
    void change_password();
    void log_in_and_out();
    void end_a_session();
    void start_anew();
    void walk_a_list();
    void filter_a_list();
    void read_a_post();
    void download();
    void download_a_range();
    void break_off_a_download();
    void read_what_needs_no_login();
    void send_nonsense();

    std::uint16_t port_;
    api_client team_;
    api_client own_;
    std::string password_{default_password};
    shared_things& shared_;
    std::minstd_rand random_;
    std::string_view action_;
    std::string surprises_;
};

}  // namespace pinhole::test
