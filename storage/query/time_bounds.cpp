#include "storage/query/time_bounds.hpp"

#include <algorithm>
#include <chrono>

namespace pinhole::storage::query {

namespace {

using std::chrono::microseconds;

constexpr microseconds tick{1};

struct instants {
    timestamp first;
    timestamp last;
};

bool is_of_creation(const test& of) {
    return of.path.relations.empty() && of.path.field->name == "created_at" && of.predicate;
}

instants days_between(std::chrono::sys_days first, std::chrono::sys_days end) {
    return {timestamp{first}, timestamp{end} - tick};
}

/// The times that a value stands for, where they lie side by side: one, a day, or a year.
std::optional<instants> instants_of(const predicate& of, const value& operand) {
    if (!of.part()) {
        const auto at = std::get<timestamp>(operand);
        return instants{at, at};
    }
    const auto number = std::get<std::int64_t>(operand);
    if (*of.part() == date_part::date) {
        const std::chrono::sys_days day{std::chrono::days{number}};
        return days_between(day, day + std::chrono::days{1});
    }
    if (*of.part() != date_part::year || number < 1 || number > 9999) {
        return std::nullopt;
    }
    const std::chrono::year year{static_cast<int>(number)};
    return days_between(year / 1 / 1, (year + std::chrono::years{1}) / 1 / 1);
}

void narrow(time_bounds& bounds, std::optional<timestamp> from, std::optional<timestamp> to) {
    if (from) {
        bounds.from = std::max(bounds.from.value_or(*from), *from);
    }
    if (to) {
        bounds.to = std::min(bounds.to.value_or(*to), *to);
    }
}

/// Whether the bounds say all that the test asks.
bool narrow_by(time_bounds& bounds, const predicate& by) {
    if (by.which() == lookup::in) {
        return false;
    }
    const auto least = instants_of(by, by.operands().front());
    const auto greatest = instants_of(by, by.operands().back());
    if (!least || !greatest) {
        return false;
    }
    switch (by.which()) {
        case lookup::exact:
        case lookup::range:
            narrow(bounds, least->first, greatest->last);
            return true;
        case lookup::gt:
            narrow(bounds, least->last + tick, {});
            return true;
        case lookup::gte:
            narrow(bounds, least->first, {});
            return true;
        case lookup::lt:
            narrow(bounds, {}, least->first - tick);
            return true;
        case lookup::lte:
            narrow(bounds, {}, least->last);
            return true;
        default:
            return false;
    }
}

/// A test that gives this part of `created_at` one value.
const test* find_fixed(std::span<const test* const> tests, date_part part) {
    const auto found = std::ranges::find_if(tests, [part](const test* each) {
        return is_of_creation(*each) && each->predicate->part() == part &&
               each->predicate->which() == lookup::exact;
    });
    return found == tests.end() ? nullptr : *found;
}

std::int64_t value_of(const test& of) {
    return std::get<std::int64_t>(of.predicate->operands().front());
}

/// A month or a quarter of a year that another test fixes.
void narrow_within_year(time_bounds& bounds, std::span<const test* const> tests, date_part part,
                        unsigned months, std::vector<const test*>& served) {
    const test* year_test = find_fixed(tests, date_part::year);
    const test* part_test = find_fixed(tests, part);
    if (year_test == nullptr || part_test == nullptr) {
        return;
    }
    const auto year = value_of(*year_test);
    const auto number = value_of(*part_test);
    if (year < 1 || year > 9999 || number < 1 || number > 12 / months) {
        return;
    }
    const std::chrono::year_month first{
        std::chrono::year{static_cast<int>(year)},
        std::chrono::month{(static_cast<unsigned>(number) - 1) * months + 1}};
    const auto [from, to] = days_between(first / 1, (first + std::chrono::months{months}) / 1);
    narrow(bounds, from, to);
    served.push_back(part_test);
}

}  // namespace

time_bounds find_time_bounds(std::span<const test* const> tests, std::vector<const test*>& served) {
    time_bounds bounds;
    for (const test* each : tests) {
        if (is_of_creation(*each) && narrow_by(bounds, *each->predicate)) {
            served.push_back(each);
        }
    }
    narrow_within_year(bounds, tests, date_part::month, 1, served);
    narrow_within_year(bounds, tests, date_part::quarter, 3, served);
    return bounds;
}

std::string to_text(const time_bounds& bounds) {
    if (bounds.is_open()) {
        return {};
    }
    std::string text = bounds.from ? to_rfc3339(*bounds.from) : std::string{};
    text += " … ";
    text += bounds.to ? to_rfc3339(*bounds.to) : std::string{};
    return text;
}

}  // namespace pinhole::storage::query
