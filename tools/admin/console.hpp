// What pinhole-admin says: results on standard output, all else on standard error. How far long
// work is (storage/base/work.hpp) is shown as a bar with rate and time left on a terminal, as plain
// lines now and then elsewhere, as one JSON object a line with --json, and not at all with --quiet.
//
// Thread-safe. Blocks: as the descriptors written to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "storage/base/work.hpp"

namespace pinhole::admin {

enum class progress_form : std::uint8_t { none, lines, bar, json };

/// Nobody reads standard output any more, as when a pager was left: an end without a word.
struct output_closed : std::exception {
    const char* what() const noexcept override { return "nobody reads the output"; }
};

struct console_options {
    progress_form progress = progress_form::lines;
    bool json = false;
    bool quiet = false;
    std::function<void(std::string_view)> write_result;
    std::function<void(std::string_view)> write_note;
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
    std::function<unsigned()> columns = [] { return 80U; };  ///< of the terminal, for the bar
};

/// Standard output and standard error of this process.
console_options make_console_options(bool json, bool quiet);

class console {
public:
    explicit console(console_options options);
    console(const console&) = delete;
    console& operator=(const console&) = delete;
    ~console();

    /// With --json a word's result is one JSON value, and its notes are JSON objects.
    bool is_json() const { return options_.json; }

    /// Text as it is, newline included, to standard output; --quiet does not silence results.
    /// Errors: throws std::system_error, and output_closed.
    void result(std::string_view text);
    /// A line for people, to standard error.
    void note(std::string_view line);
    /// The same, also with --quiet.
    void error(std::string_view line);

    /// What to hand to long work: shows its progress here, and ends it when `stop` is requested.
    /// Requires: the console outlives the work.
    storage::work_watch watch(std::stop_token stop);
    /// Ends the line of what was in progress. Notes and results do so by themselves.
    void finish_progress();

private:
    struct phase {
        std::string name;
        std::uint64_t first = 0;  ///< `done` when it began here: what a resumed work had already
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        bool counts_bytes = false;
        std::chrono::steady_clock::time_point begun;
    };

    void report(const storage::work_progress& progress);
    // These expect the mutex to be held.
    void end_phase();
    void show();
    void write_note_line(std::string_view kind, std::string_view line);
    double rate() const;
    std::string amounts() const;

    console_options options_;
    std::mutex mutex_;
    phase phase_;
    bool in_phase_ = false;
    std::chrono::steady_clock::time_point due_;
};

/// `1,234,567`.
std::string with_separators(std::uint64_t number);
/// `3.4 GiB`; below 1024 `17 B`.
std::string to_size_text(std::uint64_t bytes);

}  // namespace pinhole::admin
