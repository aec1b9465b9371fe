#include "storage/sessions.hpp"

#include <algorithm>

#include "storage/base/text.hpp"

namespace pinhole::storage {

namespace {

/// What a browser says of itself, cut to a bound, without what a terminal or a log would choke on.
std::string to_printable(std::string_view user_agent) {
    std::string text{user_agent.substr(0, user_agent_bytes_max)};
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    while (!text.empty() && !count_code_points(text)) {
        text.pop_back();
    }
    return text;
}

constexpr const auto& by_expiry =
    std::get<index_position<session>("expiry")>(schema<session>::indexes);

std::unexpected<error> login_needed() {
    return fail(error_code::unauthenticated, "This needs a valid login token.");
}

}  // namespace

new_session make_session(const secrets& keys, entity_id id, entity_id user,
                         std::string_view user_agent, timestamp at, std::chrono::seconds life) {
    const login_token token = keys.make_login_token(id);
    return {.row = {.id = id,
                    .user = {user},
                    .token_hash = keys.hash_login_token(token),
                    .user_agent = to_printable(user_agent),
                    .created_at = at,
                    .last_used_at = at,
                    .expires_at = at + life},
            .token = token};
}

result<authenticated> authenticate(const kv::reader& reader, const secrets& keys,
                                   const login_token& token, timestamp at) {
    row_reader rows{reader};
    auto login = rows.find<session>(token.session);
    if (!login || !keys.is_token_of(login->row.token_hash, token) || login->row.expires_at <= at) {
        return login_needed();
    }
    const auto* account = rows.alive_user(login->row.user.id);
    if (account == nullptr) {
        return login_needed();
    }
    const caller who{account->row.id, login->row.id, account->row.is_staff};
    return authenticated{who, std::move(*login)};
}

result<stored<session>> find_login(const kv::reader& reader, const caller& who, timestamp at) {
    auto login = row_reader{reader}.find<session>(who.session);
    if (!login || login->row.expires_at <= at) {
        return login_needed();
    }
    return std::move(*login);
}

void require_unchanged(kv::commit& commit, const stored<session>& login) {
    // In front: behind them stands what may end the login itself.
    commit.operations.insert(commit.operations.begin(),
                             kv::check{row_key<session>(login.row.id), login.stamp});
}

bool wants_refresh(const session& row, timestamp at, std::chrono::seconds life) {
    return at - row.last_used_at > std::min(std::chrono::microseconds{last_use_precision},
                                            std::chrono::microseconds{life} / 100) ||
           row.last_used_at - at > clock_step_max;
}

kv::commit plan_refresh(const stored<session>& seen, timestamp at, std::chrono::seconds life) {
    session row = seen.row;
    row.last_used_at = at;
    row.expires_at = at + life;
    kv::commit commit;
    append_update(commit, seen, row);
    return commit;
}

kv::commit plan_expire_sessions(const kv::reader& reader, timestamp at, std::uint32_t limit) {
    session end;
    end.expires_at = at;
    const row_reader rows{reader};
    kv::commit commit;
    for (const kv::row& entry : reader.scan({.part = global_part,
                                             .family = families::index,
                                             .from = index_prefix(by_expiry.number, true),
                                             .to = index_key(by_expiry, end).bytes,
                                             .limit = limit})) {
        if (const auto expired = rows.find<session>(id_of_index_key(entry.key))) {
            append_erase(commit, *expired);
        }
    }
    return commit;
}

kv::commit plan_redate_sessions(const kv::reader& reader, timestamp at, std::chrono::seconds life,
                                std::uint32_t limit) {
    session latest;
    latest.expires_at = at + life + clock_step_max;
    const kv::key beyond = index_key(by_expiry, latest);
    const row_reader rows{reader};
    kv::commit commit;
    for (const kv::row& entry : scan_index(reader, {.prefix = index_prefix(by_expiry.number, true),
                                                    .beyond = beyond.bytes,
                                                    .limit = limit})) {
        if (const auto login = rows.find<session>(id_of_index_key(entry.key))) {
            session row = login->row;
            row.last_used_at = std::min(row.last_used_at, at);
            row.expires_at = at + life;
            append_update(commit, *login, row);
        }
    }
    return commit;
}

std::vector<stored<session>> sessions_of(const row_reader& rows, entity_id user) {
    const auto entries =
        scan_index(rows.raw(), {.part = user,
                                .prefix = index_prefix(index_number<session>("user"), true),
                                .limit = 2 * sessions_per_user_max});
    std::vector<stored<session>> found;
    found.reserve(entries.size());
    for (auto& row : rows.find_many<session>(ids_of(entries))) {
        if (row) {
            found.push_back(std::move(*row));
        }
    }
    return found;
}

void append_session(kv::commit& commit, std::vector<stored<session>> existing, const session& row) {
    if (existing.size() >= sessions_per_user_max) {
        std::ranges::sort(existing, {}, [](const stored<session>& login) {
            return std::pair{login.row.last_used_at, login.row.id};
        });
        existing.resize(existing.size() - sessions_per_user_max + 1);
        for (const auto& login : existing) {
            append_erase(commit, login);
        }
    }
    append_create(commit, row);
}

std::vector<session_view> list_sessions(const kv::reader& reader, const caller& who, timestamp at) {
    std::vector<session_view> views;
    for (auto& login : sessions_of(row_reader{reader}, who.user)) {
        if (login.row.expires_at > at) {
            const bool is_current = login.row.id == who.session;
            views.push_back({std::move(login.row), is_current});
        }
    }
    std::ranges::reverse(views);
    return views;
}

result<planned<bool>> plan_end_session(const kv::reader& reader, const caller& who, entity_id id) {
    const auto login = row_reader{reader}.find<session>(id);
    if (!login || login->row.user.id != who.user) {
        return not_found("session");
    }
    planned<bool> plan{.commit = {}, .value = true};
    append_erase(plan.commit, *login);
    return plan;
}

}  // namespace pinhole::storage
