// The part of the check that compares what users and posts say of the rows that hang under them
// with those rows: a user's count of posts, a post's counts of likes and comments, its copy of its
// files.
//
// As in entry_check.hpp, whoever walks the rows adds them up, and where the sums differ a second
// walk finds the users and posts. For one thread. Blocks: on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/check.hpp"
#include "storage/maintenance/bucket_sums.hpp"
#include "storage/maintenance/row_walk.hpp"

namespace pinhole::storage {

class owner_check {
public:
    using report_function = std::function<void(finding)>;

    owner_check(const kv::reader& reader, const work_watch& watch, report_function report)
        : reader_(reader), watch_(watch), report_(std::move(report)) {}

    void add_row(const user& /*row*/) {}
    void add_row(const post& row);
    void add_row(const file& row);
    void add_row(const comment& row) { add_counted(row); }
    void add_row(const like& row) { add_counted(row); }
    void add_row(const session& /*row*/) {}
    void add_post_counter(entity_id post, std::int64_t counter);
    void add_user_counter(entity_id user, std::int64_t counter);
    /// A row that nobody can read: nothing is known of what it was counted or copied in.
    void add_damaged(kv::family_id family);

    /// Reports what differs.
    void find_differences();

private:
    template <class Row>
    void add_counted(const Row& row) {
        if (row.is_counted) {
            const std::uint64_t where = hash_of(row.post.id);
            post_counts_.add_due(where, where * static_cast<std::uint64_t>(unit_of(row)));
        }
    }
    bool looks_at_counts() const { return !counts_unknown_ && post_counts_.differs(); }
    bool looks_at_files() const { return !files_unknown_ && files_.differs(); }

    void find_wrong_users();
    void find_wrong_posts();
    struct post_facts;
    using post_map = std::unordered_map<entity_id, post_facts>;
    void look_at(const std::vector<bool>& buckets);
    void judge(const post& row, const post_facts& facts);
    /// Calls `function` with groups of buckets that differ, few enough posts in each.
    template <class Differs, class Function>
    void for_each_group(kv::family_id family, const Differs& differs, const Function& function);

    const kv::reader& reader_;
    const work_watch& watch_;
    report_function report_;
    bucket_sums user_counts_;
    bucket_sums post_counts_;
    bucket_sums files_;
    bool posts_unknown_ = false;
    bool counts_unknown_ = false;
    bool files_unknown_ = false;
};

}  // namespace pinhole::storage
