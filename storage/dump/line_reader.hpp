// The lines of a member that an archive_reader has, with the sum and the number of its bytes.
//
// For one thread. Blocks and errors: as the archive_reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dump/archive_reader.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::dump {

/// Far above what the longest row takes with every character escaped.
inline constexpr std::size_t line_bytes_max = std::size_t{256} << 10U;

struct dump_line {
    std::string_view text;  ///< without its end; valid until the next line is asked for
    std::uint64_t number = 0;
    const char* problem = nullptr;  ///< why the text is not all of it
};

class line_reader {
public:
    explicit line_reader(archive_reader& archive);

    /// Nothing at the end of the member. A line that is too long is skipped, and says so.
    std::optional<dump_line> next();

    std::uint64_t lines() const { return number_; }
    /// Of the whole member, in hexadecimal. Requires: its end has been reached.
    std::string sha256() const { return media::to_text(hash_.digest()); }

private:
    bool fill();
    dump_line take(std::size_t length, std::size_t end_bytes, const char* problem);
    dump_line skip_long_line();

    archive_reader& archive_;
    media::sha256_hash hash_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace pinhole::storage::dump
