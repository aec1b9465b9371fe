// Remembers who is behind a token, so that most requests need not look it up.
//
// What is remembered is dropped as a whole at every commit that touches users or sessions, before
// that commit is acknowledged: a token that was ended, or whose account is gone, is dead at the
// moment of the answer. The order that makes it right: `generation` is read before the snapshot
// that the lookup reads, and it grows after the commit is visible.
//
// Memory is bounded. Thread-safe; one short lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/sessions.hpp"

namespace pinhole::handlers {

using known_login = std::shared_ptr<const storage::authenticated>;

class login_cache {
public:
    static constexpr std::size_t tokens_max = 65'536;

    /// Read it before the snapshot that the lookup reads.
    std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

    /// Users or sessions have changed. Call before the change is acknowledged.
    void forget_all() { generation_.fetch_add(1, std::memory_order_acq_rel); }

    /// Who is behind the token; null if that is unknown, or its time is over at `at`.
    known_login find(std::string_view token, storage::timestamp at) const;
    void remember(std::string_view token, known_login who, std::uint64_t generation);

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct entry {
        known_login who;
        std::uint64_t generation = 0;
    };
    struct shard {
        mutable std::mutex mutex;
        std::unordered_map<std::string, entry, hash, std::equal_to<>> entries;
    };
    static constexpr std::size_t shards_count = 16;

    static std::size_t shard_of(std::string_view token) {
        return hash{}(token) / 64 % shards_count;
    }

    std::atomic<std::uint64_t> generation_{0};
    std::array<shard, shards_count> shards_;
};

}  // namespace pinhole::handlers
