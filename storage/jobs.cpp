#include "storage/jobs.hpp"

#include <algorithm>
#include <cassert>

#include "storage/media/media_path.hpp"

namespace pinhole::storage {

namespace {

constexpr kv::part_id jobs_part = 0;

/// The two walks of settle_counts; the cursor is the walk's number and the last index key done.
enum class walk : std::uint8_t { likes = 1, comments = 2, done = 3 };

struct settle_cursor {
    storage::walk walk = walk::likes;
    std::string last_key;
};

settle_cursor parse_cursor(const std::string& text) {
    if (text.empty()) {
        return {};
    }
    return {static_cast<walk>(text.front()), text.substr(1)};
}

std::string to_string(const settle_cursor& cursor) {
    return static_cast<char>(cursor.walk) + cursor.last_key;
}

/// Settles one batch of alive rows of `index` that belong to `user`; true if the walk has ended.
template <class Row>
bool append_settled_rows(kv::commit& commit, const row_reader& rows, std::uint8_t index,
                         entity_id user, bool counted, std::int64_t one, std::uint32_t rows_max,
                         std::string& last_key) {
    const auto entries = scan_index(
        rows.raw(),
        {.part = user, .prefix = index_prefix(index, true), .beyond = last_key, .limit = rows_max});
    for (const auto& found : rows.find_many<Row>(ids_of(entries))) {
        if (!found || found->row.is_counted == counted) {
            continue;
        }
        Row row = found->row;
        row.is_counted = counted;
        append_update(commit, *found, row);
        append_post_counts(commit, row.post.id, counted ? one : -one);
    }
    if (entries.size() < rows_max) {
        return true;
    }
    last_key = entries.back().key;
    return false;
}

}  // namespace

kv::key job_key(const job& job) {
    kv::key_writer out;
    out.append_u8(static_cast<std::uint8_t>(job.kind));
    out.append_i64(job.subject);
    return {jobs_part, families::jobs, out.take()};
}

void append_job(kv::commit& commit, const job& job) {
    commit.operations.emplace_back(kv::put{job_key(job), {}});
}

void append_media_removal(kv::commit& commit, entity_id file,
                          std::span<const std::string> media_paths) {
    static_assert(removed_files_per_job_max * (media::media_path_bytes_max + 1) <=
                  kv::value_bytes_max);
    assert(media_paths.size() <= removed_files_per_job_max);
    std::string lines;
    for (const std::string& path : media_paths) {
        lines += path + '\n';
    }
    commit.operations.emplace_back(
        kv::put{job_key({job_kind::remove_media, file}), std::move(lines)});
}

std::vector<std::string> media_paths_of(const pending_job& removal) {
    std::vector<std::string> paths;
    std::string_view rest = removal.cursor;
    while (!rest.empty()) {
        const std::string_view path = rest.substr(0, rest.find('\n'));
        if (!media::is_media_path(path)) {
            throw corrupt_row{"a job that removes media names no media path"};
        }
        paths.emplace_back(path);
        rest.remove_prefix(std::min(path.size() + 1, rest.size()));
    }
    return paths;
}

void append_job_done(kv::commit& commit, const pending_job& seen) {
    commit.operations.emplace_back(kv::check{job_key(seen.job), seen.stamp});
    commit.operations.emplace_back(kv::erase{job_key(seen.job)});
}

void append_job_progress(kv::commit& commit, const pending_job& seen, std::string cursor) {
    commit.operations.emplace_back(kv::check{job_key(seen.job), seen.stamp});
    commit.operations.emplace_back(kv::put{job_key(seen.job), std::move(cursor)});
}

std::optional<pending_job> find_job(const kv::reader& reader, const job& job) {
    auto found = reader.get(job_key(job));
    if (!found) {
        return std::nullopt;
    }
    return pending_job{job, std::move(found->value), found->stamp};
}

job_step to_job_step(kv::outcome outcome, bool was_last) {
    switch (outcome) {
        case kv::outcome::ok:
            return was_last ? job_step::done : job_step::more;
        case kv::outcome::conflict:
        case kv::outcome::exists:
            return job_step::more;  // a row, or the job itself, has changed meanwhile: plan anew
        case kv::outcome::unknown:
        case kv::outcome::unavailable:
            break;
    }
    return job_step::waits;
}

std::vector<pending_job> list_jobs(const kv::reader& reader, std::uint32_t limit,
                                   const job* beyond) {
    std::vector<pending_job> jobs;
    const auto rows =
        reader.scan({.part = jobs_part,
                     .family = families::jobs,
                     .from = beyond != nullptr ? job_key(*beyond).bytes + '\0' : std::string{},
                     .to = {},
                     .limit = limit});
    for (const kv::row& row : rows) {
        kv::key_reader in{row.key};
        const auto kind = in.read_u8();
        const auto subject = in.read_i64();
        if (!kind || !subject) {
            throw corrupt_row{"a job's key is damaged"};
        }
        jobs.push_back({{static_cast<job_kind>(*kind), *subject}, row.value, row.stamp});
    }
    return jobs;
}

settle_step plan_settle_counts_step(const kv::reader& reader, const pending_job& seen,
                                    std::uint32_t rows_max) {
    row_reader rows{reader};
    const entity_id user = seen.job.subject;
    const bool counted = rows.alive_user(user) != nullptr;
    settle_cursor cursor = parse_cursor(seen.cursor);
    kv::commit commit;
    const bool walk_ended =
        cursor.walk == walk::likes
            ? append_settled_rows<like>(commit, rows, index_number<like>("user"), user, counted,
                                        one_like, rows_max, cursor.last_key)
            : append_settled_rows<comment>(commit, rows, index_number<comment>("author"), user,
                                           counted, one_comment, rows_max, cursor.last_key);
    if (walk_ended) {
        cursor = {.walk = cursor.walk == walk::likes ? walk::comments : walk::done, .last_key = {}};
    }
    const bool is_last = cursor.walk == walk::done;
    if (is_last) {
        append_job_done(commit, seen);
    } else {
        append_job_progress(commit, seen, to_string(cursor));
    }
    return {std::move(commit), is_last};
}

}  // namespace pinhole::storage
