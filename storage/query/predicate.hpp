// What is asked of one value: a lookup of Django 3.2's with its operands, perhaps of a part of a
// time (`created_at__year__gte=2025`).
//
// Text compares by code point (which is the order of its UTF-8 bytes). The case-insensitive lookups
// compare what fold.hpp makes of both sides. `regex` is RE2's syntax and runs in time linear in the
// text, whatever the pattern; `.` matches a line feed and `^ $` the ends of the text, as in
// PostgreSQL. `range` holds its ends, and one whose ends are reversed holds nothing; `in` of
// nothing holds nothing.
//
// Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/query/catalog.hpp"
#include "storage/query/time_text.hpp"

namespace pinhole::storage::query {

/// A regular expression of RE2's, which this header need not know.
struct pattern;

enum class lookup : std::uint8_t {
    exact,
    iexact,
    contains,
    icontains,
    startswith,
    istartswith,
    endswith,
    iendswith,
    regex,
    iregex,
    in,
    range,
    gt,
    gte,
    lt,
    lte,
    isnull,
};

inline constexpr std::size_t regex_bytes_max = 500;
/// Instructions that RE2 makes of a pattern. One look at a text takes time in proportion to both.
inline constexpr int regex_size_max = 2000;
inline constexpr std::size_t operands_max = 1000;

std::optional<lookup> find_lookup(std::string_view name);
std::string_view to_name(lookup which);
std::optional<date_part> find_date_part(std::string_view name);

/// What may be asked of such a field, or of a part of it (which is a number, or a date).
bool allows(field_kind kind, lookup which);
/// Their names, with the parts of a time.
std::vector<std::string_view> allowed_lookups(field_kind kind);

/// An operand, as the field that it is compared with has it. A part of a time is a number.
using value = std::variant<std::int64_t, bool, std::string, timestamp>;

/// How an operand is written.
enum class operand_kind : std::uint8_t { id, integer, boolean, text, time, date };
operand_kind operand_kind_of(field_kind kind, std::optional<date_part> part);

class predicate {
public:
    /// Requires: the lookup is allowed, is not `isnull`, and the operands are of the right kind:
    /// two of `range`, any number of `in`, one of the others.
    /// Errors: a sentence, if the pattern is no regular expression or too large.
    static std::expected<predicate, std::string> make(std::optional<date_part> part, lookup which,
                                                      std::vector<value> operands);

    bool holds(const value_view& of) const;

    /// A regular expression, which may take much longer than other lookups.
    bool is_pattern() const { return pattern_ != nullptr; }

    lookup which() const { return which_; }
    std::optional<date_part> part() const { return part_; }
    const std::vector<value>& operands() const { return operands_; }

private:
    bool holds_whole(const value_view& of) const;
    bool holds_text(std::string_view text) const;

    std::optional<date_part> part_;
    lookup which_ = lookup::exact;
    std::vector<value> operands_;  ///< of `in`: sorted
    std::string folded_;           ///< of the lookups that ignore case
    std::shared_ptr<const pattern> pattern_;
};

}  // namespace pinhole::storage::query
