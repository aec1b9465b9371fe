// Lets somebody hold up whatever removes media for good: a dump that copies the bytes of the rows
// it has seen. Rows may go meanwhile; what a purge leaves to be removed waits (jobs.hpp).
//
// Thread-safe. Blocks: `hold`, until the removal that is under way is done: some fsyncs.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace pinhole::storage {

class purge_gate {
    using leave_function = void (purge_gate::*)();

    /// Calls `Leave` on its gate when it goes.
    template <leave_function Leave>
    class token {
    public:
        explicit token(purge_gate& gate) : gate_(&gate) {}
        token(token&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        token& operator=(token&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        token(const token&) = delete;
        token& operator=(const token&) = delete;
        ~token() {
            if (gate_ != nullptr) {
                (gate_->*Leave)();
            }
        }

    private:
        purge_gate* gate_;
    };

    void release();
    void leave();

public:
    /// While any lives, no bytes are removed. Must not outlive its gate.
    using hold_token = token<&purge_gate::release>;
    /// While it lives, bytes are being removed, and `hold` waits.
    using pass_token = token<&purge_gate::leave>;

    [[nodiscard]] hold_token hold();
    /// Nothing while it is held.
    std::optional<pass_token> try_pass();

private:
    std::mutex mutex_;
    std::condition_variable left_;
    std::size_t holds_ = 0;
    std::size_t passes_ = 0;
};

}  // namespace pinhole::storage
