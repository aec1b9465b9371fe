#include "tests/storage/storage_fixture.hpp"

#include <array>
#include <cstdlib>
#include <limits>

#include "storage/kv/rocksdb_store.hpp"
#include "storage/meta.hpp"

namespace pinhole::storage::test {

timestamp at_second(std::int64_t seconds) {
    return from_microseconds((1'700'000'000 + seconds) * 1'000'000);
}

std::unique_ptr<kv::store> open_store(const std::filesystem::path& data_dir) {
    kv::rocksdb_options options;
    options.directory = data_dir / "db";
    options.families.assign(families::all.begin(), families::all.end());
    options.block_cache_bytes = std::size_t{16} << 20U;
    options.log = [](kv::log_level, std::string_view) {};
    options.on_failure = [] {};
    return kv::open_rocksdb(options);
}

std::string hex(std::string_view bytes) {
    return to_hex(as_octets(bytes));
}

void must_commit(kv::store& store, kv::commit commit) {
    const kv::outcome outcome = store.submit_and_wait(std::move(commit));
    BOOST_REQUIRE(outcome == kv::outcome::ok);
}

void check_outcome(kv::store& store, kv::commit commit, kv::outcome expected) {
    const kv::outcome outcome = store.submit_and_wait(std::move(commit));
    BOOST_TEST((outcome == expected));
}

std::vector<kv::row> everything_in(const kv::store& store, kv::part_id part, kv::family_id family) {
    return store.snapshot(kv::read_mode::blocking)
        ->scan({.part = part, .family = family, .from = {}, .to = {}, .limit = 1'000'000});
}

void drain(kv::store& store) {
    kv::commit commit;
    append_meta(commit, "drained", 1);
    must_commit(store, std::move(commit));
}

user make_user(entity_id id, std::string_view username, std::int64_t second) {
    user row;
    row.id = id;
    row.username = username;
    row.password = "!";
    row.created_at = row.updated_at = at_second(second);
    return row;
}

post make_post(entity_id id, entity_id author, std::int64_t second) {
    post row;
    row.id = id;
    row.author.id = author;
    row.content = "post " + std::to_string(id);
    row.created_at = row.updated_at = at_second(second);
    file attached;
    attached.id = id + 1;
    attached.post.id = id;
    attached.type = "image";
    attached.url = "/media/aa/" + std::to_string(id) + ".jpg";
    attached.content_type = "image/jpeg";
    attached.created_at = attached.updated_at = row.created_at;
    row.files.push_back(std::move(attached));
    return row;
}

comment make_comment(entity_id id, entity_id post, entity_id author, std::int64_t second) {
    comment row;
    row.id = id;
    row.post.id = post;
    row.author.id = author;
    row.content = "comment";
    row.created_at = row.updated_at = at_second(second);
    return row;
}

like make_like(entity_id id, entity_id post, entity_id user, std::int64_t second) {
    like row;
    row.id = id;
    row.post.id = post;
    row.user.id = user;
    row.created_at = row.updated_at = at_second(second);
    return row;
}

void create_post(kv::store& store, const post& row) {
    kv::commit commit;
    append_create(commit, row);
    for (const file& attached : row.files) {
        append_create(commit, attached);
    }
    must_commit(store, std::move(commit));
}

std::int64_t generator::number() {
    using limits = std::numeric_limits<std::int64_t>;
    static constexpr std::array<std::int64_t, 13> edges{
        limits::min(), limits::min() + 1, -65,          -64, -1, 0, 1, 63, 64, 127,
        128,           limits::max() - 1, limits::max()};
    return one_in(2) ? edges[pick(edges.size())] : static_cast<std::int64_t>(random_());
}

std::string generator::bytes(std::size_t bytes_max) {
    std::string made(pick(bytes_max + 1), '\0');
    for (char& byte : made) {
        byte = static_cast<char>(pick(256));
    }
    return made;
}

void watched_store::submit(kv::commit commit, completion done) {
    inner_.submit(std::move(commit), [this, done = std::move(done)](kv::outcome outcome) mutable {
        {
            const std::lock_guard lock{mutex_};
            decided_.notify_all();
        }
        // Last, since whoever waits for this may destroy the watcher.
        done(outcome);
    });
}

bool watched_store::wait_until(const std::function<bool()>& holds) {
    std::unique_lock lock{mutex_};
    return decided_.wait_for(lock, std::chrono::minutes{1}, holds);
}

}  // namespace pinhole::storage::test
