// The server's end: who may, what it survives, and what goes with a connection.
#include "storage/control/service.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/control/socket.hpp"
#include "tests/control/raw_connection.hpp"
#include "tests/control/served_store.hpp"
#include "tests/support/seed.hpp"

namespace pinhole::test {

using control::frame_writer;
using control::request;
using kv::outcome;
using kv::test::apply;
using kv::test::count_key;
using kv::test::row_key;

namespace {

constexpr uid_t nobody = 65'534;

/// What `work` returns in a child of that user.
int run_as(uid_t user, const std::function<int()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        int status = 99;
        if (::setgid(user) == 0 && ::setuid(user) == 0) {
            status = work();
        }
        ::_exit(status);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/// The number of the error, or of the welcome and 100.
int try_to_connect(const std::filesystem::path& data) {
    try {
        return 100 + static_cast<int>(raw_connection{data}.greet().welcome);
    } catch (const std::system_error& error) {
        return error.code().value();
    }
}

std::string frame_of(const frame_writer& payload) {
    frame_writer frame;
    frame.append_string(payload.bytes());
    return frame.take();
}

frame_writer commit_of(const std::vector<kv::operation>& operations) {
    frame_writer out = control::make_request(request::submit);
    out.append_u32(1);
    control::append_commit(out, {operations});
    return out;
}

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint32_t take_snapshot(raw_connection& connection) {
    connection.send_frame(control::make_request(request::snapshot));
    const std::string answer = connection.receive_frame();
    control::frame_reader in{answer};
    BOOST_REQUIRE(in.read_u8() == 0);
    return in.read_u32();
}

}  // namespace

struct service_fixture : control_fixture {
    /// Sends it after a greeting: the server must close this connection, and go on with others.
    void check_refused(const std::string& bytes, std::string_view what) {
        BOOST_TEST_INFO_SCOPE(what);
        raw_connection bad{data};
        bad.greet();
        bad.send(bytes);
        BOOST_TEST(bad.is_closed_by_server());
        check_serving();
    }

    void check_serving() {
        const outcome done = apply(*connect(), {kv::put{row_key("alive"), "yes"}});
        BOOST_TEST((done == outcome::ok));
    }
};

BOOST_FIXTURE_TEST_SUITE(service, service_fixture)

BOOST_AUTO_TEST_CASE(the_socket_is_its_owners_alone) {
    serve();
    struct stat found{};
    BOOST_REQUIRE(::stat(socket_path().c_str(), &found) == 0);
    BOOST_TEST(S_ISSOCK(found.st_mode));
    BOOST_TEST((found.st_mode & 0777U) == 0600U);
    BOOST_TEST(found.st_uid == ::geteuid());
    check_serving();
    control_fixture::service.reset();
    BOOST_TEST(!std::filesystem::exists(socket_path()));
}

BOOST_AUTO_TEST_CASE(another_user_is_refused) {
    if (::geteuid() != 0) {
        BOOST_TEST_MESSAGE("not root, so there is nobody else to be");
        return;
    }
    serve();
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0711});
    std::filesystem::permissions(data, std::filesystem::perms{0711});
    const auto attempt = [this] { return try_to_connect(data); };
    BOOST_TEST(run_as(nobody, attempt) == EACCES);
    // Though somebody has opened the file to all.
    std::filesystem::permissions(socket_path(), std::filesystem::perms{0666});
    BOOST_TEST(run_as(nobody, attempt) == 100 + static_cast<int>(control::welcome::not_allowed));
    BOOST_TEST(run_as(0, attempt) == 100);
    check_serving();
}

BOOST_AUTO_TEST_CASE(a_path_longer_than_an_address_works) {
    data = directory.path() / std::string(100, 'd') / std::string(100, 'e');
    std::filesystem::create_directories(data);
    BOOST_REQUIRE(socket_path().string().size() > sizeof(sockaddr_un::sun_path));
    serve();
    BOOST_TEST(std::filesystem::is_socket(socket_path()));
    check_serving();
}

