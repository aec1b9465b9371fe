#include "server/blocking_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>

#include <cassert>

namespace pinhole::http {
namespace {

/// A tenth of the share of a thread that does not yield. Not the least there is: where others take
/// all they can get, logins must still come through.
constexpr int yielding_niceness = 10;

/// On Linux the niceness is a thread's own, though POSIX has it for a process (setpriority(2)).
/// Where a sandbox refuses, the pool works as it would otherwise.
void yield_to_others() {
    if (::getpriority(PRIO_PROCESS, 0) < yielding_niceness) {
        ::setpriority(PRIO_PROCESS, 0, yielding_niceness);
    }
}

}  // namespace

blocking_pool::blocking_pool(std::string name, unsigned threads, std::size_t queue_max,
                             pool_priority priority)
    : name_(std::move(name)), queue_max_(queue_max) {
    assert(threads > 0);
    assert(queue_max > 0);
    threads_.reserve(threads);
    for (unsigned i = 0; i < threads; ++i) {
        threads_.emplace_back([this, priority] {
            if (priority == pool_priority::yielding) {
                yield_to_others();
            }
            work_until_closed();
        });
        // Linux keeps 15 characters.
        const auto thread_name = name_.substr(0, 12) + "-" + std::to_string(i % 100);
        pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
    }
}

blocking_pool::~blocking_pool() {
    close();
}

bool blocking_pool::try_submit(std::move_only_function<void()> job) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || queue_.size() >= queue_max_) {
            ++refused_;
            return false;
        }
        queue_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

void blocking_pool::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

std::size_t blocking_pool::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

pool_statistics blocking_pool::statistics() const {
    const std::lock_guard lock(mutex_);
    return {.name = name_,
            .threads = threads_.size(),
            .busy = busy_,
            .queued = queue_.size(),
            .queue_max = queue_max_,
            .done = done_,
            .refused = refused_};
}

void blocking_pool::work_until_closed() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        auto job = std::move(queue_.front());
        queue_.pop_front();
        ++busy_;
        lock.unlock();
        job();
        job = nullptr;  // what it holds is destroyed outside the lock
        lock.lock();
        --busy_;
        ++done_;
    }
}

}  // namespace pinhole::http
