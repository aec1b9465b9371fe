// A crowd of accounts that write without pause and remember what was acknowledged, for tests that
// do harm to the server meanwhile: afterwards each acknowledged write must be there, nothing may be
// there by halves, and nothing that nobody wrote.
//
// What is under way when a connection breaks, or is refused with a status that the test tolerates,
// may have happened or not: it is looked up afterwards and holds from then on.
// Thread-safety: one caller; `write` runs a thread for each writer. Blocking: all of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"

namespace pinhole::test {

/// What the crowd and the one who does the harm tell each other while the crowd writes.
struct crowd_signals {
    std::atomic<int> acknowledged = 0;
    /// Set by the test: from now on a connection that breaks is no surprise.
    std::atomic<bool> may_break = false;
    /// Set by the test: every writer ends after its present request.
    std::atomic<bool> enough = false;
};

/// One account and what it knows of its own writes.
class writer {
public:
    writer(std::uint16_t port, unsigned seed) : client_(sign_up(port, "writer")), random_(seed) {}

    api_client& client() { return client_; }
    /// Answers that nothing explains; empty if there were none.
    const std::string& surprise() const { return surprise_; }
    /// Statuses that are no surprise and leave it unknown whether the write happened.
    void tolerate(std::set<unsigned> statuses) { tolerated_ = std::move(statuses); }

    void write(const std::string& shared_post, crowd_signals& signals);
    /// Compares with what is there, and takes over what was unknown. For the test's own thread.
    void verify(const std::string& shared_post);

private:
    enum class fate { alive, deleted, unknown };
    struct pending_comment {
        std::string target;
        std::string name;
    };

    bool write_once(const std::string& shared_post);
    bool create(const http_response& answer);
    bool comment(const std::string& post);
    http_response send_comment();
    void settle_comment();
    bool delete_something();
    bool restore_something();
    bool toggle_like(const std::string& post);
    bool edit_bio();
    bool expect(const http_response& answer, unsigned status);

    api_client client_;
    std::minstd_rand random_;
    std::map<std::string, fate> things_;  ///< by path
    std::optional<bool> likes_ = false;   ///< nothing: not known
    std::optional<std::string> bio_;
    std::optional<pending_comment> pending_comment_;
    int comments_ = 0;
    std::set<unsigned> tolerated_;
    std::string surprise_;
};

class crowd {
public:
    /// Signs up an owner, who makes the post that all write about, and the writers.
    crowd(std::uint16_t port, unsigned writers, unsigned seed = 1);

    void tolerate(const std::set<unsigned>& statuses);
    /// Until each writer's connection broke or `enough` was set. `harm` runs beside them, on the
    /// caller's thread; should it throw, the writers are stopped.
    void write(crowd_signals& signals, const std::function<void()>& harm);
    /// The server was started anew.
    void move_to(std::uint16_t port);
    /// Checks all that the crowd knows, that no post lacks a file and no file its post, and that
    /// every count is that of its rows. `data` is the server's data directory. Requires: nobody
    /// writes.
    void verify(const std::filesystem::path& data);

    api_client& owner() { return owner_; }
    const std::string& shared_post() const { return shared_post_; }

private:
    void check_nothing_is_half(const std::filesystem::path& data);
    std::size_t count_deleted_files();

    api_client owner_;
    std::string shared_post_;
    std::vector<writer> writers_;
};

}  // namespace pinhole::test
