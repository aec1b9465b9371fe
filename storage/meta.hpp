// Numbers about the database itself (family `meta`, part 0, key = name, value = zigzag varint).
// ON DISK. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/kv/store.hpp"

namespace pinhole::storage {

std::optional<std::int64_t> read_meta(const kv::reader& reader, std::string_view name);
void append_meta(kv::commit& commit, std::string_view name, std::int64_t value);

}  // namespace pinhole::storage
