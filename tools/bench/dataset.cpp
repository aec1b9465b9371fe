#include "tools/bench/dataset.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_set>
#include <utility>
#include <vector>

#include "storage/base/text.hpp"
#include "storage/schema/keys.hpp"
#include "storage/visibility.hpp"
#include "tools/bench/dataset_plan.hpp"
#include "tools/sample/bulk_writer.hpp"
#include "tools/sample/password.hpp"
#include "tools/sample/random.hpp"
#include "tools/sample/vocabulary.hpp"

namespace pinhole::bench {

namespace {

using namespace sample;
using storage::entity_id;
using storage::timestamp;

/// No password has this hash.
constexpr std::string_view no_password = "!";

/// In the order in which they happen at one instant; seeds what each row is drawn from.
enum class event_kind : std::uint8_t { user, post, comment, like };

struct event {
    std::int64_t at_us = 0;
    event_kind kind = event_kind::user;
    std::uint32_t which = 0;

    auto operator<=>(const event&) const = default;
};

std::string make_hex(random_numbers& random, std::size_t bytes) {
    std::vector<std::uint8_t> octets(bytes);
    for (std::uint8_t& octet : octets) {
        octet = static_cast<std::uint8_t>(random.below(256));
    }
    return storage::to_hex(octets);
}

/// Gives each planned thing its id and its words, and writes it.
class dataset_writer {
public:
    dataset_writer(kv::store& store, const dataset_plan& plan)
        : writer_(store),
          plan_(plan),
          ids_(0, 0, [this] { return clock_us_ / 1'000; }),
          user_ids_(plan.users.size()),
          post_ids_(plan.posts.size()) {
        ids_.raise_ceiling(plan_end_us / 1'000 + 1'000);
    }

    dataset_names write() {
        for (const event& each : events()) {
            clock_us_ = each.at_us;
            switch (each.kind) {
                case event_kind::user:
                    write_user(each.which);
                    break;
                case event_kind::post:
                    write_post(each.which);
                    break;
                case event_kind::comment:
                    write_comment(each.which);
                    break;
                case event_kind::like:
                    write_like(each.which);
                    break;
            }
            writer_.row_done();
        }
        writer_.finish();
        return {.caller = user_ids_[caller],
                .middling = user_ids_[middling],
                .popular = user_ids_[popular],
                .popular_post = post_ids_[find_popular_post()]};
    }

private:
    template <class Things>
    static void append_events(std::vector<event>& events, event_kind kind, const Things& things) {
        for (std::size_t i = 0; i < things.size(); ++i) {
            events.push_back({things[i].at_us, kind, static_cast<std::uint32_t>(i)});
        }
    }

    std::vector<event> events() const {
        std::vector<event> events;
        events.reserve(plan_.users.size() + plan_.posts.size() + plan_.comments.size() +
                       plan_.likes.size());
        append_events(events, event_kind::user, plan_.users);
        append_events(events, event_kind::post, plan_.posts);
        append_events(events, event_kind::comment, plan_.comments);
        append_events(events, event_kind::like, plan_.likes);
        std::ranges::sort(events);
        return events;
    }

    /// What every row has. The clock never goes back here, so there is always an id.
    template <class Row>
    Row begin_row(bool is_deleted, random_numbers& random) {
        const auto made = ids_.next_dated(storage::from_microseconds(clock_us_)).value();
        Row row;
        row.id = made.id;
        row.created_at = row.updated_at = made.created_at;
        row.is_deleted = is_deleted;
        if (is_deleted || random.one_in(30)) {
            row.updated_at += std::chrono::seconds{random.between(1, 100'000)};
        }
        return row;
    }

    static random_numbers random_of(event_kind kind, std::uint32_t which) {
        return {static_cast<std::uint64_t>(kind) + 1, which};
    }

    void add(const kv::key& counter, std::int64_t delta) {
        if (delta != 0) {
            writer_.commit().operations.emplace_back(kv::add{counter, delta});
        }
    }

    std::string make_free_username(random_numbers& random) {
        for (;;) {
            std::string name = vocabulary::make_username(random);
            if (usernames_.insert(name).second) {
                return name;
            }
            name += std::to_string(random.between(2, 99));
            if (usernames_.insert(name).second) {
                return name;
            }
        }
    }

    void name_user(storage::user& row, std::uint32_t which, random_numbers& random) {
        row.password = which == caller ? sample::password_hash : no_password;
        row.name = vocabulary::make_name(random);
        switch (which) {
            case caller:
                row.username = caller_username;
                break;
            case middling:
                row.username = middling_username;
                break;
            case popular:
                row.username = popular_username;
                break;
            default:
                row.username = make_free_username(random);
                row.bio = random.one_in(3) ? vocabulary_.make_text(random, 3, 10) : "";
                row.website = random.one_in(10) ? "https://" + row.username + ".example" : "";
        }
    }

    void write_user(std::uint32_t which) {
        const planned_user& planned = plan_.users[which];
        random_numbers random = random_of(event_kind::user, which);
        auto row = begin_row<storage::user>(planned.is_deleted, random);
        row.deleted_at = planned.is_deleted ? row.updated_at : timestamp{};
        name_user(row, which, random);
        user_ids_[which] = row.id;
        append_create(writer_.commit(), row);
        add(storage::user_post_count_key(row.id), planned.posts_count);
    }

    storage::file make_file(const storage::post& parent, std::size_t position,
                            random_numbers& random) {
        const bool is_video = random.below(100) < 8;
        const bool is_upright = random.one_in(3);
        const std::int64_t width =
            is_video ? 1'920 : static_cast<std::int64_t>(random.between(8, 40)) * 100;
        const std::int64_t height = width * 9 / (is_video ? 16 : 12);
        std::string url = "/media/";
        const std::string token = make_hex(random, 16);
        url.append(token, 0, 2).append("/").append(token).append(is_video ? ".mp4" : ".jpg");
        return {.id = ids_.next().value(),
                .post = {parent.id},
                .position = static_cast<std::int64_t>(position),
                .type = is_video ? "video" : "image",
                .url = std::move(url),
                .content_type = is_video ? "video/mp4" : "image/jpeg",
                .size = static_cast<std::int64_t>(
                    random.between(100'000, is_video ? 20'000'000 : 4'000'000)),
                .width = is_upright ? height : width,
                .height = is_upright ? width : height,
                .sha256 = make_hex(random, 32),
                .created_at = parent.created_at,
                .updated_at = parent.created_at};
    }

    static std::size_t draw_files_count(random_numbers& random) {
        const std::uint64_t drawn = random.below(100);
        return drawn < 85 ? 1 : drawn < 95 ? 2 : 3;
    }

    std::string make_content(random_numbers& random, std::uint64_t words_min,
                             std::uint64_t words_max, bool is_needle) {
        std::string text = vocabulary_.make_text(random, words_min, words_max);
        if (is_needle) {
            text.insert(0, std::string{rare_word} + ' ');
        }
        return text;
    }

    void write_post(std::uint32_t which) {
        const planned_post& planned = plan_.posts[which];
        random_numbers random = random_of(event_kind::post, which);
        auto row = begin_row<storage::post>(planned.is_deleted, random);
        row.author.id = user_ids_[planned.author];
        row.content = make_content(random, 3, 10, planned.is_needle);
        row.deleted_at = planned.is_deleted ? row.updated_at : timestamp{};
        post_ids_[which] = row.id;
        for (std::size_t i = draw_files_count(random); row.files.size() < i;) {
            row.files.push_back(make_file(row, row.files.size(), random));
        }
        append_create(writer_.commit(), row);
        for (const storage::file& attached : row.files) {
            append_create(writer_.commit(), attached);
        }
        add(storage::post_counts_key(row.id), planned.likes_count * storage::one_like +
                                                  planned.comments_count * storage::one_comment);
    }

    void write_comment(std::uint32_t which) {
        const planned_reaction& planned = plan_.comments[which];
        random_numbers random = random_of(event_kind::comment, which);
        auto row = begin_row<storage::comment>(planned.is_deleted, random);
        row.post.id = post_ids_[planned.post];
        row.author.id = user_ids_[planned.user];
        row.content = make_content(random, 1, 6, planned.is_needle);
        row.is_counted = planned.is_counted;
        append_create(writer_.commit(), row);
    }

    void write_like(std::uint32_t which) {
        const planned_reaction& planned = plan_.likes[which];
        random_numbers random = random_of(event_kind::like, which);
        auto row = begin_row<storage::like>(planned.is_deleted, random);
        row.post.id = post_ids_[planned.post];
        row.user.id = user_ids_[planned.user];
        row.is_counted = planned.is_counted;
        append_create(writer_.commit(), row);
    }

    std::size_t find_popular_post() const {
        const auto likes_shown = [this](const planned_post& post) {
            return post.is_deleted || plan_.users[post.author].is_deleted ? 0U : post.likes_count;
        };
        return static_cast<std::size_t>(std::ranges::max_element(plan_.posts, {}, likes_shown) -
                                        plan_.posts.begin());
    }

    bulk_writer writer_;
    const dataset_plan& plan_;
    std::int64_t clock_us_ = plan_begin_us;
    storage::id_generator ids_;
    vocabulary vocabulary_;
    std::unordered_set<std::string> usernames_;
    std::vector<entity_id> user_ids_;
    std::vector<entity_id> post_ids_;
};

/// FNV-1a goes on with one number.
void mix(std::uint64_t& hash, std::uint64_t number) {
    hash = (hash ^ number) * 1'099'511'628'211U;
}

template <class Row>
void mix_declaration(std::uint64_t& hash) {
    storage::for_each_index<Row>([&](const auto& index) { mix(hash, index.number); });
    storage::for_each_unique<Row>([&](const auto& unique) { mix(hash, unique.number); });
    storage::for_each_inverted<Row>([&](const auto& index) { mix(hash, index.number); });
    storage::for_each_rank<Row>([&](const auto& rank) { mix(hash, rank.number); });
}

}  // namespace

dataset_names make_dataset(kv::store& store, const dataset_size& size) {
    const dataset_plan plan = make_plan(size);
    return dataset_writer{store, plan}.write();
}

std::string dataset_fingerprint() {
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    mix_declaration<storage::user>(hash);
    mix_declaration<storage::post>(hash);
    mix_declaration<storage::file>(hash);
    mix_declaration<storage::comment>(hash);
    mix_declaration<storage::like>(hash);
    std::string name = std::to_string(dataset_version);
    name.append(".").append(std::to_string(storage::schema_version));
    name.append(".").append(std::to_string(hash));
    return name;
}

}  // namespace pinhole::bench
