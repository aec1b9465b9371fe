// Entity ids: 63 bits, time-ordered, after Instagram's scheme ("Sharding & IDs at Instagram",
// 2012): 41 bits of milliseconds since 2024-01-01, 12 bits of shard, 10 bits of sequence.
//
// Ids never repeat and always grow on one node, whatever the clock does: the generator never goes
// below what it has issued, and never above a ceiling that was made durable before. After a
// restart, even a crash with the clock stepped back, it starts at the last durable ceiling.
//
// A clock that reads a time before the epoch or after 2089 is certainly wrong, and what it dates
// would be wrong for good: it gets no id and no ceiling until it is right again. One that was wrong
// less visibly is followed, since nobody can tell; ids then run ahead of the right clock, which
// harms nothing: the years between 2089 and the end of the 41 bits hold 10^14 of them.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/time.hpp"

namespace pinhole::storage {

using entity_id = std::int64_t;

inline constexpr std::int64_t id_epoch_ms = 1'704'067'200'000;  // 2024-01-01T00:00:00Z
inline constexpr int id_shard_bits = 12;
inline constexpr int id_sequence_bits = 10;
/// The first millisecond that no id can hold.
inline constexpr std::int64_t id_end_ms = id_epoch_ms + (std::int64_t{1} << 41);

/// The first millisecond at which a clock is not believed (2090-01-01T00:00:00Z).
inline constexpr std::int64_t id_clock_end_ms = 3'786'912'000'000;

/// Whether a clock that reads this can be right.
constexpr bool is_plausible(timestamp at) {
    using std::chrono::milliseconds;
    return at >= timestamp{milliseconds{id_epoch_ms}} &&
           at < timestamp{milliseconds{id_clock_end_ms}};
}

/// A clock that was set back by less than this is caught up with: dates stand still meanwhile. More
/// is somebody mending a wrong clock, which is followed.
inline constexpr std::chrono::hours clock_step_max{1};

/// Decimal, 1 to 2^63 - 1, no sign, no leading zero; anything else is no id.
std::optional<entity_id> parse_id(std::string_view text);

/// An id, and the time at which its row says that it was made.
struct dated_id {
    entity_id id = 0;
    timestamp created_at{};
};

class id_generator {
public:
    /// Milliseconds since the Unix epoch; replaceable so that tests can step the clock.
    using clock_ms = std::function<std::int64_t()>;

    /// `floor_ms`: the last durable ceiling (0 on a new database), in milliseconds since 1970.
    id_generator(std::uint16_t shard, std::int64_t floor_ms, clock_ms clock);

    /// The last date that an earlier run gave. Call before the first `next_dated`.
    void date_after(timestamp newest);

    /// The next id, or nothing when it would pass the durable ceiling: then the store has not
    /// taken a new ceiling for a while, and a write could not succeed either. Nothing also while
    /// the clock is not plausible.
    std::optional<entity_id> next();

    /// The next id with the time `at`, or if the clock was set back a little (`clock_step_max`)
    /// with the time of the id before: lists are ordered by it, and what is new must not slip in
    /// behind what has been read already.
    std::optional<dated_id> next_dated(timestamp at);

    /// The clock that ids follow, and how far the newest of them is ahead of it.
    timestamp clock_now() const;
    std::chrono::milliseconds ahead_of_clock() const;

    /// The ceiling that should be made durable now, or nothing if the present one still has
    /// `margin` ahead of it, or the clock is not plausible.
    std::optional<std::int64_t> wanted_ceiling_ms() const;

    /// Call only after `ceiling_ms` is durable.
    void raise_ceiling(std::int64_t ceiling_ms);

    /// How far ahead a ceiling reserves, and when a new one is wanted. A clean or unclean restart
    /// within that time issues ids at most this far in the future.
    static constexpr std::int64_t reserve_ms = 20'000;
    static constexpr std::int64_t margin_ms = 10'000;

private:
    std::optional<entity_id> next_locked();

    mutable std::mutex mutex_;
    clock_ms clock_;
    std::uint16_t shard_;
    std::int64_t last_ms_;
    std::int64_t ceiling_ms_;
    std::uint32_t sequence_ = 0;
    timestamp last_dated_{};
};

}  // namespace pinhole::storage
