#include "storage/maintenance/daily_purge.hpp"

#include <condition_variable>
#include <mutex>

#include "storage/database.hpp"
#include "storage/meta.hpp"
#include "storage/posts.hpp"
#include "tests/maintenance/maintained.hpp"

namespace pinhole::storage::test {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr entity_id kim = 1;
constexpr auto retention = hours{24 * 30};

timestamp at_hour(std::int64_t hour) {
    return at_second(20'000'000) + hours{hour};  // 2024
}

struct daily_fixture {
    daily_fixture() { create(in.store(), make_user(kim, "kim")); }

    /// A post that was deleted then.
    void add_deleted(entity_id id, timestamp at) {
        in.add_post(id, kim, 1);
        write(in.store(),
              [&](const kv::reader& reader) { return plan_delete_post(reader, kim, id, at, {}); });
        in.settle();
    }
    bool is_there(entity_id id) { return find<post>(in.store(), id).has_value(); }

    /// As in a new process each time: nothing but the database remembers.
    bool look(timestamp at) {
        daily_purge daily{in.store(), in.placement(), retention, [at] { return at; },
                          [this](kv::log_level, std::string_view line) { log.emplace_back(line); }};
        return daily.look({});
    }

    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
    std::vector<std::string> log;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(daily_purges, daily_fixture)

BOOST_AUTO_TEST_CASE(runs_once_a_day_however_often_the_server_starts) {
    BOOST_TEST(!look(at_hour(0)));  // the first look only takes down the time
    BOOST_TEST(!look(at_hour(1)));
    BOOST_TEST(!look(at_hour(24) - seconds{1}));
    BOOST_TEST(look(at_hour(24)));
    BOOST_TEST(!look(at_hour(24)));
    BOOST_TEST(!look(at_hour(47)));
    BOOST_TEST(look(at_hour(49)));
    BOOST_TEST(!look(at_hour(72)));
    BOOST_TEST(look(at_hour(1000)));  // after a long rest
    BOOST_TEST(log.size() == 3U);
}

BOOST_AUTO_TEST_CASE(takes_what_was_over_at_the_run_before_and_says_so) {
    add_deleted(100, at_hour(0) - retention - seconds{1});
    add_deleted(200, at_hour(0) - retention);
    look(at_hour(0));
    BOOST_TEST(look(at_hour(24)));
    BOOST_TEST(!is_there(100));
    BOOST_TEST(is_there(200));
    BOOST_REQUIRE(log.size() == 1U);
    const std::string expected = "purged what was deleted before " +
                                 to_rfc3339(at_hour(0) - retention) +
                                 ": 0 users, 1 posts, 1 files (";
    BOOST_TEST(log[0].starts_with(expected), log[0]);
    BOOST_TEST(look(at_hour(48)));
    BOOST_TEST(!is_there(200));
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_ahead_for_less_than_a_day_costs_nothing) {
    add_deleted(100, at_hour(0));
    look(at_hour(0));
    look(at_hour(10'000));  // a run; it goes by the time of the first look
    BOOST_TEST(is_there(100));
    BOOST_TEST(!look(at_hour(25)));  // right again
    BOOST_TEST(look(at_hour(49)));
    BOOST_TEST(is_there(100));
    look(at_hour(49) + retention);
    BOOST_TEST(is_there(100));
    look(at_hour(49) + retention + hours{24});
    BOOST_TEST(!is_there(100));
}

BOOST_AUTO_TEST_CASE(a_clock_that_cannot_be_right_is_not_gone_by) {
    add_deleted(100, at_hour(0));
    look(at_hour(0));
    BOOST_TEST(!look(timestamp{}));
    BOOST_TEST(!look(timestamp{std::chrono::milliseconds{id_clock_end_ms}}));
    BOOST_TEST(look(at_hour(24)));
    BOOST_TEST(is_there(100));
}

BOOST_AUTO_TEST_CASE(one_that_is_cut_short_is_made_again) {
    add_deleted(100, at_hour(0) - retention - seconds{1});
    look(at_hour(0));
    std::stop_source stop;
    stop.request_stop();
    daily_purge daily{in.store(), in.placement(), retention, [] { return at_hour(24); },
                      [](kv::log_level, std::string_view) {}};
    BOOST_CHECK_THROW(daily.look(stop.get_token()), work_interrupted);
    BOOST_TEST(is_there(100));
    BOOST_TEST(look(at_hour(25)));
    BOOST_TEST(!is_there(100));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(purging_servers)

BOOST_AUTO_TEST_CASE(a_database_purges_by_itself_only_where_that_is_asked_for) {
    const pinhole::test::temporary_directory directory;
    const auto data = directory.path() / "data";
    std::mutex mutex;
    std::condition_variable said;
    std::size_t purges = 0;
    database_options options;
    options.data_dir = data;
    options.block_cache_bytes = std::size_t{16} << 20U;
    options.clock_ms = [] { return to_microseconds(at_hour(2000)) / 1000; };
    options.purge_delay = {};
    options.log = [&](kv::log_level, std::string_view line) {
        const std::lock_guard lock{mutex};
        purges += line.starts_with("purged what was deleted before ") ? 1 : 0;
        said.notify_all();
    };
    {
        maintained in{data};
        create(in.store(), make_user(kim, "kim"));
        in.add_post(100, kim, 1);
        write(in.store(), [](const kv::reader& reader) {
            return plan_delete_post(reader, kim, 100, at_hour(0), {});
        });
        kv::commit commit;
        append_meta(commit, "purged_at_us", to_microseconds(at_hour(1976)));
        must_commit(in.store(), std::move(commit));
    }
    {
        const database tool{options};
    }
    options.purge_after = hours{24 * 30};
    {
        database server{options};
        std::unique_lock lock{mutex};
        BOOST_TEST(said.wait_for(lock, std::chrono::minutes{1}, [&] { return purges == 1; }));
    }
    maintained in{data};
    BOOST_TEST(!find<post>(in.store(), 100).has_value());
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
