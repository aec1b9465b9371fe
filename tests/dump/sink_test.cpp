// Where dumps go: names that are taken, streams that end early, disks without room.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "storage/base/unique_fd.hpp"
#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

namespace {

/// What was read from the other end of a pipe to which `write` has written.
std::string read_stream(const std::filesystem::path& scratch,
                        const std::function<void(int)>& write) {
    const unique_fd file{::open(scratch.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    BOOST_REQUIRE(static_cast<bool>(file));
    write(file.get());
    return read_file(scratch);
}

void check_conflict(const result<std::unique_ptr<dump_sink>>& sink, error_code code) {
    BOOST_REQUIRE(!sink.has_value());
    BOOST_TEST((sink.error().code == code));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(sinks, dump_fixture)

BOOST_AUTO_TEST_CASE(what_is_there_is_not_touched) {
    for (const char* name : {"d", "d.tar", "d.tar.zst"}) {
        write_file(target(name), "precious");
        check_conflict(make_sink(target(name), at_second(0)), error_code::conflict);
        BOOST_TEST(read_file(target(name)) == "precious");
        std::filesystem::remove(target(name));

        std::filesystem::create_directory(target(name));
        check_conflict(make_sink(target(name), at_second(0)), error_code::conflict);
        std::filesystem::remove(target(name));

        std::filesystem::create_symlink("nowhere", target(name));
        check_conflict(make_sink(target(name), at_second(0)), error_code::conflict);
        std::filesystem::remove(target(name));
    }
    BOOST_TEST(names_in(targets()).empty());
}

BOOST_AUTO_TEST_CASE(what_comes_meanwhile_is_not_touched) {
    fill();
    for (const char* name : {"d", "d.tar", "d.tar.zst"}) {
        auto sink = make_sink(target(name), at_second(0));
        BOOST_REQUIRE(sink.has_value());
        std::filesystem::create_directory(target(name));
        const auto report = dump_to(**sink, make_dump_options());
        BOOST_REQUIRE(!report.has_value());
        BOOST_TEST((report.error().code == error_code::conflict));
        sink->reset();
        BOOST_TEST(std::filesystem::is_empty(target(name)));
        BOOST_TEST((names_in(targets()) == std::vector<std::string>{name}));
        std::filesystem::remove(target(name));
    }
}

BOOST_AUTO_TEST_CASE(the_directory_above_must_be_there) {
    check_conflict(make_sink(target("absent") / "d", at_second(0)), error_code::not_found);
    check_conflict(make_sink(target("absent") / "d.tar", at_second(0)), error_code::not_found);
    check_conflict(make_sink("", at_second(0)), error_code::invalid);
}

BOOST_AUTO_TEST_CASE(a_directory_may_be_named_with_a_slash_or_without_a_directory) {
    fill();
    auto sink = make_sink(target("d") / "", at_second(0));
    BOOST_REQUIRE(sink.has_value());
    BOOST_TEST(dump_to(**sink, make_dump_options())->is_whole);
    check_conflict(make_sink(target("d") / "", at_second(0)), error_code::conflict);

    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(targets());
    auto beside = make_sink("e.tar", at_second(0));
    BOOST_REQUIRE(beside.has_value());
    BOOST_TEST(dump_to(**beside, make_dump_options())->is_whole);
    std::filesystem::current_path(before);
    BOOST_TEST((names_in(targets()) == std::vector<std::string>{"d", "e.tar"}));
}

BOOST_AUTO_TEST_CASE(a_stream_is_the_tar) {
    fill();
    auto sink = make_sink(target("d.tar"), at_second(0));
    BOOST_TEST(dump_to(**sink, make_dump_options())->is_whole);
    const std::string streamed = read_stream(data_dir() / "stream", [&](int fd) {
        const auto stream = make_stream_sink(fd, at_second(0));
        BOOST_TEST(dump_to(*stream, make_dump_options())->is_whole);
    });
    BOOST_TEST((streamed == read_file(target("d.tar"))));
}

/// Half a dump must not be taken for a whole one: without its end mark nothing reads it, and what
/// is there has no manifest.
BOOST_AUTO_TEST_CASE(an_interrupted_stream_has_neither_manifest_nor_end) {
    fill();
    kv::commit commit;
    for (entity_id id = 1000; id < 9000; ++id) {
        append_create(commit, make_like(id, 10, id));
    }
    must_commit(*store, std::move(commit));
    std::stop_source source;
    const work_watch watch{.report =
                               [&](const work_progress& progress) {
                                   if (progress.phase == "likes" && progress.done > 6000) {
                                       source.request_stop();
                                   }
                               },
                           .stop = source.get_token()};
    const std::string streamed = read_stream(data_dir() / "stream", [&](int fd) {
        const auto stream = make_stream_sink(fd, at_second(0));
        BOOST_CHECK_THROW(dump_to(*stream, make_dump_options(), watch), work_interrupted);
    });
    BOOST_TEST(streamed.size() > 100'000U);
    BOOST_TEST(!streamed.contains("manifest.json"));
    BOOST_CHECK_THROW(read_archive(data_dir() / "stream"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_reader_that_goes_away_ends_the_stream) {
    struct sigaction ignoring{};
    ignoring.sa_handler = SIG_IGN;
    struct sigaction before{};
    BOOST_REQUIRE(::sigaction(SIGPIPE, &ignoring, &before) == 0);
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    unique_fd reading{ends[0]};
    const unique_fd writing{ends[1]};
    reading.reset();
    fill();
    {
        const auto stream = make_stream_sink(writing.get(), at_second(0));
        BOOST_CHECK_EXCEPTION(
            dump_to(*stream, make_dump_options()), std::system_error,
            [](const std::system_error& e) { return e.code() == std::errc::broken_pipe; });
    }
    ::sigaction(SIGPIPE, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
    fill();
    const unique_fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    BOOST_REQUIRE(static_cast<bool>(full));
    const auto stream = make_stream_sink(full.get(), at_second(0));
    BOOST_CHECK_EXCEPTION(
        dump_to(*stream, make_dump_options()), std::system_error,
        [](const std::system_error& e) { return e.code() == std::errc::no_space_on_device; });
}

/// More than the plain tar format's twelve octal digits hold.
BOOST_AUTO_TEST_CASE(a_member_may_be_larger_than_8_gib) {
    const auto stream_size = [&](std::uint64_t size) {
        return read_stream(data_dir() / "stream",
                           [&](int fd) {
                               const auto stream = make_stream_sink(fd, at_second(0));
                               stream->begin_member("media/large", size);
                               stream->write(std::string(300'000, 'x'));
                           })
            .contains("size=" + std::to_string(size));
    };
    BOOST_TEST(stream_size(std::uint64_t{9} << 30U));
    BOOST_TEST(!stream_size(std::uint64_t{1} << 30U));
}

BOOST_AUTO_TEST_CASE(a_member_with_a_longest_path) {
    const std::string path = "media/" + std::string(120, 'a') + "/" + std::string(130, 'b');
    for (const char* name : {"d", "d.tar"}) {
        auto sink = make_sink(target(name), at_second(0));
        BOOST_REQUIRE(sink.has_value());
        (*sink)->begin_member(path, 5);
        (*sink)->write("by");
        (*sink)->write("tes");
        (*sink)->end_member();
        BOOST_TEST((*sink)->finish().has_value());
    }
    const members expected{{path, "bytes"}};
    BOOST_TEST((read_directory(target("d")) == expected));
    BOOST_TEST((read_archive(target("d.tar")).by_path == expected));
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_noticed) {
    const auto sink = make_stream_sink(STDERR_FILENO, at_second(0));
    sink->begin_member("a", 3);
    sink->write("ab");
    BOOST_CHECK_THROW(sink->end_member(), std::logic_error);
    BOOST_CHECK_THROW(sink->write("cd"), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
