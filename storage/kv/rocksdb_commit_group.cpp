#include "storage/kv/rocksdb_commit_group.hpp"

#include <array>
#include <cassert>

namespace pinhole::kv {
namespace {

/// A batch refuses what cannot be encoded (a key of 4 GiB): impossible within our limits.
void must(const rocksdb::Status& status) {
    if (!status.ok()) {
        throw storage_failure("building a batch: " + status.ToString());
    }
}

void assign_overlay_key(std::string& to, family_id family, const physical_key& physical) {
    to.assign(1, static_cast<char>(family));
    to.append(physical.slice().data(), physical.slice().size());
}

}  // namespace

void commit_group::begin() {
    batch_.Clear();
    overlay_.clear();
    base_ = database_.rocks().GetLatestSequenceNumber();
}

outcome commit_group::decide(const commit& commit) {
    stamp_ = last_sequence() + 1;
    batch_.SetSavePoint();
    undo_.clear();
    auto result = outcome::unavailable;
    try {
        result = apply_all(commit);
    } catch (const storage_failure&) {
        roll_back();
        throw;
    }
    if (result == outcome::ok) {
        must(batch_.PopSavePoint());
    } else {
        roll_back();
    }
    return result;
}

outcome commit_group::apply_all(const commit& commit) {
    for (const auto& operation : commit.operations) {
        const auto result = std::visit([this](const auto& each) { return apply(each); }, operation);
        if (result != outcome::ok) {
            return result;
        }
    }
    return outcome::ok;
}

void commit_group::roll_back() {
    must(batch_.RollbackToSavePoint());
    // Backwards: an entry changed twice gets its first value back last.
    for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) {
        if (step->before) {
            step->entry->second = *step->before;
        } else {
            overlay_.erase(overlay_.find(step->entry->first));
        }
    }
}

outcome commit_group::apply(const check& operation) {
    const physical_key physical(operation.key);
    return current_stamp(operation.key, physical) == operation.stamp ? outcome::ok
                                                                     : outcome::conflict;
}

outcome commit_group::apply(const insert& operation) {
    const physical_key physical(operation.key);
    if (current_stamp(operation.key, physical) != 0) {
        return outcome::exists;
    }
    write_row(operation.key, physical, operation.value);
    return outcome::ok;
}

outcome commit_group::apply(const put& operation) {
    const auto& family = database_.family_of(operation.key.family);
    if (family.kind == family_kind::postings) {
        // Nobody asks for its stamp: nothing has to be remembered, of millions.
        const physical_key physical(operation.key);
        must(batch_.Put(family.handle, physical.slice(), rocksdb::Slice(posting_value)));
        return outcome::ok;
    }
    write_row(operation.key, physical_key(operation.key), operation.value);
    return outcome::ok;
}

outcome commit_group::apply(const erase& operation) {
    const auto& family = database_.family_of(operation.key.family);
    const physical_key physical(operation.key);
    must(batch_.Delete(family.handle, physical.slice()));
    if (family.kind != family_kind::postings) {
        remember(operation.key.family, physical, 0);
    }
    return outcome::ok;
}

outcome commit_group::apply(const add& operation) {
    const physical_key physical(operation.key);
    must(batch_.Merge(database_.family_of(operation.key.family).handle, physical.slice(),
                      encode_sum(operation.delta)));
    return outcome::ok;
}

outcome commit_group::apply(const enqueue& operation) {
    std::array<char, key_stamp_bytes> stamp;
    store_u64(stamp.data(), stamp_);
    key whole = operation.key;
    whole.bytes.append(stamp.data(), stamp.size()).append(operation.behind);
    write_row(whole, physical_key(whole), {});
    return outcome::ok;
}

stamp commit_group::current_stamp(const key& key, const physical_key& physical) {
    assign_overlay_key(lookup_, key.family, physical);
    if (const auto written = overlay_.find(lookup_); written != overlay_.end()) {
        return written->second;
    }
    const auto& family = database_.family_of(key.family);
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    found_.Reset();
    const auto status = database_.rocks().Get(options, family.handle, physical.slice(), &found_);
    if (status.IsNotFound()) {
        return 0;
    }
    if (!status.ok()) {
        database_.fail_read(family, status);
    }
    return to_stamp(family.name, found_);
}

void commit_group::remember(family_id family, const physical_key& physical, stamp stamp) {
    assign_overlay_key(lookup_, family, physical);
    const auto [entry, made] = overlay_.try_emplace(lookup_, stamp);
    undo_.push_back({&*entry, made ? std::nullopt : std::optional(entry->second)});
    entry->second = stamp;
}

void commit_group::write_row(const key& key, const physical_key& physical,
                             const std::string& value) {
    std::array<char, stamp_bytes> stamp;
    store_u64(stamp.data(), stamp_);
    // Gathered by the batch itself: the value is copied once.
    const std::array<rocksdb::Slice, 2> parts{rocksdb::Slice(stamp.data(), stamp.size()),
                                              rocksdb::Slice(value)};
    const auto physical_slice = physical.slice();
    must(batch_.Put(database_.family_of(key.family).handle, rocksdb::SliceParts(&physical_slice, 1),
                    rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size()))));
    remember(key.family, physical, stamp_);
}

}  // namespace pinhole::kv
