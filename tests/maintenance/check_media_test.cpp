// The media part of the check beside whoever moves media.
#include <algorithm>
#include <array>
#include <iterator>
#include <stop_token>
#include <thread>

#include "storage/posts.hpp"
#include "tests/maintenance/maintained.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr entity_id posts = 8;

struct moving_fixture {
    moving_fixture() {
        create(in.store(), make_user(kim, "kim"));
        for (entity_id number = 1; number <= posts; ++number) {
            in.add_post(number * 100, kim, 2);
        }
        in.settle();
    }

    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_checks, moving_fixture)

BOOST_AUTO_TEST_CASE(what_is_deleted_restored_and_uploaded_meanwhile_is_no_finding) {
    constexpr int rounds = 12;
    std::vector<std::string> problems;
    std::size_t checks = 0;
    {
        std::jthread checker{[&](const std::stop_token& stop) {
            for (bool is_last = false; !is_last; ++checks) {
                is_last = stop.stop_requested();
                std::ranges::copy(check_all(in.store(), in.media_root()).details(),
                                  std::back_inserter(problems));
            }
        }};
        for (int round = 0; round < rounds; ++round) {
            for (entity_id number = 1; number <= posts; ++number) {
                const entity_id id = number * 100;
                write(in.store(), [&](const kv::reader& reader) {
                    return plan_delete_post(reader, kim, id, at_second(round + 1), {});
                });
                carry_out(in.store(), in.placement(), {job_kind::place_post_media, id});
                write(in.store(), [&](const kv::reader& reader) {
                    return plan_restore_post(reader, kim, id, at_second(round + 1),
                                             std::chrono::hours{1});
                });
                carry_out(in.store(), in.placement(), {job_kind::place_post_media, id});
            }
            in.add_post(10'000 + round * 10, kim, 1);
        }
    }
    BOOST_TEST(checks > 1U);
    for (const std::string& problem : problems) {
        BOOST_ERROR(problem);
    }
}

BOOST_AUTO_TEST_CASE(a_url_that_leads_elsewhere_has_no_bytes_here) {
    post row = make_post(5000, kim);
    row.files[0].url = "https://elsewhere.example/a.jpg";
    write(in.store(), [&](const kv::reader& reader) { return plan_create_post(reader, row); });
    in.settle();
    const check_report report = in.check();
    BOOST_TEST(report.problems == 0U);
    BOOST_TEST(report.media_files == 2U * posts);
    BOOST_TEST(report.media_bytes > report.media_files);
}

BOOST_AUTO_TEST_CASE(a_hold_keeps_bytes_until_it_ends) {
    const auto published = in.publish("bytes");
    in.media().settle(std::array{published});
    const std::string& path = published.media_path;
    kv::commit commit;
    append_media_removal(commit, 77, std::array{path});
    must_commit(in.store(), std::move(commit));
    const job removal{job_kind::remove_media, 77};
    {
        const auto hold = in.placement().purging().hold();
        const auto another = in.placement().purging().hold();
        const auto step = in.placement().take_step(removal);
        BOOST_REQUIRE(step.has_value());
        BOOST_TEST((*step == job_step::waits));
        BOOST_TEST(in.media().open_any(path).has_value());
        in.must_be_sound();  // a job has it
    }
    carry_out(in.store(), in.placement(), removal);
    BOOST_TEST(!in.media().open_any(path).has_value());
    in.must_be_sound();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
