// What goes over the control socket. Both ends may be of different builds, so the greeting never
// changes and everything else does so only with `protocol_version`.
//
//   frame     u32 length, so many bytes; integers are big-endian, a string is a u32 length and
//   bytes greeting  "pinhole!", u32 protocol_version, i64 schema_version, u8 welcome (0 from the
//   client) request   u8 what (enum request), then its fields answer    u8 how (enum answer), then
//   its fields, or a string that says why not
//
// One request is answered before the next is read. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/statistics.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage::control {

inline constexpr std::uint32_t protocol_version = 2;

/// A longer frame ends the connection.
inline constexpr std::size_t frame_bytes_max = std::size_t{16} << 20U;
/// Of one frame, together; what they take in memory is some times what they take in the frame.
inline constexpr std::size_t operations_max = 200'000;
/// Of one `multi_get`, so that the values fit into the answer.
inline constexpr std::size_t keys_max = 128;

enum class request : std::uint8_t {
    snapshot = 1,     ///< -> u32 id
    release = 2,      ///< u32 id
    get = 3,          ///< u32 id, key -> optional value
    multi_get = 4,    ///< u32 id, keys -> optional values
    scan = 5,         ///< u32 id, range -> rows, u8 whether there are more
    walk = 6,         ///< u32 id, u8 family, optional key, u32 limit -> located rows, u8 more
    counters = 7,     ///< u32 id, keys -> i64s
    approximate = 8,  ///< u32 id, u8 family -> u64
    submit = 9,       ///< commits -> their outcomes
    health = 10,      ///< -> u8
    make_id = 11,     ///< -> i64 id, i64 microseconds
    checkpoint = 12,  ///< -> string path, i64 microseconds; gone when the connection ends
    hold_purge = 13,  ///< nothing is purged until the connection ends
    statistics = 14,  ///< -> statistics
};

enum class answer : std::uint8_t {
    ok = 0,
    failed = 1,   ///< a storage failure
    refused = 2,  ///< cannot be done now, or here
};

enum class welcome : std::uint8_t {
    yes = 0,
    other_version = 1,
    not_allowed = 2,  ///< neither the server's user nor root
    busy = 3,         ///< too many connections
};

struct greeting {
    std::uint32_t protocol = protocol_version;
    std::int64_t schema = 0;
    control::welcome welcome = welcome::yes;
};
inline constexpr std::size_t greeting_bytes = 8 + 4 + 8 + 1;

/// The other end does not speak this protocol.
struct malformed_frame : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class frame_writer {
public:
    void append_u8(std::uint8_t value) { bytes_ += static_cast<char>(value); }
    void append_u32(std::uint32_t value);
    void append_u64(std::uint64_t value);
    void append_i64(std::int64_t value) { append_u64(static_cast<std::uint64_t>(value)); }
    void append_string(std::string_view bytes);
    void append_raw(std::string_view bytes) { bytes_ += bytes; }

    std::size_t size() const { return bytes_.size(); }
    const std::string& bytes() const { return bytes_; }
    std::string take() { return std::move(bytes_); }

private:
    std::string bytes_;
};

/// Errors: every function throws malformed_frame when the bytes end too early.
class frame_reader {
public:
    explicit frame_reader(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t read_u8();
    std::uint32_t read_u32();
    std::uint64_t read_u64();
    std::int64_t read_i64() { return static_cast<std::int64_t>(read_u64()); }
    std::string_view read_string();
    /// A count of things that take at least so many bytes each: one that cannot be is malformed.
    std::size_t read_count(std::size_t bytes_each_min);
    bool at_end() const { return rest_.empty(); }
    void require_end() const;

private:
    std::string_view take(std::size_t bytes);

    std::string_view rest_;
};

std::string encode_greeting(const greeting& greeting);
/// Errors: malformed_frame if it is none.
greeting decode_greeting(std::string_view bytes);

void append_key(frame_writer& out, const kv::key& key);
kv::key read_key(frame_reader& in);

void append_value(frame_writer& out, const std::optional<kv::value_with_stamp>& value);
std::optional<kv::value_with_stamp> read_value(frame_reader& in);

void append_range(frame_writer& out, const kv::range& range);
kv::range read_range(frame_reader& in);

void append_row(frame_writer& out, const kv::row& row);
kv::row read_row(frame_reader& in);

void append_commit(frame_writer& out, const kv::commit& commit);
/// Errors: malformed_frame also for more than `operations_left`, which it lowers.
kv::commit read_commit(frame_reader& in, std::size_t& operations_left);

void append_statistics(frame_writer& out, const kv::store_statistics& statistics);
kv::store_statistics read_statistics(frame_reader& in);

}  // namespace pinhole::storage::control
