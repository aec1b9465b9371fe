#include "storage/maintenance/daily_purge.hpp"

#include <string>

#include "storage/base/id.hpp"
#include "storage/maintenance/purge.hpp"
#include "storage/maintenance/retention.hpp"
#include "storage/meta.hpp"

namespace pinhole::storage {

namespace {

constexpr std::chrono::hours interval{24};
constexpr std::string_view last_run_name = "purged_at_us";

}  // namespace

void daily_purge::note_run(timestamp at) {
    kv::commit commit;
    append_meta(commit, last_run_name, to_microseconds(at));
    if (store_.submit_and_wait(std::move(commit)) != kv::outcome::ok) {
        throw kv::storage_failure{"the time of a purge cannot be written"};
    }
}

bool daily_purge::look(const std::stop_token& stop) {
    const timestamp at = now_();
    if (!is_plausible(at) || store_.health() != kv::health::ok) {
        return false;
    }
    const auto noted = read_meta(*store_.snapshot(kv::read_mode::blocking), last_run_name);
    const timestamp last = from_microseconds(noted.value_or(0));
    if (!noted || last > at + clock_step_max) {
        note_run(at);  // the first look of all, or one of a clock that was ahead
        return false;
    }
    if (at - last < interval) {
        return false;
    }
    const timestamp before = purged_before(last, retention_);
    const purge_report gone =
        purge(store_, &placement_, {.before = before, .watch = {.report = {}, .stop = stop}});
    note_run(at);
    log_(kv::log_level::info,
         "purged what was deleted before " + to_rfc3339(before) + ": " + to_text(gone));
    return true;
}

}  // namespace pinhole::storage
