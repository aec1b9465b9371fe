// Decodes the chunked transfer coding (RFC 9112 §7.1) piece by piece, by the letter of its grammar.
//
// What one party takes for the end of a chunk line and another one does not is how requests are
// smuggled: a bare LF, a control byte or a fold anywhere in the framing ends the message. Trailers
// are read for their syntax, then forgotten. The decoder holds one line at a time; chunk lines,
// trailers and the framing as a whole are bounded.
// Thread-safety: one user at a time. Blocking: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "server/body_reader.hpp"

namespace pinhole::http {

class chunk_decoder {
public:
    /// Of a chunk line, its size and extensions together. Nobody who means well sends many.
    static constexpr std::size_t line_bytes_max = 4 * 1024;
    /// Of all trailers together.
    static constexpr std::size_t trailer_bytes_max = 16 * 1024;

    /// What one step gave. With neither data nor done, all bytes are used up and more are needed.
    struct step {
        std::size_t consumed = 0;
        std::string_view data;  ///< points into the bytes given
        bool done = false;      ///< the message ends behind what was consumed
    };

    /// Takes the next step, up to the end of the next piece of data.
    /// Errors: `malformed`, also where the framing takes too many bytes; final.
    /// Requires: neither done nor failed before; `bytes` start behind what was consumed.
    std::expected<step, body_error> decode(std::string_view bytes);

private:
    enum class state : std::uint8_t { chunk_line, data, data_end, trailer, done };

    /// True once `line_` is complete. `bytes` loses what was taken of it.
    std::expected<bool, body_error> take_line(std::string_view& bytes);
    std::expected<void, body_error> read_line();
    bool read_chunk_line(std::string_view line);
    bool account_framing(std::size_t bytes);
    std::size_t line_limit() const;

    state state_ = state::chunk_line;
    std::string line_;             ///< the present line as far as it came, with its CRLF
    std::uint64_t data_left_ = 0;  ///< of the present chunk
    std::uint64_t data_bytes_ = 0;
    std::uint64_t framing_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;
};

}  // namespace pinhole::http
