#include "storage/meta.hpp"

#include "storage/schema/entities.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage {

namespace {

kv::key meta_key(std::string_view name) {
    return {0, families::meta, std::string{name}};
}

}  // namespace

std::optional<std::int64_t> read_meta(const kv::reader& reader, std::string_view name) {
    const auto found = reader.get(meta_key(name));
    if (!found) {
        return std::nullopt;
    }
    std::string_view bytes = found->value;
    const auto value = take_varint(bytes);
    if (!value || !bytes.empty()) {
        throw corrupt_row{"the meta value " + std::string{name} + " is damaged"};
    }
    return from_zigzag(*value);
}

void append_meta(kv::commit& commit, std::string_view name, std::int64_t value) {
    std::string bytes;
    append_varint(bytes, to_zigzag(value));
    commit.operations.emplace_back(kv::put{meta_key(name), std::move(bytes)});
}

}  // namespace pinhole::storage
