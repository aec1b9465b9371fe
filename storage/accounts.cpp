#include "storage/accounts.hpp"

#include "storage/jobs.hpp"

namespace pinhole::storage {

namespace {

user_view to_user_view(const kv::reader& reader, user row) {
    const std::int64_t posts = reader.counter(user_post_count_key(row.id));
    return {.row = std::move(row), .post_count = posts};
}

/// The password that was verified is no longer the account's. Not about the login, which may be as
/// good as ever.
std::unexpected<error> password_changed() {
    return fail(error_code::forbidden, "The password has been changed meanwhile.");
}

/// The account as it is now, if the password that was verified is still its password.
std::optional<stored<user>> still_the_same(const row_reader& rows, const user& seen) {
    auto now_stored = rows.find<user>(seen.id);
    if (!now_stored || now_stored->row.password != seen.password) {
        return std::nullopt;
    }
    return now_stored;
}

void append_account_jobs(kv::commit& commit, entity_id account) {
    append_job(commit, {job_kind::settle_counts, account});
    append_job(commit, {job_kind::place_account_media, account});
}

/// Writes the account's row though it does not change: a login and a change of password, which
/// ends the logins it sees, must not both succeed without one seeing the other.
void append_login(kv::commit& commit, const row_reader& rows, const stored<user>& account,
                  const session& login, const rehashed_password& rehashed) {
    user row = account.row;
    row.password = rehashed.value_or(row.password);
    append_update(commit, account, row);
    append_session(commit, sessions_of(rows, account.row.id), login);
}

}  // namespace

error wrong_credentials() {
    return {error_code::bad_credentials, "Wrong username or password."};
}

error username_taken() {
    return {error_code::conflict, "This username is taken.", {{"username", "taken", "is taken"}}};
}

result<planned<user_view>> plan_signup(const kv::reader& reader, const user& row,
                                       const session& login) {
    auto plan = plan_create_account(reader, row);
    if (plan) {
        append_session(plan->commit, {}, login);
    }
    return plan;
}

result<planned<user_view>> plan_create_account(const kv::reader& reader, const user& row) {
    if (row_reader{reader}.find_unique(username_unique_key(row.username))) {
        return std::unexpected{username_taken()};
    }
    planned<user_view> plan{.commit = {}, .value = {.row = row}};
    append_create(plan.commit, row);
    return plan;
}

std::optional<stored<user>> find_account(const kv::reader& reader, std::string_view username) {
    // What cannot be a username is nobody's, and may be longer than any key.
    if (find_fault("username", username_rule, username)) {
        return std::nullopt;
    }
    const row_reader rows{reader};
    const auto entry = rows.find_unique(username_unique_key(username));
    return entry ? rows.find<user>(entry->id) : std::nullopt;
}

result<planned<user_view>> plan_login(const kv::reader& reader, const user& seen,
                                      const session& login, const rehashed_password& rehashed) {
    const row_reader rows{reader};
    const auto account = still_the_same(rows, seen);
    if (!account || account->row.is_deleted) {
        return std::unexpected{wrong_credentials()};
    }
    planned<user_view> plan{.commit = {}, .value = to_user_view(reader, account->row)};
    append_login(plan.commit, rows, *account, login, rehashed);
    return plan;
}

result<planned<user_view>> plan_restore_account(const kv::reader& reader, const user& seen,
                                                const session& login, timestamp at,
                                                std::chrono::seconds retention,
                                                const rehashed_password& rehashed) {
    const row_reader rows{reader};
    const auto account = still_the_same(rows, seen);
    if (!account || (account->row.is_deleted && account->row.deleted_at + retention < at)) {
        return std::unexpected{wrong_credentials()};
    }
    planned<user_view> plan{.commit = {}, .value = {}};
    user row = account->row;
    if (row.is_deleted) {
        row.is_deleted = false;
        row.deleted_at = {};
        row.updated_at = later_than(row.updated_at, at);
        row.password = rehashed.value_or(row.password);
        append_update(plan.commit, *account, row);
        append_account_jobs(plan.commit, row.id);
        append_session(plan.commit, sessions_of(rows, row.id), login);
    } else {
        append_login(plan.commit, rows, *account, login, rehashed);
    }
    plan.value = to_user_view(reader, std::move(row));
    return plan;
}

result<user_view> get_user(const kv::reader& reader, entity_id id) {
    row_reader rows{reader};
    const auto* account = rows.alive_user(id);
    if (account == nullptr) {
        return not_found("user");
    }
    return to_user_view(reader, account->row);
}

bool is_staff(const kv::reader& reader, entity_id id) {
    row_reader rows{reader};
    const auto* account = rows.alive_user(id);
    return account != nullptr && account->row.is_staff;
}

result<user_view> get_user(const kv::reader& reader, std::string_view reference) {
    if (reference.starts_with('@')) {
        auto account = find_account(reader, to_canonical_username(reference.substr(1)));
        if (!account || account->row.is_deleted) {
            return not_found("user");
        }
        return to_user_view(reader, std::move(account->row));
    }
    const auto id = parse_id(reference);
    return id ? get_user(reader, *id) : result<user_view>{not_found("user")};
}

result<planned<user_view>> plan_edit_profile(const kv::reader& reader, entity_id id,
                                             const profile_changes& changes, timestamp at,
                                             const precondition<user_view>& may) {
    const auto account = row_reader{reader}.find<user>(id);
    if (!account || account->row.is_deleted) {
        return not_found("user");
    }
    planned<user_view> plan{.commit = {}, .value = to_user_view(reader, account->row)};
    if (may && !may(plan.value)) {
        return version_differs();
    }
    user& row = plan.value.row;
    row.name = changes.name.value_or(row.name);
    row.website = changes.website.value_or(row.website);
    row.bio = changes.bio.value_or(row.bio);
    row.updated_at = later_than(row.updated_at, at);
    append_update(plan.commit, *account, row);
    return plan;
}

result<planned<bool>> plan_change_password(const kv::reader& reader, const caller& who,
                                           std::string_view seen_hash, std::string new_hash,
                                           timestamp at) {
    const row_reader rows{reader};
    const auto account = rows.find<user>(who.user);
    if (!account || account->row.is_deleted || account->row.password != seen_hash) {
        return password_changed();
    }
    planned<bool> plan{.commit = {}, .value = true};
    user row = account->row;
    row.password = std::move(new_hash);
    row.updated_at = later_than(row.updated_at, at);
    append_update(plan.commit, *account, row);
    for (const auto& login : sessions_of(rows, who.user)) {
        if (login.row.id != who.session) {
            append_erase(plan.commit, login);
        }
    }
    return plan;
}

result<planned<user_view>> plan_set_password(const kv::reader& reader, std::string_view username,
                                             std::string new_hash, timestamp at) {
    const row_reader rows{reader};
    const auto account = find_account(reader, username);
    if (!account || account->row.is_deleted) {
        return not_found("user");
    }
    user row = account->row;
    row.password = std::move(new_hash);
    row.updated_at = later_than(row.updated_at, at);
    planned<user_view> plan{.commit = {}, .value = to_user_view(reader, row)};
    append_update(plan.commit, *account, row);
    for (const auto& login : sessions_of(rows, row.id)) {
        append_erase(plan.commit, login);
    }
    return plan;
}

result<planned<user_view>> plan_grant_staff(const kv::reader& reader, std::string_view username,
                                            bool is_staff, timestamp at) {
    const auto account = find_account(reader, username);
    if (!account || account->row.is_deleted) {
        return not_found("user");
    }
    planned<user_view> plan{.commit = {}, .value = to_user_view(reader, account->row)};
    user& row = plan.value.row;
    if (row.is_staff != is_staff) {
        row.is_staff = is_staff;
        row.updated_at = later_than(row.updated_at, at);
        append_update(plan.commit, *account, row);
    }
    return plan;
}

result<planned<bool>> plan_delete_account(const kv::reader& reader, entity_id id,
                                          std::string_view seen_hash, timestamp at,
                                          const precondition<user_view>& may) {
    const row_reader rows{reader};
    const auto account = rows.find<user>(id);
    if (!account || account->row.is_deleted || account->row.password != seen_hash) {
        return password_changed();
    }
    if (may && !may(to_user_view(reader, account->row))) {
        return version_differs();
    }
    planned<bool> plan{.commit = {}, .value = true};
    user row = account->row;
    row.is_deleted = true;
    row.updated_at = later_than(row.updated_at, at);
    row.deleted_at = row.updated_at;  // a clock that is behind does not shorten the retention
    append_update(plan.commit, *account, row);
    for (const auto& login : sessions_of(rows, id)) {
        append_erase(plan.commit, login);
    }
    append_account_jobs(plan.commit, id);
    return plan;
}

}  // namespace pinhole::storage
