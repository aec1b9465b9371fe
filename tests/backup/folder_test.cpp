// Which folders backups may lie in, and who may work with them at once.
#include "tests/backup/backup_fixture.hpp"

namespace pinhole::storage::test {

namespace {

struct folder_fixture {
    fs::path at(const std::string& name) const { return directory.path() / name; }

    std::string refusal(const fs::path& dest) const {
        const auto before = tree_of(directory.path());
        const auto opened = backup::backup_folder::open_to_write(dest, at("data"));
        BOOST_TEST((tree_of(directory.path()) == before));
        return opened ? "opened" : opened.error().message;
    }

    pinhole::test::temporary_directory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(folders, folder_fixture)

BOOST_AUTO_TEST_CASE(where_they_may_not_lie) {
    fs::create_directories(at("data") / "media");
    BOOST_TEST(refusal(at("data")).contains("lies in the data directory"));
    BOOST_TEST(refusal(at("data") / "backups").contains("lies in the data directory"));
    BOOST_TEST(refusal(at("data") / "media" / ".." / "b").contains("lies in the data directory"));
    fs::create_directory_symlink(at("data"), at("link"));
    BOOST_TEST(refusal(at("link") / "b").contains("lies in the data directory"));
    BOOST_TEST(refusal(at("absent") / "b").contains("there is no directory"));
    write_bytes(at("file"), "x");
    BOOST_TEST(refusal(at("file")).contains("is no directory"));
    fs::create_directories(at("photos"));
    write_bytes(at("photos") / "one.jpg", "x");
    BOOST_TEST(refusal(at("photos")).contains("is not empty and holds no backups"));
    fs::create_directories(at("later"));
    write_bytes(at("later") / "pinhole-backups", "pinhole-backups 2\n");
    write_bytes(at("later") / "lock", "");
    BOOST_TEST(refusal(at("later")).contains("a layout that this version does not know"));
}

BOOST_AUTO_TEST_CASE(where_they_may) {
    for (const char* name : {"new", "new/", "data-backups"}) {
        BOOST_TEST(backup::backup_folder::open_to_write(at(name), at("data")).has_value());
    }
    // A new file system, and what a first call that was killed has left.
    fs::create_directories(at("disk") / "lost+found");
    write_bytes(at("disk") / "lock", "");
    write_bytes(at("disk") / "pinhole-backups.new", "pinh");
    BOOST_TEST(backup::backup_folder::open_to_write(at("disk"), at("data")).has_value());
    BOOST_TEST(bytes_of(at("disk") / "pinhole-backups") == "pinhole-backups 1\n");
}

BOOST_AUTO_TEST_CASE(what_holds_no_backups_is_not_read) {
    const auto opened = backup::backup_folder::open_to_read(at("absent"));
    BOOST_TEST((!opened && opened.error().message.contains("there are no backups")));
    BOOST_TEST(!backup::backup_folder::open_to_list(directory.path()).has_value());
    BOOST_TEST(!fs::exists(at("absent")));
}

BOOST_AUTO_TEST_CASE(one_writes_or_many_read) {
    {
        const auto writing = backup::backup_folder::open_to_write(at("b"), at("data"));
        BOOST_REQUIRE(writing.has_value());
        BOOST_CHECK_THROW((void)backup::backup_folder::open_to_write(at("b"), at("data")),
                          std::runtime_error);
        BOOST_CHECK_THROW((void)backup::backup_folder::open_to_read(at("b")), std::runtime_error);
        BOOST_TEST(backup::backup_folder::open_to_list(at("b")).has_value());
    }
    const auto reading = backup::backup_folder::open_to_read(at("b"));
    BOOST_TEST(backup::backup_folder::open_to_read(at("b")).has_value());
    BOOST_CHECK_THROW((void)backup::backup_folder::open_to_write(at("b"), at("data")),
                      std::runtime_error);
}

/// Of a copy without the lock, too.
BOOST_AUTO_TEST_CASE(a_copy_can_be_read) {
    {
        const auto made = backup::backup_folder::open_to_write(at("b"), at("data"));
        BOOST_REQUIRE(made.has_value());
    }
    fs::remove(at("b") / "lock");
    BOOST_TEST(backup::backup_folder::open_to_read(at("b")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