BOOST_AUTO_TEST_CASE(the_socket_of_a_dead_process_is_replaced) {
    const unique_fd abandoned = control::listen_in(data);
    BOOST_REQUIRE(std::filesystem::is_socket(socket_path()));
    serve();
    check_serving();
}

BOOST_AUTO_TEST_CASE(what_is_no_socket_is_left_alone) {
    std::ofstream{socket_path()} << "mine";
    BOOST_CHECK_THROW(serve(), std::system_error);
    std::string text;
    std::ifstream{socket_path()} >> text;
    BOOST_TEST(text == "mine");
}

BOOST_AUTO_TEST_CASE(malformed_frames_end_their_connection_alone) {
    serve();
    const auto remote = connect();  // outlives all of them
    const std::string huge_length = "\xff\xff\xff\xff";
    check_refused(huge_length, "a length of 4 GiB");
    check_refused(std::string(4, '\0'), "a length of nothing");
    check_refused(frame_of([] {
                      frame_writer out;
                      out.append_u8(200);
                      return out;
                  }()),
                  "an unknown request");
    frame_writer announced = control::make_request(request::submit);
    announced.append_u32(0xFFFF'FFFF);
    check_refused(frame_of(announced), "four milliards of commits");
    frame_writer operations = control::make_request(request::submit);
    operations.append_u32(1);
    operations.append_u32(0xFFFF'FFF0);
    check_refused(frame_of(operations), "four milliards of operations");
    frame_writer longer = control::make_request(request::health);
    longer.append_u8(1);
    check_refused(frame_of(longer), "more than was asked for");
    frame_writer gone = control::make_request(request::get);
    gone.append_u32(12);
    control::append_key(gone, row_key("a"));
    check_refused(frame_of(gone), "a snapshot that was never made");
    BOOST_TEST((remote->health() == kv::health::ok));
}

/// A store asserts that these never come; so they must not reach it.
BOOST_AUTO_TEST_CASE(commits_that_no_store_takes_are_refused) {
    serve();
    const std::vector<std::pair<std::string_view, kv::operation>> unsound{
        {"a key too long", kv::put{row_key(std::string(kv::key_bytes_max + 1, 'x')), ""}},
        {"a value too long", kv::put{row_key("a"), std::string(kv::value_bytes_max + 1, 'x')}},
        {"no such family", kv::put{{1, 77, "a"}, ""}},
        {"a put into counters", kv::put{count_key("a"), ""}},
        {"an addition to a row", kv::add{row_key("a"), 1}},
        {"a check of a counter", kv::check{count_key("a"), 0}},
        {"a posting with a value", kv::put{kv::test::posting_key("a"), "v"}},
        {"an insert of a posting", kv::insert{kv::test::posting_key("a"), ""}},
        {"a key too long with its stamp",
         kv::enqueue{kv::test::index_key(std::string(kv::key_bytes_max - 7, 'x')), ""}},
    };
    for (const auto& [what, operation] : unsound) {
        check_refused(frame_of(commit_of({kv::put{row_key("never"), ""}, operation})), what);
    }
    BOOST_TEST(!kv::test::get(*store, row_key("never")).has_value());
}

BOOST_AUTO_TEST_CASE(reads_that_no_store_takes_are_refused) {
    serve();
    const auto ask = [&](request what, const auto& append, std::string_view name) {
        BOOST_TEST_INFO_SCOPE(name);
        raw_connection bad{data};
        bad.greet();
        frame_writer out = control::make_request(what);
        out.append_u32(take_snapshot(bad));
        append(out);
        bad.send_frame(out);
        BOOST_TEST(bad.is_closed_by_server());
    };
    ask(
        request::get, [](frame_writer& out) { control::append_key(out, count_key("a")); },
        "a counter as a row");
    ask(
        request::get, [](frame_writer& out) { control::append_key(out, {1, 99, "a"}); },
        "no such family");
    ask(
        request::counters,
        [](frame_writer& out) {
            out.append_u32(1);
            control::append_key(out, row_key("a"));
        },
        "a row as a counter");
    ask(
        request::scan,
        [](frame_writer& out) {
            control::append_range(
                out, {1, kv::test::rows, std::string(kv::key_bytes_max + 1, 'x'), "", 1, false});
        },
        "a bound too long");
    ask(
        request::walk,
        [](frame_writer& out) {
            out.append_u8(99);
            out.append_u8(0);
            out.append_u32(1);
        },
        "a walk over no such family");
    BOOST_TEST(store->wait_for_readers(0));
    check_serving();
}

BOOST_AUTO_TEST_CASE(random_bytes_do_no_harm) {
    auto with = options();
    with.connections_max = 1'000;  // those that were closed may take a moment to go
    serve(with);
    const auto seed = pinhole::test::make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    std::mt19937 random(seed);
    const auto noise = [&](std::size_t bytes) {
        std::string made(bytes, '\0');
        for (char& byte : made) {
            byte = static_cast<char>(random() % 256);
        }
        return made;
    };
    for (int round = 0; round < 300; ++round) {
        raw_connection bad{data};
        if (random() % 4 == 0) {
            bad.send(noise(control::greeting_bytes));
            BOOST_TEST(bad.is_closed_by_server());
            continue;
        }
        bad.greet();
        // In frames, so that what is inside is looked at; each begins as a request does.
        for (auto frames = random() % 5; frames > 0; --frames) {
            frame_writer payload;
            payload.append_u8(static_cast<std::uint8_t>(1 + random() % 14));
            payload.append_u32(static_cast<std::uint32_t>(random() % 4));
            payload.append_raw(noise(random() % 60));
            bad.send(frame_of(payload));
        }
        bad.send(noise(random() % 40));
        bad.close();
    }
    check_serving();
    BOOST_TEST(store->wait_for_readers(0));
}

BOOST_AUTO_TEST_CASE(announced_bytes_take_no_memory) {
    serve();
    const std::uint64_t before = resident_bytes();
    frame_writer length;
    length.append_u32(control::frame_bytes_max);
    std::vector<std::unique_ptr<raw_connection>> idle;
    for (int i = 0; i < 14; ++i) {
        idle.push_back(std::make_unique<raw_connection>(data));
        idle.back()->greet();
        idle.back()->send(length.bytes());
        idle.back()->send(std::string(1000, 'x'));
    }
    check_serving();
    BOOST_TEST(resident_bytes() < before + (std::uint64_t{32} << 20U));
}

BOOST_AUTO_TEST_CASE(beyond_the_most_connections_one_is_told) {
    auto with = options();
    with.connections_max = 2;
    serve(with);
    auto remote = connect();  // which takes two
    BOOST_CHECK_EXCEPTION(
        control::client::connect(data, test_schema), control::server_unusable,
        [](const auto& busy) { return std::string_view{busy.what()}.contains("too many"); });
    BOOST_TEST((apply(*remote, {kv::put{row_key("a"), ""}}) == outcome::ok));
}

BOOST_AUTO_TEST_CASE(a_connection_has_so_many_snapshots_and_no_more) {
    serve();
    const auto remote = connect();
    std::vector<std::unique_ptr<kv::reader>> readers;
    const auto take_all = [&] {
        for (;;) {
            readers.push_back(remote->snapshot(kv::read_mode::blocking));
        }
    };
    BOOST_CHECK_THROW(take_all(), control::server_unusable);
    BOOST_TEST(readers.size() == 256U);
    readers.pop_back();
    BOOST_CHECK_NO_THROW(remote->snapshot(kv::read_mode::blocking));
}

BOOST_AUTO_TEST_CASE(a_client_that_is_killed_releases_its_snapshots) {
    serve();
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        raw_connection killed{data};
        killed.greet();
        killed.send_frame(control::make_request(request::snapshot));
        killed.receive_frame();
        const char ready = 1;
        const auto written = ::write(ends[1], &ready, 1);
        ::pause();
        ::_exit(written == 1 ? 0 : 1);
    }
    char ready = 0;
    BOOST_REQUIRE(::read(ends[0], &ready, 1) == 1);
    BOOST_TEST(store->readers() == 1U);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    BOOST_TEST(store->wait_for_readers(0));
    ::close(ends[0]);
    ::close(ends[1]);
    check_serving();
}

BOOST_AUTO_TEST_CASE(what_a_connection_was_given_goes_with_it) {
    auto with = options();
    event released;
    with.make_checkpoint = [](const std::filesystem::path& path) {
        std::filesystem::create_directory(path);
        std::ofstream{path / "rows"} << "frozen";
        return storage::from_microseconds(42);
    };
    with.hold_purge = [&released] {
        return std::shared_ptr<void>(nullptr, [&released](void*) { released.happen(); });
    };
    serve(with);
    auto holder = control::client::connect(data, test_schema);
    BOOST_REQUIRE(holder != nullptr);
    holder->ask(control::make_request(request::hold_purge));
    const std::string answer = holder->ask(control::make_request(request::checkpoint));
    control::frame_reader in{answer};
    const std::filesystem::path path{in.read_string()};
    BOOST_TEST(in.read_i64() == 42);
    BOOST_TEST(path.is_absolute());
    BOOST_TEST(path.parent_path() == std::filesystem::absolute(data) / "checkpoints");
    BOOST_TEST(std::filesystem::exists(path / "rows"));
    struct stat folder{};
    BOOST_REQUIRE(::stat(path.parent_path().c_str(), &folder) == 0);
    BOOST_TEST((folder.st_mode & 0777U) == 0700U);
    BOOST_TEST(!released.has_happened());
    holder.reset();
    // The hold goes last.
    BOOST_TEST(released.wait());
    BOOST_TEST(!std::filesystem::exists(path));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_that_fails_midway_leaves_nothing) {
    auto with = options();
    with.make_checkpoint = [](const std::filesystem::path& path) -> storage::timestamp {
        std::filesystem::create_directory(path);
        throw kv::storage_failure{"the disk is full"};
    };
    serve(with);
    const auto remote = connect();
    BOOST_CHECK_EXCEPTION(remote->make_checkpoint(), kv::storage_failure, [](const auto& failure) {
        return std::string_view{failure.what()} == "the disk is full";
    });
    control_fixture::service.reset();  // joins
    BOOST_TEST(std::filesystem::is_empty(data / "checkpoints"));
}

BOOST_AUTO_TEST_CASE(leftovers_of_an_earlier_life_are_swept) {
    std::filesystem::create_directories(data / "checkpoints" / "0123");
    std::ofstream{data / "checkpoints" / "0123" / "rows"} << "old";
    serve();
    BOOST_TEST(!std::filesystem::exists(data / "checkpoints"));
}

BOOST_AUTO_TEST_CASE(it_ends_while_clients_are_there) {
    std::vector<kv::operation> large;
    for (int i = 0; i < 32; ++i) {
        large.emplace_back(
            kv::put{row_key(std::to_string(i)), std::string(kv::value_bytes_max, 'x')});
    }
    const outcome written = kv::test::apply(*store, std::move(large));
    BOOST_REQUIRE(written == outcome::ok);
    serve();
    raw_connection silent{data};  // says nothing, not even a greeting
    raw_connection deaf{data};    // asks for more than any buffer holds, and reads nothing
    deaf.greet();
    const std::uint32_t snapshot = take_snapshot(deaf);
    frame_writer everything = control::make_request(request::scan);
    everything.append_u32(snapshot);
    control::append_range(everything, {1, kv::test::rows, "", "", 1'000, false});
    for (int i = 0; i < 50; ++i) {
        deaf.send_frame(everything);
    }
    control_fixture::service.reset();
    BOOST_TEST(silent.is_closed_by_server());
    BOOST_TEST(store->readers() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
