#include "handlers/login_cache.hpp"

namespace pinhole::handlers {

void login_cache::forget(std::span<const storage::entity_id> changed) {
    const std::uint64_t change = changes_.fetch_add(1, std::memory_order_acq_rel) + 1;
    for (const storage::entity_id id : changed) {
        changed_at(id).store(change, std::memory_order_release);
    }
}

known_login login_cache::find(std::string_view token, storage::timestamp at) const {
    if (token.empty()) {
        return nullptr;  // nobody is meant, so nobody was missed
    }
    const shard& own = shards_[shard_of(token)];
    const std::lock_guard lock{own.mutex};
    const auto found = own.entries.find(token);
    if (found == own.entries.end()) {
        ++own.misses;
        return nullptr;
    }
    const auto& [who, seen_at] = found->second;
    const bool is_fresh =
        changed_at(who->caller.session).load(std::memory_order_acquire) <= seen_at &&
        changed_at(who->caller.user).load(std::memory_order_acquire) <= seen_at;
    const bool is_known = is_fresh && who->session.row.expires_at > at;
    ++(is_known ? own.hits : own.misses);
    return is_known ? who : nullptr;
}

login_cache::numbers login_cache::statistics() const {
    numbers sum;
    for (const shard& each : shards_) {
        const std::lock_guard lock{each.mutex};
        sum.tokens += each.entries.size();
        sum.hits += each.hits;
        sum.misses += each.misses;
    }
    return sum;
}

void login_cache::remember(std::string_view token, known_login who, std::uint64_t seen_at) {
    shard& own = shards_[shard_of(token)];
    const std::lock_guard lock{own.mutex};
    if (own.entries.size() >= tokens_max / shards_count) {
        own.entries.clear();
    }
    own.entries.insert_or_assign(std::string{token}, entry{std::move(who), seen_at});
}

}  // namespace pinhole::handlers
