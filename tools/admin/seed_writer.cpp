#include "tools/admin/seed_writer.hpp"

#include <algorithm>
#include <utility>

#include "storage/schema/keys.hpp"
#include "storage/visibility.hpp"
#include "tools/admin/exit_code.hpp"
#include "tools/admin/seed_image.hpp"
#include "tools/sample/password.hpp"

namespace pinhole::admin {

namespace {

/// The pictures of so many posts wait in files that nobody knows yet.
constexpr std::size_t posts_per_commit = 32;
constexpr std::size_t operations_per_commit = 10'000;

/// Ids of sample data are told from those of a server by their shard, and those of different seeds
/// from one another, as far as there are numbers.
constexpr std::uint16_t shard_of(std::uint64_t seed) {
    constexpr std::uint16_t shards = std::uint16_t{1} << storage::id_shard_bits;
    return static_cast<std::uint16_t>(shards - 1 - seed % (shards / 2));
}

std::size_t draw_files_count(sample::random_numbers& random) {
    const std::uint64_t drawn = random.below(100);
    return drawn < 75 ? 1 : drawn < 92 ? 2 : 3;
}

}  // namespace

seed_writer::seed_writer(kv::store& store, media::media_store& media, const seed_size& size)
    : store_(store),
      media_(media),
      size_(size),
      ids_(shard_of(size.seed), 0, [this] { return clock_us_ / 1'000; }),
      user_ids_(size.users),
      post_ids_(size.posts) {
    ids_.raise_ceiling(storage::to_microseconds(size.until) / 1'000 + 1'000);
}

seeded seed_writer::write(const storage::work_watch& watch) {
    const auto events = make_seed_plan(size_);
    for (std::size_t i = 0; i < events.size(); ++i) {
        watch.advance({.phase = "rows", .done = i, .total = events.size()});
        write(events[i]);
        if (posts_.size() >= posts_per_commit ||
            commit_.operations.size() >= operations_per_commit) {
            flush();
        }
    }
    flush();
    watch.advance({.phase = "rows", .done = events.size(), .total = events.size()});
    return written_;
}

void seed_writer::write(const seed_event& event) {
    clock_us_ = event.at_us;
    switch (event.kind) {
        case seed_kind::user:
            return write_user(event);
        case seed_kind::post:
            return write_post(event);
        case seed_kind::comment:
            return write_comment(event);
        case seed_kind::like:
            return write_like(event);
    }
}

/// What is drawn for one thing depends on nothing that was drawn for the others.
sample::random_numbers seed_writer::random_of(const seed_event& event) const {
    sample::random_numbers of_seed{size_.seed};
    return {of_seed.next() + static_cast<std::uint64_t>(event.kind), event.which};
}

/// The clock never goes back here, so there is always an id.
template <class Row>
Row seed_writer::begin_row() {
    const auto made = ids_.next_dated(storage::from_microseconds(clock_us_)).value();
    Row row;
    row.id = made.id;
    row.created_at = row.updated_at = made.created_at;
    return row;
}

/// Not taken by another one here, nor in the database.
std::string seed_writer::make_free_username(sample::random_numbers& random) {
    std::string name = sample::vocabulary::make_username(random);
    const auto reader = store_.snapshot(kv::read_mode::blocking);
    const storage::row_reader rows{*reader};
    while (rows.find_unique(storage::username_unique_key(name)) ||
           !usernames_.insert(name).second) {
        name = sample::vocabulary::make_username(random) + std::to_string(random.between(2, 999));
    }
    return name;
}

void seed_writer::write_user(const seed_event& event) {
    sample::random_numbers random = random_of(event);
    auto row = begin_row<storage::user>();
    row.username = make_free_username(random);
    row.password = sample::password_hash;
    row.name = sample::vocabulary::make_name(random);
    row.bio = random.one_in(3) ? vocabulary_.make_text(random, 3, 10) : "";
    row.website = random.one_in(10) ? "https://" + row.username + ".example" : "";
    user_ids_[event.which] = row.id;
    storage::append_create(commit_, row);
    ++written_.users;
}

void seed_writer::write_post(const seed_event& event) {
    sample::random_numbers random = random_of(event);
    auto row = begin_row<storage::post>();
    row.author.id = user_ids_[event.user];
    row.content = vocabulary_.make_text(random, 3, 12);
    post_ids_[event.which] = row.id;
    const std::size_t post = posts_.size();
    posts_.push_back(std::move(row));
    for (std::size_t left = draw_files_count(random); left > 0; --left) {
        add_picture(post, random);
    }
    ++written_.posts;
}

/// Its row gets a URL when the picture is published.
void seed_writer::add_picture(std::size_t post, sample::random_numbers& random) {
    const seed_image image = make_seed_image(random);
    auto bytes = media_.begin();
    if (!bytes || !bytes->append(image.jpeg)) {
        throw refusal{"the disk is full"};
    }
    storage::post& parent = posts_[post];
    parent.files.push_back({.id = ids_.next().value(),
                            .post = {parent.id},
                            .position = static_cast<std::int64_t>(parent.files.size()),
                            .type = "image",
                            .content_type = "image/jpeg",
                            .size = static_cast<std::int64_t>(image.jpeg.size()),
                            .width = image.width,
                            .height = image.height,
                            .sha256 = media::to_text(bytes->sha256()),
                            .created_at = parent.created_at,
                            .updated_at = parent.created_at});
    files_.push_back({post, std::move(*bytes)});
}

void seed_writer::write_comment(const seed_event& event) {
    sample::random_numbers random = random_of(event);
    auto row = begin_row<storage::comment>();
    row.post.id = post_ids_[event.post];
    row.author.id = user_ids_[event.user];
    row.content = vocabulary_.make_text(random, 1, 6);
    row.is_counted = true;
    storage::append_create(commit_, row);
    storage::append_post_counts(commit_, row.post.id, storage::one_comment);
    ++written_.comments;
}

void seed_writer::write_like(const seed_event& event) {
    auto row = begin_row<storage::like>();
    row.post.id = post_ids_[event.post];
    row.user.id = user_ids_[event.user];
    row.is_counted = true;
    storage::append_create(commit_, row);
    storage::append_post_counts(commit_, row.post.id, storage::one_like);
    ++written_.likes;
}

/// The names of the pictures, in the order of `files_`, and in the rows.
std::vector<media::published_file> seed_writer::publish() {
    std::vector<media::publish_request> requests;
    requests.reserve(files_.size());
    for (waiting_file& each : files_) {
        requests.push_back({&each.bytes, "jpg"});
    }
    auto published = media_.publish_all(requests);
    if (!published) {
        throw refusal{"the disk is full"};
    }
    std::size_t next_of_post = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        next_of_post = i > 0 && files_[i].post == files_[i - 1].post ? next_of_post + 1 : 0;
        posts_[files_[i].post].files[next_of_post].url =
            media::to_media_url((*published)[i].media_path);
    }
    return std::move(*published);
}

void seed_writer::flush() {
    const auto published = publish();
    for (const storage::post& row : posts_) {
        storage::append_create(commit_, row);
        for (const storage::file& attached : row.files) {
            storage::append_create(commit_, attached);
        }
        storage::append_user_post_count(commit_, row.author.id, 1);
    }
    const kv::outcome outcome = store_.submit_and_wait(std::exchange(commit_, {}));
    if (outcome == kv::outcome::ok) {
        media_.settle(published);
    } else if (outcome != kv::outcome::unknown) {
        media_.withdraw(published);
    }
    if (outcome == kv::outcome::exists) {
        throw refusal{"some of these rows are there already: give another --seed"};
    }
    if (outcome != kv::outcome::ok) {
        throw kv::storage_failure{"the store does not take the rows: is the disk full?"};
    }
    written_.files += files_.size();
    posts_.clear();
    files_.clear();
}

}  // namespace pinhole::admin
