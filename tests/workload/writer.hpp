// One account that writes without pause and remembers what was acknowledged.
//
// What is under way when a connection breaks, or is refused with a status that the test tolerates,
// may have happened or not. It is looked up afterwards, by asking for the row, or by sending a
// creation again under its Idempotency-Key, and holds from then on.
// Thread-safety: one thread at a time. Blocking: all of it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/workload/ledger.hpp"

namespace pinhole::test {

/// What the crowd and the one who does the harm tell each other while the crowd writes.
struct crowd_signals {
    std::atomic<int> acknowledged = 0;
    /// Counts one more, and wakes who waits for it.
    void acknowledge() {
        {
            const std::lock_guard lock{mutex};
            ++acknowledged;
        }
        changed.notify_all();
    }
    /// Until there are so many, or the time is over. Whether there are.
    bool wait_for_acknowledged(int writes, std::chrono::steady_clock::duration patience) {
        std::unique_lock lock{mutex};
        return changed.wait_for(lock, patience, [&] { return acknowledged >= writes; });
    }
    /// Answers that broke off in the middle.
    std::atomic<int> answers_cut = 0;
    /// Set by the test: from now on a connection that breaks is no surprise.
    std::atomic<bool> may_break = false;
    /// Set by the test: every writer ends after its present request.
    std::atomic<bool> enough = false;

    std::mutex mutex;
    std::condition_variable changed;
};

/// How much is compared with what is there: what was written since the last time and a sample of
/// the rest, or everything.
enum class extent : bool { recent, all };

/// What a writer's account shows, by its own ledger.
struct expected_rows {
    std::vector<std::string> posts, deleted_posts, files, comments, accounts;
    std::vector<std::string> liked_posts;  ///< not the shared one
    std::size_t hidden_files = 0;
};

class writer {
public:
    writer(std::uint16_t port, unsigned seed);

    api_client& client() { return client_; }
    /// Statuses that are no surprise and leave it unknown whether the write happened.
    void tolerate(std::set<unsigned> statuses) { tolerated_ = std::move(statuses); }
    /// From so many posts and comments on it mostly changes those it has.
    void limit_rows(std::size_t rows_max) { rows_max_ = rows_max; }

    void write(const std::string& shared_post, crowd_signals& signals);

    // For the test's own thread; failures are reported to the test.

    /// Finds out what became of the writes whose fate is unknown, and compares what is there with
    /// what was acknowledged. Afterwards the account is alive and all is known. `viewer` is
    /// somebody else; rows that were created since the last time have ids beyond `seen_before`.
    void verify(const std::string& shared_post, api_client& viewer, extent how_much,
                std::int64_t seen_before);
    /// Requires: `verify` was called, and nothing was written since.
    expected_rows expected() const;
    const std::string& account() const { return client_.id(); }
    bool likes_shared_post() const { return likes_shared_.first(); }
    /// That it has ever created, and nobody has removed for good.
    std::size_t rows() const;
    const std::vector<comment_entry>& comments() const { return comments_; }

private:
    struct login_entry {
        std::string token;
        possible<fate> state{fate::alive};
    };
    /// A creation that was acknowledged, to be sent once more.
    struct answered_creation {
        creation made;
        std::string answer;
    };

    // writer.cpp: each does one write and says whether it was acknowledged.
    bool write_once(const std::string& shared_post);
    bool write_to_account();
    bool upload();
    bool comment(const std::string& shared_post);
    bool sign_up_somebody();
    bool create(creation made);
    bool send_pending(std::size_t at);
    void adopt(const creation& made, const json& row);
    bool repeat_a_creation();
    bool edit_post();
    bool edit_comment();
    bool delete_post();
    bool restore_post();
    bool delete_file();
    bool delete_comment();
    bool toggle_like(const std::string& post, possible<bool>& liked);
    bool like_something(const std::string& shared_post);
    bool edit_bio();
    bool log_in();
    bool log_out();
    bool change_password();
    bool delete_account();
    bool restore_account();

    bool expect(const http_response& answer, unsigned status);
    http_response request_as(const std::string& token, std::string_view method,
                             const std::string& target);
    http_response send_login(const char* target, const std::string& password);
    void end_logins_but(const std::string& token);
    bool has_pending_about(const std::string& post) const;
    creation maybe_with_key(creation made, bool must);
    template <class Entry>
    Entry* pick(std::vector<Entry>& entries, fate state);
    bool chance(unsigned one_in) { return random_() % one_in == 0; }
    bool is_post_alive(const std::string& post) const;
    bool is_full();

    // writer_checks.cpp
    void settle_password();
    void settle_account(api_client& viewer);
    void check_logins();
    void settle_creations(std::int64_t seen_before);
    void settle_without_key(const creation& made, std::int64_t seen_before);
    void check_repeated_creations();
    void check_profile(const std::string& shared_post);
    void check_post(post_entry& entry);
    void check_alive_post(post_entry& entry, const json& post);
    static void check_file(const file_entry& entry, bool is_visible, api_client& viewer);
    void check_comment(comment_entry& entry);
    template <class Entry, class Check>
    void check_entries(std::vector<Entry>& entries, extent how_much, const Check& check);

    api_client client_;
    std::minstd_rand random_;
    std::set<unsigned> tolerated_;
    std::size_t rows_max_ = SIZE_MAX;
    std::string surprise_;  ///< answers that nothing explains

    possible<fate> account_{fate::alive};
    possible<std::string> password_{std::string(default_password)};
    bool is_password_touched_ = false;  ///< since it was last tried
    possible<std::string> bio_{""};
    possible<bool> likes_shared_{false};
    std::vector<login_entry> logins_;
    std::size_t lost_logins_ = 0;  ///< that may stand though nobody has their token
    std::vector<post_entry> posts_;
    std::vector<comment_entry> comments_;
    std::vector<std::string> accounts_;
    std::vector<creation> pending_;
    std::vector<answered_creation> answered_;
    int made_ = 0;
};

}  // namespace pinhole::test
