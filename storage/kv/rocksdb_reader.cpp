#include "storage/kv/rocksdb_reader.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>
#include <utility>

#include "storage/kv/rocksdb_disk_guard.hpp"
#include "storage/kv/rocksdb_format.hpp"

namespace pinhole::kv {
namespace {

/// Some ten milliseconds of an io thread at the most; ordinary pages need a few hundred.
constexpr std::size_t cached_rows_max = 4096;

/// True when there is a value, false when there is none.
/// Errors: throws would_block and storage_failure.
bool judge(const database& database, const rocksdb::Status& status, const family& family) {
    if (status.ok()) {
        return true;
    }
    if (status.IsNotFound()) {
        return false;
    }
    if (status.IsIncomplete()) {
        throw would_block();
    }
    database.fail_read(family, status);
}

/// A range as RocksDB takes it: both bounds as physical keys, [lower, upper).
struct bounds {
    explicit bounds(const range& range) : lower(range.part, range.from), upper(make_upper(range)) {}

    physical_key lower;
    std::optional<physical_key> upper;  ///< none: to the end of the family

private:
    static std::optional<physical_key> make_upper(const range& range) {
        if (!range.to.empty()) {
            return physical_key(range.part, range.to);
        }
        if (range.part == std::numeric_limits<part_id>::max()) {
            return std::nullopt;
        }
        return physical_key(range.part + 1, {});
    }
};

row to_row(const family& family, rocksdb::Slice key, rocksdb::Slice value) {
    std::string bytes(key.data() + part_bytes, key.size() - part_bytes);
    if (family.kind == family_kind::counters) {
        return {std::move(bytes), std::to_string(to_sum(family.name, value)), 0};
    }
    auto content = to_row_value(family.name, value);
    return {std::move(bytes), std::move(content.value), content.stamp};
}

}  // namespace

rocksdb_reader::rocksdb_reader(std::shared_ptr<const database> database, read_mode mode)
    : shared_(std::move(database)), database_(*shared_) {
    options_.snapshot = database_.rocks().GetSnapshot();
    options_.read_tier =
        mode == read_mode::cached ? rocksdb::kBlockCacheTier : rocksdb::kReadAllTier;
    options_.verify_checksums = true;
    if (is_cached()) {
        options_.max_skippable_internal_keys = cached_rows_max;
    }
    database_.reader_made();
}

rocksdb_reader::~rocksdb_reader() {
    database_.rocks().ReleaseSnapshot(options_.snapshot);
    database_.reader_gone();
}

void rocksdb_reader::charge(std::size_t rows) const {
    rows_read_ += rows;
    if (is_cached() && rows_read_ > cached_rows_max) {
        throw would_block();
    }
}

const rocksdb::PinnableSlice* rocksdb_reader::find(const family& family, const key& key) const {
    charge(1);
    const physical_key physical(key);
    value_.Reset();
    const auto status = database_.rocks().Get(options_, family.handle, physical.slice(), &value_);
    return judge(database_, status, family) ? &value_ : nullptr;
}

std::optional<value_with_stamp> rocksdb_reader::get(const key& key) const {
    const auto& family = database_.family_of(key.family);
    assert(family.kind != family_kind::counters);
    const auto* value = find(family, key);
    return value != nullptr ? std::optional(to_row_value(family.name, *value)) : std::nullopt;
}

std::int64_t rocksdb_reader::counter(const key& key) const {
    const auto& family = database_.family_of(key.family);
    assert(family.kind == family_kind::counters);
    const auto* value = find(family, key);
    return value != nullptr ? to_sum(family.name, *value) : 0;
}

void rocksdb_reader::find_all(std::span<const key> keys) const {
    charge(keys.size());
    std::size_t bytes = 0;
    for (const auto& key : keys) {
        assert(key.bytes.size() <= key_bytes_max);
        bytes += part_bytes + key.bytes.size();
    }
    std::string arena(bytes, '\0');
    std::vector<rocksdb::Slice> slices;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    slices.reserve(keys.size());
    handles.reserve(keys.size());
    char* to = arena.data();
    for (const auto& key : keys) {
        store_u64(to, to_ordered(key.part));
        std::ranges::copy(key.bytes, to + part_bytes);
        slices.emplace_back(to, part_bytes + key.bytes.size());
        handles.push_back(database_.family_of(key.family).handle);
        to += slices.back().size();
    }
    for (auto& value : values_) {
        value.Reset();
    }
    if (values_.size() < keys.size()) {
        values_ = std::vector<rocksdb::PinnableSlice>(keys.size());
    }
    statuses_.assign(keys.size(), rocksdb::Status());
    std::optional<disk_guard> guard;
    if (is_cached()) {
        guard.emplace();
    }
    // It sorts them by family and key itself, and reads each block once.
    constexpr bool sorted = false;
    database_.rocks().MultiGet(options_, keys.size(), handles.data(), slices.data(), values_.data(),
                               statuses_.data(), sorted);
}

bool rocksdb_reader::found(std::size_t at, const family& family) const {
    // A batched lookup that may not read can say "may exist", as success without a value. Nothing
    // that is stored is empty: rows have a stamp, counters a sum.
    if (is_cached() && statuses_[at].ok() && values_[at].empty()) {
        throw would_block();
    }
    return judge(database_, statuses_[at], family);
}

std::vector<std::optional<value_with_stamp>> rocksdb_reader::multi_get(
    std::span<const key> keys) const {
    std::vector<std::optional<value_with_stamp>> results(keys.size());
    if (keys.empty()) {
        return results;
    }
    find_all(keys);
    for (std::size_t at = 0; at < keys.size(); ++at) {
        const auto& family = database_.family_of(keys[at].family);
        assert(family.kind != family_kind::counters);
        if (found(at, family)) {
            results[at] = to_row_value(family.name, values_[at]);
        }
    }
    return results;
}

std::vector<std::int64_t> rocksdb_reader::counters(std::span<const key> keys) const {
    std::vector<std::int64_t> results(keys.size(), 0);
    if (keys.empty()) {
        return results;
    }
    find_all(keys);
    for (std::size_t at = 0; at < keys.size(); ++at) {
        const auto& family = database_.family_of(keys[at].family);
        assert(family.kind == family_kind::counters);
        if (found(at, family)) {
            results[at] = to_sum(family.name, values_[at]);
        }
    }
    return results;
}

std::vector<row> rocksdb_reader::scan(const range& range) const {
    const auto& family = database_.family_of(range.family);
    std::vector<row> rows;
    if (range.limit == 0 || (!range.to.empty() && range.from >= range.to)) {
        return rows;
    }
    const bounds bounds(range);
    const auto lower = bounds.lower.slice();
    const auto upper = bounds.upper ? bounds.upper->slice() : rocksdb::Slice();
    rocksdb::ReadOptions options = options_;
    options.iterate_lower_bound = &lower;
    options.iterate_upper_bound = bounds.upper ? &upper : nullptr;
    // Forward, the first key has the part as its prefix, so prefix filters can skip whole files.
    // Backward the walk starts from a bound that may lie in the next part, whose prefix would
    // mislead them.
    options.prefix_same_as_start = !range.reverse;
    options.total_order_seek = range.reverse;
    const std::unique_ptr<rocksdb::Iterator> at(
        database_.rocks().NewIterator(options, family.handle));
    range.reverse ? at->SeekToLast() : at->Seek(lower);
    while (at->Valid()) {
        charge(1);
        rows.push_back(to_row(family, at->key(), at->value()));
        if (rows.size() == range.limit) {
            return rows;
        }
        range.reverse ? at->Prev() : at->Next();
    }
    // An iterator that has stopped may have done so for want of a block.
    judge(database_, at->status(), family);
    return rows;
}

std::uint64_t rocksdb_reader::approximate_rows(family_id asked) const {
    std::uint64_t rows = 0;
    database_.rocks().GetIntProperty(database_.family_of(asked).handle,
                                     rocksdb::DB::Properties::kEstimateNumKeys, &rows);
    return rows;
}

std::vector<located_row> rocksdb_reader::walk(family_id walked, const key* beyond,
                                              std::uint32_t limit) const {
    const auto& family = database_.family_of(walked);
    std::vector<located_row> rows;
    rocksdb::ReadOptions options = options_;
    options.total_order_seek = true;
    const std::unique_ptr<rocksdb::Iterator> at(
        database_.rocks().NewIterator(options, family.handle));
    if (beyond == nullptr) {
        at->SeekToFirst();
    } else {
        const physical_key last(*beyond);
        at->Seek(last.slice());
        if (at->Valid() && at->key() == last.slice()) {
            at->Next();
        }
    }
    for (; at->Valid() && rows.size() < limit; at->Next()) {
        charge(1);
        if (at->key().size() < part_bytes) {
            throw storage_failure("a key of family " + family.name + " is too short");
        }
        rows.push_back(
            {from_ordered(load_u64(at->key().data())), to_row(family, at->key(), at->value())});
    }
    judge(database_, at->status(), family);
    return rows;
}

}  // namespace pinhole::kv
