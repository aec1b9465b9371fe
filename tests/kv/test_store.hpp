// Short words for tests that talk to a store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/kv/store.hpp"

namespace pinhole::kv::test {

inline constexpr family_id rows = 1;
inline constexpr family_id index = 2;
inline constexpr family_id counts = 3;
inline constexpr family_id postings = 4;

/// The families that every test opens.
inline constexpr std::array<family_spec, 4> families{{
    {rows, "rows", family_kind::rows},
    {index, "index", family_kind::index},
    {counts, "counts", family_kind::counters},
    {postings, "postings", family_kind::postings},
}};

inline key row_key(std::string bytes, part_id part = 1) {
    return {part, rows, std::move(bytes)};
}
inline key index_key(std::string bytes, part_id part = 1) {
    return {part, index, std::move(bytes)};
}
inline key count_key(std::string bytes, part_id part = 1) {
    return {part, counts, std::move(bytes)};
}

inline key posting_key(std::string bytes, part_id part = 1) {
    return {part, postings, std::move(bytes)};
}

/// Commits the operations as one and waits.
outcome apply(store& store, std::vector<operation> operations);

/// Single reads, each from a snapshot of its own.
std::optional<value_with_stamp> get(const store& store, const key& key);
std::optional<std::string> value(const store& store, const key& key);
stamp stamp_of(const store& store, const key& key);
std::int64_t counter(const store& store, const key& key);
std::vector<row> scan(const store& store, const range& range);

/// The keys of what was found, in its order.
std::vector<std::string> keys_of(const std::vector<row>& found);

}  // namespace pinhole::kv::test
