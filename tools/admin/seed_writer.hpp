// Writes planned sample data: rows through the entities' declarations, pictures through the media
// store, some posts in each commit. A commit is whole, with its counters, so what an interruption
// leaves is less, but nothing wrong. Of one thread. Blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "storage/base/id.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/store.hpp"
#include "storage/media/media_store.hpp"
#include "storage/schema/entities.hpp"
#include "tools/admin/seed_plan.hpp"
#include "tools/sample/random.hpp"
#include "tools/sample/vocabulary.hpp"

namespace pinhole::admin {

struct seeded {
    std::uint64_t users = 0, posts = 0, comments = 0, likes = 0, files = 0;
};

class seed_writer {
public:
    seed_writer(kv::store& store, media::media_store& media, const seed_size& size);

    /// Errors: throws kv::storage_failure, also for rows that are there already; `refusal` where
    /// the disk is full; storage::work_interrupted, after which what was committed stays.
    seeded write(const storage::work_watch& watch);

private:
    struct waiting_file {
        std::size_t post;  ///< in posts_
        media::incoming_file bytes;
    };

    void write(const seed_event& event);
    void write_user(const seed_event& event);
    void write_post(const seed_event& event);
    void write_comment(const seed_event& event);
    void write_like(const seed_event& event);
    void add_picture(std::size_t post, sample::random_numbers& random);
    template <class Row>
    Row begin_row();
    std::string make_free_username(sample::random_numbers& random);
    sample::random_numbers random_of(const seed_event& event) const;
    std::vector<media::published_file> publish();
    void flush();

    kv::store& store_;
    media::media_store& media_;
    const seed_size size_;
    std::int64_t clock_us_ = 0;
    storage::id_generator ids_;
    sample::vocabulary vocabulary_;
    std::unordered_set<std::string> usernames_;
    std::vector<storage::entity_id> user_ids_;
    std::vector<storage::entity_id> post_ids_;

    // Of the next commit.
    kv::commit commit_;
    std::vector<storage::post> posts_;
    std::vector<waiting_file> files_;

    seeded written_;
};

}  // namespace pinhole::admin
