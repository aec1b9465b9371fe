// The whole API on one screen. 405, Allow, OpenAPI, rate limits and the access tests derive from
// this table.
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

namespace {

using http::verb;

constexpr query_parameter list_parameters[] = {
    {"page_size", query_value::page_size, "rows on a page"},
    {"cursor", query_value::text, "from `next` or `previous`"},
    {"ordering", query_value::text,
     "fields, with commas between; `-` before one: descending; default -created_at"},
    {"filter", query_value::text,
     "an expression: (content__icontains=\"sea\" | id=5) & ~like_count=0"},
    {"count", query_value::boolean, "`true` adds how many rows there are"},
    {"explain", query_value::boolean, "`true` adds how they were found"},
    {"include_deleted", query_value::boolean, "`true`, for staff: deleted rows as well"},
};

// clang-format off
constexpr route_spec routes[] = {
    {.method = verb::post, .pattern = "/api/v1/auth/signup", .handle = sign_up, .who = access::anyone, .cost = cost::signup,
     .summary = "Create an account", .success = 201, .answer = "login", .body = body_kind::json, .fields = signup_fields, .takes_idempotency_key = true, .errors = {409}},
    {.method = verb::post, .pattern = "/api/v1/auth/login", .handle = log_in, .who = access::anyone, .cost = cost::login,
     .summary = "Log in", .answer = "login", .body = body_kind::json, .fields = login_fields, .errors = {401}},
    {.method = verb::post, .pattern = "/api/v1/auth/restore", .handle = restore_account, .who = access::anyone, .cost = cost::login,
     .summary = "Bring a deleted account back", .answer = "login", .body = body_kind::json, .fields = login_fields, .errors = {401}},
    {.method = verb::post, .pattern = "/api/v1/auth/logout", .handle = log_out,
     .summary = "End this login", .success = 204},
    {.method = verb::get, .pattern = "/api/v1/auth/sessions", .handle = list_sessions,
     .summary = "Your logins", .answer = "session", .is_list = true},
    {.method = verb::delete_, .pattern = "/api/v1/auth/sessions/{id}", .handle = end_session,
     .summary = "End one of your logins", .success = 204, .errors = {412}},
    {.method = verb::post, .pattern = "/api/v1/auth/password", .handle = change_password, .cost = cost::login,
     .summary = "Change your password; every other login ends", .success = 204, .body = body_kind::json, .fields = password_fields, .errors = {403}},

    {.method = verb::get, .pattern = "/api/v1/users", .handle = list_users,
     .summary = "Users, newest first", .answer = "user", .query = list_parameters, .takes_filters = true, .is_list = true, .errors = {403, 422}},
    {.method = verb::get, .pattern = "/api/v1/users/me", .handle = get_me, .summary = "You", .answer = "user", .has_etag = true},
    {.method = verb::patch, .pattern = "/api/v1/users/me", .handle = edit_me, .cost = cost::write,
     .summary = "Edit your profile", .answer = "user", .body = body_kind::json, .fields = profile_fields, .has_etag = true},
    {.method = verb::delete_, .pattern = "/api/v1/users/me", .handle = delete_me, .cost = cost::login,
     .summary = "Delete your account", .success = 204, .body = body_kind::json, .fields = delete_me_fields, .has_etag = true, .errors = {403}},
    {.method = verb::get, .pattern = "/api/v1/users/{id}", .handle = get_user,
     .summary = "A user, by id or @username", .answer = "user", .has_etag = true},

    {.method = verb::get, .pattern = "/api/v1/posts", .handle = list_posts,
     .summary = "Posts, newest first", .answer = "post", .query = list_parameters, .takes_filters = true, .is_list = true, .errors = {403, 422}},
    {.method = verb::post, .pattern = "/api/v1/posts", .handle = create_post, .cost = cost::write,
     .summary = "Create a post with its photos and videos", .success = 201, .answer = "post", .body = body_kind::multipart, .takes_idempotency_key = true, .has_etag = true},
    {.method = verb::get, .pattern = "/api/v1/posts/{id}", .handle = get_post, .summary = "A post", .answer = "post", .has_etag = true},
    {.method = verb::patch, .pattern = "/api/v1/posts/{id}", .handle = edit_post, .cost = cost::write,
     .summary = "Edit your post's text", .answer = "post", .body = body_kind::json, .fields = post_fields, .has_etag = true, .errors = {403}},
    {.method = verb::delete_, .pattern = "/api/v1/posts/{id}", .handle = delete_post, .cost = cost::write,
     .summary = "Delete your post", .success = 204, .has_etag = true, .errors = {403}},
    {.method = verb::post, .pattern = "/api/v1/posts/{id}/restore", .handle = restore_post, .cost = cost::write,
     .summary = "Restore your deleted post", .answer = "post", .has_etag = true, .errors = {403}},
    {.method = verb::put, .pattern = "/api/v1/posts/{id}/like", .handle = put_like, .cost = cost::write,
     .summary = "Like a post; 200 if you did already", .success = 201, .answer = "like", .has_etag = true},
    {.method = verb::delete_, .pattern = "/api/v1/posts/{id}/like", .handle = delete_like, .cost = cost::write,
     .summary = "Take your like back", .success = 204, .has_etag = true},
    {.method = verb::post, .pattern = "/api/v1/posts/{id}/comments", .handle = create_comment, .cost = cost::write,
     .summary = "Comment on a post", .success = 201, .answer = "comment", .body = body_kind::json, .fields = comment_fields, .takes_idempotency_key = true, .has_etag = true},

    {.method = verb::get, .pattern = "/api/v1/files", .handle = list_files,
     .summary = "Files, newest first", .answer = "file", .query = list_parameters, .takes_filters = true, .is_list = true, .errors = {403, 422}},
    {.method = verb::get, .pattern = "/api/v1/files/{id}", .handle = get_file, .summary = "A file", .answer = "file", .has_etag = true},
    {.method = verb::delete_, .pattern = "/api/v1/files/{id}", .handle = delete_file, .cost = cost::write,
     .summary = "Delete a file of your post, unless it is the last", .success = 204, .has_etag = true, .errors = {403, 409}},

    {.method = verb::get, .pattern = "/api/v1/comments", .handle = list_comments,
     .summary = "Comments, newest first", .answer = "comment", .query = list_parameters, .takes_filters = true, .is_list = true, .errors = {403, 422}},
    {.method = verb::get, .pattern = "/api/v1/comments/{id}", .handle = get_comment, .summary = "A comment", .answer = "comment", .has_etag = true},
    {.method = verb::patch, .pattern = "/api/v1/comments/{id}", .handle = edit_comment, .cost = cost::write,
     .summary = "Edit your comment", .answer = "comment", .body = body_kind::json, .fields = comment_fields, .has_etag = true, .errors = {403}},
    {.method = verb::delete_, .pattern = "/api/v1/comments/{id}", .handle = delete_comment, .cost = cost::write,
     .summary = "Delete your comment, or one on your post", .success = 204, .has_etag = true, .errors = {403}},

    {.method = verb::get, .pattern = "/api/v1/likes", .handle = list_likes,
     .summary = "Likes, newest first", .answer = "like", .query = list_parameters, .takes_filters = true, .is_list = true, .errors = {403, 422}},
    {.method = verb::get, .pattern = "/api/v1/likes/{id}", .handle = get_like, .summary = "A like", .answer = "like", .has_etag = true},

    {.method = verb::get, .pattern = "/api/v1/openapi.json", .handle = get_openapi, .who = access::anyone,
     .summary = "This description", .answer = "openapi", .has_etag = true, .any_query = true},
    {.method = verb::get, .pattern = "/healthz", .handle = get_health, .who = access::anyone,
     .summary = "Is the process alive", .answer = "status", .any_query = true},
    {.method = verb::get, .pattern = "/readyz", .handle = get_readiness, .who = access::anyone,
     .summary = "Can it take writes", .answer = "status", .any_query = true},
    {.method = verb::get, .pattern = "/media/{path...}", .handle = get_media, .who = access::anyone,
     .summary = "A photo or video; byte ranges", .answer = "media", .has_etag = true, .errors = {412, 416}, .any_query = true},
};
// clang-format on

}  // namespace

std::span<const route_spec> route_table() {
    return routes;
}

std::vector<http::route> make_routes(api& api) {
    std::vector<http::route> made;
    for (const route_spec& spec : routes) {
        made.push_back(to_route(api, spec));
    }
    return made;
}

}  // namespace pinhole::handlers
