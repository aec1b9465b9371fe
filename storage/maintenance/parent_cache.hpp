// What rows need to know of the users and posts that they hang under, remembered for those that
// were asked for lately.
//
// For one thread. Blocks: on the disk. Errors: those of the reader are thrown through.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

#include "storage/maintenance/retention.hpp"
#include "storage/maintenance/row_walk.hpp"

namespace pinhole::storage {

struct parent_state {
    storage::presence presence = presence::absent;
    bool is_deleted = false;
    timestamp deleted_since{};  ///< if it is
    entity_id author = 0;       ///< of a post

    bool is_alive() const { return presence == presence::sound && !is_deleted; }
};

template <class Row>
class parent_cache {
public:
    explicit parent_cache(const kv::reader& reader) : reader_(reader) {}

    /// Reads those not remembered in one batch. What was remembered may be forgotten.
    void load(std::vector<entity_id> ids) {
        if (known_.size() > remembered_max) {
            known_.clear();
        }
        std::erase_if(ids, [this](entity_id id) { return known_.contains(id); });
        std::ranges::sort(ids);
        ids.erase(std::ranges::unique(ids).begin(), ids.end());
        std::vector<kv::key> keys;
        keys.reserve(ids.size());
        for (const entity_id id : ids) {
            keys.push_back(row_key<Row>(id));
        }
        const auto found = reader_.multi_get(keys);
        for (std::size_t at = 0; at < ids.size(); ++at) {
            known_.emplace(ids[at], found[at] ? to_state(ids[at], *found[at]) : parent_state{});
        }
    }

    parent_state find(entity_id id) {
        if (!known_.contains(id)) {
            load({id});
        }
        return known_.at(id);
    }

private:
    static constexpr std::size_t remembered_max = 200'000;

    static parent_state to_state(entity_id id, const kv::value_with_stamp& found) {
        parent_state state{.presence = presence::damaged};
        if (const auto row = read_row<Row>({id, {{}, found.value, found.stamp}})) {
            state.presence = presence::sound;
            state.is_deleted = row->row.is_deleted;
            state.deleted_since = storage::deleted_since(row->row);
            if constexpr (requires { row->row.author; }) {
                state.author = row->row.author.id;
            }
        }
        return state;
    }

    const kv::reader& reader_;
    std::unordered_map<entity_id, parent_state> known_;
};

}  // namespace pinhole::storage
