// Items on their way to another thread, which takes one after another: so what is read on one core
// is worked on by others. They travel in batches, as a single one is not worth a wake-up, and no
// more of them are under way than fit in a few megabytes.
//
// For one thread, besides its own. Blocks: while the queue is full. Errors: what the taker throws
// is thrown by the next call, and nothing more is taken.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pinhole::storage {

template <class Item>
class batch_queue {
public:
    static constexpr std::size_t items_per_batch = 512;
    static constexpr std::size_t batches_max = 8;

    /// `take` is called on the other thread.
    explicit batch_queue(std::function<void(Item&)> take)
        : take_(std::move(take)), thread_([this] { run(); }) {
        batch_.reserve(items_per_batch);
    }

    /// What is still queued is forgotten.
    ~batch_queue() {
        {
            const std::lock_guard lock{mutex_};
            is_ending_ = true;
            queue_.clear();
        }
        changed_.notify_all();
        thread_.join();
    }
    batch_queue(const batch_queue&) = delete;
    batch_queue& operator=(const batch_queue&) = delete;

    void push(Item item) {
        batch_.push_back(std::move(item));
        is_drained_ = false;
        if (batch_.size() == items_per_batch) {
            push_batch();
        }
    }

    /// Until all items so far are taken.
    void drain() {
        if (is_drained_) {
            return;
        }
        push_batch();
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return (queue_.empty() && !is_busy_) || failure_; });
        throw_failure();
        is_drained_ = true;
    }

private:
    void throw_failure() const {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    void push_batch() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return queue_.size() < batches_max || failure_; });
        throw_failure();
        queue_.push_back(std::exchange(batch_, {}));
        lock.unlock();
        changed_.notify_all();
        batch_.reserve(items_per_batch);
    }

    void run() {
        std::unique_lock lock{mutex_};
        for (;;) {
            changed_.wait(lock, [this] { return !queue_.empty() || is_ending_; });
            if (queue_.empty() || failure_) {
                return;
            }
            auto batch = std::move(queue_.front());
            queue_.pop_front();
            is_busy_ = true;
            lock.unlock();
            std::exception_ptr failure;
            try {
                for (Item& each : batch) {
                    take_(each);
                }
            } catch (...) {
                failure = std::current_exception();
            }
            batch.clear();
            lock.lock();
            is_busy_ = false;
            failure_ = failure;
            changed_.notify_all();
        }
    }

    std::function<void(Item&)> take_;
    std::vector<Item> batch_;  ///< of the caller's thread
    bool is_drained_ = true;   ///< likewise

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::vector<Item>> queue_;
    bool is_busy_ = false;
    bool is_ending_ = false;
    std::exception_ptr failure_;
    std::thread thread_;  ///< last: starts when everything else is there
};

}  // namespace pinhole::storage
