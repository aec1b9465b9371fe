#include "storage/query/predicate.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>
#include <utility>

#include "storage/base/fold.hpp"

namespace pinhole::storage::query {

struct pattern {
    re2::RE2 compiled;
};

namespace {

constexpr std::array<std::pair<std::string_view, lookup>, 17> lookups{{
    {"exact", lookup::exact},
    {"iexact", lookup::iexact},
    {"contains", lookup::contains},
    {"icontains", lookup::icontains},
    {"startswith", lookup::startswith},
    {"istartswith", lookup::istartswith},
    {"endswith", lookup::endswith},
    {"iendswith", lookup::iendswith},
    {"regex", lookup::regex},
    {"iregex", lookup::iregex},
    {"in", lookup::in},
    {"range", lookup::range},
    {"gt", lookup::gt},
    {"gte", lookup::gte},
    {"lt", lookup::lt},
    {"lte", lookup::lte},
    {"isnull", lookup::isnull},
}};

constexpr std::array<std::pair<std::string_view, date_part>, 9> date_parts{{
    {"date", date_part::date},
    {"year", date_part::year},
    {"month", date_part::month},
    {"day", date_part::day},
    {"week_day", date_part::week_day},
    {"hour", date_part::hour},
    {"minute", date_part::minute},
    {"second", date_part::second},
    {"quarter", date_part::quarter},
}};

/// What RE2 may take to match a pattern, in bytes.
constexpr std::int64_t regex_memory_max = std::int64_t{1} << 20;
/// With so little, RE2 gives up a pattern before its program is much longer than it may be, in less
/// than a millisecond: a repetition of a repetition can ask for much.
constexpr std::int64_t regex_trial_memory_max = std::int64_t{64} << 10;

template <class Table>
auto find_in(const Table& table, std::string_view name)
    -> std::optional<typename Table::value_type::second_type> {
    const auto found =
        std::ranges::find(table, name, [](const auto& entry) { return entry.first; });
    return found == table.end() ? std::nullopt : std::optional{found->second};
}

bool ignores_case(lookup which) {
    return which == lookup::iexact || which == lookup::icontains || which == lookup::istartswith ||
           which == lookup::iendswith;
}

/// Whether the value is less than the operand, equal, or greater. Requires: of one kind.
std::strong_ordering compare(const value_view& of, const value& operand) {
    return std::visit(
        [&of]<class Operand>(const Operand& to) -> std::strong_ordering {
            if constexpr (std::is_same_v<Operand, std::string>) {
                const int order = std::get<std::string_view>(of).compare(to);
                return order <=> 0;
            } else if constexpr (std::is_same_v<Operand, timestamp>) {
                return to_microseconds(std::get<timestamp>(of)) <=> to_microseconds(to);
            } else {
                return std::get<Operand>(of) <=> to;
            }
        },
        operand);
}

std::expected<std::shared_ptr<const pattern>, std::string> compile(const std::string& text,
                                                                   bool any_case) {
    if (text.size() > regex_bytes_max) {
        return std::unexpected{"a pattern may have " + std::to_string(regex_bytes_max) + " bytes"};
    }
    re2::RE2::Options options;
    options.set_case_sensitive(!any_case);
    options.set_dot_nl(true);
    options.set_log_errors(false);
    options.set_max_mem(regex_trial_memory_max);
    const re2::RE2 trial{text, options};
    if (trial.error_code() == re2::RE2::ErrorPatternTooLarge ||
        (trial.ok() && trial.ProgramSize() > regex_size_max)) {
        return std::unexpected{"is too large a regular expression: repeat less"};
    }
    if (!trial.ok()) {
        return std::unexpected{"is no regular expression: " + trial.error()};
    }
    options.set_max_mem(regex_memory_max);
    return std::shared_ptr<const pattern>{new pattern{{text, options}}};
}

}  // namespace

std::optional<lookup> find_lookup(std::string_view name) {
    return find_in(lookups, name);
}

std::string_view to_name(lookup which) {
    return std::ranges::find(lookups, which, [](const auto& entry) { return entry.second; })->first;
}

std::optional<date_part> find_date_part(std::string_view name) {
    return find_in(date_parts, name);
}

bool allows(field_kind kind, lookup which) {
    switch (which) {
        case lookup::exact:
        case lookup::in:
        case lookup::isnull:
            return true;
        case lookup::range:
        case lookup::gt:
        case lookup::gte:
        case lookup::lt:
        case lookup::lte:
            return kind != field_kind::boolean;
        default:
            return kind == field_kind::text;
    }
}

std::vector<std::string_view> allowed_lookups(field_kind kind) {
    std::vector<std::string_view> names;
    for (const auto& [name, which] : lookups) {
        if (allows(kind, which)) {
            names.push_back(name);
        }
    }
    if (kind == field_kind::time) {
        std::ranges::transform(date_parts, std::back_inserter(names),
                               [](const auto& entry) { return entry.first; });
    }
    return names;
}

operand_kind operand_kind_of(field_kind kind, std::optional<date_part> part) {
    if (part) {
        return *part == date_part::date ? operand_kind::date : operand_kind::integer;
    }
    switch (kind) {
        case field_kind::id:
            return operand_kind::id;
        case field_kind::integer:
            return operand_kind::integer;
        case field_kind::boolean:
            return operand_kind::boolean;
        case field_kind::text:
            return operand_kind::text;
        case field_kind::time:
            return operand_kind::time;
    }
    std::unreachable();
}

std::expected<predicate, std::string> predicate::make(std::optional<date_part> part, lookup which,
                                                      std::vector<value> operands) {
    assert(which != lookup::isnull);
    assert(which == lookup::in || operands.size() == (which == lookup::range ? 2U : 1U));
    predicate made;
    made.part_ = part;
    made.which_ = which;
    made.operands_ = std::move(operands);
    if (which == lookup::in) {
        std::ranges::sort(made.operands_);
    } else if (ignores_case(which)) {
        made.folded_ = fold_case(std::get<std::string>(made.operands_.front()));
    } else if (which == lookup::regex || which == lookup::iregex) {
        auto compiled =
            compile(std::get<std::string>(made.operands_.front()), which == lookup::iregex);
        if (!compiled) {
            return std::unexpected{std::move(compiled.error())};
        }
        made.pattern_ = std::move(*compiled);
    }
    return made;
}

bool predicate::holds(const value_view& of) const {
    return part_ ? holds_whole(take_part(*part_, std::get<timestamp>(of))) : holds_whole(of);
}

bool predicate::holds_whole(const value_view& of) const {
    switch (which_) {
        case lookup::exact:
            return compare(of, operands_.front()) == 0;
        case lookup::gt:
            return compare(of, operands_.front()) > 0;
        case lookup::gte:
            return compare(of, operands_.front()) >= 0;
        case lookup::lt:
            return compare(of, operands_.front()) < 0;
        case lookup::lte:
            return compare(of, operands_.front()) <= 0;
        case lookup::range:
            return compare(of, operands_.front()) >= 0 && compare(of, operands_.back()) <= 0;
        case lookup::in: {
            const auto at = std::ranges::partition_point(
                operands_, [&of](const value& each) { return compare(of, each) > 0; });
            return at != operands_.end() && compare(of, *at) == 0;
        }
        default:
            return holds_text(std::get<std::string_view>(of));
    }
}

bool predicate::holds_text(std::string_view text) const {
    const auto operand = [this]() -> const std::string& {
        return std::get<std::string>(operands_.front());
    };
    switch (which_) {
        case lookup::contains:
            return text.contains(operand());
        case lookup::startswith:
            return text.starts_with(operand());
        case lookup::endswith:
            return text.ends_with(operand());
        case lookup::iexact:
            return fold_case(text) == folded_;
        case lookup::icontains:
            return fold_case(text).contains(folded_);
        case lookup::istartswith:
            return fold_case(text).starts_with(folded_);
        case lookup::iendswith:
            return fold_case(text).ends_with(folded_);
        case lookup::regex:
        case lookup::iregex:
            return re2::RE2::PartialMatch({text.data(), text.size()}, pattern_->compiled);
        default:
            break;
    }
    std::unreachable();
}

}  // namespace pinhole::storage::query
