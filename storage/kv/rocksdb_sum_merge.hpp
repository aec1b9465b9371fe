// The merge operator of counter families: adds are written blind, RocksDB sums them when it reads
// or compacts. Overflow wraps; 63 bits are out of reach for a count.
// Thread-safety: stateless.
#pragma once

#include <rocksdb/merge_operator.h>

namespace pinhole::kv {

class sum_merge final : public rocksdb::AssociativeMergeOperator {
public:
    bool Merge(const rocksdb::Slice& key, const rocksdb::Slice* existing,
               const rocksdb::Slice& operand, std::string* result,
               rocksdb::Logger* logger) const override;
    /// On disk (RocksDB refuses to open a family under another operator): never change.
    const char* Name() const override { return "pinhole.sum"; }
};

}  // namespace pinhole::kv
