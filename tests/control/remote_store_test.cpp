// What the conformance suite does not ask: long answers, versions, the end of the server.
#include "storage/control/remote_store.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <string>
#include <vector>

#include "storage/kv/statistics.hpp"
#include "tests/control/served_store.hpp"
#include "tests/support/seed.hpp"

namespace pinhole::test {

using kv::outcome;
using kv::test::apply;
using kv::test::index_key;
using kv::test::row_key;

namespace {

bool same_rows(const std::vector<kv::row>& a, const std::vector<kv::row>& b) {
    return std::ranges::equal(a, b, [](const kv::row& x, const kv::row& y) {
        return x.key == y.key && x.value == y.value && x.stamp == y.stamp;
    });
}

bool same_rows(const std::vector<kv::located_row>& a, const std::vector<kv::located_row>& b) {
    return std::ranges::equal(a, b, [](const kv::located_row& x, const kv::located_row& y) {
        return x.part == y.part && x.row.key == y.row.key && x.row.value == y.row.value &&
               x.row.stamp == y.row.stamp;
    });
}

/// Some megabytes, so that every answer about all of it comes in several pieces: small rows, the
/// largest there are, and keys at the limit of their length.
void fill(kv::store& store, std::mt19937& random) {
    for (int batch = 0; batch < 12; ++batch) {
        std::vector<kv::operation> operations;
        for (int i = 0; i < 100; ++i) {
            std::string key(random() % 8, '\0');
            for (char& byte : key) {
                byte = static_cast<char>(random() % 256);
            }
            if (random() % 40 == 0) {
                key.resize(kv::key_bytes_max, '\xff');
            }
            const std::size_t bytes = random() % 30 == 0 ? kv::value_bytes_max : random() % 300;
            operations.emplace_back(
                kv::put{{static_cast<kv::part_id>(random() % 3), kv::test::rows, key},
                        std::string(bytes, static_cast<char>('a' + batch))});
        }
        const outcome done = kv::test::apply(store, std::move(operations));
        BOOST_REQUIRE(done == outcome::ok);
    }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(remote, control_fixture)

BOOST_AUTO_TEST_CASE(every_read_is_as_the_servers_own) {
    const auto seed = pinhole::test::make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    std::mt19937 random(seed);
    fill(*store, random);
    serve();
    const auto remote = connect();
    const auto there = remote->snapshot(kv::read_mode::cached);
    const auto here = store->snapshot(kv::read_mode::blocking);
    const auto all = here->walk(kv::test::rows, nullptr, 1'000'000);
    BOOST_REQUIRE(all.size() > 500U);
    BOOST_TEST(same_rows(there->walk(kv::test::rows, nullptr, 1'000'000), all));
    for (int round = 0; round < 200; ++round) {
        const auto& one = all[random() % all.size()];
        const auto& other = all[random() % all.size()];
        kv::range range{};
        range.part = one.part;
        range.family = kv::test::rows;
        range.from = random() % 3 == 0 ? "" : std::min(one.row.key, other.row.key);
        range.to = random() % 3 == 0 ? "" : std::max(one.row.key, other.row.key);
        range.limit = random() % 2 == 0 ? 1'000'000 : static_cast<std::uint32_t>(random() % 300);
        range.reverse = random() % 2 == 0;
        BOOST_TEST(same_rows(there->scan(range), here->scan(range)));
        const kv::key beyond{one.part, kv::test::rows, one.row.key};
        BOOST_TEST(same_rows(there->walk(kv::test::rows, &beyond, range.limit),
                             here->walk(kv::test::rows, &beyond, range.limit)));
    }
    std::vector<kv::key> keys;
    for (const auto& each : all) {
        keys.push_back({each.part, kv::test::rows, each.row.key});
    }
    const auto found = there->multi_get(keys);
    BOOST_REQUIRE_EQUAL(found.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        BOOST_TEST((found[i].value().value == all[i].row.value));
    }
}

BOOST_AUTO_TEST_CASE(a_failed_commit_says_which_way) {
    serve();
    const auto remote = connect();
    BOOST_TEST((apply(*remote, {kv::insert{row_key("a"), "1"}}) == outcome::ok));
    BOOST_TEST((apply(*remote, {kv::insert{row_key("a"), "2"}}) == outcome::exists));
    BOOST_TEST((apply(*remote, {kv::check{row_key("a"), 77}}) == outcome::conflict));
    // More than a frame holds is refused here, and the connection stays.
    std::vector<kv::operation> many;
    for (int i = 0; i < 300; ++i) {
        many.emplace_back(
            kv::put{row_key(std::to_string(i)), std::string(kv::value_bytes_max, 'x')});
    }
    const outcome too_much = kv::test::apply(*remote, std::move(many));
    BOOST_TEST((too_much == outcome::unavailable));
    BOOST_TEST((apply(*remote, {kv::put{row_key("b"), ""}}) == outcome::ok));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_server_is_noticed) {
    serve();
    const auto remote = connect();
    BOOST_TEST((apply(*remote, {kv::put{row_key("a"), "1"}}) == outcome::ok));
    {
        const auto reader = remote->snapshot(kv::read_mode::blocking);
        service.reset();
        BOOST_CHECK_THROW(reader->get(row_key("a")), kv::storage_failure);
    }
    // Whether the first was taken cannot be known any more; the others are not sent.
    BOOST_TEST((apply(*remote, {kv::put{row_key("b"), "1"}}) == outcome::unknown));
    BOOST_TEST((apply(*remote, {kv::put{row_key("c"), "1"}}) == outcome::unavailable));
    BOOST_TEST((remote->health() == kv::health::failed));
    BOOST_CHECK_THROW(remote->snapshot(kv::read_mode::blocking), kv::storage_failure);
    BOOST_TEST(!std::filesystem::exists(socket_path()));
    const bool is_null = control::remote_store::connect(data, test_schema) == nullptr;
    BOOST_TEST(is_null);
}

BOOST_AUTO_TEST_CASE(another_version_is_told) {
    serve();
    BOOST_CHECK_EXCEPTION(control::remote_store::connect(data, test_schema + 1),
                          control::server_unusable, [](const auto& unusable) {
                              const std::string text = unusable.what();
                              return text.contains("schema 7") && text.contains("8 and");
                          });
    // The server goes on.
    BOOST_TEST((apply(*connect(), {kv::put{row_key("a"), "1"}}) == outcome::ok));
}

BOOST_AUTO_TEST_CASE(what_the_server_cannot_do_is_refused_and_the_rest_goes_on) {
    serve();
    const auto remote = connect();
    BOOST_CHECK_THROW(remote->make_checkpoint(), control::server_unusable);
    BOOST_CHECK_THROW(remote->hold_purge(), control::server_unusable);
    BOOST_CHECK_THROW(remote->make_id(), control::server_unusable);
    // The counting store of this fixture says nothing of itself.
    BOOST_CHECK_THROW(remote->statistics(), control::server_unusable);
    BOOST_TEST((remote->health() == kv::health::ok));
}

BOOST_AUTO_TEST_CASE(ids_come_from_the_server) {
    auto with = options();
    storage::entity_id last = 100;
    with.make_id = [&last] { return storage::dated_id{++last, storage::from_microseconds(5)}; };
    serve(with);
    const auto remote = connect();
    BOOST_TEST(remote->make_id().id == 101);
    const auto second = remote->make_id();
    BOOST_TEST(second.id == 102);
    BOOST_TEST(storage::to_microseconds(second.created_at) == 5);
}

/// An API that remembers logins must forget before anybody hears that the change is done.
BOOST_AUTO_TEST_CASE(commits_are_watched_until_they_are_decided) {
    auto with = options();
    std::vector<std::string> seen;
    event noticed;
    with.watch_commit = [&](const kv::commit& commit) -> std::function<void()> {
        seen.push_back(std::get<kv::put>(commit.operations.back()).key.bytes);
        return [&noticed] { noticed.happen(); };
    };
    serve(with);
    const auto remote = connect();
    const outcome refused = apply(*remote, {kv::check{row_key("x"), 9}, kv::put{row_key("a"), ""}});
    BOOST_TEST((refused == outcome::conflict));
    BOOST_TEST(!noticed.has_happened());
    BOOST_TEST((apply(*remote, {kv::put{row_key("b"), ""}}) == outcome::ok));
    BOOST_TEST(noticed.has_happened());
    BOOST_TEST((seen == std::vector<std::string>{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(the_store_says_what_it_takes) {
    store.reset();
    const auto plain = open_test_store(data / "db");
    auto with = options();
    with.store = plain.get();
    serve(with);
    const auto remote = connect();
    BOOST_TEST((apply(*remote, {kv::put{row_key("a"), std::string(1000, 'x')}}) == outcome::ok));
    const auto* source = kv::statistics_of(*remote);
    BOOST_REQUIRE(source != nullptr);
    const auto statistics = source->statistics();
    BOOST_REQUIRE_EQUAL(statistics.families.size(), kv::test::families.size());
    BOOST_TEST(statistics.families.front().approximate_rows == 1U);
    BOOST_TEST(statistics.families.front().memory_bytes > 1000U);
    BOOST_TEST(statistics.log_bytes > 1000U);
    BOOST_TEST(statistics.cache_bytes_max > 0U);
    service.reset();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
