#include "storage/schema/keys.hpp"

namespace pinhole::storage {

void terms_of::visit_file_types(const post& row, const term_visitor& visit) {
    for (const file& each : row.files) {
        kv::key_writer out;
        out.append_string(each.type);
        visit(out.bytes());
    }
}

std::vector<std::string> terms_of::list_file_types(const post& row) {
    std::vector<std::string> types;
    visit_file_types(row, [&](std::string_view type) { types.emplace_back(type); });
    std::ranges::sort(types);
    types.erase(std::ranges::unique(types).begin(), types.end());
    return types;
}

std::string encode_covered(entity_id id) {
    std::string out;
    append_varint(out, to_zigzag(id));
    return out;
}

entity_id decode_covered(std::string_view bytes) {
    const auto id = take_varint(bytes);
    if (!id || !bytes.empty()) {
        throw corrupt_row{"an index entry's value is damaged"};
    }
    return from_zigzag(*id);
}

std::string encode_unique_entry(unique_entry entry) {
    std::string out;
    append_varint(out, to_zigzag(entry.id));
    out += entry.alive ? '\x01' : '\x00';
    return out;
}

unique_entry decode_unique_entry(std::string_view bytes) {
    const auto id = take_varint(bytes);
    if (!id || bytes.size() != 1) {
        throw corrupt_row{"a unique entry is damaged"};
    }
    return {from_zigzag(*id), bytes.front() == '\x01'};
}

std::vector<kv::row> scan_index(const kv::reader& reader, index_range range) {
    kv::range keys{.part = range.part,
                   .family = range.family,
                   .from = {},
                   .to = kv::prefix_end(range.prefix),
                   .limit = range.limit,
                   .reverse = range.reverse};
    keys.from = std::move(range.prefix);
    if (!range.beyond.empty()) {
        if (range.reverse) {
            keys.to = range.beyond;
        } else {
            keys.from = std::string{range.beyond} + '\0';  // the least key behind it
        }
    }
    return reader.scan(keys);
}

entity_id id_of_index_key(std::string_view key_bytes) {
    constexpr std::size_t id_bytes = sizeof(entity_id);
    if (key_bytes.size() < id_bytes) {
        throw corrupt_row{"an index key is cut short"};
    }
    kv::key_reader in{key_bytes.substr(key_bytes.size() - id_bytes)};
    return in.read_i64().value();
}

std::vector<entity_id> ids_of(std::span<const kv::row> entries) {
    std::vector<entity_id> ids;
    ids.reserve(entries.size());
    for (const kv::row& entry : entries) {
        ids.push_back(id_of_index_key(entry.key));
    }
    return ids;
}

}  // namespace pinhole::storage
