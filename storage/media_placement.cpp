#include "storage/media_placement.hpp"

#include <string>

namespace pinhole::storage {

namespace {

constexpr std::string_view url_prefix = "/media/";
/// Also how long others wait for their turn: some hundred fsyncs.
constexpr std::uint32_t posts_per_step = 32;
/// Far above what a post can have had: files_per_post_max, and none can be added later.
constexpr std::uint32_t files_read_max = 1024;

struct placement {
    std::vector<std::string> shown;
    std::vector<std::string> hidden;
};

void append_wanted(placement& wanted, row_reader& rows, entity_id post) {
    const bool is_visible = rows.visible_post(post) != nullptr;
    const std::uint8_t by_post = index_number<file>("post");
    for (const bool alive : {true, false}) {
        const auto entries = scan_index(
            rows.raw(),
            {.part = post, .prefix = index_prefix(by_post, alive), .limit = files_read_max});
        for (const auto& found : rows.find_many<file>(ids_of(entries))) {
            if (found && found->row.url.starts_with(url_prefix)) {
                auto& side = is_visible && alive ? wanted.shown : wanted.hidden;
                side.push_back(found->row.url.substr(url_prefix.size()));
            }
        }
    }
}

}  // namespace

media_placement::turn::turn(media_placement& placement) : placement_(placement) {
    std::unique_lock lock{placement_.mutex_};
    const std::uint64_t mine = placement_.turns_taken_++;
    placement_.next_.wait(lock, [&] { return placement_.turn_now_ == mine; });
}

media_placement::turn::~turn() {
    {
        const std::lock_guard lock{placement_.mutex_};
        ++placement_.turn_now_;
    }
    placement_.next_.notify_all();
}

result<void> media_placement::place_posts(std::span<const entity_id> posts) {
    placement wanted;
    {
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        row_reader rows{*snapshot};
        for (const entity_id post : posts) {
            append_wanted(wanted, rows, post);
        }
    }
    // One call for each side: every folder is fsynced once for all the files that move.
    const auto hidden = media_.hide_all(wanted.hidden);
    const auto shown = hidden ? media_.show_all(wanted.shown)
                              : std::unexpected{media::store_failure::storage_full};
    if (!shown) {
        return std::unexpected{disk_full()};
    }
    for (std::size_t i = 0; i < shown->size(); ++i) {
        if ((*shown)[i] == media::move_outcome::missing) {
            log_(kv::log_level::error, "the bytes of a file are missing: " + wanted.shown[i]);
        }
    }
    return {};
}

result<job_step> media_placement::place_post(const pending_job& seen) {
    if (auto placed = place_posts({&seen.job.subject, 1}); !placed) {
        return std::unexpected{std::move(placed.error())};
    }
    kv::commit commit;
    append_job_done(commit, seen);
    // The job's record is only a note to do it again; losing this answer would do no harm.
    store_.submit(std::move(commit), [](kv::outcome) {});
    return job_step::done;
}

result<job_step> media_placement::place_next_posts(const pending_job& seen) {
    // Posts that are deleted themselves are hidden already, whatever becomes of their author.
    const std::uint8_t by_author = index_number<post>("author");
    const auto entries = scan_index(*store_.snapshot(kv::read_mode::blocking),
                                    {.part = seen.job.subject,
                                     .prefix = index_prefix(by_author, true),
                                     .beyond = seen.cursor,
                                     .limit = posts_per_step});
    if (auto placed = place_posts(ids_of(entries)); !placed) {
        return std::unexpected{std::move(placed.error())};
    }
    const bool is_last = entries.size() < posts_per_step;
    kv::commit commit;
    if (is_last) {
        append_job_done(commit, seen);
    } else {
        append_job_progress(commit, seen, entries.back().key);
    }
    return to_job_step(store_.submit_and_wait(std::move(commit)), is_last);
}

/// The rows are gone, so nobody else moves these files, and the bytes may go at any time after.
job_step media_placement::remove_media(const pending_job& seen) {
    const auto pass = purging_.try_pass();
    if (!pass) {
        return job_step::waits;
    }
    media_.remove_all(media_paths_of(seen));
    kv::commit commit{.operations = {}, .frees_room = true};
    append_job_done(commit, seen);
    return to_job_step(store_.submit_and_wait(std::move(commit)), true);
}

void media_placement::in_turn(const std::function<void()>& function) {
    const turn mine{*this};
    function();
}

result<job_step> media_placement::take_step(const job& job) {
    const turn mine{*this};
    // Read before the rows are: if the job is started over meanwhile, it stays.
    const auto seen = find_job(*store_.snapshot(kv::read_mode::blocking), job);
    if (!seen) {
        return job_step::done;
    }
    switch (job.kind) {
        case job_kind::place_post_media:
            return place_post(*seen);
        case job_kind::place_account_media:
            return place_next_posts(*seen);
        case job_kind::remove_media:
            return remove_media(*seen);
        case job_kind::settle_counts:
            break;
    }
    return job_step::waits;
}

}  // namespace pinhole::storage
