// A data directory with some of everything in it and what the API answered of it, to be damaged as
// often as a test likes: each time a fresh copy.
//
// For the test's own thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

/// How much of a data directory a server on it served.
struct walk_result {
    bool has_started = false;
    int exit_status = -1;
    int right = 0;                    ///< answered as before the damage
    int refused = 0;                  ///< answered 500 or 503
    std::vector<std::string> wrong;   ///< anything else: what and how
    std::vector<std::string> errors;  ///< error lines of the log, without the requests'
};

class data_copy {
public:
    /// Fills a database over several lives of a server, so that there are tables and a log, and
    /// notes what it answers.
    data_copy();

    /// A fresh copy, in the same place each time.
    const std::filesystem::path& restore();
    /// Starts a server on the copy and asks for everything.
    walk_result walk_all();

    const std::filesystem::path& original() const { return original_; }
    /// What the copy's log says.
    std::filesystem::path log() const { return directory_.path() / "log"; }

private:
    struct question {
        std::size_t who;
        std::string target;
        http_response answer;
    };

    void fill();
    void note_answers();
    void ask_all(std::uint16_t port, walk_result& result);
    void repeat_comment(walk_result& result);

    temporary_directory directory_;
    std::filesystem::path original_ = directory_.path() / "original";
    std::filesystem::path copy_ = directory_.path() / "copy";
    std::vector<api_client> clients_;
    std::vector<question> questions_;
    json post_;
    http_response comment_;  ///< by a request with an Idempotency-Key
};

}  // namespace pinhole::test
