#include "storage/kv/commit_rules.hpp"

#include <algorithm>
#include <variant>

namespace pinhole::kv {

const std::string* value_of(const operation& operation) {
    if (const auto* each = std::get_if<insert>(&operation)) {
        return &each->value;
    }
    if (const auto* each = std::get_if<put>(&operation)) {
        return &each->value;
    }
    return nullptr;
}

const key& key_of(const operation& operation) {
    return std::visit([](const auto& each) -> const key& { return each.key; }, operation);
}

bool is_allowed(const operation& operation, family_kind kind) {
    if (std::holds_alternative<erase>(operation)) {
        return true;
    }
    if (kind == family_kind::postings) {
        const auto* each = std::get_if<put>(&operation);
        return each != nullptr && each->value.empty();
    }
    return std::holds_alternative<add>(operation) == (kind == family_kind::counters);
}

const family_spec* find_family(std::span<const family_spec> families, family_id id) {
    const auto found = std::ranges::find(families, id, &family_spec::id);
    return found == families.end() ? nullptr : &*found;
}

bool is_sound(const commit& commit, std::span<const family_spec> families) {
    return std::ranges::all_of(commit.operations, [&](const operation& operation) {
        const key& key = key_of(operation);
        const std::string* value = value_of(operation);
        const family_spec* family = find_family(families, key.family);
        std::size_t key_bytes = key.bytes.size();
        if (const auto* each = std::get_if<enqueue>(&operation)) {
            key_bytes += key_stamp_bytes + each->behind.size();
        }
        return family != nullptr && is_allowed(operation, family->kind) &&
               key_bytes <= key_bytes_max && (value == nullptr || value->size() <= value_bytes_max);
    });
}

}  // namespace pinhole::kv
