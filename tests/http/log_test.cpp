#include "server/log.hpp"

#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/log_pipe.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(lines_are_json) {
    log_pipe pipe;
    {
        logger log(log_level::info, pipe.writer.get());
        log.debug("not shown");
        log.info("a \"quoted\"\n\\line\x01", {{"key", "va\"lue"}});
        log.request({.request_id = "r1",
                     .method = "GET",
                     .route = "/posts/{id}",
                     .status = 200,
                     .bytes = 12,
                     .time_taken = std::chrono::microseconds(34),
                     .user_id = "5"});
        log.request({.request_id = "r2",
                     .method = "",
                     .route = "",
                     .status = 500,
                     .bytes = 0,
                     .time_taken = {},
                     .user_id = ""});
        log.flush();
    }
    const auto lines = pipe.lines();
    BOOST_REQUIRE(lines.size() == 3U);
    BOOST_TEST(lines[0].at("message").get<std::string>() == "a \"quoted\"\n\\line\x01");
    BOOST_TEST(lines[0].at("key").get<std::string>() == "va\"lue");
    BOOST_TEST(lines[0].at("level").get<std::string>() == "info");
    BOOST_TEST(lines[0].at("time").get<std::string>().size() == 27U);
    BOOST_TEST(lines[1].at("request_id").get<std::string>() == "r1");
    BOOST_TEST(lines[1].at("route").get<std::string>() == "/posts/{id}");
    BOOST_TEST(lines[1].at("status").get<int>() == 200);
    BOOST_TEST(lines[1].at("bytes").get<int>() == 12);
    BOOST_TEST(lines[1].at("microseconds").get<int>() == 34);
    BOOST_TEST(lines[1].at("user_id").get<std::string>() == "5");
    BOOST_TEST(lines[2].at("level").get<std::string>() == "error");
    BOOST_TEST(!lines[2].contains("user_id"));
}

/// A damaged file's bytes stand in the message that refuses it.
BOOST_AUTO_TEST_CASE(a_line_with_bytes_that_are_no_utf8_was_no_json) {
    log_pipe pipe;
    {
        logger log(log_level::info, pipe.writer.get());
        log.info("names MANIFEST\x9d", {{"path", "caf\xc3\xa9"}, {"cut", "caf\xc3"}});
        log.flush();
    }
    const auto lines = pipe.lines();
    BOOST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].at("message").get<std::string>() == "names MANIFEST\\x9d");
    BOOST_TEST(lines[0].at("path").get<std::string>() == "caf\xc3\xa9");
    BOOST_TEST(lines[0].at("cut").get<std::string>() == "caf\\xc3");
}

/// A pipe that nobody reads: no call blocks, and afterwards the log says how much is missing.
BOOST_AUTO_TEST_CASE(a_slow_reader_costs_lines_but_never_time) {
    log_pipe pipe;
    constexpr int written = 100'000;
    std::vector<nlohmann::json> lines;
    {
        auto log = std::make_unique<logger>(log_level::info, pipe.writer.get());
        const std::string text(100, 'x');
        for (int i = 0; i < written; ++i) {
            log->info(text);
        }
        // The destructor waits for the reader, who reads until the last writer has closed.
        std::thread closer([&] {
            log.reset();
            pipe.writer.reset();
        });
        std::string all;
        std::array<char, 65536> buffer;
        for (ssize_t n; (n = ::read(pipe.reader.get(), buffer.data(), buffer.size())) > 0;) {
            all.append(buffer.data(), static_cast<std::size_t>(n));
        }
        closer.join();
        std::istringstream stream(all);
        for (std::string line; std::getline(stream, line);) {
            lines.push_back(nlohmann::json::parse(line));
        }
    }
    int shown = 0;
    int dropped = 0;
    for (const auto& line : lines) {
        if (line.contains("count")) {
            dropped += line.at("count").get<int>();
        } else {
            ++shown;
        }
    }
    BOOST_TEST(dropped > 0);
    BOOST_TEST(shown + dropped == written);
}

/// Somebody stopped reading, but the pipe is still open: the process must be able to end.
BOOST_AUTO_TEST_CASE(a_reader_that_stands_still_does_not_keep_the_process) {
    log_pipe pipe;
    const auto started = std::chrono::steady_clock::now();
    {
        logger log(log_level::info, pipe.writer.get());
        const std::string text(1000, 'x');
        for (int i = 0; i < 1000; ++i) {
            log.info(text);
        }
        log.flush();
    }
    BOOST_TEST((std::chrono::steady_clock::now() - started < std::chrono::seconds(10)));
    const auto lines = pipe.lines();
    BOOST_TEST(lines.size() > 10U);  // each of them whole
    BOOST_TEST(lines.size() < 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
