// Sign up, log in, restore, change the password, delete the account: everything that hashes.
#include "storage/accounts.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/idempotency.hpp"
#include "handlers/json_body.hpp"

namespace pinhole::handlers {

namespace {

using storage::error_code;

std::string login_json(const storage::user_view& view, const storage::new_session& login) {
    std::string json = "{\"user\":";
    storage::append_json(json, view);
    json += ",\"token\":";
    storage::append_json_string(json, storage::to_string(login.token));
    json += ",\"expires_at\":\"" + storage::to_rfc3339(login.row.expires_at) + "\"}";
    return json;
}

awaitable<result<std::string>> hash(call& c, std::string password) {
    auto hashed =
        co_await c.api.hash_pool().run([&password] { return storage::hash_password(password); });
    if (!hashed) {
        co_return std::unexpected{storage::overloaded()};
    }
    co_return std::move(*hashed);
}

/// Verifies on the hash pool; the same work whether there is an account or not.
awaitable<result<bool>> verify(call& c, std::string stored_hash, std::string password) {
    const auto matches = co_await c.api.hash_pool().run(
        [&stored_hash, &password] { return storage::verify_password(stored_hash, password); });
    if (!matches) {
        co_return std::unexpected{storage::overloaded()};
    }
    co_return *matches;
}

/// An account and the password that it was verified with.
struct verified {
    storage::user account;
    std::string password;
    bool deleted_too = false;  ///< whether a deleted one may log in
};

awaitable<result<std::optional<storage::user>>> find_account(call& c, const std::string& username) {
    co_return co_await c.api.work().read(
        [&](const kv::reader& reader) -> result<std::optional<storage::user>> {
            auto found = storage::find_account(reader, username);
            return found ? std::optional{std::move(found->row)} : std::nullopt;
        });
}

/// The account if the password is right. Errors: bad_credentials, whatever was wrong.
awaitable<std::expected<verified, http::response>> verify_account(call& c, text_fields& fields,
                                                                  bool deleted_too) {
    const std::string username = storage::to_canonical_username(fields.take("username"));
    if (auto refused = refuse_guess(c, '@' + username)) {
        co_return std::unexpected{std::move(*refused)};
    }
    const auto account = co_await find_account(c, username);
    if (!account) {
        co_return std::unexpected{to_response(account.error())};
    }
    std::string password = fields.take("password");
    const bool may_log_in = *account && (deleted_too || !(*account)->is_deleted);
    const auto matches =
        co_await verify(c, may_log_in ? (*account)->password : std::string{}, password);
    if (!matches) {
        co_return std::unexpected{to_response(matches.error())};
    }
    if (!*matches) {
        co_return std::unexpected{to_response(storage::wrong_credentials())};
    }
    co_return verified{**account, std::move(password), deleted_too};
}

/// A new hash for the account if its own is outdated. Nothing while the pool is too busy, too: the
/// next login does it as well.
awaitable<storage::rehashed_password> rehash(call& c, const verified& who) {
    if (!storage::needs_rehash(who.account.password)) {
        co_return std::nullopt;
    }
    auto hashed = co_await hash(c, who.password);
    co_return hashed ? storage::rehashed_password{std::move(*hashed)} : std::nullopt;
}

/// Whether the account has got another hash of the very password since it was verified, by another
/// login that has put argon2id in an imported one's place. `who` is then as the account is now.
awaitable<bool> was_rehashed(call& c, verified& who) {
    if (!storage::needs_rehash(who.account.password)) {
        co_return false;
    }
    const auto now_stored = co_await find_account(c, who.account.username);
    if (!now_stored || !*now_stored || (*now_stored)->id != who.account.id ||
        (*now_stored)->password == who.account.password ||
        ((*now_stored)->is_deleted && !who.deleted_too)) {
        co_return false;
    }
    const auto matches = co_await verify(c, (*now_stored)->password, who.password);
    who.account = **now_stored;
    co_return matches && *matches;
}

/// A login for `account`, or nothing while no id can be had.
std::optional<storage::new_session> make_login(call& c, storage::entity_id account) {
    const auto id = c.api.database().ids().next();
    if (!id) {
        return std::nullopt;
    }
    return storage::make_session(c.api.database().keys(), *id, account,
                                 c.request.header("user-agent"), c.at, c.api.options().token_life);
}

}  // namespace

awaitable<http::response> sign_up(call& c) {
    auto body = co_await read_json(c, signup_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    const std::string username = storage::to_canonical_username(body->fields.take("username"));
    const auto key = hold_key(c, "signup");
    if (!key) {
        co_return to_response(key.error());
    }
    const std::string fingerprint = fingerprint_of(body->bytes);
    storage::user row{.username = username,
                      .name = body->fields.take_optional("name").value_or(""),
                      .website = body->fields.take_optional("website").value_or(""),
                      .bio = body->fields.take_optional("bio").value_or("")};
    // Hashing is dear, so a retry, and a name that is taken, are answered before it.
    auto early = co_await c.api.work().read(
        [&](const kv::reader& reader) -> result<std::optional<storage::idempotent_answer>> {
            auto earlier = find_earlier_answer(reader, c, *key, fingerprint);
            if (earlier && !*earlier && storage::find_account(reader, row.username)) {
                return std::unexpected{storage::username_taken()};
            }
            return earlier;
        });
    if (!early) {
        co_return to_response(early.error());
    }
    if (*early) {
        co_return http::response::json(http::status::created, std::move((*early)->body));
    }
    auto password = co_await hash(c, body->fields.take("password"));
    if (!password) {
        co_return to_response(password.error());
    }
    row.password = std::move(*password);
    const auto made = c.api.database().ids().next_dated(storage::now());
    const auto login = made ? make_login(c, made->id) : std::nullopt;
    if (!login) {
        co_return no_id_answer(c);
    }
    row.id = made->id;
    row.created_at = row.updated_at = made->created_at;
    auto plan = [&](const kv::reader& reader) {
        return storage::plan_signup(reader, row, login->row);
    };
    auto render = [&](const storage::user_view& view) {
        return storage::idempotent_answer{.status = 201, .body = login_json(view, *login)};
    };
    const auto answer = co_await c.api.work().write([&](const kv::reader& reader) {
        return plan_once(reader, c, *key, fingerprint, plan, render);
    });
    if (!answer) {
        co_return to_response(answer.error());
    }
    co_return http::response::json(http::status::created, answer->body);
}

namespace {

/// Logs in by what `plan` plans, putting a hash of our own in an outdated one's place.
template <class Plan>
awaitable<http::response> log_in_verified(call& c, verified who, Plan plan) {
    for (;;) {
        const auto login = make_login(c, who.account.id);
        if (!login) {
            co_return no_id_answer(c);
        }
        const auto rehashed = co_await rehash(c, who);
        const auto view = co_await c.api.work().write([&](const kv::reader& reader) {
            return plan(reader, who.account, login->row, rehashed);
        });
        if (view) {
            co_return http::response::json(http::status::ok, login_json(*view, *login));
        }
        if (view.error().code != error_code::bad_credentials || !co_await was_rehashed(c, who)) {
            co_return to_response(view.error());
        }
    }
}

}  // namespace

awaitable<http::response> log_in(call& c) {
    auto body = co_await read_json(c, login_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    auto who = co_await verify_account(c, body->fields, false);
    if (!who) {
        co_return std::move(who.error());
    }
    auto plan = [](const kv::reader& reader, const storage::user& seen,
                   const storage::session& login, const storage::rehashed_password& rehashed) {
        return storage::plan_login(reader, seen, login, rehashed);
    };
    co_return co_await log_in_verified(c, std::move(*who), plan);
}

awaitable<http::response> restore_account(call& c) {
    auto body = co_await read_json(c, login_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    auto who = co_await verify_account(c, body->fields, true);
    if (!who) {
        co_return std::move(who.error());
    }
    const storage::entity_id account = who->account.id;
    auto plan = [&c](const kv::reader& reader, const storage::user& seen,
                     const storage::session& login, const storage::rehashed_password& rehashed) {
        return storage::plan_restore_account(reader, seen, login, c.at,
                                             c.api.options().restore_retention, rehashed);
    };
    auto answer = co_await log_in_verified(c, std::move(*who), plan);
    if (answer.code != http::status::ok) {
        co_return answer;
    }
    c.api.database().wake_jobs();
    const auto placed = co_await place_media(c, {storage::job_kind::place_account_media, account});
    if (!placed) {
        co_return to_response(placed.error());
    }
    co_return answer;
}

namespace {

/// The caller's password hash, if `field` of the body is the caller's password.
awaitable<std::expected<std::string, http::response>> verified_hash(call& c, text_fields& fields,
                                                                    std::string_view field) {
    if (auto refused = refuse_guess(c, std::to_string(c.who.user))) {
        co_return std::unexpected{std::move(*refused)};
    }
    const auto stored_hash =
        co_await c.api.work().read([&](const kv::reader& reader) -> result<std::string> {
            storage::row_reader rows{reader};
            const auto* account = rows.alive_user(c.who.user);
            return account != nullptr ? account->row.password : std::string{};
        });
    if (!stored_hash) {
        co_return std::unexpected{to_response(stored_hash.error())};
    }
    const auto matches = co_await verify(c, *stored_hash, fields.take(field));
    if (!matches) {
        co_return std::unexpected{to_response(matches.error())};
    }
    if (!*matches) {
        co_return std::unexpected{
            to_response(storage::error{error_code::forbidden,
                                       "The password is wrong.",
                                       {{std::string{field}, "wrong", "is not your password"}}})};
    }
    co_return *stored_hash;
}

}  // namespace

awaitable<http::response> change_password(call& c) {
    auto body = co_await read_json(c, password_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    auto seen = co_await verified_hash(c, body->fields, "old_password");
    if (!seen) {
        co_return std::move(seen.error());
    }
    const auto hashed = co_await hash(c, body->fields.take("new_password"));
    if (!hashed) {
        co_return to_response(hashed.error());
    }
    const auto changed = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_change_password(reader, c.who, *seen, *hashed, c.at);
    });
    co_return changed ? http::response::no_content() : to_response(changed.error());
}

awaitable<http::response> delete_me(call& c) {
    auto body = co_await read_json(c, delete_me_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    auto seen = co_await verified_hash(c, body->fields, "password");
    if (!seen) {
        co_return std::move(seen.error());
    }
    const auto may = if_match<storage::user_view>(c.request);
    const auto deleted = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_delete_account(reader, c.who.user, *seen, c.at, may);
    });
    if (!deleted) {
        co_return to_response(deleted.error());
    }
    c.api.database().wake_jobs();
    const auto placed =
        co_await place_media(c, {storage::job_kind::place_account_media, c.who.user});
    co_return placed ? http::response::no_content() : to_response(placed.error());
}

}  // namespace pinhole::handlers
