// What the tests of storage/ share: a real store in a temporary directory, units of work that are
// carried out at once, random values, and a store that can be waited on.
#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/text.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "storage/visibility.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::storage::test {

/// The master key of every test that needs one.
inline constexpr std::string_view test_master = "0123456789abcdef0123456789abcdef";

/// An instant in the tests' own time, `seconds` after its start.
timestamp at_second(std::int64_t seconds);

/// The store where `database` would have it, without the rest and without background work.
std::unique_ptr<kv::store> open_store(const std::filesystem::path& data_dir);

std::string hex(std::string_view bytes);

/// Commits, which must succeed.
void must_commit(kv::store& store, kv::commit commit);
/// Commits, and checks what becomes of it.
void check_outcome(kv::store& store, kv::commit commit, kv::outcome expected);

/// Runs a read and answers what it answers.
template <class Function>
auto read(const kv::store& store, const Function& function) {
    return function(*store.snapshot(kv::read_mode::blocking));
}

/// Runs a unit of work to its end, which must be a success.
template <class Function>
auto write(kv::store& store, const Function& function) {
    auto plan = function(*store.snapshot(kv::read_mode::blocking));
    BOOST_REQUIRE_MESSAGE(plan.has_value(), (plan ? std::string{} : plan.error().message));
    if (!plan->commit.empty()) {
        must_commit(store, std::move(plan->commit));
    }
    return std::move(plan->value);
}

/// Commits rows as they are, with their index and unique entries.
template <class... Rows>
void create(kv::store& store, const Rows&... rows) {
    kv::commit commit;
    (append_create(commit, rows), ...);
    must_commit(store, std::move(commit));
}

template <class Row>
std::optional<stored<Row>> find(const kv::store& store, entity_id id) {
    return read(store, [&](const kv::reader& reader) { return row_reader{reader}.find<Row>(id); });
}

/// All that lies in one part of a family.
std::vector<kv::row> everything_in(const kv::store& store, kv::part_id part, kv::family_id family);

/// Waits until all that was submitted before is decided.
void drain(kv::store& store);

user make_user(entity_id id, std::string_view username, std::int64_t second = 0);
/// With one image file, whose id is the post's plus one and whose URL holds the id.
post make_post(entity_id id, entity_id author, std::int64_t second = 0);
comment make_comment(entity_id id, entity_id post, entity_id author, std::int64_t second = 0);
like make_like(entity_id id, entity_id post, entity_id user, std::int64_t second = 0);
/// A post and its file, as rows.
void create_post(kv::store& store, const post& row);

using pinhole::test::make_seed;

class generator {
public:
    explicit generator(std::uint64_t seed) : random_(seed) {}

    /// In [0, below).
    std::size_t pick(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }
    bool one_in(std::size_t chances) { return pick(chances) == 0; }
    /// Edges often, else anything.
    std::int64_t number();
    /// Up to `bytes_max` bytes of any kind.
    std::string bytes(std::size_t bytes_max);

    std::mt19937_64& engine() { return random_; }

private:
    std::mt19937_64 random_;
};

/// Passes everything on, and lets a test wait for the next commit instead of sleeping.
class watched_store : public kv::store {
public:
    explicit watched_store(kv::store& inner) : inner_(inner) {}

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override {
        return inner_.snapshot(mode);
    }
    void submit(kv::commit commit, completion done) override;
    kv::health health() const override { return inner_.health(); }
    kv::capabilities capabilities() const override { return inner_.capabilities(); }

    /// Asks `holds` now and after each commit; false if it has not come true in a minute.
    bool wait_until(const std::function<bool()>& holds);

private:
    kv::store& inner_;
    std::mutex mutex_;
    std::condition_variable decided_;
};

}  // namespace pinhole::storage::test
