// A pipe to log into, and what was logged as parsed lines.
#pragma once

#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "server/unique_fd.hpp"

namespace pinhole::http {

struct log_pipe {
    unique_fd reader, writer;
    log_pipe() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe(ends.data()) == 0);
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    /// Everything until the other end is closed, as parsed lines.
    std::vector<nlohmann::json> lines() {
        writer.reset();
        std::string text;
        std::array<char, 65536> buffer;
        for (ssize_t n; (n = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
            text.append(buffer.data(), static_cast<std::size_t>(n));
        }
        std::istringstream stream(text);
        std::vector<nlohmann::json> parsed;
        for (std::string line; std::getline(stream, line);) {
            parsed.push_back(nlohmann::json::parse(line));
        }
        return parsed;
    }
};

}  // namespace pinhole::http
