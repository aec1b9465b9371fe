// Long consequences of a commit: records written in the same transaction, done afterwards by a
// worker at least once, each step idempotent, resumed after a restart.
//
//   settle_counts        a user was deleted or restored: bring `is_counted` of the user's likes and
//                        comments, and the counters of the posts they are on, in line with whether
//                        the user is alive
//   place_post_media     move a post's files to where its visibility says (media_placement.hpp)
//   place_account_media  the same for every post of a user
//   remove_media         files' rows are gone for good: remove their bytes. The subject is one of
//                        the files, the cursor the media paths, a line each
//
// ON DISK (family `jobs`): part 0, key = u8 kind, i64 subject; value = the cursor: where to go on.
// One record for each kind and subject: a later change of the subject overwrites it, which starts
// the job over. Kinds: never renumber. A kind that this version does not know stays where it is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/visibility.hpp"

namespace pinhole::storage {

enum class job_kind : std::uint8_t {
    settle_counts = 1,
    place_post_media = 2,
    place_account_media = 3,
    remove_media = 4,
};

struct job {
    job_kind kind;
    entity_id subject = 0;
};

struct pending_job {
    storage::job job;
    std::string cursor;
    kv::stamp stamp = 0;
};

/// What became of one step of a job.
enum class job_step : std::uint8_t {
    done,   ///< the job is done and forgotten, or was so before
    more,   ///< there is more to do, and it may be done at once
    waits,  ///< the store takes no writes now, or the kind is unknown: try again later
};
/// What a commit that brings a job forward means for it.
job_step to_job_step(kv::outcome outcome, bool was_last);

kv::key job_key(const job& job);
void append_job(kv::commit& commit, const job& job);

/// How many files one remove_media job may have: their paths fit into a value.
inline constexpr std::size_t removed_files_per_job_max = 128;
/// In the commit that erases the files' rows, of which `file` is one.
/// Requires: at most `removed_files_per_job_max` media paths.
void append_media_removal(kv::commit& commit, entity_id file,
                          std::span<const std::string> media_paths);
/// What a remove_media job is to remove.
std::vector<std::string> media_paths_of(const pending_job& removal);

/// Forgets the job, unless it was started over since `seen` was read.
void append_job_done(kv::commit& commit, const pending_job& seen);
void append_job_progress(kv::commit& commit, const pending_job& seen, std::string cursor);

std::optional<pending_job> find_job(const kv::reader& reader, const job& job);
/// Up to `limit` jobs in key order, from the beginning or behind `beyond`. They may be of kinds
/// that are unknown here.
std::vector<pending_job> list_jobs(const kv::reader& reader, std::uint32_t limit,
                                   const job* beyond = nullptr);

/// The next step of a settle_counts job: at most `rows_max` rows. Commits either progress or the
/// end of the job.
struct settle_step {
    kv::commit commit;
    bool is_last = false;
};
settle_step plan_settle_counts_step(const kv::reader& reader, const pending_job& seen,
                                    std::uint32_t rows_max);

}  // namespace pinhole::storage
