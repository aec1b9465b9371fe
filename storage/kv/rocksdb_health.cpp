#include "storage/kv/rocksdb_health.hpp"

#include <string>
#include <utility>

namespace pinhole::kv {

health_tracker::health_tracker(log_function log, std::function<void()> on_failure)
    : log_(std::move(log)), on_failure_(std::move(on_failure)) {}

health health_tracker::current() const noexcept {
    if (failed_) {
        return health::failed;
    }
    return database_full_ || room_low_ ? health::full : health::ok;
}

bool health_tracker::only_room_is_low() const noexcept {
    return !failed_ && !database_full_ && room_low_;
}

void health_tracker::fail(std::string_view why) {
    log(log_level::error, "no write is acknowledged any more: " + std::string(why));
    if (!failed_.exchange(true) && on_failure_) {
        on_failure_();
    }
}

void health_tracker::set_database_full(bool full) {
    if (database_full_.exchange(full) == full) {
        return;
    }
    log(full ? log_level::error : log_level::info,
        full ? "the disk is full: writes are refused until there is room"
             : "the database has recovered from the full disk");
}

void health_tracker::set_room_low(bool low) {
    if (room_low_.exchange(low) == low) {
        return;
    }
    log(low ? log_level::warning : log_level::info,
        low ? "the disk has less room than the reserve: writes are refused until there is more"
            : "the disk has room again: writes are accepted");
}

void health_tracker::log(log_level level, std::string_view message) const {
    if (log_) {
        log_(level, message);
    }
}

}  // namespace pinhole::kv
