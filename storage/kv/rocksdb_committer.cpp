#include "storage/kv/rocksdb_committer.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "storage/kv/commit_rules.hpp"

namespace pinhole::kv {
namespace {

/// What one write carries at most: enough to share a sync among all who can be waiting, little
/// enough that nobody waits long behind it. A single larger commit goes alone.
constexpr std::size_t group_commits_max = 512;
constexpr std::size_t group_bytes_max = std::size_t{4} << 20U;

/// After a try to open the database that met the end of the disk again.
constexpr std::chrono::seconds open_retry_interval{5};

/// What an operation weighs besides its key and value.
constexpr std::size_t operation_overhead_bytes = sizeof(operation);

/// How much memory a commit holds.
/// Requires: its keys, values and families are within their limits.
std::size_t weigh(const database& database, const commit& commit) {
    std::size_t bytes = 0;
    for (const auto& operation : commit.operations) {
        const auto& key = key_of(operation);
        const auto* value = value_of(operation);
        assert(key.bytes.size() <= key_bytes_max);
        assert(value == nullptr || value->size() <= value_bytes_max);
        assert(is_allowed(operation, database.family_of(key.family).kind));
        bytes +=
            operation_overhead_bytes + key.bytes.size() + (value != nullptr ? value->size() : 0);
    }
    return bytes;
}

std::uint64_t to_reserve_bytes(const rocksdb_options& options, const health_tracker& health) {
    if (options.reserve_bytes == 0 || options.reserve_bytes >= reserve_bytes_min) {
        return options.reserve_bytes;
    }
    health.log(log_level::warning,
               "the disk reserve of " + std::to_string(options.reserve_bytes) +
                   " bytes is less than the database needs to flush: raised to " +
                   std::to_string(reserve_bytes_min));
    return reserve_bytes_min;
}

std::function<std::uint64_t()> make_free_bytes(const rocksdb_options& options) {
    if (options.free_bytes) {
        return options.free_bytes;
    }
    return [directory = options.directory.string()]() -> std::uint64_t {
        struct statvfs disk{};
        while (::statvfs(directory.c_str(), &disk) != 0) {
            if (errno == EINTR) {
                continue;
            }
            throw storage_failure("statvfs " + directory + ": " + std::strerror(errno));
        }
        return std::uint64_t{disk.f_bavail} * disk.f_frsize;
    };
}

}  // namespace

committer::committer(current_database& database, health_tracker& health,
                     const rocksdb_options& options)
    : current_(database),
      health_(health),
      options_(options),
      queue_commits_max_(options.queue_commits_max),
      queue_bytes_max_(options.queue_bytes_max),
      reserve_bytes_(to_reserve_bytes(options, health_)),
      room_interval_(options.room_interval),
      free_bytes_(make_free_bytes(options)),
      room_due_(std::chrono::steady_clock::now()),
      open_due_(room_due_),
      database_(database.get()),
      group_(std::in_place, *database_) {
    write_options_.sync = options.sync;
    thread_ = std::thread([this] { run(); });
}

committer::~committer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
}

void committer::submit(commit commit, store::completion done) {
    waiting one{std::move(commit), std::move(done), 0, outcome::unavailable};
    one.bytes = weigh(*current_.get(), one.commit);
    if (!enqueue(one)) {
        count(outcome::unavailable);
        one.done(outcome::unavailable);
    }
}

/// Takes `one` over, or leaves it alone and answers false.
bool committer::enqueue(waiting& one) {
    if (health_.current() == health::failed || is_opening_) {
        return false;
    }
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queue_commits_max_ ||
            queue_bytes_ + one.bytes > queue_bytes_max_) {
            return false;
        }
        queue_bytes_ += one.bytes;
        queue_.push_back(std::move(one));
    }
    arrived_.notify_one();
    return true;
}

void committer::run() noexcept {
    for (;;) {
        auto commits = take_waiting();
        if (!commits) {
            return;
        }
        look_at_room();
        for (std::span<waiting> rest(*commits); !rest.empty();) {
            const auto group = next_group(rest);
            finish(group);
            rest = rest.subspan(group.size());
        }
    }
}

std::optional<std::vector<committer::waiting>> committer::take_waiting() {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, room_interval_, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_ && queue_.empty()) {
        return std::nullopt;
    }
    queue_bytes_ = 0;
    return std::exchange(queue_, {});
}

std::span<committer::waiting> committer::next_group(std::span<waiting> commits) {
    std::size_t count = 1;
    std::size_t bytes = commits.front().bytes;
    while (count < commits.size() && count < group_commits_max &&
           bytes + commits[count].bytes <= group_bytes_max) {
        bytes += commits[count].bytes;
        ++count;
    }
    return commits.first(count);
}

