// Says in the log what the machine's clock does that an operator should know: that it reads a time
// which cannot be, that it went forward or back at once, that it is behind what the database has
// seen. Each is said when it begins, not again while it lasts.
//
// Thread-safety: one thread at a time. Never blocks.
#pragma once

#include <chrono>
#include <optional>

#include "storage/base/id.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage {

class clock_watch {
public:
    clock_watch(const id_generator& ids, kv::log_function log);

    /// Call at the start, and every second or so; `at` is how far real time has come.
    void look(std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now());

private:
    enum class state { right, behind_ids, implausible };
    struct reading {
        timestamp wall;
        std::chrono::steady_clock::time_point steady;
    };

    void report_jump(const reading& now) const;
    void report_state();

    const id_generator& ids_;
    kv::log_function log_;
    state state_ = state::right;
    std::optional<reading> last_;
};

}  // namespace pinhole::storage
