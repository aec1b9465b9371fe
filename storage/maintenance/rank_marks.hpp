// Which rows are marked to be ranked anew (ranking.hpp), for those who look at every row.
//
// Read once, when first asked: eight bytes for each marked row. For one thread. Blocks: on the
// disk.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "storage/maintenance/row_walk.hpp"

namespace pinhole::storage {

class rank_marks {
public:
    explicit rank_marks(const kv::reader& reader) : reader_(reader) {}

    /// In ascending order.
    template <class Row>
    const std::vector<entity_id>& of() {
        auto& ids = ids_[schema<Row>::family];
        if (!ids) {
            ids = read(schema<Row>::unranked_number);
        }
        return *ids;
    }

    template <class Row>
    bool has(entity_id id) {
        return std::ranges::binary_search(of<Row>(), id);
    }

private:
    std::vector<entity_id> read(std::uint8_t number) const {
        constexpr std::size_t sorted_from = std::size_t{1} << 20U;
        std::vector<entity_id> ids;
        const auto sort = [&ids] {
            std::ranges::sort(ids);
            ids.erase(std::ranges::unique(ids).begin(), ids.end());
        };
        std::string last;
        for (;;) {
            const auto marks = scan_index(
                reader_,
                {.prefix = index_prefix(number, true), .beyond = last, .limit = rows_per_walk});
            std::ranges::copy(ids_of(marks), std::back_inserter(ids));
            if (ids.size() > sorted_from) {
                sort();
            }
            if (marks.size() < rows_per_walk) {
                sort();
                return ids;
            }
            last = marks.back().key;
        }
    }

    const kv::reader& reader_;
    std::array<std::optional<std::vector<entity_id>>, 256> ids_;
};

}  // namespace pinhole::storage
