// The handlers that routes.cpp names, what their bodies hold, and what several of them share.
#pragma once

#include "handlers/dispatch.hpp"
#include "storage/jobs.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::handlers {

// What a login is checked against is whatever was set, so these rules only bound the size.
inline constexpr storage::text_rule credential_rule{0, 1024, storage::text_format::secret};
inline constexpr storage::text_rule login_name_rule{0, 1024, storage::text_format::plain};

inline constexpr body_field signup_fields[] = {
    {"username", storage::rule_of<storage::user>("username")},
    {"password", storage::rule_of<storage::user>("password")},
    {"name", storage::rule_of<storage::user>("name"), false},
    {"website", storage::rule_of<storage::user>("website"), false},
    {"bio", storage::rule_of<storage::user>("bio"), false}};
inline constexpr body_field login_fields[] = {{"username", login_name_rule},
                                              {"password", credential_rule}};
inline constexpr body_field password_fields[] = {
    {"old_password", credential_rule},
    {"new_password", storage::rule_of<storage::user>("password")}};
inline constexpr body_field delete_me_fields[] = {{"password", credential_rule}};
inline constexpr body_field profile_fields[] = {
    {"name", storage::rule_of<storage::user>("name"), false},
    {"website", storage::rule_of<storage::user>("website"), false},
    {"bio", storage::rule_of<storage::user>("bio"), false}};
inline constexpr body_field post_fields[] = {
    {"content", storage::rule_of<storage::post>("content")}};
inline constexpr body_field comment_fields[] = {
    {"content", storage::rule_of<storage::comment>("content")}};

// accounts.cpp
awaitable<http::response> sign_up(call& c);
awaitable<http::response> log_in(call& c);
awaitable<http::response> restore_account(call& c);
awaitable<http::response> change_password(call& c);
awaitable<http::response> delete_me(call& c);
// sessions.cpp
awaitable<http::response> log_out(call& c);
awaitable<http::response> list_sessions(call& c);
awaitable<http::response> end_session(call& c);
// users.cpp
awaitable<http::response> get_user(call& c);
awaitable<http::response> get_me(call& c);
awaitable<http::response> edit_me(call& c);
// lists.cpp
awaitable<http::response> list_users(call& c);
awaitable<http::response> list_posts(call& c);
awaitable<http::response> list_files(call& c);
awaitable<http::response> list_comments(call& c);
awaitable<http::response> list_likes(call& c);
// upload.cpp
awaitable<http::response> create_post(call& c);
// posts.cpp
awaitable<http::response> get_post(call& c);
awaitable<http::response> edit_post(call& c);
awaitable<http::response> delete_post(call& c);
awaitable<http::response> restore_post(call& c);
// files.cpp
awaitable<http::response> get_file(call& c);
awaitable<http::response> delete_file(call& c);
// comments.cpp
awaitable<http::response> create_comment(call& c);
awaitable<http::response> get_comment(call& c);
awaitable<http::response> edit_comment(call& c);
awaitable<http::response> delete_comment(call& c);
// likes.cpp
awaitable<http::response> put_like(call& c);
awaitable<http::response> delete_like(call& c);
awaitable<http::response> get_like(call& c);
// media.cpp
awaitable<http::response> get_media(call& c);
// health.cpp
awaitable<http::response> get_health(call& c);
awaitable<http::response> get_readiness(call& c);
// openapi.cpp
awaitable<http::response> get_openapi(call& c);

/// The id in the path; nothing if it is no id, which is answered as "there is none".
std::optional<storage::entity_id> path_id(const call& c);

/// No id can be issued while the store takes no writes.
http::response no_id_answer(const call& c);

/// Moves media to where a committed change says, before the answer leaves.
/// Errors: overloaded, storage_full: the change is made, the move follows in the background.
awaitable<result<void>> place_media(call& c, storage::job job);

}  // namespace pinhole::handlers
