// Remembers who is behind a token, so that most requests need not look it up.
//
// What is remembered of a user or a session is dropped at every commit that touches its row, before
// that commit is acknowledged: a token that was ended, or whose account is gone, is dead at the
// moment of the answer. The order that makes it right: `now` is read before the snapshot that the
// lookup reads, and `forget` counts on after the commit is visible.
//
// Memory is bounded. Thread-safe; one short lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/sessions.hpp"

namespace pinhole::handlers {

using known_login = std::shared_ptr<const storage::authenticated>;

class login_cache {
public:
    static constexpr std::size_t tokens_max = 16'384;

    /// A point in the sequence of changes. Read it before the snapshot that the lookup reads.
    std::uint64_t now() const { return changes_.load(std::memory_order_acquire); }

    /// Rows of these users and sessions have changed. Call before the change is acknowledged, and
    /// from one thread at a time: the store's.
    void forget(std::span<const storage::entity_id> changed);

    /// Who is behind the token; null if that is unknown, or its time is over at `at`.
    known_login find(std::string_view token, storage::timestamp at) const;
    /// `seen_at`: what `now` was before the lookup.
    void remember(std::string_view token, known_login who, std::uint64_t seen_at);

    struct numbers {
        std::size_t tokens = 0;  ///< remembered, some of them perhaps no longer good
        std::uint64_t hits = 0;  ///< since the start
        std::uint64_t misses = 0;
    };
    numbers statistics() const;

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct entry {
        known_login who;
        std::uint64_t seen_at = 0;
    };
    struct shard {
        mutable std::mutex mutex;
        mutable std::uint64_t hits = 0;
        mutable std::uint64_t misses = 0;
        std::unordered_map<std::string, entry, hash, std::equal_to<>> entries;
    };
    static constexpr std::size_t shards_count = 16;
    /// Ids share these: a change forgets a few others too.
    static constexpr std::size_t ids_tracked = 4096;

    static std::size_t shard_of(std::string_view token) {
        return hash{}(token) / 64 % shards_count;
    }

    static std::size_t slot_of(storage::entity_id id) {
        // Fibonacci hashing (Knuth, TAOCP 3, 6.4): its upper 12 bits are well mixed.
        return static_cast<std::uint64_t>(id) * 0x9E37'79B9'7F4A'7C15U >> 52U;
    }
    std::atomic<std::uint64_t>& changed_at(storage::entity_id id) {
        return changed_at_[slot_of(id)];
    }
    const std::atomic<std::uint64_t>& changed_at(storage::entity_id id) const {
        return changed_at_[slot_of(id)];
    }

    std::atomic<std::uint64_t> changes_{0};
    /// By a hash of the id: the latest change of any row that falls there.
    std::array<std::atomic<std::uint64_t>, ids_tracked> changed_at_{};
    std::array<shard, shards_count> shards_;
};

}  // namespace pinhole::handlers
