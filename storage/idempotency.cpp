#include "storage/idempotency.hpp"

#include <array>

namespace pinhole::storage {

namespace {

/// What is stored: the answer's row, sealed, and behind it the expiry in the clear.
struct sealed_record {
    std::string sealed;
    timestamp expires_at{};
};

}  // namespace

template <>
struct schema<idempotent_answer> {
    static constexpr std::string_view name = "idempotent_answers";
    static constexpr auto fields = std::tuple{
        field{1, "fingerprint", &idempotent_answer::fingerprint, exposure::internal},
        field{2, "status", &idempotent_answer::status, exposure::internal},
        field{3, "location", &idempotent_answer::location, exposure::internal},
        field{4, "body", &idempotent_answer::body, exposure::internal},
    };
};

template <>
struct schema<sealed_record> {
    static constexpr std::string_view name = "sealed_records";
    static constexpr auto fields = std::tuple{
        field{1, "sealed", &sealed_record::sealed, exposure::internal},
        field{2, "expires_at", &sealed_record::expires_at, exposure::internal},
    };
};

namespace {

kv::key record_key(std::string name) {
    kv::key_reader in{name};
    const kv::part_id part = in.read_i64().value();
    return {part, families::idempotency, std::move(name)};
}

kv::key expiry_key(timestamp expires_at, std::string_view name) {
    kv::key_writer out;
    out.append_u8(idempotency_expiry_index);
    out.append_u8(1);
    out.append_i64(to_microseconds(expires_at));
    out.append_string(name);
    return {global_part, families::index, out.take()};
}

/// In front of the entries that expire at that time or later.
std::string expiry_bound(timestamp at) {
    kv::key_writer out;
    out.append_u8(idempotency_expiry_index);
    out.append_u8(1);
    out.append_i64(to_microseconds(at));
    return out.take();
}

std::string name_of_expiry_key(std::string_view bytes) {
    kv::key_reader in{bytes};
    if (in.read_u8() && in.read_u8() && in.read_i64()) {
        if (auto name = in.read_string(); name && name->size() >= sizeof(kv::part_id)) {
            return std::move(*name);
        }
    }
    throw corrupt_row{"an idempotency record's expiry key is damaged"};
}

}  // namespace

std::optional<idempotent_answer> find_answer(const kv::reader& reader, const secrets& keys,
                                             const idempotency_key& key, timestamp at) {
    const auto found = reader.get(record_key(keys.name_of_idempotency_key(key.scope, key.key)));
    if (!found) {
        return std::nullopt;
    }
    const auto record = decode_row<sealed_record>(found->value);
    if (record.expires_at <= at) {
        return std::nullopt;
    }
    const auto plain = keys.open(key.scope, key.key, record.sealed);
    if (!plain) {
        throw corrupt_row{"an idempotency record does not open"};
    }
    return decode_row<idempotent_answer>(*plain);
}

void append_answer(kv::commit& commit, const kv::reader& reader, const secrets& keys,
                   const idempotency_key& key, const idempotent_answer& answer, timestamp at) {
    std::string name = keys.name_of_idempotency_key(key.scope, key.key);
    const sealed_record record{keys.seal(key.scope, key.key, encode_row(answer)),
                               at + idempotency_life};
    kv::key at_key = record_key(name);
    if (const auto earlier = reader.get(at_key)) {
        const auto old = decode_row<sealed_record>(earlier->value);
        if (old.expires_at <= at) {
            commit.operations.emplace_back(kv::check{at_key, earlier->stamp});
            commit.operations.emplace_back(kv::erase{at_key});
            commit.operations.emplace_back(kv::erase{expiry_key(old.expires_at, name)});
        }
    }
    commit.operations.emplace_back(kv::put{expiry_key(record.expires_at, name), {}});
    commit.operations.emplace_back(kv::insert{std::move(at_key), encode_row(record)});
}

kv::key expiry_key_of_record(std::string_view name, std::string_view value) {
    return expiry_key(decode_row<sealed_record>(value).expires_at, name);
}

kv::key record_of_expiry_key(std::string_view key_bytes) {
    return record_key(name_of_expiry_key(key_bytes));
}

kv::commit plan_expire_answers(const kv::reader& reader, timestamp at, std::uint32_t limit) {
    kv::commit commit;
    for (const kv::row& entry : reader.scan({.part = global_part,
                                             .family = families::index,
                                             .from = index_prefix(idempotency_expiry_index, true),
                                             .to = expiry_bound(at),
                                             .limit = limit})) {
        const kv::key key = record_of_expiry_key(entry.key);
        if (const auto record = reader.get(key)) {
            // A key used again after its life has a newer record, which stays.
            if (decode_row<sealed_record>(record->value).expires_at <= at) {
                commit.operations.emplace_back(kv::check{key, record->stamp});
                commit.operations.emplace_back(kv::erase{key});
            }
        }
        commit.operations.emplace_back(kv::erase{{global_part, families::index, entry.key}});
    }
    return commit;
}

kv::commit plan_redate_answers(const kv::reader& reader, timestamp at, std::uint32_t limit) {
    const std::string beyond = expiry_bound(at + idempotency_life + clock_step_max);
    kv::commit commit;
    for (const kv::row& entry :
         scan_index(reader, {.prefix = index_prefix(idempotency_expiry_index, true),
                             .beyond = beyond,
                             .limit = limit})) {
        const std::string name = name_of_expiry_key(entry.key);
        const kv::key key = record_key(name);
        commit.operations.emplace_back(kv::erase{{global_part, families::index, entry.key}});
        if (const auto found = reader.get(key)) {
            auto record = decode_row<sealed_record>(found->value);
            // An entry that an older record of the same key has left behind says nothing of it.
            if (expiry_key(record.expires_at, name).bytes == entry.key) {
                record.expires_at = at + idempotency_life;
                commit.operations.emplace_back(kv::check{key, found->stamp});
                commit.operations.emplace_back(kv::put{key, encode_row(record)});
                commit.operations.emplace_back(kv::put{expiry_key(record.expires_at, name), {}});
            }
        }
    }
    return commit;
}

}  // namespace pinhole::storage
