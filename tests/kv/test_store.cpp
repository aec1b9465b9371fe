#include "tests/kv/test_store.hpp"

namespace pinhole::kv::test {

outcome apply(store& store, std::vector<operation> operations) {
    return store.submit_and_wait({std::move(operations)});
}

std::optional<value_with_stamp> get(const store& store, const key& key) {
    return store.snapshot(read_mode::blocking)->get(key);
}

std::optional<std::string> value(const store& store, const key& key) {
    auto found = get(store, key);
    return found ? std::optional(std::move(found->value)) : std::nullopt;
}

stamp stamp_of(const store& store, const key& key) {
    const auto found = get(store, key);
    return found ? found->stamp : 0;
}

std::int64_t counter(const store& store, const key& key) {
    return store.snapshot(read_mode::blocking)->counter(key);
}

std::vector<row> scan(const store& store, const range& range) {
    return store.snapshot(read_mode::blocking)->scan(range);
}

std::vector<std::string> keys_of(const std::vector<row>& found) {
    std::vector<std::string> keys;
    keys.reserve(found.size());
    for (const auto& row : found) {
        keys.push_back(row.key);
    }
    return keys;
}

}  // namespace pinhole::kv::test
