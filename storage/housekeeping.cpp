#include "storage/housekeeping.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include "storage/base/work.hpp"
#include "storage/idempotency.hpp"
#include "storage/meta.hpp"
#include "storage/ranking.hpp"
#include "storage/sessions.hpp"

namespace pinhole::storage {

namespace {

constexpr auto tick = std::chrono::seconds{1};
/// Long enough that many likes of one post cost one move, short enough that few rows wait.
constexpr auto ranking_interval = std::chrono::milliseconds{250};
constexpr auto jobs_retry_interval = std::chrono::seconds{10};
constexpr auto expiry_interval = std::chrono::minutes{10};
constexpr auto purge_look_interval = std::chrono::minutes{1};
constexpr std::uint32_t jobs_per_read = 1024;
constexpr std::uint32_t rows_per_step = 128;
constexpr std::string_view id_ceiling_name = "id_ceiling_ms";

/// The newest date of this entity's rows before `until`.
template <class Row>
timestamp read_newest_date_of(const kv::reader& reader, timestamp until) {
    const auto& newest = std::get<index_position<Row>("newest")>(schema<Row>::indexes);
    timestamp found{};
    for (const bool alive : {true, false}) {
        Row row;
        row.created_at = until;
        row.is_deleted = !alive;
        const std::string prefix = index_prefix(newest.number, alive);
        const kv::key end = index_key(newest, row);
        for (const kv::row& entry : scan_index(
                 reader, {.prefix = prefix, .beyond = end.bytes, .limit = 1, .reverse = true})) {
            kv::key_reader in{std::string_view{entry.key}.substr(prefix.size())};
            const auto created_us = in.read_i64();
            if (!created_us) {
                throw corrupt_row{"an index entry's key is damaged"};
            }
            found = std::max(found, from_microseconds(*created_us));
        }
    }
    return found;
}

}  // namespace

std::int64_t read_id_ceiling_ms(const kv::reader& reader) {
    return read_meta(reader, id_ceiling_name).value_or(0);
}

void append_id_ceiling_ms(kv::commit& commit, std::int64_t ceiling_ms) {
    append_meta(commit, id_ceiling_name, ceiling_ms);
}

timestamp read_newest_date(const kv::reader& reader, timestamp until) {
    return std::max(
        {read_newest_date_of<user>(reader, until), read_newest_date_of<post>(reader, until),
         read_newest_date_of<file>(reader, until), read_newest_date_of<comment>(reader, until),
         read_newest_date_of<like>(reader, until)});
}

housekeeping::housekeeping(kv::store& store, id_generator& ids, media_placement& placement,
                           kv::log_function log, std::chrono::seconds token_life)
    : store_(store),
      ids_(ids),
      placement_(placement),
      log_(std::move(log)),
      token_life_(token_life),
      clock_watch_(ids_, log_) {}

housekeeping::~housekeeping() {
    stop();
}

void housekeeping::purge_daily(daily_purge_options options) {
    daily_purge_.emplace(store_, placement_, options.retention, std::move(options.now), log_);
    purge_delay_ = options.delay;
}

void housekeeping::start() {
    thread_ = std::thread{[this] { run(); }};
    ids_thread_ = std::thread{[this] { keep_ids_ahead(); }};
    ranking_thread_ = std::thread{[this] { keep_ranked(); }};
    if (daily_purge_) {
        purge_thread_ = std::jthread{[this](const std::stop_token& stop) { keep_purged(stop); }};
    }
}

void housekeeping::wake() {
    {
        const std::lock_guard lock{mutex_};
        woken_ = true;
    }
    changed_.notify_all();
}

void housekeeping::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    purge_thread_.request_stop();
    changed_.notify_all();
    for (std::thread* thread : {&thread_, &ids_thread_, &ranking_thread_}) {
        if (thread->joinable()) {
            thread->join();
        }
    }
    if (purge_thread_.joinable()) {
        purge_thread_.join();
    }
}

bool housekeeping::is_stopping() const {
    const std::lock_guard lock{mutex_};
    return stopping_;
}

bool housekeeping::raise_id_ceiling() {
    clock_watch_.look();
    const auto ceiling_ms = ids_.wanted_ceiling_ms();
    if (!ceiling_ms) {
        return true;
    }
    kv::commit commit;
    append_id_ceiling_ms(commit, *ceiling_ms);
    if (store_.submit_and_wait(std::move(commit)) != kv::outcome::ok) {
        return false;
    }
    ids_.raise_ceiling(*ceiling_ms);
    return true;
}

void housekeeping::run() {
    using clock = std::chrono::steady_clock;
    auto next_jobs = clock::now();
    auto next_expiry = clock::now();
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        const bool woken = std::exchange(woken_, false);
        lock.unlock();
        try {
            if (woken || clock::now() >= next_jobs) {
                run_jobs();
                next_jobs = clock::now() + jobs_retry_interval;
            }
            if (clock::now() >= next_expiry) {
                remove_expired();
                next_expiry = clock::now() + expiry_interval;
            }
        } catch (const std::exception& failure) {
            log_(kv::log_level::error, std::string{"housekeeping: "} + failure.what());
        }
        lock.lock();
        changed_.wait_for(lock, tick, [this] { return stopping_ || woken_; });
    }
}

