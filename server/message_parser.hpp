// The syntax of HTTP/1 headers by Beast's parser, without its containers: fields stay where they
// lie in the connection's buffer.
//
// Beast's parser trusts its caller on several points (see message_guard.hpp). Of a chunked body it
// trusts even how the bytes are cut, and asserts it, so bodies are chunk_decoder's.
// Thread-safety: one user at a time. Blocking: never.
#pragma once

#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "server/message_guard.hpp"

namespace pinhole::http {

class message_parser final : private boost::beast::http::basic_parser<true> {
public:
    message_parser();
    message_parser(const message_parser&) = delete;
    message_parser& operator=(const message_parser&) = delete;

    /// Parses a complete header. The views point into it, or into the parser where lines of a list
    /// that is compared as a whole (If-Match, If-None-Match) were joined (RFC 9110 §5.3).
    std::expected<message_line, refusal> parse_header(std::string_view header);
    std::span<const header_view> fields() const { return {fields_.data(), fields_count_}; }

private:
    using base = boost::beast::http::basic_parser<true>;
    using beast_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb method, beast_view method_text, beast_view target,
                         int version, error_code& ec) override;
    void on_response_impl(int code, beast_view reason, int version, error_code& ec) override;
    void on_field_impl(boost::beast::http::field name, beast_view name_text, beast_view value,
                       error_code& ec) override;
    void on_header_impl(error_code& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
    std::size_t on_body_impl(beast_view body, error_code& ec) override;
    void on_chunk_header_impl(std::uint64_t size, beast_view extensions, error_code& ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remaining, beast_view body,
                                   error_code& ec) override;
    void on_finish_impl(error_code& ec) override;

    /// A field that may come in several lines, and its value once there were two of them.
    struct joined_field {
        explicit joined_field(boost::beast::http::field which) : name(which) {}
        boost::beast::http::field name;
        header_view* first = nullptr;
        std::string value;
    };

    /// True if the line continues a list that is there already.
    bool join_list(boost::beast::http::field name, std::string_view value);

    message_line line_{};
    std::array<header_view, header_fields_max> fields_;
    std::size_t fields_count_ = 0;
    std::array<joined_field, 2> lists_{joined_field(boost::beast::http::field::if_match),
                                       joined_field(boost::beast::http::field::if_none_match)};
    bool header_done_ = false;
    bool too_many_fields_ = false;
};

}  // namespace pinhole::http
