#include "storage/django/field_map.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::string_view text =
    R"map(# Which field of a Django model is which of Pinhole's. Left: Pinhole's name. Right: Django's.
#
#   content = "caption"                 the field
#   content = ["text", "caption"]       the first of them that is there and not empty
#   name = { join = ["first", "last"] } all of them, with spaces between
#   website = { value = "https://…" }   a constant; with field = …: where that says nothing
#   website = ""                        nothing: it takes its default
#   author = { field = "author", to = "profile" }   refers to a profile, and not to a user
#
# "pk" is the primary key. A field that a model has and that stands nowhere here, not in `ignore`
# either, is refused. `ignore` adds to the names that are ignored here. A map has to say only what
# is other than here. model = "" says that there is no such model.

[user]
model = "auth.user"
username = "username"
password = "password"
is_staff = ["is_staff", "is_superuser"] # true if one of them is
is_active = "is_active"                 # false: the account is deleted, and nobody logs in with it
name = { join = ["first_name", "last_name"] }
website = ""
bio = ""
created_at = "date_joined"
updated_at = ""                         # without one: created_at
ignore = ["last_login", "email", "groups", "user_permissions"]

[profile]                               # what it says goes before what the user says
model = "api.profile"
user = ["user", "pk"]
name = "name"
website = "website"
bio = "bio"
updated_at = ["updated_at", "updated"]
is_deleted = ""
ignore = ["created_at", "created"]

[post]
model = "api.post"
author = ["author", "user"]
content = ["content", "caption", "text"]
file = ""                               # a FileField of the post itself, if it has one
created_at = ["created_at", "created"]  # without one: when its author was made
updated_at = ["updated_at", "updated"]
is_deleted = "is_deleted"               # a time means true as well: is_deleted = "deleted_at"
ignore = []

[file]
model = "api.file"
post = "post"
file = ["file", "image"]                # relative to --media-root
position = ["position", "order"]        # without one: by primary key
created_at = ["created_at", "created"]  # without one: when its post was made
updated_at = ["updated_at", "updated"]
is_deleted = "is_deleted"
ignore = ["type", "content_type", "size", "width", "height", "sha256"] # found out anew

[comment]
model = "api.comment"
post = "post"
author = ["author", "user"]
content = ["content", "text"]
created_at = ["created_at", "created"]  # without one: when its post was made
updated_at = ["updated_at", "updated"]
is_deleted = "is_deleted"
ignore = []

[like]
model = "api.like"
post = "post"
user = ["user", "author"]
created_at = ["created_at", "created"]  # without one: when its post was made
updated_at = ["updated_at", "updated"]
is_deleted = "is_deleted"
ignore = []

[format]
utc_offset = "+00:00"                   # of times that do not say theirs (USE_TZ = False)
)map";

}  // namespace

std::string_view default_map_text() {
    return text;
}

}  // namespace pinhole::storage::django
