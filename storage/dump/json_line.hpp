// One line of a dump as the flat JSON object that it has to be: names, and values that are not
// looked into. simdjson reads what is as it should be; what it refuses is left to nlohmann's
// parser, five times slower, which can say where a line is no JSON, and takes numbers of any size.
//
// For one thread; reused from line to line, so that few of them allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::storage::dump {

/// More names than any row has: a hostile line must not cost the square of its length.
inline constexpr std::size_t members_per_line_max = 64;

enum class json_kind : std::uint8_t { null, boolean, integer, text, other };

struct json_member {
    std::string name;
    json_kind kind = json_kind::null;
    std::int64_t integer = 0;  ///< a boolean, too
    std::string text;
    bool is_known = false;  ///< for whoever looks members up
};

class json_line {
public:
    json_line();
    ~json_line();
    json_line(const json_line&) = delete;
    json_line& operator=(const json_line&) = delete;

    /// Takes any bytes. What is wrong with the line, or nothing.
    std::string parse(std::string_view line);

    /// What the line has, in its order. Valid until the next one.
    std::span<json_member> members() { return std::span{members_}.first(count_); }

    /// The member of that name, or nullptr. `place` is where it probably stands.
    json_member* find(std::string_view name, std::size_t place);

private:
    class handler;
    class fast_parser;

    json_member* find_member(std::string_view name);
    /// Requires: fewer members than a line may have.
    json_member& add_member();
    bool parse_fast(std::string_view line);

    std::unique_ptr<fast_parser> fast_;
    std::vector<json_member> members_;
    std::size_t count_ = 0;
};

}  // namespace pinhole::storage::dump
