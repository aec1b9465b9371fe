// One data directory, two servers: the second refuses, however it names the directory, and the
// first does not notice.
#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/api/entity_checks.hpp"
#include "tests/faults/faults.hpp"
#include "tests/program/server_process.hpp"

namespace pinhole::test {

namespace {

struct served_directory {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::filesystem::path log = directory.path() / "log";
    server_process first{serve_arguments(data), log};
    api_client user = sign_up(first.wait_until_serving());

    void check_refused(const std::filesystem::path& path) {
        const auto second_log = directory.path() / "second";
        std::filesystem::remove(second_log);
        server_process second(serve_arguments(path), second_log);
        BOOST_TEST(second.wait().exit_status == 1);
        BOOST_TEST(second.rest_of_output() == "");
        const auto errors = error_lines(second_log);
        BOOST_TEST_REQUIRE(errors.size() == 1U);
        BOOST_TEST(errors.front().contains("already open"), errors.front());
        check_post(create_post(user));
        // The first one's own upload leaves it a moment after its answer; the second took nothing.
        BOOST_TEST(eventually([&] { return std::filesystem::is_empty(data / "media/incoming"); }));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(data_directory, served_directory)

BOOST_AUTO_TEST_CASE(a_second_server_is_refused_by_whatever_path) {
    check_refused(data);
    check_refused(directory.path() / "." / "data" / ".." / "data");
    const auto link = directory.path() / "link";
    std::filesystem::create_directory_symlink(data, link);
    check_refused(link);
    BOOST_TEST(first.stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_CASE(a_second_server_is_refused_through_a_bind_mount,
                     *boost::unit_test::precondition(can_mount)) {
    const auto other = directory.path() / "other";
    std::filesystem::create_directory(other);
    BOOST_TEST_REQUIRE(::mount(data.c_str(), other.c_str(), "", MS_BIND, nullptr) == 0);
    check_refused(other);
    BOOST_TEST(::umount(other.c_str()) == 0);
    BOOST_TEST(first.stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_CASE(a_killed_server_leaves_no_lock) {
    BOOST_TEST(first.stop(SIGKILL).signal == SIGKILL);
    server_process second(serve_arguments(data), log);
    user.move_to(second.wait_until_serving());
    check_post(create_post(user));
    BOOST_TEST(second.stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_CASE(a_read_only_directory_is_refused, *boost::unit_test::precondition(can_mount)) {
    BOOST_TEST(first.stop(SIGTERM).exit_status == 0);
    BOOST_TEST_REQUIRE(::mount(data.c_str(), data.c_str(), "", MS_BIND, nullptr) == 0);
    BOOST_TEST_REQUIRE(::mount("", data.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) ==
                       0);
    const auto second_log = directory.path() / "second";
    {
        server_process second(serve_arguments(data), second_log);
        BOOST_TEST(second.wait().exit_status == 1);
    }
    BOOST_TEST(::umount(data.c_str()) == 0);
    const auto errors = error_lines(second_log);
    BOOST_TEST_REQUIRE(errors.size() == 1U);
    BOOST_TEST(errors.front().contains("Read-only file system"), errors.front());
    server_process third(serve_arguments(data), log);
    user.move_to(third.wait_until_serving());
    BOOST_TEST(third.stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
