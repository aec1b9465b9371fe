#include "storage/base/id.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace pinhole::storage {

namespace {

bool is_plausible_ms(std::int64_t read_ms) {
    return is_plausible(timestamp{std::chrono::milliseconds{read_ms}});
}

}  // namespace

std::optional<entity_id> parse_id(std::string_view text) {
    if (text.empty() || text.size() > 19 || text.front() < '1' || text.front() > '9') {
        return std::nullopt;
    }
    entity_id id = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return id;
}

id_generator::id_generator(std::uint16_t shard, std::int64_t floor_ms, clock_ms clock)
    : clock_(std::move(clock)),
      shard_(shard),
      // Zero is no id: the first millisecond of all stays unused.
      last_ms_(std::clamp(floor_ms, id_epoch_ms + 1, id_end_ms)),
      ceiling_ms_(last_ms_) {
    assert(shard < (1U << id_shard_bits));
}

void id_generator::date_after(timestamp newest) {
    const std::lock_guard lock{mutex_};
    last_dated_ = newest;
}

std::optional<entity_id> id_generator::next() {
    const std::lock_guard lock{mutex_};
    return next_locked();
}

std::optional<dated_id> id_generator::next_dated(timestamp at) {
    const std::lock_guard lock{mutex_};
    const auto id = next_locked();
    if (!id) {
        return std::nullopt;
    }
    const bool is_stepped_back = at < last_dated_ && last_dated_ - at <= clock_step_max;
    last_dated_ = is_stepped_back ? last_dated_ : at;
    return dated_id{*id, last_dated_};
}

std::optional<entity_id> id_generator::next_locked() {
    const std::int64_t read_ms = clock_();
    if (!is_plausible_ms(read_ms)) {
        return std::nullopt;
    }
    // A clock that jumped past the ceiling is followed only once a new ceiling is durable.
    const std::int64_t clock_now_ms = std::min(read_ms, ceiling_ms_ - 1);
    if (clock_now_ms > last_ms_) {
        last_ms_ = clock_now_ms;
        sequence_ = 0;
    } else if (sequence_ == (1U << id_sequence_bits)) {
        // More than 1,024 ids in a millisecond, or a clock that stands still: borrow the next one.
        ++last_ms_;
        sequence_ = 0;
    }
    if (last_ms_ >= ceiling_ms_) {
        return std::nullopt;
    }
    const std::int64_t since_epoch = last_ms_ - id_epoch_ms;
    return (since_epoch << (id_shard_bits + id_sequence_bits)) |
           (std::int64_t{shard_} << id_sequence_bits) | std::int64_t{sequence_++};
}

timestamp id_generator::clock_now() const {
    return timestamp{std::chrono::milliseconds{clock_()}};
}

std::chrono::milliseconds id_generator::ahead_of_clock() const {
    const std::lock_guard lock{mutex_};
    return std::chrono::milliseconds{std::max<std::int64_t>(last_ms_ - clock_(), 0)};
}

std::optional<std::int64_t> id_generator::wanted_ceiling_ms() const {
    const std::lock_guard lock{mutex_};
    const std::int64_t read_ms = clock_();
    const std::int64_t at = std::max(read_ms, last_ms_);
    if (!is_plausible_ms(read_ms) || ceiling_ms_ == id_end_ms || ceiling_ms_ - at > margin_ms) {
        return std::nullopt;
    }
    return std::min(at + reserve_ms, id_end_ms);
}

void id_generator::raise_ceiling(std::int64_t ceiling_ms) {
    const std::lock_guard lock{mutex_};
    // No id is given at the ceiling or beyond it, so none ever needs more bits than there are.
    ceiling_ms_ = std::max(ceiling_ms_, std::min(ceiling_ms, id_end_ms));
}

}  // namespace pinhole::storage
