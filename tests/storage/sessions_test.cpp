#include "storage/sessions.hpp"

#include "storage/accounts.hpp"
#include "storage/housekeeping.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::chrono::hours life{24 * 30};
constexpr entity_id kim = 1;

struct sessions_fixture {
    sessions_fixture() {
        const auto first = new_login(100, 0);
        write(*store, [&](const kv::reader& reader) {
            return plan_signup(reader, make_user(kim, "kim"), first.row);
        });
        tokens.push_back(first.token);
    }

    new_session new_login(entity_id id, std::int64_t second) const {
        return make_session(keys, id, kim, "curl/8", at_second(second), life);
    }
    login_token log_in(entity_id id, std::int64_t second) {
        const auto login = new_login(id, second);
        const auto seen = find<user>(*store, kim);
        write(*store,
              [&](const kv::reader& reader) { return plan_login(reader, seen->row, login.row); });
        tokens.push_back(login.token);
        return login.token;
    }
    bool is_live(const login_token& token, std::int64_t second = 0) const {
        return read(*store, [&](const kv::reader& reader) {
            return authenticate(reader, keys, token, at_second(second)).has_value();
        });
    }
    std::size_t count_sessions() const {
        return read(*store, [&](const kv::reader& reader) {
            return sessions_of(row_reader{reader}, kim).size();
        });
    }
    /// Entries of the index by expiry, which lie beside nothing else that starts with its number.
    std::size_t count_expiries() const {
        std::size_t count = 0;
        for (const kv::row& entry : everything_in(*store, global_part, families::index)) {
            count += entry.key.starts_with(index_prefix(51, true)) ? 1 : 0;
        }
        return count;
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
    secrets keys{test_master};
    std::vector<login_token> tokens;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sessions, sessions_fixture)

BOOST_AUTO_TEST_CASE(one_login_too_many_ends_the_least_used) {
    for (std::uint32_t i = 1; i < sessions_per_user_max; ++i) {
        log_in(100 + i, i);
    }
    BOOST_TEST(count_sessions() == sessions_per_user_max);
    BOOST_TEST(is_live(tokens[0]));

    const auto newest = log_in(500, 500);
    BOOST_TEST(count_sessions() == sessions_per_user_max);
    BOOST_TEST(count_expiries() == sessions_per_user_max);
    BOOST_TEST(is_live(newest));
    BOOST_TEST(!is_live(tokens[0]));
    BOOST_TEST(is_live(tokens[1]));
    BOOST_TEST(!find<session>(*store, 100).has_value());

    // The oldest one left is the one in daily use: another goes.
    const auto in_use = find<session>(*store, 101).value();
    must_commit(*store, plan_refresh(in_use, at_second(600), life));
    log_in(501, 501);
    BOOST_TEST(is_live(tokens[1]));
    BOOST_TEST(!is_live(tokens[2]));
}

BOOST_AUTO_TEST_CASE(a_token_lives_until_its_expiry) {
    const std::int64_t end = std::chrono::seconds{life}.count();
    BOOST_TEST(is_live(tokens[0], end - 1));
    BOOST_TEST(!is_live(tokens[0], end));
    const auto stranger = secrets{"another master key, long enough too"};
    read(*store, [&](const kv::reader& reader) {
        BOOST_TEST(!authenticate(reader, stranger, tokens[0], at_second(0)).has_value());
        return true;
    });
    auto forged = tokens[0];
    forged.secret[31] ^= 1U;
    BOOST_TEST(!is_live(forged));
}

BOOST_AUTO_TEST_CASE(using_a_token_moves_its_expiry) {
    const auto seen = find<session>(*store, 100);
    BOOST_TEST(!wants_refresh(seen->row, at_second(300), life));
    BOOST_TEST(wants_refresh(seen->row, at_second(301), life));
    // A short life slides in steps of its own.
    constexpr std::chrono::seconds short_life{500};
    BOOST_TEST(!wants_refresh(seen->row, at_second(5), short_life));
    BOOST_TEST(wants_refresh(seen->row, at_second(6), short_life));
    BOOST_REQUIRE(store->submit_and_wait(plan_refresh(*seen, at_second(10'000), life)) ==
                  kv::outcome::ok);
    BOOST_TEST(is_live(tokens[0], std::chrono::seconds{life}.count() + 9'999));
    BOOST_TEST(count_expiries() == 1U);
    BOOST_TEST((store->submit_and_wait(plan_refresh(*seen, at_second(20'000), life)) ==
                kv::outcome::conflict));
}

BOOST_AUTO_TEST_CASE(ending_a_session_kills_its_token_alone) {
    const auto second = log_in(101, 1);
    const caller who{kim, 101, false};
    read(*store, [&](const kv::reader& reader) {
        const auto views = list_sessions(reader, who, at_second(2));
        BOOST_REQUIRE_EQUAL(views.size(), 2U);
        BOOST_TEST(views[0].row.id == 101);  // the newest first
        BOOST_TEST(views[0].is_current);
        BOOST_TEST(!views[1].is_current);
        BOOST_TEST(
            (plan_end_session(reader, {2, 9, false}, 100).error().code == error_code::not_found));
        BOOST_TEST((plan_end_session(reader, who, 999).error().code == error_code::not_found));
        return true;
    });
    write(*store, [&](const kv::reader& reader) { return plan_end_session(reader, who, 100); });
    BOOST_TEST(!is_live(tokens[0]));
    BOOST_TEST(is_live(second));
    BOOST_TEST(count_expiries() == 1U);
}

BOOST_AUTO_TEST_CASE(a_new_password_ends_every_other_session) {
    const auto second = log_in(101, 1);
    write(*store, [&](const kv::reader& reader) {
        return plan_change_password(reader, {kim, 101, false}, "!", "!new", at_second(2));
    });
    BOOST_TEST(!is_live(tokens[0]));
    BOOST_TEST(is_live(second));
    read(*store, [&](const kv::reader& reader) {
        BOOST_TEST((
            plan_change_password(reader, {kim, 101, false}, "!", "!x", at_second(3)).error().code ==
            error_code::forbidden));
        return true;
    });
}

BOOST_AUTO_TEST_CASE(a_login_verified_against_an_old_password_is_refused) {
    const auto seen = find<user>(*store, kim);
    write(*store, [&](const kv::reader& reader) {
        return plan_change_password(reader, {kim, 100, false}, "!", "!new", at_second(2));
    });
    read(*store, [&](const kv::reader& reader) {
        const auto plan = plan_login(reader, seen->row, new_login(101, 3).row);
        BOOST_TEST((plan.error().code == error_code::bad_credentials));
        return true;
    });
}

BOOST_AUTO_TEST_CASE(a_deleted_account_has_no_sessions) {
    write(*store, [&](const kv::reader& reader) {
        return plan_delete_account(reader, kim, "!", at_second(1), {});
    });
    BOOST_TEST(!is_live(tokens[0]));
    BOOST_TEST(count_sessions() == 0U);
    BOOST_TEST(count_expiries() == 0U);
}

BOOST_AUTO_TEST_CASE(a_deleted_account_comes_back_within_the_retention) {
    constexpr std::chrono::seconds retention{1000};
    const auto seen = find<user>(*store, kim);
    write(*store, [&](const kv::reader& reader) {
        return plan_delete_account(reader, kim, "!", at_second(1), {});
    });
    const auto login = new_login(101, 5);
    read(*store, [&](const kv::reader& reader) {
        BOOST_TEST(!plan_restore_account(reader, seen->row, login.row, at_second(1002), retention));
        BOOST_TEST(
            (plan_login(reader, seen->row, login.row).error().code == error_code::bad_credentials));
        BOOST_TEST((get_user(reader, kim).error().code == error_code::not_found));
        BOOST_TEST((get_user(reader, "@kim").error().code == error_code::not_found));
        return true;
    });
    write(*store, [&](const kv::reader& reader) {
        return plan_restore_account(reader, seen->row, login.row, at_second(1001), retention);
    });
    BOOST_TEST(is_live(login.token, 1001));
    read(*store, [&](const kv::reader& reader) {
        BOOST_TEST((get_user(reader, "@KIM")->row.id == kim));
        BOOST_TEST((get_user(reader, "1")->row.username == "kim"));
        return true;
    });
}

BOOST_AUTO_TEST_CASE(expired_sessions_are_removed_in_the_background) {
    for (std::uint32_t i = 1; i < 10; ++i) {
        log_in(100 + i, i);
    }
    // The sessions above ended long ago by the real clock, which housekeeping goes by; this did
    // not.
    const auto alive = make_session(keys, 900, kim, "curl/8", now(), life);
    const auto seen = find<user>(*store, kim);
    write(*store,
          [&](const kv::reader& reader) { return plan_login(reader, seen->row, alive.row); });
    BOOST_REQUIRE_EQUAL(count_expiries(), 11U);

    watched_store watched{*store};
    media::media_store media{directory.path() / "media"};
    media_placement placement{watched, media, [](kv::log_level, std::string_view) {}};
    id_generator ids{0, 0, [] { return to_microseconds(now()) / 1000; }};
    housekeeping background{watched, ids, placement, [](kv::log_level, std::string_view) {},
                            std::chrono::hours{720}};
    background.start();
    BOOST_TEST(watched.wait_until([&] { return count_expiries() == 1; }));
    background.stop();
    BOOST_TEST(count_sessions() == 1U);
    BOOST_TEST(find<session>(*store, 900).has_value());
}

BOOST_AUTO_TEST_CASE(sessions_from_a_clock_that_was_ahead_get_the_life_that_they_have_now) {
    constexpr std::int64_t far = 10LL * 365 * 86'400;
    log_in(101, far);
    log_in(102, far + 1);
    log_in(103, 50);
    const timestamp at = at_second(60);
    const auto redate = [&](std::uint32_t limit) {
        auto commit =
            plan_redate_sessions(*store->snapshot(kv::read_mode::blocking), at, life, limit);
        const bool is_empty = commit.empty();
        if (!is_empty) {
            must_commit(*store, std::move(commit));
        }
        return !is_empty;
    };
    BOOST_TEST(redate(1));
    BOOST_TEST(redate(1));
    BOOST_TEST(!redate(1));
    for (const entity_id id : {101, 102}) {
        const auto login = find<session>(*store, id);
        BOOST_REQUIRE(login.has_value());
        BOOST_TEST((login->row.last_used_at == at));
        BOOST_TEST((login->row.expires_at == at + life));
    }
    BOOST_TEST((find<session>(*store, 103)->row.expires_at == at_second(50) + life));
    BOOST_TEST(count_expiries() == 4U);
}

BOOST_AUTO_TEST_CASE(a_last_use_that_lies_ahead_is_moved) {
    const auto login = new_login(101, 100'000).row;
    BOOST_TEST(!wants_refresh(login, at_second(100'001), life));
    BOOST_TEST(wants_refresh(login, at_second(100'301), life));
    // The clock was set back a little: nothing is gained by writing.
    BOOST_TEST(!wants_refresh(login, at_second(100'000 - 3600), life));
    BOOST_TEST(wants_refresh(login, at_second(100'000 - 3601), life));
}

BOOST_AUTO_TEST_CASE(what_a_client_says_of_itself_is_kept_short_and_printable) {
    const auto agent = [&](std::string_view text) {
        return make_session(keys, 1, kim, text, at_second(0), life).row.user_agent;
    };
    BOOST_TEST(agent("Mozilla/5.0 (X11)") == "Mozilla/5.0 (X11)");
    BOOST_TEST(agent("a\x1b[31m\r\nb\x7f") == "a[31mb");
    BOOST_TEST(agent(std::string(1000, 'a')).size() == user_agent_bytes_max);
    // Cut inside a character: the whole character goes.
    BOOST_TEST(agent(std::string(255, 'a') + "\xc3\xa9") == std::string(255, 'a'));
    BOOST_TEST(agent("\xff\xfe").empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
