// A page of a list, and the place where one begins. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/id.hpp"

namespace pinhole::storage::query {

enum class direction : std::uint8_t { next, previous };

/// Of a longer sort key a position holds this much, and the row: a cursor fits into a URL.
inline constexpr std::size_t position_key_bytes_max = 512;

struct position {
    query::direction direction = direction::next;
    /// The sort key of the row that the page lies beyond; empty: the page begins at the list's end.
    std::string key = {};
    /// The row itself, if the key is only the front of its key; zero otherwise. Should the row's
    /// key begin in another way by then, the page begins before all keys with that front.
    entity_id row = 0;
};

struct page_request {
    std::uint32_t size = 20;
    std::optional<position> from = {};
    /// Rows that one page may read before it is refused.
    std::uint64_t rows_read_max = 100'000;
    /// How long it may keep the processor before it is refused; none: as long as it takes.
    std::optional<std::chrono::nanoseconds> processor_time_max = {};
};

template <class Row>
struct page {
    std::vector<Row> results = {};
    std::optional<position> next = {};
    std::optional<position> previous = {};
};

}  // namespace pinhole::storage::query
