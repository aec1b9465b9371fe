// The entities, each declared once. Everything that walks an entity's fields derives from here.
//
// A stored row is (varint tag, varint length, bytes)*: unknown tags are skipped, absent ones take
// the member's default, so a field may be added at any time. An older program would drop it at its
// next rewrite of the row, so adding one raises `schema_version`, with a step in migrations.cpp
// that has nothing to do. Tags, index numbers, unique numbers and family ids are on disk: never
// renumber, never reuse.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "storage/base/time.hpp"
#include "storage/kv/store.hpp"
#include "storage/schema/schema.hpp"

namespace pinhole::storage {

/// The version of keys and rows as this program writes them (meta key `schema_version`).
inline constexpr std::int64_t schema_version = 2;

namespace families {
inline constexpr kv::family_id meta = 1, users = 2, posts = 3, files = 4, comments = 5, likes = 6,
                               index = 7, unique = 8, counters = 9, sessions = 10, idempotency = 11,
                               jobs = 12, terms = 13;
inline constexpr std::array all{
    kv::family_spec{meta, "meta", kv::family_kind::rows},
    kv::family_spec{users, "users", kv::family_kind::rows},
    kv::family_spec{posts, "posts", kv::family_kind::rows},
    kv::family_spec{files, "files", kv::family_kind::rows},
    kv::family_spec{comments, "comments", kv::family_kind::rows},
    kv::family_spec{likes, "likes", kv::family_kind::rows},
    kv::family_spec{index, "index", kv::family_kind::index},
    kv::family_spec{unique, "unique", kv::family_kind::rows},
    kv::family_spec{counters, "counters", kv::family_kind::counters},
    kv::family_spec{sessions, "sessions", kv::family_kind::rows},
    kv::family_spec{idempotency, "idempotency", kv::family_kind::rows},
    kv::family_spec{jobs, "jobs", kv::family_kind::index},
    kv::family_spec{terms, "terms", kv::family_kind::postings},
};
}  // namespace families

struct user {
    entity_id id = 0;
    std::string username = {};
    std::string password = {};  ///< argon2id PHC string, or what DUMP imports bring; never shown
    std::string name = {};
    std::string website = {};
    std::string bio = {};
    bool is_staff = false;
    timestamp created_at{};
    timestamp updated_at{};
    bool is_deleted = false;
    timestamp deleted_at{};  ///< start of the retention in which it may be restored
};

struct post;

struct file {
    entity_id id = 0;
    reference_to<storage::post> post = {};
    std::int64_t position = 0;
    std::string type = {};  ///< "image" or "video"
    std::string url = {};
    std::string content_type = {};
    std::int64_t size = 0;
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::string sha256 = {};
    timestamp created_at{};
    timestamp updated_at{};
    bool is_deleted = false;
};

struct post {
    entity_id id = 0;
    reference_to<user> author = {};
    std::string content = {};
    std::vector<file> files = {};  ///< a copy of the alive file rows, so that a post is one read
    timestamp created_at{};
    timestamp updated_at{};
    bool is_deleted = false;
    timestamp deleted_at{};
};

struct comment {
    entity_id id = 0;
    reference_to<storage::post> post = {};
    reference_to<user> author = {};
    std::string content = {};
    timestamp created_at{};
    timestamp updated_at{};
    bool is_deleted = false;
    bool is_counted = false;  ///< is it in its post's comment_count right now
};

struct like {
    entity_id id = 0;
    reference_to<storage::post> post = {};
    reference_to<storage::user> user = {};
    timestamp created_at{};
    timestamp updated_at{};
    bool is_deleted = false;
    bool is_counted = false;  ///< is it in its post's like_count right now
};

/// A login. Not an entity of the API's lists, not dumped; the token itself is never stored.
struct session {
    entity_id id = 0;
    reference_to<storage::user> user = {};
    std::string token_hash = {};
    std::string user_agent = {};
    timestamp created_at{};
    timestamp last_used_at{};
    timestamp expires_at{};
    bool is_deleted = false;  ///< always false: an ended session's row is erased
};

/// The part of a user that travels with everything a user wrote.
struct user_brief {
    entity_id id = 0;
    std::string username = {};
    std::string name = {};
};

// Views: a row joined with what the API shows beside it.
struct user_view {
    user row = {};
    std::int64_t post_count = 0;
};
struct post_view {
    post row = {};
    user_brief person = {};
    std::int64_t like_count = 0;
    std::int64_t comment_count = 0;
    bool liked = false;
};
struct file_view {
    file row = {};
};
struct comment_view {
    comment row = {};
    user_brief person = {};
};
struct like_view {
    like row = {};
    user_brief person = {};
};
struct session_view {
    session row = {};
    bool is_current = false;
};

/// Both counters of a post lie in one value, packed, so that a post's counts are one read:
/// likes in the low 32 bits, comments above. Sums of deltas stay exact, since neither half is ever
/// negative.
struct post_counts {
    std::int64_t likes = 0;
    std::int64_t comments = 0;
};
inline constexpr std::int64_t one_like = 1;
inline constexpr std::int64_t one_comment = std::int64_t{1} << 32;
constexpr post_counts unpack_post_counts(std::int64_t packed) {
    return {packed & 0xFFFF'FFFF, packed >> 32};
}

namespace terms_of {
std::vector<std::string> list_file_types(const post& row);
void visit_file_types(const post& row, const term_visitor& visit);
inline constexpr term_source<post> file_types{&list_file_types, &visit_file_types};

template <class Row, std::string Row::* Member>
inline constexpr term_source<Row> text{
    [](const Row& row) { return trigrams_of(row.*Member); },
    [](const Row& row, const term_visitor& visit) { visit_trigrams(row.*Member, visit); }};
}  // namespace terms_of

template <>
struct schema<user> {
    static constexpr std::string_view name = "users";
    static constexpr std::string_view singular = "user";
    static constexpr kv::family_id family = families::users;
    static constexpr auto fields = std::tuple{
        field{1, "id", &user::id},
        field{2, "username", &user::username, exposure::api, username_rule},
        field{3, "password", &user::password, exposure::dump, password_rule},
        field{4, "name", &user::name, exposure::api, name_rule},
        field{5, "website", &user::website, exposure::api, website_rule},
        field{6, "bio", &user::bio, exposure::api, bio_rule},
        field{7, "is_staff", &user::is_staff, exposure::dump},
        computed{"post_count", &user_view::post_count},
        field{8, "created_at", &user::created_at},
        field{9, "updated_at", &user::updated_at},
        field{10, "is_deleted", &user::is_deleted},
        field{11, "deleted_at", &user::deleted_at, exposure::internal},
    };
    static constexpr auto indexes = std::tuple{
        index{1, "newest", global_scope{}, std::tuple{&user::created_at}},
        index{2, "username", global_scope{}, std::tuple{&user::username}},
    };
    static constexpr std::array inverted{
        inverted_index<user>{3, "username", term_kind::trigrams,
                             terms_of::text<user, &user::username>},
        inverted_index<user>{4, "name", term_kind::trigrams, terms_of::text<user, &user::name>},
    };
    static constexpr std::array ranks{
        rank{5, "post_count", [](std::int64_t counter) { return counter; }},
    };
    static constexpr std::string_view counter_name = "u";
    static constexpr std::uint8_t unranked_number = 6, ranked_number = 7;
    static constexpr auto uniques = std::tuple{
        unique{1, "username", global_scope{}, std::tuple{&user::username}},
    };
};

template <>
struct schema<post> {
    static constexpr std::string_view name = "posts";
    static constexpr std::string_view singular = "post";
    static constexpr kv::family_id family = families::posts;
    static constexpr auto fields = std::tuple{
        field{1, "id", &post::id},
        field{2, "author", &post::author},
        field{3, "content", &post::content, exposure::api, post_content_rule},
        field{4, "files", &post::files, exposure::derived},
        computed{"like_count", &post_view::like_count},
        computed{"comment_count", &post_view::comment_count},
        computed{"liked", &post_view::liked},
        field{5, "created_at", &post::created_at},
        field{6, "updated_at", &post::updated_at},
        field{7, "is_deleted", &post::is_deleted},
        field{8, "deleted_at", &post::deleted_at, exposure::internal},
    };
    static constexpr auto indexes = std::tuple{
        index{10, "newest", global_scope{}, std::tuple{&post::created_at}},
        index{11, "author", &post::author, std::tuple{&post::created_at}},
    };
    static constexpr std::array inverted{
        inverted_index<post>{12, "files__type", term_kind::values, terms_of::file_types},
        inverted_index<post>{13, "content", term_kind::trigrams,
                             terms_of::text<post, &post::content>},
    };
    static constexpr std::array ranks{
        rank{14, "like_count",
             [](std::int64_t counter) { return unpack_post_counts(counter).likes; }},
        rank{15, "comment_count",
             [](std::int64_t counter) { return unpack_post_counts(counter).comments; }},
    };
    static constexpr std::string_view counter_name = "p";
    static constexpr std::uint8_t unranked_number = 16, ranked_number = 17;
    static constexpr auto uniques = std::tuple{};
};

template <>
struct schema<file> {
    static constexpr std::string_view name = "files";
    static constexpr std::string_view singular = "file";
    static constexpr kv::family_id family = families::files;
    static constexpr auto fields = std::tuple{
        field{1, "id", &file::id},
        field{2, "post", &file::post},
        field{3, "position", &file::position},
        field{4, "type", &file::type},
        field{5, "url", &file::url},
        field{6, "content_type", &file::content_type},
        field{7, "size", &file::size},
        field{8, "width", &file::width},
        field{9, "height", &file::height},
        field{10, "sha256", &file::sha256, exposure::dump},
        field{11, "created_at", &file::created_at},
        field{12, "updated_at", &file::updated_at},
        field{13, "is_deleted", &file::is_deleted},
    };
    static constexpr auto indexes = std::tuple{
        index{20, "newest", global_scope{}, std::tuple{&file::created_at}},
        index{21, "post", &file::post, std::tuple{&file::created_at}},
        index{22, "type", global_scope{}, std::tuple{&file::type, &file::created_at}},
    };
    static constexpr auto uniques = std::tuple{
        unique{2, "url", global_scope{}, std::tuple{&file::url}},
    };
};

template <>
struct schema<comment> {
    static constexpr std::string_view name = "comments";
    static constexpr std::string_view singular = "comment";
    static constexpr kv::family_id family = families::comments;
    static constexpr auto fields = std::tuple{
        field{1, "id", &comment::id},
        field{2, "post", &comment::post},
        field{3, "author", &comment::author},
        field{4, "content", &comment::content, exposure::api, comment_content_rule},
        field{5, "created_at", &comment::created_at},
        field{6, "updated_at", &comment::updated_at},
        field{7, "is_deleted", &comment::is_deleted},
        field{8, "is_counted", &comment::is_counted, exposure::internal},
    };
    static constexpr auto indexes = std::tuple{
        index{30, "newest", global_scope{}, std::tuple{&comment::created_at}},
        index{31, "post", &comment::post, std::tuple{&comment::created_at}},
        index{32, "author", &comment::author, std::tuple{&comment::created_at}, &comment::post},
        index{33, "post_author", &comment::post,
              std::tuple{&comment::author, &comment::created_at}},
    };
    static constexpr std::array inverted{
        inverted_index<comment>{34, "content", term_kind::trigrams,
                                terms_of::text<comment, &comment::content>},
    };
    static constexpr auto uniques = std::tuple{};
};

template <>
struct schema<like> {
    static constexpr std::string_view name = "likes";
    static constexpr std::string_view singular = "like";
    static constexpr kv::family_id family = families::likes;
    static constexpr auto fields = std::tuple{
        field{1, "id", &like::id},
        field{2, "post", &like::post},
        field{3, "user", &like::user},
        field{4, "created_at", &like::created_at},
        field{5, "updated_at", &like::updated_at},
        field{6, "is_deleted", &like::is_deleted},
        field{7, "is_counted", &like::is_counted, exposure::internal},
    };
    static constexpr auto indexes = std::tuple{
        index{40, "newest", global_scope{}, std::tuple{&like::created_at}},
        index{41, "post", &like::post, std::tuple{&like::created_at}},
        index{42, "user", &like::user, std::tuple{&like::created_at}, &like::post},
    };
    static constexpr auto uniques = std::tuple{
        unique{3, "post_user", &like::post, std::tuple{&like::user}},
    };
};

template <>
struct schema<session> {
    static constexpr std::string_view name = "sessions";
    static constexpr std::string_view singular = "session";
    static constexpr kv::family_id family = families::sessions;
    static constexpr auto fields = std::tuple{
        field{1, "id", &session::id},
        field{2, "user", &session::user, exposure::internal},
        field{3, "token_hash", &session::token_hash, exposure::internal},
        field{4, "user_agent", &session::user_agent},
        field{5, "created_at", &session::created_at},
        field{6, "last_used_at", &session::last_used_at},
        field{7, "expires_at", &session::expires_at},
        computed{"is_current", &session_view::is_current},
        field{8, "is_deleted", &session::is_deleted, exposure::internal},
    };
    static constexpr auto indexes = std::tuple{
        index{50, "user", &session::user, std::tuple{&session::created_at}},
        index{51, "expiry", global_scope{}, std::tuple{&session::expires_at}},
    };
    static constexpr auto uniques = std::tuple{};
};

static_assert(is_sound<user>() && is_sound<post>() && is_sound<file>() && is_sound<comment>() &&
              is_sound<like>() && is_sound<session>());
/// The one index that no entity declares: idempotency records by their expiry (idempotency.cpp).
inline constexpr std::uint8_t idempotency_expiry_index = 60;

static_assert(
    has_distinct_numbers<user, post, file, comment, like, session>({idempotency_expiry_index}));

}  // namespace pinhole::storage
