// A page of a list, and the place where one begins. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pinhole::storage::query {

enum class direction : std::uint8_t { next, previous };

struct position {
    query::direction direction = direction::next;
    /// The sort key of the row that the page lies beyond; empty: the page begins at the list's end.
    std::string key;
};

struct page_request {
    std::uint32_t size = 20;
    std::optional<position> from = {};
    /// Rows that one page may read before it is refused.
    std::uint64_t rows_read_max = 100'000;
};

template <class Row>
struct page {
    std::vector<Row> results = {};
    std::optional<position> next = {};
    std::optional<position> previous = {};
};

}  // namespace pinhole::storage::query
