// Of the passes of a conversion the second: what refers to what, and which rows there may be.
#include <utility>

#include "storage/django/conversion.hpp"
#include "storage/django/usernames.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::uint64_t objects_between_reports = 256;

/// Who wants to have a username.
struct name_claim {
    std::uint64_t line = 0;
    std::string pk;
    std::string order;     ///< of the user among all
    std::string original;  ///< what Django has
    bool is_proposed = false;
};

std::string encode(const name_claim& claim) {
    std::string out;
    append_varint(out, claim.line);
    append_varint(out, claim.is_proposed ? 1 : 0);
    append_bytes(out, claim.pk);
    append_bytes(out, claim.order);
    append_bytes(out, claim.original);
    return out;
}

name_claim decode(std::string_view bytes) {
    name_claim claim;
    claim.line = take_varint(bytes).value();
    claim.is_proposed = take_varint(bytes).value() != 0;
    claim.pk = take_bytes(bytes).value();
    claim.order = take_bytes(bytes).value();
    claim.original = take_bytes(bytes).value();
    return claim;
}

/// Rows without dates of their own have those of what they hang under.
template <class Row>
void date(Row& row, timestamp otherwise) {
    if (row.created_at == timestamp{}) {
        row.created_at = otherwise;
    }
    if (row.updated_at == timestamp{}) {
        row.updated_at = row.created_at;
    }
}

}  // namespace

/// All that were staged, by the hashes of their primary keys, each once.
template <class Row, class Function>
void conversion::for_each_of(section which, sorter& from, const Function& function) {
    from->finish();
    std::string last;
    std::uint64_t done = 0;
    std::uint64_t first_line = 0;
    while (const auto record = from->next()) {
        if (done++ % objects_between_reports == 0) {
            watch_.advance({.phase = "references", .done = done, .total = from->size()});
        }
        auto object = decode_staged<Row>(record->value);
        if (record->key == last) {
            fault(which, object.line, object.pk,
                  "its primary key is that of the object on line " + std::to_string(first_line) +
                      ", too");
            continue;
        }
        last = record->key;
        first_line = object.line;
        function(object);
    }
    from.reset();
}

void conversion::settle_profiles() {
    begin_sorting(profiles_by_user_);
    for_each_of<user>(section::profile, profiles_, [&](staged<user>& profile) {
        const pk_key owner = key_of(profile.person);
        known_profiles_.append(key_of(profile.pk), {owner});
        profiles_by_user_->add(bytes_of(owner), encode_staged(profile));
    });
}

void conversion::settle_users() {
    begin_sorting(users_in_order_);
    begin_sorting(names_);
    profiles_by_user_->finish();
    auto next = profiles_by_user_->next();
    const auto no_user = [&](std::string_view value) {
        const auto profile = decode_staged<user>(value);
        if (!profile.person.empty()) {
            fault(section::profile, profile.line, profile.pk,
                  "its user " + profile.person + " is not in the fixture");
        }
    };
    for_each_of<user>(section::user, users_, [&](staged<user>& account) {
        const pk_key key = key_of(account.pk);
        for (; next && next->key < bytes_of(key); next = profiles_by_user_->next()) {
            no_user(next->value);
        }
        std::optional<staged<user>> profile;
        for (; next && next->key == bytes_of(key); next = profiles_by_user_->next()) {
            auto found = decode_staged<user>(next->value);
            if (profile) {
                fault(section::profile, found.line, found.pk,
                      "its user " + found.person + " has another profile, too: " + profile->pk);
                continue;
            }
            profile = std::move(found);
        }
        settle_user(account, profile);
        known_users_.append(key, {.created_at = account.row.created_at, .id = 0});
    });
    for (; next; next = profiles_by_user_->next()) {
        no_user(next->value);
    }
    profiles_by_user_.reset();
}

void conversion::settle_user(staged<user>& account, const std::optional<staged<user>>& profile) {
    user& row = account.row;
    if (profile) {
        const user& more = profile->row;
        row.name = more.name.empty() ? row.name : more.name;
        row.website = more.website.empty() ? row.website : more.website;
        row.bio = more.bio.empty() ? row.bio : more.bio;
        row.is_deleted = row.is_deleted || more.is_deleted;
        row.updated_at = std::max(row.updated_at, more.updated_at);
    }
    date(row, {});
    check_text(section::user, account.line, account.pk, "name", name_rule, row.name);
    check_text(section::user, account.line, account.pk, "website", website_rule, row.website);
    check_text(section::user, account.line, account.pk, "bio", bio_rule, row.bio);

    name_claim claim{.line = account.line,
                     .pk = account.pk,
                     .order = sort_key(section::user, account),
                     .original = row.username};
    row.username = to_canonical_username(row.username);
    if (const auto wrong = find_fault("username", username_rule, row.username)) {
        if (!options_.rename_users) {
            fault(section::user, account.line, account.pk,
                  "username " + claim.original + ' ' + wrong->message +
                      ". Change it there, or give --rename-users");
        }
        row.username = to_valid_username(claim.original);
        claim.is_proposed = true;
    }
    // Of those who want the same, whose it has been goes first, then who was there first.
    kv::key_writer key;
    key.append_string(row.username).append_u8(claim.is_proposed ? 1 : 0);
    names_->add(key.bytes() + claim.order, encode(claim));
    users_in_order_->add(claim.order, encode_staged(account));
}

