#include "handlers/login_cache.hpp"

namespace pinhole::handlers {

known_login login_cache::find(std::string_view token, storage::timestamp at) const {
    const shard& own = shards_[shard_of(token)];
    const std::lock_guard lock{own.mutex};
    const auto found = own.entries.find(token);
    if (found == own.entries.end() || found->second.generation != generation() ||
        found->second.who->session.row.expires_at <= at) {
        return nullptr;
    }
    return found->second.who;
}

void login_cache::remember(std::string_view token, known_login who, std::uint64_t generation) {
    shard& own = shards_[shard_of(token)];
    const std::lock_guard lock{own.mutex};
    if (own.entries.size() >= tokens_max / shards_count) {
        own.entries.clear();
    }
    own.entries.insert_or_assign(std::string{token}, entry{std::move(who), generation});
}

}  // namespace pinhole::handlers
