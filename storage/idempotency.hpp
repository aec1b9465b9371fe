// Idempotency-Key records: the first answer to a creating request, kept so that a retry gets it
// again, also after a crash. Written in the same commit as what the request created.
//
// ON DISK (family `idempotency`): part = first 8 bytes of the key's name, key = the name (32
// bytes); value = the sealed record (secrets.hpp). An index entry (number 60, global) orders them
// by expiry. Only the client's own key opens a record, since an answer may hold a login token.
// Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/secrets.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

inline constexpr std::chrono::hours idempotency_life{24};
inline constexpr std::size_t idempotency_key_bytes_max = 255;

/// A client's key within its scope: the caller, and what is being created.
struct idempotency_key {
    std::string scope;
    std::string key;
};

struct idempotent_answer {
    std::string fingerprint = {};  ///< hash of the request's content
    std::int64_t status = 0;
    std::string location = {};
    std::string body = {};
};

/// The answer given to the first request with this key, if it is not older than its life.
std::optional<idempotent_answer> find_answer(const kv::reader& reader, const secrets& keys,
                                             const idempotency_key& key, timestamp at);

/// Keeps an answer; `outcome::exists` if the key has one. An expired one is replaced.
/// Requires: the sealed record fits a value (a body of up to 48 KiB does).
void append_answer(kv::commit& commit, const kv::reader& reader, const secrets& keys,
                   const idempotency_key& key, const idempotent_answer& answer, timestamp at);

/// The two keys of a record lead to each other: the entry that orders a record by its expiry, and
/// back. Errors: throws corrupt_row.
kv::key expiry_key_of_record(std::string_view name, std::string_view value);
kv::key record_of_expiry_key(std::string_view key_bytes);

/// Removes up to `limit` records whose life is over; empty if there are none.
kv::commit plan_expire_answers(const kv::reader& reader, timestamp at, std::uint32_t limit);

/// Gives up to `limit` of the records that a clock which was ahead has dated too late the life that
/// they have now; empty if there are none.
kv::commit plan_redate_answers(const kv::reader& reader, timestamp at, std::uint32_t limit);

}  // namespace pinhole::storage
