#include "tests/time/moved_clock.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace pinhole::test {

namespace {

/// Where Debian puts the library, whatever the machine's architecture; empty if it is not there.
std::string find_library() {
    std::error_code absent;
    for (const auto& folder : std::filesystem::directory_iterator("/usr/lib", absent)) {
        const auto library = folder.path() / "faketime/libfaketimeMT.so.1";
        if (std::filesystem::exists(library, absent)) {
            return library;
        }
    }
    return {};
}

}  // namespace

boost::test_tools::assertion_result can_move_clock(boost::unit_test::test_unit_id /*unit*/) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    boost::test_tools::assertion_result found(false);
    found.message() << "libfaketime and the sanitizers both want to be first to see libc's clock";
#else
    boost::test_tools::assertion_result found(!find_library().empty());
    found.message() << "there is no libfaketime (Debian's package: faketime)";
#endif
    return found;
}

wall_time parse_time(const std::string& rfc3339) {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int micros = 0;
    // NOLINTNEXTLINE(cert-err34-c): the count tells, and the form was checked where it matters
    if (std::sscanf(rfc3339.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d.%6dZ", &year, &month, &day, &hour,
                    &minute, &second, &micros) != 7) {
        throw std::runtime_error("no time: " + rfc3339);
    }
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) /
                                 static_cast<int>(day)) +
           hours(hour) + minutes(minute) + seconds(second) + std::chrono::microseconds(micros);
}

clocked_server::clocked_server(std::vector<std::string> arguments)
    : arguments_(serve_arguments(directory_.path() / "data")) {
    // A flag given twice is an error: what a test says replaces the default.
    for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
        const auto known = std::ranges::find(arguments_, arguments[i]);
        if (known != arguments_.end()) {
            *std::next(known) = arguments[i + 1];
        } else {
            arguments_.push_back(arguments[i]);
            arguments_.push_back(arguments[i + 1]);
        }
    }
    set_clock(seconds(0));
    start();
}

/// By a rename, so that the server never reads half a number.
void clocked_server::set_clock(seconds ahead) {
    ahead_ = ahead;
    const auto file = directory_.path() / "clock";
    const auto draft = directory_.path() / "clock.draft";
    std::ofstream(draft) << (ahead.count() < 0 ? "" : "+") << ahead.count() << '\n';
    std::filesystem::rename(draft, file);
}

wall_time clocked_server::now() const {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now()) +
           ahead_;
}

void clocked_server::start() {
    const launch_options options{
        .wrapper = {},
        .environment = {"LD_PRELOAD=" + find_library(),
                        "FAKETIME_TIMESTAMP_FILE=" + (directory_.path() / "clock").string(),
                        "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"}};
    process_.emplace(arguments_, directory_.path() / "log", options);
    port_ = process_->wait_until_serving();
}

void clocked_server::restart(int signal) {
    const auto end = process_->stop(signal);
    BOOST_TEST(end.signal == (signal == SIGKILL ? SIGKILL : 0));
    start();
}

void clocked_server::stop() {
    const auto end = process_->stop(SIGTERM);
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.exit_status == 0);
}

std::string clocked_server::log_text() const {
    return read_file((directory_.path() / "log").string());
}

void clocked_server::expect_log(const std::string& text, where from) const {
    BOOST_TEST_CONTEXT("line " << from.line()) {
        BOOST_TEST(eventually([&] { return log_says(text); }), "the log never said: " << text);
    }
}

}  // namespace pinhole::test
