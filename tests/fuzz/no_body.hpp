// The body of a request that has none.
#pragma once

#include "server/body_reader.hpp"

namespace pinhole::fuzz {

class no_body final : public http::body_reader {
public:
    std::optional<std::uint64_t> content_length() const override { return 0; }
    void set_limit(std::uint64_t) override {}
    boost::asio::awaitable<std::expected<std::span<const char>, http::body_error>> read_some()
        override {
        co_return std::span<const char>();
    }
};

}  // namespace pinhole::fuzz
