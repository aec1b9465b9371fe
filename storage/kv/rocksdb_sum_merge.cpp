#include "storage/kv/rocksdb_sum_merge.hpp"

#include "storage/kv/byte_order.hpp"
#include "storage/kv/rocksdb_format.hpp"

namespace pinhole::kv {

bool sum_merge::Merge(const rocksdb::Slice& /*key*/, const rocksdb::Slice* existing,
                      const rocksdb::Slice& operand, std::string* result,
                      rocksdb::Logger* /*logger*/) const {
    // False makes RocksDB report corruption to whoever reads the key.
    if (operand.size() != sum_bytes || (existing != nullptr && existing->size() != sum_bytes)) {
        return false;
    }
    const auto before = existing != nullptr ? load_u64(existing->data()) : 0;
    result->resize(sum_bytes);
    store_u64(result->data(), before + load_u64(operand.data()));
    return true;
}

}  // namespace pinhole::kv
