// Users: sign up, log in, edit, change password, delete, restore.
//
// Passwords are hashed and verified before or between units of work (secrets.hpp), never inside
// one. Every function here runs inside a unit of work. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/sessions.hpp"

namespace pinhole::storage {

error username_taken();
/// Never says which of the two it was.
error wrong_credentials();

/// Creates the account and its first login. Errors: conflict, naming `username`, if it is taken,
/// also by a deleted account.
result<planned<user_view>> plan_signup(const kv::reader& reader, const user& row,
                                       const session& login);

/// Creates the account without a login. Errors: as `plan_signup`.
result<planned<user_view>> plan_create_account(const kv::reader& reader, const user& row);

/// The account of that name, deleted or not.
std::optional<stored<user>> find_account(const kv::reader& reader, std::string_view username);

/// A new hash of the same password, to be stored in place of one that is outdated.
using rehashed_password = std::optional<std::string>;

/// Adds a login to an account whose password was verified against `seen`.
/// Errors: bad_credentials if the account is gone, or its password is another one by now.
result<planned<user_view>> plan_login(const kv::reader& reader, const user& seen,
                                      const session& login, const rehashed_password& rehashed = {});

/// Brings a deleted account back, with a login, after its password was verified against `seen`.
/// Errors: bad_credentials as above, or deleted longer than `retention` ago.
result<planned<user_view>> plan_restore_account(const kv::reader& reader, const user& seen,
                                                const session& login, timestamp at,
                                                std::chrono::seconds retention,
                                                const rehashed_password& rehashed = {});

/// Errors: not_found.
result<user_view> get_user(const kv::reader& reader, entity_id id);
/// By `@username`, or by id in decimal. Errors: not_found.
result<user_view> get_user(const kv::reader& reader, std::string_view reference);

/// Whether the account is there and is that of staff.
bool is_staff(const kv::reader& reader, entity_id id);

struct profile_changes {
    std::optional<std::string> name;
    std::optional<std::string> website;
    std::optional<std::string> bio;
};
/// Errors: precondition_failed.
result<planned<user_view>> plan_edit_profile(const kv::reader& reader, entity_id id,
                                             const profile_changes& changes, timestamp at,
                                             const precondition<user_view>& may);

/// Replaces the password, verified against `seen`; every session but `who`'s ends.
/// Errors: forbidden if it is another one by now.
result<planned<bool>> plan_change_password(const kv::reader& reader, const caller& who,
                                           std::string_view seen_hash, std::string new_hash,
                                           timestamp at);

/// Replaces the password on an operator's word, and ends every session of the account.
/// Errors: not_found.
result<planned<user_view>> plan_set_password(const kv::reader& reader, std::string_view username,
                                             std::string new_hash, timestamp at);

/// Makes the account one of staff, or not; nothing to commit if it is so already.
/// Errors: not_found.
result<planned<user_view>> plan_grant_staff(const kv::reader& reader, std::string_view username,
                                            bool is_staff, timestamp at);

/// Soft-deletes the account and ends its sessions; counts on other people's posts and the moves
/// of its media are left to jobs in the same commit.
result<planned<bool>> plan_delete_account(const kv::reader& reader, entity_id id,
                                          std::string_view seen_hash, timestamp at,
                                          const precondition<user_view>& may);

}  // namespace pinhole::storage
