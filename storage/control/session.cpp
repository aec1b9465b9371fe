#include "storage/control/session.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <exception>
#include <latch>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "storage/base/text.hpp"
#include "storage/kv/commit_rules.hpp"

namespace pinhole::storage::control {

namespace {

/// What an answer with rows holds before it ends early, and how many are read at a time, so that
/// even the largest rows fit into a frame.
constexpr std::size_t rows_bytes_wanted = std::size_t{1} << 20U;
constexpr std::uint32_t rows_at_a_time = 128;
/// A key with its length, part and family.
constexpr std::size_t key_bytes_min = 8 + 1 + 4;

/// What cannot be done now, or here: the message is for the other end.
struct not_possible : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::string make_name() {
    std::array<std::uint8_t, 8> bytes{};
    ::randombytes_buf(bytes.data(), bytes.size());
    return to_hex(bytes);
}

void require_key(const kv::key& key) {
    if (key.bytes.size() > kv::key_bytes_max) {
        throw malformed_frame{"a key is too long"};
    }
}

/// Appends `count`, which is known only afterwards, in front of what `append` appends.
template <class Append>
void append_counted(frame_writer& out, const Append& append) {
    frame_writer rows;
    const std::uint32_t count = append(rows);
    out.append_u32(count);
    out.append_raw(rows.bytes());
}

}  // namespace

session::~session() {
    for (const auto& checkpoint : checkpoints_) {
        std::error_code error;
        std::filesystem::remove_all(checkpoint, error);
        if (error) {
            options_.log(kv::log_level::warning, "the checkpoint " + checkpoint.string() +
                                                     " cannot be removed: " + error.message());
        }
    }
}

std::string session::answer_to(std::string_view payload) {
    frame_reader in{payload};
    frame_writer out;
    out.append_u8(static_cast<std::uint8_t>(answer::ok));
    const auto refuse = [](answer how, std::string_view why) {
        frame_writer refusal;
        refusal.append_u8(static_cast<std::uint8_t>(how));
        refusal.append_string(why);
        return refusal.take();
    };
    try {
        carry_out(static_cast<request>(in.read_u8()), in, out);
        in.require_end();
        return out.take();
    } catch (const malformed_frame&) {
        throw;
    } catch (const not_possible& refusal) {
        return refuse(answer::refused, refusal.what());
    } catch (const std::exception& failure) {
        return refuse(answer::failed, failure.what());
    }
}

void session::carry_out(request what, frame_reader& in, frame_writer& out) {
    switch (what) {
        case request::snapshot:
            return make_snapshot(in, out);
        case request::release:
            return release(in);
        case request::get:
            return get(in, out);
        case request::multi_get:
            return multi_get(in, out);
        case request::scan:
            return scan(in, out);
        case request::walk:
            return walk(in, out);
        case request::counters:
            return counters(in, out);
        case request::approximate:
            return approximate(in, out);
        case request::submit:
            return submit(in, out);
        case request::health:
            return out.append_u8(static_cast<std::uint8_t>(options_.store->health()));
        case request::make_id:
            return make_id(out);
        case request::checkpoint:
            return make_checkpoint(out);
        case request::hold_purge:
            return hold_purge();
        case request::statistics:
            return append_statistics_of_store(out);
    }
    throw malformed_frame{"a request of an unknown kind"};
}

const kv::reader& session::read_snapshot(frame_reader& in) const {
    const auto found = snapshots_.find(in.read_u32());
    if (found == snapshots_.end()) {
        throw malformed_frame{"a snapshot that is not there"};
    }
    return *found->second;
}

bool session::holds_counters(kv::family_id family) const {
    const kv::family_spec* found = kv::find_family(options_.families, family);
    if (found == nullptr) {
        throw malformed_frame{"a family that is not there"};
    }
    return found->kind == kv::family_kind::counters;
}

kv::family_id session::read_family(frame_reader& in) const {
    const kv::family_id family = in.read_u8();
    holds_counters(family);
    return family;
}

std::vector<kv::key> session::read_keys(frame_reader& in, bool of_counters) const {
    const std::size_t count = in.read_count(key_bytes_min);
    if (count > keys_max) {
        throw malformed_frame{"too many keys"};
    }
    std::vector<kv::key> keys;
    keys.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(read_key(in));
        require_key(keys.back());
        if (holds_counters(keys.back().family) != of_counters) {
            throw malformed_frame{"a key of the wrong kind of family"};
        }
    }
    return keys;
}

void session::make_snapshot(frame_reader& in, frame_writer& out) {
    in.require_end();
    if (snapshots_.size() >= snapshots_max) {
        throw not_possible{"too many snapshots at once"};
    }
    snapshots_.emplace(++last_snapshot_, options_.store->snapshot(kv::read_mode::blocking));
    out.append_u32(last_snapshot_);
}

void session::release(frame_reader& in) {
    if (snapshots_.erase(in.read_u32()) == 0) {
        throw malformed_frame{"a snapshot that is not there"};
    }
}

void session::get(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    const kv::key key = read_key(in);
    require_key(key);
    if (holds_counters(key.family)) {
        throw malformed_frame{"a counter is not read as a row"};
    }
    append_value(out, reader.get(key));
}

void session::multi_get(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    for (const auto& found : reader.multi_get(read_keys(in, false))) {
        append_value(out, found);
    }
}

