#include "storage/restore/background_sink.hpp"

#include <utility>

namespace pinhole::storage {

namespace {

constexpr std::size_t rows_per_batch = 256;
constexpr std::size_t batches_max = 8;

}  // namespace

background_sink::background_sink(dump::row_sink& inner)
    : inner_(inner), thread_([this] { run(); }) {
    batch_.reserve(rows_per_batch);
}

background_sink::~background_sink() {
    {
        const std::lock_guard lock{mutex_};
        is_ending_ = true;
        queue_.clear();
    }
    changed_.notify_all();
    thread_.join();
}

void background_sink::push(item next) {
    batch_.push_back(std::move(next));
    is_drained_ = false;
    if (batch_.size() == rows_per_batch) {
        push_batch();
    }
}

void background_sink::push_batch() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return queue_.size() < batches_max || failure_; });
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    queue_.push_back(std::exchange(batch_, {}));
    lock.unlock();
    changed_.notify_all();
    batch_.reserve(rows_per_batch);
}

void background_sink::drain() {
    if (is_drained_) {
        return;
    }
    push_batch();
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return (queue_.empty() && !is_busy_) || failure_; });
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    is_drained_ = true;
}

void background_sink::run() {
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
            hand_over(std::move(batch));
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        is_busy_ = false;
        failure_ = failure;
        changed_.notify_all();
    }
}

void background_sink::hand_over(std::vector<item> batch) {
    for (item& each : batch) {
        std::visit(
            [this](auto& row) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(row)>, post_with_files>) {
                    inner_.take(std::move(row.row), std::move(row.files));
                } else {
                    inner_.take(std::move(row));
                }
            },
            each);
    }
}

void background_sink::take(dump::located<user> row) {
    push(std::move(row));
}
void background_sink::take(dump::located<file> row) {
    push(std::move(row));
}
void background_sink::take(dump::located<comment> row) {
    push(std::move(row));
}
void background_sink::take(dump::located<like> row) {
    push(std::move(row));
}
void background_sink::take(dump::located<post> row, std::vector<dump::located<file>> files) {
    push(post_with_files{std::move(row), std::move(files)});
}

void background_sink::begin_medium(const std::string& media_path) {
    drain();
    inner_.begin_medium(media_path);
}
void background_sink::append_medium(std::span<const char> bytes) {
    inner_.append_medium(bytes);
}
void background_sink::end_medium() {
    inner_.end_medium();
}
void background_sink::end_rows(std::span<const dump::known_user> users,
                               std::span<const dump::known_post> posts) {
    drain();
    inner_.end_rows(users, posts);
}
void background_sink::take_unique(std::string_view physical_key, entity_id id, bool alive) {
    drain();
    inner_.take_unique(physical_key, id, alive);
}
void background_sink::take_place(const dump::file_place& place) {
    drain();
    inner_.take_place(place);
}

}  // namespace pinhole::storage
