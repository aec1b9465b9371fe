#include "storage/idempotency.hpp"

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::int64_t life_seconds = std::chrono::seconds{idempotency_life}.count();

struct idempotency_fixture {
    kv::outcome keep(const idempotency_key& key, const std::string& body, std::int64_t at) {
        kv::commit commit;
        const idempotent_answer answer{
            .fingerprint = "fp", .status = 201, .location = "/x", .body = body};
        append_answer(commit, *store->snapshot(kv::read_mode::blocking), keys, key, answer,
                      at_second(at));
        return store->submit_and_wait(std::move(commit));
    }
    std::optional<idempotent_answer> answer(const idempotency_key& key, std::int64_t at) const {
        return read(*store, [&](const kv::reader& reader) {
            return find_answer(reader, keys, key, at_second(at));
        });
    }
    /// The number of operations it took.
    std::size_t expire(std::int64_t at, std::uint32_t limit = 100) {
        auto commit =
            plan_expire_answers(*store->snapshot(kv::read_mode::blocking), at_second(at), limit);
        const std::size_t count = commit.operations.size();
        if (count > 0) {
            must_commit(*store, std::move(commit));
        }
        return count;
    }
    std::size_t count_expiries() const {
        return everything_in(*store, global_part, families::index).size();
    }
    bool has_record(const idempotency_key& key) const {
        std::string name = keys.name_of_idempotency_key(key.scope, key.key);
        const kv::part_id part = kv::key_reader{name}.read_i64().value();
        return !everything_in(*store, part, families::idempotency).empty();
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
    secrets keys{test_master};
    const idempotency_key first{"1 posts", "abc"};
    const idempotency_key second{"1 posts", "abd"};
    const idempotency_key elsewhere{"2 posts", "abc"};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(idempotency, idempotency_fixture)

BOOST_AUTO_TEST_CASE(an_answer_is_kept_for_its_key_and_scope) {
    BOOST_TEST(!answer(first, 0).has_value());
    BOOST_REQUIRE(keep(first, "{\"id\":\"1\"}", 0) == kv::outcome::ok);
    const auto kept = answer(first, 1);
    BOOST_REQUIRE(kept.has_value());
    BOOST_TEST(kept->fingerprint == "fp");
    BOOST_TEST(kept->status == 201);
    BOOST_TEST(kept->location == "/x");
    BOOST_TEST(kept->body == "{\"id\":\"1\"}");
    BOOST_TEST(!answer(second, 1).has_value());
    BOOST_TEST(!answer(elsewhere, 1).has_value());
}

BOOST_AUTO_TEST_CASE(it_is_there_after_a_restart_and_for_this_server_alone) {
    BOOST_REQUIRE(keep(first, "body", 0) == kv::outcome::ok);
    store.reset();
    store = open_store(directory.path());
    BOOST_TEST(answer(first, 1).has_value());
    keys = secrets{"another master key, long enough too"};
    BOOST_TEST(!answer(first, 1).has_value());
}

BOOST_AUTO_TEST_CASE(the_first_answer_stays) {
    BOOST_REQUIRE(keep(first, "first", 0) == kv::outcome::ok);
    BOOST_TEST((keep(first, "second", life_seconds - 1) == kv::outcome::exists));
    BOOST_TEST(answer(first, life_seconds - 1)->body == "first");
    BOOST_TEST(count_expiries() == 1U);
}

BOOST_AUTO_TEST_CASE(an_expired_answer_is_gone_and_replaced) {
    BOOST_REQUIRE(keep(first, "first", 0) == kv::outcome::ok);
    BOOST_TEST(!answer(first, life_seconds).has_value());
    BOOST_TEST((keep(first, "second", life_seconds) == kv::outcome::ok));
    BOOST_TEST(answer(first, life_seconds + 1)->body == "second");
    BOOST_TEST(count_expiries() == 1U);
    BOOST_TEST(expire(life_seconds + 1) == 0U);
    BOOST_TEST(answer(first, 2 * life_seconds - 1)->body == "second");
}

BOOST_AUTO_TEST_CASE(expired_answers_are_removed_a_few_at_a_time) {
    BOOST_REQUIRE(keep(first, "a", 0) == kv::outcome::ok);
    BOOST_REQUIRE(keep(second, "b", 1) == kv::outcome::ok);
    BOOST_REQUIRE(keep(elsewhere, "c", 100) == kv::outcome::ok);
    BOOST_TEST(expire(life_seconds) == 0U);
    BOOST_TEST(expire(life_seconds + 50, 1) > 0U);
    BOOST_TEST(!has_record(first));
    BOOST_TEST(has_record(second));
    BOOST_TEST(expire(life_seconds + 50) > 0U);
    BOOST_TEST(!has_record(second));
    BOOST_TEST(count_expiries() == 1U);
    BOOST_TEST(expire(life_seconds + 50) == 0U);
    BOOST_TEST(answer(elsewhere, life_seconds + 50)->body == "c");
}

BOOST_AUTO_TEST_CASE(answers_from_a_clock_that_was_ahead_get_the_life_that_they_have_now) {
    constexpr std::int64_t far = 10LL * 365 * 86'400;
    BOOST_REQUIRE(keep(first, "ahead", far) == kv::outcome::ok);
    BOOST_REQUIRE(keep(second, "right", 50) == kv::outcome::ok);
    const auto redate = [&] {
        auto commit =
            plan_redate_answers(*store->snapshot(kv::read_mode::blocking), at_second(60), 100);
        const std::size_t count = commit.operations.size();
        if (count > 0) {
            must_commit(*store, std::move(commit));
        }
        return count;
    };
    BOOST_TEST(redate() > 0U);
    BOOST_TEST(redate() == 0U);
    BOOST_TEST(count_expiries() == 2U);
    BOOST_TEST(answer(first, 60 + life_seconds - 1)->body == "ahead");
    BOOST_TEST(!answer(first, 60 + life_seconds).has_value());
    BOOST_TEST(expire(50 + life_seconds + 1) > 0U);
    BOOST_TEST(!has_record(second));
    BOOST_TEST(has_record(first));
    BOOST_TEST(expire(60 + life_seconds + 1) > 0U);
    BOOST_TEST(count_expiries() == 0U);
}

BOOST_AUTO_TEST_CASE(the_largest_answer_fits) {
    const std::string body(48 * std::size_t{1024}, 'x');
    BOOST_REQUIRE(keep(first, body, 0) == kv::outcome::ok);
    BOOST_TEST((answer(first, 1)->body == body));
}

BOOST_AUTO_TEST_CASE(a_key_that_was_used_again_meanwhile_is_not_removed) {
    BOOST_REQUIRE(keep(first, "first", 0) == kv::outcome::ok);
    auto removal = plan_expire_answers(*store->snapshot(kv::read_mode::blocking),
                                       at_second(life_seconds + 1), 100);
    BOOST_REQUIRE(keep(first, "second", life_seconds) == kv::outcome::ok);
    check_outcome(*store, std::move(removal), kv::outcome::conflict);
    BOOST_TEST(answer(first, life_seconds + 1)->body == "second");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
