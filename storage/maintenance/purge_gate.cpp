#include "storage/maintenance/purge_gate.hpp"

#include "storage/base/work.hpp"

namespace pinhole::storage {

purge_gate::hold_token purge_gate::hold() {
    std::unique_lock lock{mutex_};
    ++holds_;
    changed_.wait(lock, [this] { return passes_ == 0; });
    return hold_token{*this};
}

void purge_gate::release() {
    {
        const std::lock_guard lock{mutex_};
        --holds_;
    }
    changed_.notify_all();
}

std::optional<purge_gate::pass_token> purge_gate::try_pass() {
    const std::lock_guard lock{mutex_};
    if (holds_ != 0) {
        return std::nullopt;
    }
    ++passes_;
    return std::optional<pass_token>{std::in_place, *this};
}

purge_gate::pass_token purge_gate::wait_for_pass(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    if (!changed_.wait(lock, stop, [this] { return holds_ == 0; })) {
        throw work_interrupted{};
    }
    ++passes_;
    return pass_token{*this};
}

void purge_gate::leave() {
    {
        const std::lock_guard lock{mutex_};
        --passes_;
    }
    changed_.notify_all();
}

}  // namespace pinhole::storage