void conversion::settle_names() {
    begin_sorting(new_names_);
    names_->finish();
    std::string last;
    name_claim owner;
    while (const auto record = names_->next()) {
        const std::string name = kv::key_reader{record->key}.read_string().value();
        name_claim claim = decode(record->value);
        const bool is_first = name != last || owner.pk.empty();
        if (is_first) {
            last = name;
            owner = claim;
        }
        if (is_first && !claim.is_proposed) {
            continue;
        }
        if (!options_.rename_users) {
            if (!is_first && !claim.is_proposed) {
                fault(section::user, claim.line, claim.pk,
                      "username " + claim.original + " is that of " + owner.pk + " on line " +
                          std::to_string(owner.line) +
                          ", too, since case does not count. Change it there, or give "
                          "--rename-users");
            }
            continue;
        }
        const std::string given = is_first ? name : to_distinct_username(name, claim.pk);
        new_names_->add(claim.order, given);
        ++counts_.users_renamed;
        tell(section::user, claim.pk, "renamed " + claim.original + " to " + given);
    }
    names_.reset();
    new_names_->finish();
}

/// The user of a person, who may be one or a profile. Nothing, with a fault, if there is none.
template <class Row>
conversion::known_user* conversion::settle_person(section which, std::string_view field,
                                                  staged<Row>& object) {
    if (object.person.empty()) {
        return nullptr;  // that is a fault already
    }
    pk_key key = key_of(object.person);
    if (options_.map.of(which).source(field).is_profile) {
        const known_profile* profile = known_profiles_.find(key);
        key = profile != nullptr ? profile->user : pk_key{};
    }
    known_user* found = known_users_.find(key);
    if (found == nullptr) {
        fault(which, object.line, object.pk,
              "its " + std::string{field} + ' ' + object.person + " is not in the fixture");
        return nullptr;
    }
    object.person = bytes_of(key);
    return found;
}

template <class Row>
conversion::known_post* conversion::settle_parent(section which, staged<Row>& object) {
    if (object.parent.empty()) {
        return nullptr;
    }
    const pk_key key = key_of(object.parent);
    known_post* found = known_posts_.find(key);
    if (found == nullptr) {
        fault(which, object.line, object.pk,
              "its post " + object.parent + " is not in the fixture");
        return nullptr;
    }
    object.parent = bytes_of(key);
    return found;
}

void conversion::settle_posts() {
    for_each_of<post>(section::post, posts_, [&](staged<post>& object) {
        const known_user* author = settle_person(section::post, "author", object);
        date(object.row, author != nullptr ? author->created_at : timestamp{});
        known_posts_.append(key_of(object.pk),
                            {.created_at = object.row.created_at, .id = 0, .is_skipped = false});
        settled_posts_.append_record(encode_staged(object));
    });
    settled_posts_.flush();
}

void conversion::settle_files() {
    begin_sorting(files_by_post_);
    for_each_of<file>(section::file, files_, [&](staged<file>& object) {
        const known_post* parent = settle_parent(section::file, object);
        if (parent == nullptr) {
            return;
        }
        date(object.row, parent->created_at);
        if (!media_ && !std::exchange(is_media_root_missed_, true)) {
            fault(object.is_of_post ? section::post : section::file, object.line, object.pk,
                  "has a file: --media-root must say where files lie");
        }
        kv::key_writer place;
        place.append_i64(object.row.position);
        append_pk(place, object.pk);
        files_by_post_->add(object.parent + place.bytes(), encode_staged(object));
    });
    files_by_post_->finish();
}

void conversion::settle_comments() {
    begin_sorting(comments_in_order_);
    for_each_of<comment>(section::comment, comments_, [&](staged<comment>& object) {
        const known_post* parent = settle_parent(section::comment, object);
        const known_user* author = settle_person(section::comment, "author", object);
        if (parent != nullptr && author != nullptr) {
            date(object.row, parent->created_at);
            comments_in_order_->add(sort_key(section::comment, object), encode_staged(object));
        }
    });
}

void conversion::settle_likes() {
    begin_sorting(likes_by_pair_);
    for_each_of<like>(section::like, likes_, [&](staged<like>& object) {
        const known_post* parent = settle_parent(section::like, object);
        const known_user* who = settle_person(section::like, "user", object);
        if (parent != nullptr && who != nullptr) {
            date(object.row, parent->created_at);
            // An alive one before those that were taken back, then the first.
            const char deleted = object.row.is_deleted ? '\1' : '\0';
            likes_by_pair_->add(object.parent + object.person + deleted +
                                    order_of(object.row.created_at, object.pk),
                                encode_staged(object));
        }
    });
    keep_first_likes();
}

/// Apps often lack the constraint by which a user likes a post once.
void conversion::keep_first_likes() {
    constexpr std::size_t pair_bytes = 2 * sizeof(pk_key);
    begin_sorting(likes_in_order_);
    likes_by_pair_->finish();
    std::string last;
    while (const auto record = likes_by_pair_->next()) {
        const std::string_view pair = record->key.substr(0, pair_bytes);
        if (pair == last) {
            ++counts_.likes_repeated;
            continue;
        }
        last = pair;
        likes_in_order_->add(sort_key(section::like, decode_staged<like>(record->value)),
                             record->value);
    }
    likes_by_pair_.reset();
}

}  // namespace pinhole::storage::django
