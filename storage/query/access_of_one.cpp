#include <algorithm>
#include <tuple>
#include <utility>

#include "storage/kv/key_codec.hpp"
#include "storage/query/access.hpp"
#include "storage/query/ranked.hpp"
#include "storage/schema/trigrams.hpp"

namespace pinhole::storage::query {

namespace {

/// Trigrams of one text go together more often than not: a fourth one leaves out little.
constexpr std::size_t trigrams_intersected = 3;
constexpr std::size_t trigrams_sampled_max = 16;
constexpr std::uint32_t entries_sampled = 32;

std::string encode_text(std::string_view text) {
    kv::key_writer out;
    out.append_string(text);
    return out.take();
}

/// What a text that satisfies the lookup contains, letter case aside.
bool contains_its_operand(lookup which) {
    switch (which) {
        case lookup::exact:
        case lookup::iexact:
        case lookup::contains:
        case lookup::icontains:
        case lookup::startswith:
        case lookup::istartswith:
        case lookup::endswith:
        case lookup::iendswith:
            return true;
        default:
            return false;
    }
}

/// The keys [from, to) behind an index's prefix of texts that satisfy the lookup.
std::optional<std::pair<std::string, std::string>> text_range(const predicate& asked,
                                                              const std::string& prefix) {
    const auto operand = [&](std::size_t at) {
        return prefix + encode_text(std::get<std::string>(asked.operands()[at]));
    };
    const std::string end = kv::prefix_end(prefix);
    switch (asked.which()) {
        case lookup::startswith: {
            constexpr std::size_t terminator_bytes = 2;
            std::string front = operand(0);
            front.resize(front.size() - terminator_bytes);
            return std::pair{front, kv::prefix_end(front)};
        }
        case lookup::range:
            return std::pair{operand(0), kv::prefix_end(operand(1))};
        case lookup::gt:
            return std::pair{kv::prefix_end(operand(0)), end};
        case lookup::gte:
            return std::pair{operand(0), end};
        case lookup::lt:
            return std::pair{prefix, operand(0)};
        case lookup::lte:
            return std::pair{prefix, kv::prefix_end(operand(0))};
        default:
            return std::nullopt;
    }
}

}  // namespace

std::optional<access> access_finder::find_one(entity at, const view& of, std::size_t rows_max) {
    if (!of.of->predicate) {
        return std::nullopt;
    }
    const entity_entry& entry = describe(at);
    // Entries of these indexes are of alive rows alone.
    if (!rows_.sees_deleted()) {
        if (auto terms = find_terms(entry, of)) {
            return terms;
        }
        if (of.is_own()) {
            auto in_range = find_text_range(entry, of, rows_max);
            return in_range ? std::move(in_range) : find_ranked(entry, of, rows_max);
        }
    }
    return of.is_own() || !of.next().is_backward ? std::nullopt : find_behind(at, of, rows_max);
}

std::optional<access> access_finder::find_terms(const entity_entry& at, const view& of) const {
    const inverted_entry* index = at.find_inverted(of.path());
    const predicate& asked = *of.of->predicate;
    if (index == nullptr || asked.part()) {
        return std::nullopt;
    }
    if (index->kind == term_kind::values) {
        if (asked.which() != lookup::exact) {
            return std::nullopt;
        }
        const std::string term = encode_text(std::get<std::string>(asked.operands().front()));
        access found = to_access(at, *index, term);
        found.serves = {of.of};
        return found;
    }
    if (!contains_its_operand(asked.which())) {
        return std::nullopt;
    }
    auto terms = trigrams_of(std::get<std::string>(asked.operands().front()));
    return terms.empty() ? std::nullopt
                         : std::optional{find_trigrams(at, *index, std::move(terms))};
}

/// The rarest of the terms: those of which there are fewest, or whose newest entries go back
/// farthest.
access access_finder::find_trigrams(const entity_entry& at, const inverted_entry& index,
                                    std::vector<std::string> terms) const {
    struct sample {
        std::size_t entries;
        std::string reaches;  ///< the key's bytes behind the term
        access at;
    };
    const std::size_t step = 1 + (terms.size() - 1) / trigrams_sampled_max;
    std::vector<sample> samples;
    for (std::size_t i = 0; i < terms.size(); i += step) {
        access part = to_access(at, index, terms[i]);
        if (terms.size() <= trigrams_intersected) {
            samples.push_back({0, {}, std::move(part)});
            continue;
        }
        const auto entries = scan_index(rows_.raw(), {.family = families::terms,
                                                      .prefix = part.part.prefix,
                                                      .limit = entries_sampled,
                                                      .reverse = true});
        if (entries.empty()) {
            return access_of_rows(part.name, {}, {});
        }
        samples.push_back(
            {entries.size(), entries.back().key.substr(part.part.prefix.size()), std::move(part)});
    }
    std::ranges::sort(samples, [](const sample& a, const sample& b) {
        return std::tie(a.entries, a.reaches) < std::tie(b.entries, b.reaches);
    });
    samples.resize(std::min(samples.size(), trigrams_intersected), samples.front());
    access all{.what = access::kind::all, .name = samples.front().at.name};
    for (sample& each : samples) {
        all.parts.push_back(std::move(each.at));
    }
    return all;
}

std::optional<access> access_finder::find_text_range(const entity_entry& at, const view& of,
                                                     std::size_t rows_max) const {
    const std::string_view field = of.of->path.field->name;
    const auto index = std::ranges::find_if(at.indexes, [field](const index_entry& each) {
        return each.scope.empty() && each.members.size() == 1 && each.members.front() == field;
    });
    if (index == at.indexes.end() || of.of->path.field->kind != field_kind::text) {
        return std::nullopt;
    }
    const auto range = text_range(*of.of->predicate, index_prefix(index->number, true));
    if (!range) {
        return std::nullopt;
    }
    const auto entries = rows_.raw().scan({.part = global_part,
                                           .family = families::index,
                                           .from = range->first,
                                           .to = range->second,
                                           .limit = static_cast<std::uint32_t>(rows_max + 1)});
    if (entries.size() > rows_max) {
        return std::nullopt;
    }
    std::string name{at.name};
    return access_of_rows(name.append(".").append(index->name), ids_of(entries), {of.of});
}

/// It serves nothing: the counts of what is not ranked yet have to be looked at.
std::optional<access> access_finder::find_ranked(const entity_entry& at, const view& of,
                                                 std::size_t rows_max) const {
    const rank_entry* rank = at.find_rank(of.of->path.field->name);
    const auto range = rank == nullptr ? std::nullopt : to_count_range(*of.of->predicate);
    if (!range) {
        return std::nullopt;
    }
    auto ids = list_ranked(rows_.raw(), at.self, *rank, *range, rows_max);
    if (!ids) {
        return std::nullopt;
    }
    std::string name{at.name};
    return access_of_rows(name.append(".").append(rank->field), std::move(*ids), {});
}

}  // namespace pinhole::storage::query
