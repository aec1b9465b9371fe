// Decides commits one after another against the database as the earlier ones of the same group
// leave it, and gathers the writes of those that pass in one batch.
//
// It neither writes the batch nor completes anybody: the committer does.
// Thread-safety: belongs to the commit thread. Blocking: on disk reads.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_format.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

class commit_group {
public:
    explicit commit_group(const database& database) : database_(database) {}

    /// Starts anew on the database as it now is.
    void begin();

    /// `ok`, with its writes in the batch; or `conflict` or `exists`, and no trace of it.
    /// Errors: throws storage_failure when what it checks cannot be read; no trace of it then.
    outcome decide(const commit& commit);

    rocksdb::WriteBatch& batch() { return batch_; }
    /// The sequence number that the database has once the batch is written.
    std::uint64_t last_sequence() const { return base_ + batch_.Count(); }

private:
    /// Stamps of the rows that this group has written, by family byte and physical key; 0: erased.
    using overlay = std::unordered_map<std::string, stamp>;
    struct undo {
        overlay::value_type* entry;
        std::optional<stamp> before;  ///< none: the commit made the entry
    };

    outcome apply_all(const commit& commit);
    outcome apply(const check& operation);
    outcome apply(const insert& operation);
    outcome apply(const put& operation);
    outcome apply(const erase& operation);
    outcome apply(const add& operation);
    outcome apply(const enqueue& operation);

    stamp current_stamp(const key& key, const physical_key& physical);
    void remember(family_id family, const physical_key& physical, stamp stamp);
    void write_row(const key& key, const physical_key& physical, const std::string& value);
    void roll_back();

    const database& database_;
    rocksdb::WriteBatch batch_;
    std::uint64_t base_ = 0;
    stamp stamp_ = 0;  ///< of the commit being decided
    overlay overlay_;
    std::vector<undo> undo_;
    rocksdb::PinnableSlice found_;
    std::string lookup_;
};

}  // namespace pinhole::kv
