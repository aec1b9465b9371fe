#include "storage/control/remote_committer.hpp"

#include <exception>
#include <utility>

namespace pinhole::storage::control {

namespace {

/// Commits waiting beyond these are refused, as the server's own store does.
constexpr std::size_t queue_commits_max = 8192;
constexpr std::size_t queue_bytes_max = std::size_t{64} << 20U;
/// What goes around the commits of a frame.
constexpr std::size_t frame_overhead_bytes = 16;

}  // namespace

remote_committer::remote_committer(std::shared_ptr<client> server) : server_(std::move(server)) {
    thread_ = std::thread{[this] { run(); }};
}

remote_committer::~remote_committer() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
}

void remote_committer::submit(const kv::commit& commit, kv::store::completion done) {
    frame_writer encoded;
    append_commit(encoded, commit);
    const std::size_t bytes = encoded.size();
    {
        const std::lock_guard lock{mutex_};
        if (bytes + frame_overhead_bytes <= frame_bytes_max &&
            commit.operations.size() <= operations_max && queue_.size() < queue_commits_max &&
            queue_bytes_ + bytes <= queue_bytes_max) {
            queue_bytes_ += bytes;
            queue_.push_back({encoded.take(), commit.operations.size(), std::move(done)});
            arrived_.notify_one();
            return;
        }
    }
    done(kv::outcome::unavailable);
}

void remote_committer::run() {
    while (auto group = take_waiting()) {
        const auto outcomes = send(*group);
        for (std::size_t i = 0; i < group->size(); ++i) {
            (*group)[i].done(outcomes[i]);
        }
    }
}

std::optional<std::vector<remote_committer::waiting>> remote_committer::take_waiting() {
    std::unique_lock lock{mutex_};
    arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
        return std::nullopt;
    }
    std::vector<waiting> group;
    std::size_t bytes = frame_overhead_bytes;
    std::size_t operations = 0;
    while (!queue_.empty() && bytes + queue_.front().encoded.size() <= frame_bytes_max &&
           operations + queue_.front().operations <= operations_max) {
        bytes += queue_.front().encoded.size();
        operations += queue_.front().operations;
        queue_bytes_ -= queue_.front().encoded.size();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return group;
}

std::vector<kv::outcome> remote_committer::send(const std::vector<waiting>& group) {
    if (server_->is_lost()) {
        return std::vector<kv::outcome>(group.size(), kv::outcome::unavailable);
    }
    frame_writer out = make_request(request::submit);
    out.append_u32(static_cast<std::uint32_t>(group.size()));
    for (const waiting& each : group) {
        out.append_raw(each.encoded);
    }
    std::vector<kv::outcome> outcomes(group.size(), kv::outcome::unknown);
    try {
        const std::string answer = server_->ask(out);
        frame_reader in{answer};
        for (kv::outcome& outcome : outcomes) {
            outcome = static_cast<kv::outcome>(in.read_u8());
        }
        return outcomes;
    } catch (const std::exception&) {
        // Whatever was said or not said, they may have happened.
        return std::vector<kv::outcome>(group.size(), kv::outcome::unknown);
    }
}

}  // namespace pinhole::storage::control
