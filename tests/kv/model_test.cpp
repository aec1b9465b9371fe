// The RocksDB store against a std::map that does the same: random commits, reads and restarts.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "tests/kv/rocksdb_fixture.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::kv::test {
namespace {

/// Far above what a run can reach.
constexpr stamp never_given = stamp{1} << 60U;

class model_run {
public:
    explicit model_run(std::uint64_t seed) : random_(seed) { reopen(); }

    void step() {
        const auto what = pick(100);
        if (what < 70) {
            commit_something();
        } else if (what < 80) {
            compare_gets();
        } else if (what < 99) {
            compare_a_scan();
        } else if (pick(4) == 0) {
            reopen();
        }
    }

private:
    struct place {
        part_id part;
        family_id family;
        std::string bytes;
        auto operator<=>(const place&) const = default;
    };
    struct cell {
        std::string value;
        bool current = true;  ///< false: written by the commit being decided
        stamp stamp = 0;
    };
    struct state {
        std::map<place, cell> rows;
        std::map<place, std::int64_t> sums;
    };

    std::size_t pick(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }

    std::string make_bytes() {
        std::string bytes(pick(3), '\0');
        for (auto& byte : bytes) {
            byte = "\0\1a\377"[pick(4)];
        }
        return bytes;
    }

    place make_place() {
        return {static_cast<part_id>(pick(3)) - 1, pick(2) == 0 ? rows : index, make_bytes()};
    }
    place make_sum_place() { return {static_cast<part_id>(pick(2)), counts, make_bytes()}; }

    static key to_key(const place& place) { return {place.part, place.family, place.bytes}; }

    stamp stamp_at(const place& place) const {
        const auto found = model_.rows.find(place);
        return found != model_.rows.end() ? found->second.stamp : 0;
    }

    /// Does one random operation to `next` and answers it; `verdict` is what the store must say.
    operation make_operation(state& next, outcome& verdict) {
        const auto where = make_place();
        const auto there = next.rows.find(where);
        const bool exists = there != next.rows.end();
        switch (pick(6)) {
            case 0: {
                // Mostly right, sometimes stale, against what stands before the commit.
                const auto wanted = stamp_at(where) + (pick(6) == 0 ? never_given : 0);
                const bool holds =
                    exists ? there->second.current && there->second.stamp == wanted : wanted == 0;
                verdict = holds ? outcome::ok : outcome::conflict;
                return check{to_key(where), wanted};
            }
            case 1:
            case 2: {
                verdict = exists ? outcome::exists : outcome::ok;
                auto value = make_bytes();
                if (!exists) {
                    next.rows[where] = {value, false, 0};
                }
                return insert{to_key(where), std::move(value)};
            }
            case 3: {
                auto value = std::string(pick(200), 'v');
                next.rows[where] = {value, false, 0};
                return put{to_key(where), std::move(value)};
            }
            case 4:
                next.rows.erase(where);
                return erase{to_key(where)};
            default: {
                const auto sum = make_sum_place();
                const auto delta = static_cast<std::int64_t>(pick(2001)) - 1000;
                next.sums[sum] += delta;
                return add{to_key(sum), delta};
            }
        }
    }

    void commit_something() {
        auto next = model_;
        auto verdict = outcome::ok;
        std::vector<operation> operations;
        for (auto count = pick(5) + 1; count > 0 && verdict == outcome::ok; --count) {
            operations.push_back(make_operation(next, verdict));
        }
        BOOST_REQUIRE(apply(*store_, operations) == verdict);
        if (verdict != outcome::ok) {
            return;
        }
        stamp shared = 0;
        for (auto& [where, cell] : next.rows) {
            if (cell.current) {
                continue;
            }
            const auto found = get(*store_, to_key(where));
            BOOST_REQUIRE(found.has_value());
            BOOST_REQUIRE(shared == 0 || shared == found->stamp);
            shared = found->stamp;
            cell.stamp = shared;
            cell.current = true;
        }
        if (shared != 0) {
            BOOST_REQUIRE(shared > last_stamp_);
            last_stamp_ = shared;
        }
        model_ = std::move(next);
    }

    void compare_gets() {
        std::vector<place> places(pick(8) + 1);
        std::vector<key> keys;
        for (auto& place : places) {
            place = make_place();
            keys.push_back(to_key(place));
        }
        const auto reader = store_->snapshot(read_mode::blocking);
        const auto found = reader->multi_get(keys);
        for (std::size_t at = 0; at < places.size(); ++at) {
            const auto expected = model_.rows.find(places[at]);
            const auto alone = reader->get(keys[at]);
            BOOST_REQUIRE_EQUAL(found[at].has_value(), expected != model_.rows.end());
            BOOST_REQUIRE_EQUAL(alone.has_value(), found[at].has_value());
            if (alone) {
                BOOST_REQUIRE_EQUAL(alone->value, expected->second.value);
                BOOST_REQUIRE_EQUAL(found[at]->value, expected->second.value);
                BOOST_REQUIRE_EQUAL(alone->stamp, expected->second.stamp);
            }
        }
        const auto sum = make_sum_place();
        const auto expected = model_.sums.find(sum);
        BOOST_REQUIRE_EQUAL(reader->counter(to_key(sum)),
                            expected != model_.sums.end() ? expected->second : 0);
    }

    void compare_a_scan() {
        const auto corner = make_place();
        const range range{corner.part,
                          corner.family,
                          corner.bytes,
                          make_bytes(),
                          static_cast<std::uint32_t>(pick(12)),
                          pick(2) == 0};
        std::vector<std::pair<place, cell>> expected;
        for (const auto& [where, cell] : model_.rows) {
            if (where.part == range.part && where.family == range.family &&
                where.bytes >= range.from && (range.to.empty() || where.bytes < range.to)) {
                expected.emplace_back(where, cell);
            }
        }
        if (range.reverse) {
            std::ranges::reverse(expected);
        }
        expected.resize(std::min<std::size_t>(expected.size(), range.limit));
        const auto found = scan(*store_, range);
        BOOST_REQUIRE_EQUAL(found.size(), expected.size());
        for (std::size_t at = 0; at < found.size(); ++at) {
            BOOST_REQUIRE_EQUAL(found[at].key, expected[at].first.bytes);
            BOOST_REQUIRE_EQUAL(found[at].value, expected[at].second.value);
            BOOST_REQUIRE_EQUAL(found[at].stamp, expected[at].second.stamp);
        }
    }

    void reopen() {
        store_.reset();
        store_ = open_rocksdb(make_options(directory_.path()));
    }

    std::mt19937_64 random_;
    pinhole::test::temporary_directory directory_;
    std::unique_ptr<store> store_;
    state model_;
    stamp last_stamp_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(random_operations_agree_with_a_map) {
    const auto seed = pinhole::test::make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    model_run run(seed);
    for (int step = 0; step < 8000; ++step) {
        run.step();
    }
}

}  // namespace pinhole::kv::test
