// Where a dump may be restored to, and where not: a directory in use, one with media, a mount
// point, a disk without room.
#include <fcntl.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "storage/restore/data_directory.hpp"
#include "tests/restore/restore_fixture.hpp"
#include "tests/support/small_disk.hpp"

namespace pinhole::storage::test {

namespace {

using pinhole::test::can_mount;
using pinhole::test::small_disk;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(targets, restore_fixture)

BOOST_AUTO_TEST_CASE(a_directory_that_a_server_has_open_is_refused) {
    const database opened{options_for(target)};
    const auto before = media_of(target);
    try {
        (void)restore_dump(dump, target);
        BOOST_ERROR("it was restored");
    } catch (const std::runtime_error& refusal) {
        BOOST_TEST(std::string{refusal.what()}.contains("is in use"));
    }
    BOOST_TEST((media_of(target) == before));
    BOOST_TEST(!fs::exists(target / "restore.building"));
}

/// One that knows nothing of the lock on the directory.
BOOST_AUTO_TEST_CASE(a_store_that_somebody_has_open_is_refused) {
    const auto opened = open_store(target);
    try {
        (void)restore_dump(dump, target);
        BOOST_ERROR("it was restored");
    } catch (const std::runtime_error& refusal) {
        BOOST_TEST(std::string{refusal.what()}.contains("is already open"));
    }
    BOOST_TEST(!fs::exists(target / "restore.building"));
}

BOOST_AUTO_TEST_CASE(nobody_opens_the_directory_meanwhile) {
    fs::create_directories(target);
    const unique_fd alone = enter_data_directory_alone(target);
    try {
        const database opened{options_for(target)};
        BOOST_ERROR("it was opened");
    } catch (const std::runtime_error& refusal) {
        BOOST_TEST(std::string{refusal.what()}.contains("is under way"));
    }
    BOOST_CHECK_THROW((void)restore_dump(dump, target), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(media_that_are_there_are_never_removed) {
    fs::create_directories(target / "media" / "hidden" / "aa");
    write_bytes(target / "media" / "hidden" / "aa" / "precious.jpg", "precious");
    const auto before = tree_of(target);
    for (const bool dry_run : {true, false}) {
        const auto done = restore_dump(dump, target, {.dry_run = dry_run});
        BOOST_REQUIRE(!done.has_value());
        BOOST_TEST(done.error().message.contains("holds media already"));
        BOOST_TEST((tree_of(target) == before));
    }
}

BOOST_AUTO_TEST_CASE(an_empty_database_gives_its_ids_to_the_new_one) {
    std::int64_t ceiling_ms = 0;
    {
        auto options = options_for(target);
        options.clock_ms = [] { return id_clock_end_ms - 1; };  // far ahead of every row
        const database opened{std::move(options)};
    }
    ceiling_ms = read_id_ceiling_ms(*open_store(target)->snapshot(kv::read_mode::blocking));
    BOOST_TEST(ceiling_ms > id_clock_end_ms - 1);
    must_restore(dump, target);
    const auto store = open_store(target);
    BOOST_TEST(read_id_ceiling_ms(*store->snapshot(kv::read_mode::blocking)) == ceiling_ms);
}

BOOST_AUTO_TEST_CASE(modes_are_those_of_a_server) {
    const auto before = ::umask(0077);
    must_restore(dump, target);
    ::umask(before);
    const auto mode = [&](const fs::path& path) {
        return static_cast<unsigned>(fs::status(path).permissions());
    };
    BOOST_TEST(mode(target) == 0711U);
    BOOST_TEST(mode(target / "db") == 0700U);
    BOOST_TEST(mode(target / "media") == 0711U);
    BOOST_TEST(mode(target / "media" / "hidden") == 0700U);
    BOOST_TEST(mode(target / "media" / "public") == 0755U);
    for (const auto& entry : fs::recursive_directory_iterator{target / "media"}) {
        if (entry.is_regular_file()) {
            BOOST_TEST(mode(entry.path()) == 0644U);
        } else if (entry.path().string().contains("/public/")) {
            BOOST_TEST(mode(entry.path()) == 0755U);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_journal_of_another_version_is_left_alone) {
    fs::create_directories(target / "restore.building" / "db");
    write_bytes(target / "restore.journal", "pinhole-restore 2\nall\n");
    const auto before = tree_of(target);
    BOOST_CHECK_THROW((void)restore_dump(dump, target), std::runtime_error);
    BOOST_CHECK_THROW(const database opened{options_for(target)}, std::runtime_error);
    BOOST_TEST((tree_of(target) == before));
}

/// ON DISK: what an interrupted switch has written must be understood by every later version.
BOOST_AUTO_TEST_CASE(a_switch_that_an_older_program_began_is_finished) {
    must_restore(dump, at("new"));
    for (const bool with_media : {true, false}) {
        fs::remove_all(target);
        {
            const database made{options_for(target)};
        }
        fs::create_directories(target / "restore.building");
        fs::create_directories(target / "media" / "restore.building");
        fs::copy(at("new") / "db", target / "restore.building" / "db", fs::copy_options::recursive);
        for (const char* tree : {"public", "hidden"}) {
            fs::copy(at("new") / "media" / tree, target / "media" / "restore.building" / tree,
                     fs::copy_options::recursive);
        }
        write_bytes(target / "restore.journal",
                    with_media ? "pinhole-restore 1\ndb\nmedia\n" : "pinhole-restore 1\ndb\n");
        {
            const database opened{options_for(target)};
        }
        BOOST_TEST((rows_of(target) == rows_of(at("new"))));
        BOOST_TEST(media_of(target).empty() == !with_media);
        BOOST_TEST(!fs::exists(target / "restore.journal"));
        BOOST_TEST(!fs::exists(target / "restore.building"));
        BOOST_TEST(!fs::exists(target / "media" / "restore.building"));
    }
}

BOOST_AUTO_TEST_CASE(the_directory_may_be_a_mount_point,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{target, 256 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    must_restore(dump, target);
    BOOST_TEST(problems_of(target).empty());
    BOOST_TEST((media_of(target) == media_of(source.path())));
}

BOOST_AUTO_TEST_CASE(the_media_may_be_a_mount_point, *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{target / "media", 256 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    must_restore(dump, target);
    BOOST_TEST((media_of(target) == media_of(source.path())));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_renamed_is_refused_before_anything_is,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{target / "db", 16 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    const auto before = tree_of(target);
    const auto done = restore_dump(dump, target);
    BOOST_REQUIRE(!done.has_value());
    BOOST_TEST(done.error().message.contains("mount point"));
    BOOST_TEST((tree_of(target) == before));
}

/// Whatever it is that meets the end of the disk.
BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error_and_leaves_the_target,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{at("disk"), 256 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    const fs::path into = at("disk") / "data";
    {
        const database made{options_for(into)};
    }
    const auto before = tree_of(into);
    const auto media_bytes = restore_dump(dump, into, {.dry_run = true})->dump.media.bytes;
    std::size_t refused = 0;
    for (std::size_t room = 0; room < media_bytes + 4 * mebibyte;
         room += 4096 + source.random().pick(media_bytes / 8)) {
        const auto available = fs::space(at("disk")).available;
        const unique_fd ballast{
            ::open((at("disk") / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
        BOOST_REQUIRE(::posix_fallocate(ballast.get(), 0, static_cast<off_t>(available - room)) ==
                      0);
        BOOST_TEST_CONTEXT("room for " << room << " bytes") {
            bool is_done = false;
            try {
                is_done = restore_dump(dump, into).has_value();
            } catch (const std::exception& failure) {
                const std::string text = failure.what();
                BOOST_TEST((text.contains("No space") || text.contains("disk full")), text);
            }
            fs::remove(at("disk") / "ballast");
            if (is_done) {
                break;
            }
            ++refused;
            BOOST_TEST((tree_of(into) == before));
        }
    }
    BOOST_TEST(refused > 3U);
    if (tree_of(into) == before) {
        must_restore(dump, into);
    }
    BOOST_TEST(problems_of(into).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