std::span<committer::waiting> committer::admit(std::span<waiting> group) const {
    if (health_.current() == health::ok) {
        return group;
    }
    if (!health_.only_room_is_low() || !may_use_reserve_) {
        return {};
    }
    std::size_t admitted = 0;
    for (waiting& one : group) {
        if (one.commit.frees_room) {
            std::swap(one, group[admitted++]);
        }
    }
    return group.first(admitted);
}

void committer::finish(std::span<waiting> group) {
    if (const auto admitted = admit(group); !admitted.empty()) {
        decide(admitted);
        write(admitted);
    }
    for (auto& one : group) {
        count(one.result);
        one.done(one.result);
    }
}

void committer::count(outcome what) {
    outcomes_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
}

void committer::read_into(store_counters& counters) const {
    const auto of = [this](outcome what) {
        return outcomes_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    };
    counters.commit_groups = groups_.load(std::memory_order_relaxed);
    counters.commits_ok = of(outcome::ok);
    counters.commits_conflict = of(outcome::conflict);
    counters.commits_exists = of(outcome::exists);
    counters.commits_unknown = of(outcome::unknown);
    counters.commits_unavailable = of(outcome::unavailable);
    const std::lock_guard lock(mutex_);
    counters.commits_waiting = queue_.size();
}

void committer::decide(std::span<waiting> group) {
    group_->begin();
    for (auto& one : group) {
        try {
            one.result = group_->decide(one.commit);
        } catch (const storage_failure& failure) {
            health_.log(log_level::error, std::string("a commit is refused: ") + failure.what());
            one.result = outcome::unavailable;
        }
    }
}

void committer::write(std::span<waiting> group) {
    if (health_.current() == health::failed) {
        // The disk refused a read: nothing of the group is written.
        for (auto& one : group) {
            one.result = outcome::unavailable;
        }
        return;
    }
    if (group_->batch().Count() == 0) {
        return;
    }
    const auto status = database_->rocks().Write(write_options_, &group_->batch());
    groups_.fetch_add(1, std::memory_order_relaxed);
    if (status.ok()) {
        assert(database_->rocks().GetLatestSequenceNumber() == group_->last_sequence());
        // What is acknowledged before it is synced must not be missed after a crash.
        if (!options_.sync || database_->mark().acknowledge(group_->last_sequence())) {
            return;
        }
    } else if (status.IsNoSpace()) {
        health_.set_database_full(true);
    } else {
        health_.fail("writing: " + status.ToString());
    }
    // Where it failed is not known: the log may hold the batch whole (only its sync failed).
    for (auto& one : group) {
        if (one.result == outcome::ok) {
            one.result = outcome::unknown;
        }
    }
}

void committer::look_at_room() {
    const auto now = std::chrono::steady_clock::now();
    if (now < room_due_) {
        return;
    }
    room_due_ = now + room_interval_;
    try {
        const std::uint64_t free = free_bytes_();
        const bool low = free < reserve_bytes_;
        may_use_reserve_ = free >= reserve_bytes_min;
        health_.set_room_low(low);
        if (database_->is_read_only()) {
            if (free >= std::max(reserve_bytes_, reserve_bytes_min) && now >= open_due_) {
                try_to_open();
            }
        } else if (!low && health_.database_full()) {
            try_to_resume();
        }
    } catch (const storage_failure& failure) {
        health_.fail(failure.what());
    }
}

/// Takes as long as reading the last writes does; what is submitted meanwhile is refused at once.
void committer::try_to_open() {
    is_opening_ = true;
    try {
        database_->unlock();
        auto opened = std::make_shared<database>(options_, database_->shared_health());
        group_.emplace(*opened);
        database_ = opened;
        current_.replace(std::move(opened));
        health_.set_database_full(false);
    } catch (const no_room&) {
        // Somebody else took the room.
        open_due_ = std::chrono::steady_clock::now() + open_retry_interval;
        database_->lock(options_);
    }
    is_opening_ = false;
}

/// RocksDB polls for room and recovers by itself; asking it to resume tells us when it has.
void committer::try_to_resume() {
    const auto status = database_->rocks().Resume();
    if (status.ok()) {
        health_.set_database_full(false);
        return;
    }
    if (!status.IsBusy() && !status.IsNoSpace()) {
        health_.fail("recovering from a full disk: " + status.ToString());
    }
}

}  // namespace pinhole::kv
