// A streaming parser for `multipart/form-data` (RFC 7578) that does no I/O.
//
// Feed it bytes as they come and pull events until it asks for more. Data spans point into the fed
// bytes, or, for the few bytes that turned out not to be a boundary, into the parser itself; they
// stay valid until the next call. Memory stays below a small multiple of `part_header_bytes_max`
// (a header as it came, and what was read out of it), whatever comes in.
//
// Thread-safety: one user at a time. Blocking: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pinhole::http {

/// The boundary of a Content-Type value `multipart/form-data; boundary=…`.
/// Errors: a message for the client: another media type, no boundary, or one that is not 1–70 of
/// RFC 2046's bchars.
std::expected<std::string, std::string> parse_multipart_boundary(std::string_view content_type);

struct multipart_limits {
    std::size_t parts_max = 64;
    std::size_t part_header_bytes_max = 8 * 1024;
    std::size_t preamble_bytes_max = 8 * 1024;
    std::size_t epilogue_bytes_max = 8 * 1024;
};

struct part_header {
    std::string name;
    std::optional<std::string> filename;  ///< `filename*` (RFC 5987) wins; for display only
    std::string content_type;             ///< as sent; empty if absent. Never to be trusted
};

class multipart_parser {
public:
    enum class event : std::uint8_t {
        need_more,   ///< all that was fed is used up: feed again, or `finish`
        part_begin,  ///< `header()` describes the part
        data,        ///< `data()` is the next, never empty piece of the part
        part_end,
        end,  ///< the closing boundary was seen and all that was fed is used up: feed again, or
              ///< `finish`; what follows is ignored within its limit
    };

    /// Requires: the boundary comes from `parse_multipart_boundary`.
    explicit multipart_parser(std::string_view boundary, multipart_limits limits = {});

    /// Requires: the last event was `need_more` or `end`, or nothing was fed yet. The bytes must
    /// outlive the events pulled from them.
    void feed(std::span<const char> bytes);

    /// Errors: a message for the client; final.
    std::expected<event, std::string> next();

    /// Call when the body has ended. Errors: the closing boundary has not been seen.
    std::expected<void, std::string> finish() const;

    const part_header& header() const { return header_; }
    std::span<const char> data() const { return data_; }

private:
    enum class state : std::uint8_t {
        preamble,
        after_boundary,
        part_headers,
        part_data,
        epilogue,
        failed,
    };
    /// What came before the next delimiter, and whether the delimiter itself is complete.
    struct scan_result {
        std::string_view data;
        bool delimiter = false;
    };
    using step_result = std::expected<std::optional<event>, std::string>;

    step_result step();
    scan_result scan_for_delimiter();
    step_result scan_preamble();
    step_result read_after_boundary();
    step_result read_part_headers();
    step_result read_part_data();
    step_result skip_epilogue();

    const std::string delimiter_;  ///< CRLF "--" boundary
    const multipart_limits limits_;
    state state_ = state::preamble;
    std::string_view input_;
    std::string held_;     ///< the start of a delimiter, of its line's end, or of a header block
    std::string flushed_;  ///< held bytes that turned out to be data
    std::string_view data_;
    part_header header_;
    std::size_t parts_ = 0;
    std::size_t skipped_bytes_ = 0;
    std::string failure_;
};

}  // namespace pinhole::http
