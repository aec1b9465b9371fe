// The one seam under Pinhole: a small, ordered, transactional key-value store.
//
// Everything above speaks to this interface and to nothing below it. RocksDB sits under it today
// (rocksdb_store.hpp); a sharded database can sit under it tomorrow, so its shape is what both can
// keep: a range scan stays inside one part, conflicts are detected on single keys only, uniqueness
// is an insert, counters commute. It knows no entity, no HTTP, no Asio.
//
// Thread-safety: a store may be used from any thread. A reader belongs to one thread at a time.
// Blocking: a reader made with `read_mode::cached` never blocks on a disk (it throws `would_block`
// instead); `read_mode::blocking` may. `submit` never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pinhole::kv {

/// Routing key. Embedded it is a key prefix; on a sharded store it is the shard key.
using part_id = std::int64_t;

/// A namespace of keys with its own physical tuning (a column family). Numbers are on disk: never
/// renumber. The schema above declares which families exist; the store only opens them.
using family_id = std::uint8_t;

/// Unique for each commit, growing, never reused, also not after a restart: answers "is this still
/// the row that I read?". Zero never stands on a row: in a check it means "must not exist".
using stamp = std::uint64_t;

inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t value_bytes_max = 64 * 1024;

enum class family_kind : std::uint8_t {
    rows,      ///< point reads dominate; bloom filter on the whole key
    index,     ///< short range scans inside one part; values small or empty
    counters,  ///< values are 64-bit sums that only `add` writes
    postings,  ///< very many keys without values, put and erased only: never checked, no stamps
};

struct family_spec {
    family_id id;
    std::string_view name;
    family_kind kind;
};

struct key {
    part_id part = 0;
    family_id family = 0;
    std::string bytes;  ///< compared as unsigned bytes; may be empty; at most `key_bytes_max`

    bool operator==(const key&) const = default;
};

struct value_with_stamp {
    std::string value;
    kv::stamp stamp = 0;
};

struct row {
    std::string key;  ///< the key's bytes, without its part and family
    std::string value;
    kv::stamp stamp = 0;
};

/// A row of a walk over a whole family.
struct located_row {
    part_id part = 0;
    kv::row row;
};

/// The half-open interval [from, to) of one part and family; an empty `to` means "to the part's
/// end". `reverse` walks it from its upper end. `limit` bounds the rows returned.
struct range {
    part_id part = 0;
    family_id family = 0;
    std::string from;
    std::string to;
    std::uint32_t limit = 1;
    bool reverse = false;
};

/// The commit happens only if the key's row still has this stamp (0: only if there is no row).
struct check {
    kv::key key;
    kv::stamp stamp = 0;
};
/// Fails the commit with `outcome::exists` if the key is there already.
struct insert {
    kv::key key;
    std::string value;
};
struct put {
    kv::key key;
    std::string value;
};
struct erase {
    kv::key key;
};
/// Adds to a counter (families of kind `counters` only). Commutes, so it never conflicts.
struct add {
    kv::key key;
    std::int64_t delta = 0;
};
/// Puts an empty value at the key, followed by the commit's stamp (8 bytes, big-endian) and by
/// `behind`: keys with one front stand in the order in which their commits happened, which nobody
/// knows before. As FoundationDB's versionstamped keys.
struct enqueue {
    kv::key key;
    std::string behind;
};
using operation = std::variant<check, insert, put, erase, add, enqueue>;

inline constexpr std::size_t key_stamp_bytes = 8;

/// Applied whole or not at all, in order; a later operation on a key sees the earlier ones.
struct commit {
    std::vector<operation> operations;
    /// Its point is to make room: taken also where the disk has less than what others must leave.
    bool frees_room = false;

    bool empty() const { return operations.empty(); }
};

enum class outcome : std::uint8_t {
    ok,           ///< done and durable
    conflict,     ///< not done: a check failed; read again and retry
    exists,       ///< not done: an insert's key was there; read again
    unknown,      ///< the write failed midway: may be there whole after a restart, or absent
    unavailable,  ///< not done: queue full, disk full, stopping, or failed before
};

/// What the store can do right now. `full` heals by itself when space is freed; `failed` is final:
/// the process must exit and its supervisor start it again.
enum class health : std::uint8_t { ok, full, failed };

struct capabilities {
    bool embedded = true;           ///< one process owns the data
    bool cached_reads = true;       ///< `read_mode::cached` is meaningful
    bool cross_part_scans = false;  ///< a range never leaves its part
};

/// A cached reader met data that only a disk read can bring. Not an error: run the same function
/// again with a blocking reader.
struct would_block : std::exception {
    const char* what() const noexcept override { return "the data is not in the cache"; }
};

/// The store itself is broken (I/O error, checksum mismatch). What the message says is for the log.
struct storage_failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// `cached` is for threads that must not stand still: besides disk reads it also refuses to go on
/// after a few thousand rows, with the same exception.
enum class read_mode : std::uint8_t { cached, blocking };

/// A consistent view of the store at the instant it was made. Short-lived: never keep one across
/// client requests.
/// Errors: `would_block` (cached mode only) and `storage_failure` are thrown by every function.
class reader {
public:
    virtual ~reader() = default;

    virtual std::optional<value_with_stamp> get(const key& key) const = 0;
    /// Answers in the order asked. One batched lookup; far cheaper than as many `get`s.
    virtual std::vector<std::optional<value_with_stamp>> multi_get(
        std::span<const key> keys) const = 0;
    virtual std::vector<row> scan(const range& range) const = 0;
    /// Up to `limit` rows of a whole family, by part and key, from its beginning or behind
    /// `beyond`. For what looks at everything, such as a check; a sharded store has to ask every
    /// shard. A counter's value is its sum, in decimal.
    virtual std::vector<located_row> walk(family_id family, const key* beyond,
                                          std::uint32_t limit) const = 0;
    /// A counter nobody ever added to is 0.
    virtual std::int64_t counter(const key& key) const = 0;
    virtual std::vector<std::int64_t> counters(std::span<const key> keys) const = 0;
    /// About how many rows a family has now, deleted and overwritten ones perhaps included: for
    /// estimates alone. Never reads from a disk.
    virtual std::uint64_t approximate_rows(family_id family) const = 0;
};

class store {
public:
    using completion = std::move_only_function<void(outcome)>;

    virtual ~store() = default;

    virtual std::unique_ptr<reader> snapshot(read_mode mode) const = 0;

    /// Queues a commit. `done` is called exactly once, from the store's own thread (or from within
    /// `submit` when the commit is refused at once); it must not block or throw.
    /// Requires: keys and values within their limits (asserted).
    virtual void submit(commit commit, completion done) = 0;

    /// Blocks: until the commit is decided. For tools, jobs and tests.
    outcome submit_and_wait(commit commit);

    virtual kv::health health() const = 0;
    virtual kv::capabilities capabilities() const = 0;
};

}  // namespace pinhole::kv
