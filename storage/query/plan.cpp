#include "storage/query/plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

/// So few are collected before anything else is thought of.
constexpr std::size_t rows_at_first = 64;
/// What has so few rows is walked without a second thought.
constexpr std::uint64_t few_rows = 256;
/// Bounds of what is collected for a walk's sake.
constexpr double collected_min = 256;
constexpr double collected_max = 4096;
/// What is collected when there is no order to walk in, or the walk has failed.
constexpr std::size_t collected_at_last = 20'000;
/// So many index entries are read in the time of one row with what it hangs under.
constexpr std::uint64_t entries_per_row = 8;
/// Beside an index that leaves few rows, no more than it has, and no more than this, are collected.
constexpr std::size_t collected_most = 4096;
/// Of an entity of which the store says nothing.
constexpr std::uint64_t rows_presumed_max = 1'000'000;
/// A walk may read so many times what it was expected to.
constexpr double patience = 4;

/// Up to where collecting beats a walk.
std::size_t worth_collecting(std::uint64_t wanted, std::uint64_t among) {
    const double even = std::sqrt(static_cast<double>(wanted) * static_cast<double>(among) / 2);
    return static_cast<std::size_t>(std::clamp(even, collected_min, collected_max));
}

/// The largest number there is, if none are of rows.
std::size_t fewest_rows(const std::vector<access>& found) {
    std::size_t fewest = std::numeric_limits<std::size_t>::max();
    for (const access& each : found) {
        if (each.what == access::kind::rows) {
            fewest = std::min(fewest, each.ids.size());
        }
    }
    return fewest;
}

std::uint64_t allowance_of(std::uint64_t wanted, std::uint64_t among, std::size_t at_least) {
    // A candidate costs its entry, its row, and what is asked of it.
    constexpr double reads_per_row = 3;
    return static_cast<std::uint64_t>(patience * reads_per_row * static_cast<double>(wanted) *
                                      static_cast<double>(among) / static_cast<double>(at_least));
}

}  // namespace

std::string plan::name(entity root) const {
    std::string name{describe(root).name};
    switch (in) {
        case sequence::count:
            return name.append(".").append(rank->field);
        case sequence::text:
            return name.append(".").append(text_index->name);
        default:
            return name_of(accesses);
    }
}

std::string plan::bounds() const {
    if (in != sequence::count) {
        return to_text(within);
    }
    const count_range open;
    if (counts.least == open.least && counts.greatest == open.greatest) {
        return {};
    }
    std::string text = counts.least == open.least ? "" : std::to_string(counts.least);
    text += " … ";
    text += counts.greatest == open.greatest ? "" : std::to_string(counts.greatest);
    return text;
}

planner::planner(evaluator& evaluate, const list_request& request)
    : rows_(evaluate.rows()), finder_(evaluate), request_(request), root_(describe(request.root)) {
    tests_ = find_requirements(request.filter).tests;
    within_ = find_time_bounds(tests_, served_by_bounds_);
}

plan planner::choose() {
    if (request_.deleted_since) {
        const auto* author = root_.find_relation("author");
        access deleted{.what = access::kind::index,
                       .name = std::string{root_.name}.append(".").append(author->name),
                       .part = {families::index, request_.me, index_prefix(author->index, false)}};
        std::vector<access> accesses;
        accesses.push_back(std::move(deleted));
        return in_time(std::move(accesses));
    }
    auto ordered = find_order_index();
    if (ordered) {
        served_by_order_ = ordered->served;
        finder_.leave_out(served_by_order_);
    }
    auto cheap = finder_.find_all(request_.root, request_.filter, rows_at_first);
    if (auto of_rows = of_fewest_rows(cheap)) {
        return std::move(*of_rows);
    }
    const order_key& first = request_.order.front();
    if (first.path.relations.empty() && first.path.field->name == "created_at") {
        return choose_by_time(std::move(cheap));
    }
    if (ordered) {
        return choose_by_index(std::move(*ordered), std::move(cheap));
    }
    return choose_unordered(std::move(cheap));
}

plan planner::choose_by_time(std::vector<access> cheap) {
    if (!could_collect(cheap)) {
        return in_time(std::move(cheap));
    }
    const std::uint64_t among = estimate_all(cheap);
    if (among <= few_rows) {
        return in_time(std::move(cheap));
    }
    const std::uint64_t wanted = request_.wants_count ? among : request_.page.size + 1;
    std::size_t worth = request_.wants_count ? std::min<std::size_t>(among, collected_at_last)
                                             : worth_collecting(wanted, among);
    if (!cheap.empty()) {
        worth = std::max(worth, std::min<std::size_t>(among, collected_most));
    }
    auto found = finder_.find_all(request_.root, request_.filter, worth);
    const std::size_t fewest = fewest_rows(found);
    if (!cheap.empty() && fewest <= worth) {
        // Perhaps to look for the rows among the index's entries takes less than to read them.
        const std::uint64_t entries =
            std::min(among, wanted * total() / std::max<std::size_t>(1, fewest));
        if (entries / entries_per_row < fewest) {
            return in_time(std::move(found));
        }
    }
    if (auto of_rows = of_fewest_rows(found)) {
        return std::move(*of_rows);
    }
    if (found.size() > cheap.size()) {
        return in_time(std::move(found));
    }
    plan walk = in_time(std::move(cheap));
    walk.allowance = allowance_of(wanted, among, worth);
    return walk;
}

