#include "storage/kv/rocksdb_format.hpp"

namespace pinhole::kv {

std::string to_column_family_name(const family_spec& family) {
    return std::to_string(family.id) + "." + std::string(family.name);
}

stamp to_stamp(std::string_view family, rocksdb::Slice value) {
    if (value.size() < stamp_bytes) {
        throw storage_failure("a row of family " + std::string(family) + " has no stamp");
    }
    return load_u64(value.data());
}

value_with_stamp to_row_value(std::string_view family, rocksdb::Slice value) {
    const auto stamp = to_stamp(family, value);
    return {std::string(value.data() + stamp_bytes, value.size() - stamp_bytes), stamp};
}

std::string encode_sum(std::int64_t sum) {
    std::string bytes(sum_bytes, '\0');
    store_u64(bytes.data(), static_cast<std::uint64_t>(sum));
    return bytes;
}

std::int64_t to_sum(std::string_view family, rocksdb::Slice value) {
    if (value.size() != sum_bytes) {
        throw storage_failure("a counter of family " + std::string(family) + " is not 8 bytes");
    }
    return static_cast<std::int64_t>(load_u64(value.data()));
}

}  // namespace pinhole::kv