void housekeeping::keep_ids_ahead() {
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        lock.unlock();
        try {
            raise_id_ceiling();
        } catch (const std::exception& failure) {
            log_(kv::log_level::error, std::string{"reserving ids: "} + failure.what());
        }
        lock.lock();
        changed_.wait_for(lock, tick, [this] { return stopping_; });
    }
}

void housekeeping::keep_ranked() {
    bool is_failing = false;
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        lock.unlock();
        try {
            if (store_.health() == kv::health::ok) {
                rank_unranked(store_);
            }
            is_failing = false;
        } catch (const std::exception& failure) {
            if (!std::exchange(is_failing, true)) {
                log_(kv::log_level::error, std::string{"ranking: "} + failure.what());
            }
        }
        lock.lock();
        changed_.wait_for(lock, ranking_interval, [this] { return stopping_; });
    }
}

void housekeeping::keep_purged(const std::stop_token& stop) {
    auto next = std::chrono::steady_clock::now() + purge_delay_;
    std::unique_lock lock{mutex_};
    while (!changed_.wait_until(lock, next, [this] { return stopping_; })) {
        lock.unlock();
        try {
            daily_purge_->look(stop);
        } catch (const work_interrupted&) {
            return;  // it goes on after the next start
        } catch (const std::exception& failure) {
            log_(kv::log_level::error, std::string{"purging: "} + failure.what());
        }
        next = std::chrono::steady_clock::now() + purge_look_interval;
        lock.lock();
    }
}

void housekeeping::run_jobs() {
    std::set<std::pair<job_kind, entity_id>> waiting;
    for (bool progressed = true; progressed;) {
        progressed = false;
        std::optional<job> beyond;
        std::vector<pending_job> jobs;
        do {
            jobs = list_jobs(*store_.snapshot(kv::read_mode::blocking), jobs_per_read,
                             beyond ? &*beyond : nullptr);
            for (const pending_job& seen : jobs) {
                if (is_stopping()) {
                    return;
                }
                const std::pair name{seen.job.kind, seen.job.subject};
                if (waiting.contains(name)) {
                    continue;
                }
                const job_step step = take_step(seen.job);
                progressed = progressed || step == job_step::more;
                if (step == job_step::waits) {
                    waiting.insert(name);
                }
                beyond = seen.job;
            }
        } while (jobs.size() == jobs_per_read);
    }
}

void housekeeping::finish_media_jobs() {
    for (const pending_job& seen :
         list_jobs(*store_.snapshot(kv::read_mode::blocking), UINT32_MAX)) {
        if (seen.job.kind == job_kind::settle_counts) {
            continue;
        }
        while (take_step(seen.job) == job_step::more) {
        }
    }
}

/// One that fails is logged, stays, and does not keep the others from theirs.
job_step housekeeping::take_step(const job& job) {
    try {
        switch (job.kind) {
            case job_kind::settle_counts:
                return take_settle_step(job);
            case job_kind::place_post_media:
            case job_kind::place_account_media:
            case job_kind::remove_media: {
                const auto step = placement_.take_step(job);
                if (step) {
                    return *step;
                }
                report(job, step.error().message);
                return job_step::waits;
            }
        }
        report(job, "this version does not know its kind");
    } catch (const std::exception& failure) {
        report(job, failure.what());
    }
    return job_step::waits;
}

void housekeeping::report(const job& job, std::string_view problem) const {
    log_(kv::log_level::warning, "a job waits (kind " + std::to_string(static_cast<int>(job.kind)) +
                                     ", id " + std::to_string(job.subject) +
                                     "): " + std::string{problem});
}

job_step housekeeping::take_settle_step(const job& job) {
    settle_step step;
    {
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        const auto seen = find_job(*snapshot, job);
        if (!seen) {
            return job_step::done;
        }
        step = plan_settle_counts_step(*snapshot, *seen, rows_per_step);
    }
    return to_job_step(store_.submit_and_wait(std::move(step.commit)), step.is_last);
}

void housekeeping::remove_expired() {
    const auto do_all = [this](const auto& plan) {
        // By a clock that cannot be right, nothing is over.
        for (auto at = now(); !is_stopping() && is_plausible(at); at = now()) {
            kv::commit commit = plan(*store_.snapshot(kv::read_mode::blocking), at, rows_per_step);
            if (commit.empty()) {
                return;
            }
            // Somebody has used one of them meanwhile: what is left of them is planned anew.
            const auto outcome = store_.submit_and_wait(std::move(commit));
            if (outcome != kv::outcome::ok && outcome != kv::outcome::conflict) {
                return;
            }
        }
    };
    do_all(plan_expire_sessions);
    do_all(plan_expire_answers);
    do_all([this](const kv::reader& reader, timestamp at, std::uint32_t limit) {
        return plan_redate_sessions(reader, at, token_life_, limit);
    });
    do_all(plan_redate_answers);
}

}  // namespace pinhole::storage