/// `ordered` walks the order's index, and asks each row all that its bounds do not say.
plan planner::choose_by_index(plan ordered, std::vector<access> cheap) {
    const bool is_narrow = !cheap.empty() || !within_.is_open();
    if (!is_narrow && !could_collect(cheap)) {
        return ordered;
    }
    const std::uint64_t wanted = request_.wants_count ? total() : request_.page.size + 1;
    const std::size_t worth = worth_collecting(wanted, total());
    if (is_narrow && estimate_all(cheap) <= worth) {
        return in_time(std::move(cheap), sequence::none);
    }
    if (auto of_rows = collect_rows(worth)) {
        return std::move(*of_rows);
    }
    if (request_.wants_count && is_narrow) {
        return in_time(std::move(cheap), sequence::none);
    }
    ordered.allowance = allowance_of(wanted, total(), worth);
    return ordered;
}

plan planner::choose_unordered(std::vector<access> cheap) {
    if (could_collect(cheap)) {
        const std::uint64_t among = estimate_all(cheap);
        if (among > few_rows) {
            auto found = finder_.find_all(request_.root, request_.filter,
                                          std::min<std::size_t>(among, collected_at_last));
            if (auto of_rows = of_fewest_rows(found)) {
                return std::move(*of_rows);
            }
            if (found.size() > cheap.size()) {
                return in_time(std::move(found), sequence::none);
            }
        }
    }
    return in_time(std::move(cheap), sequence::none);
}

std::optional<plan> planner::reconsider() {
    auto found = finder_.find_all(request_.root, request_.filter, collected_at_last);
    if (auto of_rows = of_fewest_rows(found)) {
        return of_rows;
    }
    const bool is_by_time = request_.order.front().path.field->name == "created_at" &&
                            request_.order.front().path.relations.empty();
    if (is_by_time || (found.empty() && within_.is_open()) ||
        estimate_all(found) > collected_at_last) {
        return std::nullopt;
    }
    return in_time(std::move(found), sequence::none);
}

plan planner::in_time(std::vector<access> accesses, sequence in) const {
    plan made{.in = in, .within = within_, .served = served_by_bounds_};
    for (const access& each : accesses) {
        std::ranges::copy(each.serves, std::back_inserter(made.served));
    }
    if (accesses.empty()) {
        accesses.push_back(all_rows(rows_, root_));
    }
    made.accesses = std::move(accesses);
    return made;
}

std::optional<plan> planner::of_fewest_rows(std::vector<access>& found) const {
    access* fewest = nullptr;
    for (access& each : found) {
        if (each.what == access::kind::rows &&
            (fewest == nullptr || each.ids.size() < fewest->ids.size())) {
            fewest = &each;
        }
    }
    if (fewest == nullptr) {
        return std::nullopt;
    }
    plan made{.in = sequence::none, .served = fewest->serves};
    made.accesses.push_back(std::move(*fewest));
    return made;
}

std::optional<plan> planner::collect_rows(std::size_t rows_max) {
    auto found = finder_.find_all(request_.root, request_.filter, rows_max);
    return of_fewest_rows(found);
}

bool planner::could_collect(const std::vector<access>& found) const {
    return could_collect(request_.filter, found);
}

/// Whether a test that nothing found serves leads to rows that can be counted.
bool planner::could_collect(const condition& of, const std::vector<access>& found) const {
    switch (of.what) {
        case condition::kind::negation:
            return false;
        case condition::kind::all:
            return std::ranges::any_of(
                of.parts, [&](const condition& part) { return could_collect(part, found); });
        case condition::kind::any:
            return std::ranges::all_of(
                of.parts, [&](const condition& part) { return could_collect(part, {}); });
        case condition::kind::test:
            break;
    }
    const test& leaf = *of.leaf;
    if (!leaf.predicate || is_served(&leaf, found) ||
        std::ranges::count(served_by_order_, &leaf) > 0) {
        return false;
    }
    return !leaf.path.relations.empty() || root_.find_rank(leaf.path.field->name) != nullptr ||
           leaf.path.field->kind == field_kind::text;
}

/// About how many rows the entity has.
std::uint64_t planner::total() {
    if (total_ == 0) {
        total_ = rows_.raw().approximate_rows(root_.family);
    }
    if (total_ <= few_rows) {
        // So few, or the store does not know yet.
        total_ = std::max<std::uint64_t>(
            1, estimate(rows_, all_rows(rows_, root_), {}, rows_presumed_max));
    }
    return total_;
}

std::uint64_t planner::estimate_all(const std::vector<access>& found) {
    if (found.empty()) {
        return within_.is_open() ? total()
                                 : estimate(rows_, all_rows(rows_, root_), within_, total());
    }
    std::uint64_t least = total();
    for (const access& each : found) {
        least = std::min(least, estimate(rows_, each, within_, total()));
    }
    return least;
}

/// The index that has the order, if there is one other than by time.
std::optional<plan> planner::find_order_index() {
    const order_key& first = request_.order.front();
    if (!first.path.relations.empty() || rows_.sees_deleted()) {
        return std::nullopt;
    }
    const std::string_view field = first.path.field->name;
    if (const rank_entry* rank = root_.find_rank(field)) {
        plan made{.in = sequence::count, .rank = rank};
        for (const test* each : tests_) {
            if (!each->path.relations.empty() || each->path.field->name != field ||
                !each->predicate) {
                continue;
            }
            if (const auto range = to_count_range(*each->predicate)) {
                made.counts = common(made.counts, *range);
                made.served.push_back(each);
            }
        }
        return made;
    }
    for (const index_entry& index : root_.indexes) {
        if (index.scope.empty() && index.members.size() == 1 && index.members.front() == field) {
            return plan{.in = sequence::text, .text_index = &index};
        }
    }
    return std::nullopt;
}

}  // namespace pinhole::storage::query
