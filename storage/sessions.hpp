// Logins. A session is a row whose token only its client knows; ending it erases the row, so a
// token is dead at the moment of the commit.
//
// Every function here runs inside a unit of work: it reads, decides, and for a change returns the
// commit. Thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/secrets.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

/// Who is asking, as far as an authenticated request knows.
struct caller {
    entity_id user = 0;
    entity_id session = 0;
    bool is_staff = false;
};

/// A login beyond this many ends the account's least recently used one.
inline constexpr std::uint32_t sessions_per_user_max = 50;
inline constexpr std::size_t user_agent_bytes_max = 256;

struct new_session {
    session row;
    login_token token;
};
new_session make_session(const secrets& keys, entity_id id, entity_id user,
                         std::string_view user_agent, timestamp at, std::chrono::seconds life);

struct authenticated {
    storage::caller caller;
    stored<session> session;
};

/// The caller behind a token. Errors: unauthenticated (unknown, ended, expired, account deleted).
result<authenticated> authenticate(const kv::reader& reader, const secrets& keys,
                                   const login_token& token, timestamp at);

/// The login that a caller was authenticated by, if it has not ended since.
/// Errors: unauthenticated.
result<stored<session>> find_login(const kv::reader& reader, const caller& who, timestamp at);

/// The commit must not happen if the login ends before it does.
void require_unchanged(kv::commit& commit, const stored<session>& login);

/// Tokens live as long as they are used: true when the last use, and the expiry that slides with
/// it, are worth moving. Not at every request, so that reading does not turn into writing: a user
/// who looks for a stranger's login sees its last use to within `last_use_precision`.
inline constexpr std::chrono::minutes last_use_precision{5};
/// True also when the last use lies ahead of the clock, which was wrong then.
bool wants_refresh(const session& row, timestamp at, std::chrono::seconds life);
kv::commit plan_refresh(const stored<session>& seen, timestamp at, std::chrono::seconds life);

/// Removes up to `limit` sessions whose time is over; empty if there are none.
kv::commit plan_expire_sessions(const kv::reader& reader, timestamp at, std::uint32_t limit);

/// A clock that was ahead has dated logins too late, and unused they would live on for as long as
/// it was wrong. Gives up to `limit` of those the life that they have now; empty if there are none.
kv::commit plan_redate_sessions(const kv::reader& reader, timestamp at, std::chrono::seconds life,
                                std::uint32_t limit);

/// Adds a login, ending the least recently used ones beyond the limit. `existing` as `sessions_of`
/// gives them.
void append_session(kv::commit& commit, std::vector<stored<session>> existing, const session& row);

/// All logins of a user, oldest first.
std::vector<stored<session>> sessions_of(const row_reader& rows, entity_id user);

std::vector<session_view> list_sessions(const kv::reader& reader, const caller& who, timestamp at);

/// Errors: not_found (also for somebody else's).
result<planned<bool>> plan_end_session(const kv::reader& reader, const caller& who, entity_id id);

}  // namespace pinhole::storage
