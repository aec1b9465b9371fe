#include "storage/maintenance/purge_gate.hpp"

namespace pinhole::storage {

purge_gate::hold_token purge_gate::hold() {
    std::unique_lock lock{mutex_};
    ++holds_;
    left_.wait(lock, [this] { return passes_ == 0; });
    return hold_token{*this};
}

void purge_gate::release() {
    const std::lock_guard lock{mutex_};
    --holds_;
}

std::optional<purge_gate::pass_token> purge_gate::try_pass() {
    const std::lock_guard lock{mutex_};
    if (holds_ != 0) {
        return std::nullopt;
    }
    ++passes_;
    return std::optional<pass_token>{std::in_place, *this};
}

void purge_gate::leave() {
    {
        const std::lock_guard lock{mutex_};
        --passes_;
    }
    left_.notify_all();
}

}  // namespace pinhole::storage