void session::counters(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    for (const std::int64_t sum : reader.counters(read_keys(in, true))) {
        out.append_i64(sum);
    }
}

void session::scan(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    kv::range range = read_range(in);
    holds_counters(range.family);
    if (range.from.size() > kv::key_bytes_max || range.to.size() > kv::key_bytes_max) {
        throw malformed_frame{"a bound is too long"};
    }
    std::uint32_t left = range.limit;
    bool has_more = false;
    append_counted(out, [&](frame_writer& rows) {
        std::uint32_t count = 0;
        std::optional<std::string> last;
        while (left > 0) {
            // Forward, the row that was read last comes again: the key after it may be too long.
            const bool repeats = last && !range.reverse;
            range.limit = std::min(left, rows_at_a_time) + (repeats ? 1 : 0);
            auto found = reader.scan(range);
            const bool was_last = found.size() < range.limit;
            for (std::size_t i = repeats ? 1 : 0; i < found.size(); ++i) {
                append_row(rows, found[i]);
                ++count;
                --left;
            }
            if (was_last || (range.reverse && found.back().key.empty())) {
                break;
            }
            last = std::move(found.back().key);
            (range.reverse ? range.to : range.from) = *last;
            if (rows.size() >= rows_bytes_wanted) {
                has_more = left > 0;
                break;
            }
        }
        return count;
    });
    out.append_u8(has_more ? 1 : 0);
}

void session::walk(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    const kv::family_id family = read_family(in);
    std::optional<kv::key> beyond;
    if (in.read_u8() != 0) {
        beyond = read_key(in);
        require_key(*beyond);
    }
    std::uint32_t left = in.read_u32();
    bool has_more = false;
    append_counted(out, [&](frame_writer& rows) {
        std::uint32_t count = 0;
        while (left > 0) {
            const std::uint32_t limit = std::min(left, rows_at_a_time);
            const auto found = reader.walk(family, beyond ? &*beyond : nullptr, limit);
            for (const kv::located_row& each : found) {
                rows.append_i64(each.part);
                append_row(rows, each.row);
            }
            count += static_cast<std::uint32_t>(found.size());
            left -= static_cast<std::uint32_t>(found.size());
            if (found.size() < limit) {
                break;
            }
            beyond = {found.back().part, family, found.back().row.key};
            if (rows.size() >= rows_bytes_wanted) {
                has_more = left > 0;
                break;
            }
        }
        return count;
    });
    out.append_u8(has_more ? 1 : 0);
}

void session::approximate(frame_reader& in, frame_writer& out) const {
    const kv::reader& reader = read_snapshot(in);
    out.append_u64(reader.approximate_rows(read_family(in)));
}

/// All of them are submitted before any is waited for, so that they share a sync.
void session::submit(frame_reader& in, frame_writer& out) const {
    struct submitted {
        kv::commit commit;
        kv::outcome outcome = kv::outcome::unknown;
    };
    std::vector<submitted> all(in.read_count(4));
    std::size_t operations_left = operations_max;
    for (submitted& each : all) {
        each.commit = read_commit(in, operations_left);
        if (!kv::is_sound(each.commit, options_.families)) {
            throw malformed_frame{"a commit that no store takes"};
        }
    }
    in.require_end();
    // Shared, because the store's thread may still be inside count_down when the waiter is gone.
    const auto undecided = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(all.size()));
    for (submitted& each : all) {
        auto noticed = options_.watch_commit(each.commit);
        options_.store->submit(
            std::move(each.commit),
            [&outcome = each.outcome, undecided, noticed = std::move(noticed)](kv::outcome what) {
                if (noticed && (what == kv::outcome::ok || what == kv::outcome::unknown)) {
                    noticed();
                }
                outcome = what;
                undecided->count_down();
            });
    }
    undecided->wait();
    for (const submitted& each : all) {
        out.append_u8(static_cast<std::uint8_t>(each.outcome));
    }
}

void session::make_id(frame_writer& out) const {
    const auto made = options_.make_id ? options_.make_id() : std::nullopt;
    if (!made) {
        throw not_possible{"no id can be made: is the disk full, or the clock wrong?"};
    }
    out.append_i64(made->id);
    out.append_i64(to_microseconds(made->created_at));
}

void session::make_checkpoint(frame_writer& out) {
    if (!options_.make_checkpoint) {
        throw not_possible{"this server makes no checkpoints"};
    }
    const auto folder = std::filesystem::absolute(options_.data_dir) / checkpoints_name;
    std::filesystem::create_directory(folder);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    const auto path = folder / make_name();
    checkpoints_.push_back(path);  // first: one that fails midway is removed, too
    const timestamp at = options_.make_checkpoint(path);
    out.append_string(path.string());
    out.append_i64(to_microseconds(at));
}

void session::hold_purge() {
    if (!options_.hold_purge) {
        throw not_possible{"this server does not purge"};
    }
    holds_.push_back(options_.hold_purge());
}

void session::append_statistics_of_store(frame_writer& out) const {
    const auto* source = kv::statistics_of(*options_.store);
    if (source == nullptr) {
        throw not_possible{"the store says nothing of itself"};
    }
    append_statistics(out, source->statistics());
}

}  // namespace pinhole::storage::control
