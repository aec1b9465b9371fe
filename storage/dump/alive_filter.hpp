// Which rows the API would show to somebody: alive, and everything alive that they hang under. So
// what is kept refers only to what is kept.
//
// Thread-safety: one thread. Blocks: on the disk. Memory: bounded, whatever it has seen.
#pragma once

#include <vector>

#include "storage/dump/dump_format.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::dump {

class alive_filter {
public:
    /// Requires: a blocking reader, which outlives it.
    explicit alive_filter(const kv::reader& reader) : rows_(reader) {}

    /// Takes the others away; the order stays. Cheap only for many rows at once.
    template <class Row>
    void keep_visible(std::vector<Row>& rows) {
        rows_.forget_beyond(remembered_max);
        std::erase_if(rows, [](const Row& row) { return row.is_deleted; });
        load_parents(rows);
        std::erase_if(rows, [this](const Row& row) {
            bool hangs_under_dead = false;
            for_each_reference(row, [&](const auto& reference) {
                hangs_under_dead = hangs_under_dead || !is_visible(reference);
            });
            return hangs_under_dead;
        });
    }

private:
    /// Posts carry their texts and files with them.
    static constexpr std::size_t remembered_max = 2000;

    template <class Row, class Function>
    static void for_each_reference(const Row& row, const Function& function) {
        for_each_dumped_field<Row>([&](const auto& f) {
            if constexpr (is_reference<std::remove_cvref_t<decltype(row.*f.member)>>) {
                function(row.*f.member);
            }
        });
    }

    bool is_visible(reference_to<user> who) { return rows_.alive_user(who.id) != nullptr; }
    bool is_visible(reference_to<post> what) { return rows_.visible_post(what.id) != nullptr; }

    /// In a batch of each kind: one read for each row would take most of the time.
    template <class Row>
    void load_parents(const std::vector<Row>& rows) {
        std::vector<entity_id> posts;
        std::vector<entity_id> users;
        for (const Row& row : rows) {
            for_each_reference(row, [&](const auto& reference) {
                using target = typename std::remove_cvref_t<decltype(reference)>::target;
                (std::is_same_v<target, user> ? users : posts).push_back(reference.id);
            });
        }
        rows_.load_posts(posts);
        for (const entity_id id : posts) {
            if (const auto author = rows_.author_of(id)) {
                users.push_back(*author);
            }
        }
        rows_.load_users(users);
    }

    row_reader rows_;
};

}  // namespace pinhole::storage::dump
