// Where a backup may be restored to, and where not; on another file system, and on a full one.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <utility>

#include "storage/backup/backup_record.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/housekeeping.hpp"
#include "tests/backup/backup_fixture.hpp"
#include "tests/support/small_disk.hpp"

namespace pinhole::storage::test {

namespace {

using pinhole::test::can_mount;
using pinhole::test::small_disk;

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

/// A folder, mounted once more.
class mounted_again {
public:
    mounted_again(const fs::path& folder, fs::path at) : at_(std::move(at)) {
        fs::create_directories(at_);
        BOOST_REQUIRE(::mount(folder.c_str(), at_.c_str(), nullptr, MS_BIND, nullptr) == 0);
    }
    ~mounted_again() { ::umount2(at_.c_str(), MNT_DETACH); }
    mounted_again(const mounted_again&) = delete;
    mounted_again& operator=(const mounted_again&) = delete;

private:
    fs::path at_;
};

nlink_t links_of(const fs::path& file) {
    struct stat status{};
    BOOST_REQUIRE(::stat(file.c_str(), &status) == 0);
    return status.st_nlink;
}

void leave_room(const fs::path& disk, std::size_t bytes) {
    const auto available = fs::space(disk).available;
    const unique_fd ballast{
        ::open((disk / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    BOOST_REQUIRE(::posix_fallocate(ballast.get(), 0, static_cast<off_t>(available - bytes)) == 0);
}

struct target_fixture : backup_fixture {
    /// The first backup is not restored to the target, which stays empty.
    void must_have_no_room() {
        try {
            (void)restore(1, target);
            BOOST_ERROR("it was restored");
        } catch (const std::runtime_error& failure) {
            BOOST_TEST(std::string{failure.what()}.contains("there is no room in"), failure.what());
        }
        BOOST_TEST(tree_of(target).empty());
    }

    void must_refuse(std::string_view why) {
        const auto before = tree_of(target);
        const auto done = restore(1, target);
        BOOST_REQUIRE(!done.has_value());
        BOOST_TEST(done.error().message.contains(why), done.error().message);
        BOOST_TEST((tree_of(target) == before));
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(targets, target_fixture)

BOOST_AUTO_TEST_CASE(what_is_there_is_never_replaced) {
    back_up();
    must_restore_to(1, target);
    must_refuse("has rows");
    fs::remove_all(target / "db");
    must_refuse("holds media already");
    fs::remove_all(target / "media");
    must_restore_to(1, target);
}

BOOST_AUTO_TEST_CASE(a_directory_in_use_is_refused) {
    back_up();
    const database opened{options_for(target)};
    BOOST_CHECK_THROW((void)restore(1, target), std::runtime_error);
    BOOST_TEST(!fs::exists(target / "restore.building"));
}

BOOST_AUTO_TEST_CASE(the_backup_of_a_newer_version_is_refused) {
    back_up();
    const fs::path path = dest / "backups" / "1.json";
    auto record = backup::parse_record(bytes_of(path), "record");
    record.schema_version = schema_version + 1;
    write_bytes(path, backup::to_json(record));
    must_refuse("was made by a newer version");
    BOOST_TEST(!fs::exists(target));
}

/// Its own key would be of no use to the logins that come back; a link to one is the operator's.
BOOST_AUTO_TEST_CASE(the_key_comes_with_its_logins) {
    back_up();
    fs::create_directories(target);
    write_bytes(at("elsewhere"), std::string(64, 'b'));
    fs::create_symlink(at("elsewhere"), target / "secret.key");
    must_refuse("secret.key is a link");
    write_bytes(at("elsewhere"), bytes_of(source.path() / "secret.key"));
    must_restore_to(1, target);
    BOOST_TEST(fs::is_symlink(target / "secret.key"));
    fs::remove_all(target);
    fs::create_directories(target);
    write_bytes(target / "secret.key", std::string(64, 'b'));
    must_restore_to(1, target);
    BOOST_TEST(bytes_of(target / "secret.key") == bytes_of(source.path() / "secret.key"));
}

BOOST_AUTO_TEST_CASE(without_a_key_the_directory_keeps_its_own) {
    fs::remove(source.path() / "secret.key");
    BOOST_TEST(back_up().made.secret_key_sha256 == "");
    fs::create_directories(target);
    write_bytes(target / "secret.key", std::string(64, 'b'));
    must_restore_to(1, target);
    BOOST_TEST(bytes_of(target / "secret.key") == std::string(64, 'b'));
}

BOOST_AUTO_TEST_CASE(ids_go_on_above_all_that_were_given) {
    back_up();
    {
        auto options = options_for(target);
        options.clock_ms = [] { return id_clock_end_ms - 1; };  // far ahead of every row
        const database opened{std::move(options)};
    }
    const auto ceiling = [&] {
        return read_id_ceiling_ms(*open_store(target)->snapshot(kv::read_mode::blocking));
    };
    const std::int64_t before = ceiling();
    must_restore_to(1, target);
    BOOST_TEST(ceiling() == before);
}

/// Bytes are linked where that is possible, else copied.
BOOST_AUTO_TEST_CASE(another_disk, *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{at("disk"), 64 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    back_up();
    const std::string medium = listed_media(dest, 1).begin()->first;
    const std::string pooled = medium.substr(medium.find('/') + 1);
    BOOST_TEST(links_of(dest / "media" / pooled) == 2U);
    dest = at("disk") / "backups";
    back_up();
    BOOST_TEST(links_of(dest / "media" / pooled) == 1U);
    check_tidy();
    must_restore_to(1, target);
    BOOST_TEST((media_of(target) == media_of(source.path())));
    BOOST_TEST(links_of(target / "media" / medium) == 1U);
}

/// As a container engine mounts two folders of one disk as two volumes.
BOOST_AUTO_TEST_CASE(another_mount_of_the_same_disk, *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{at("disk"), 256 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    fs::create_directories(at("disk") / "volume");
    target = at("disk") / "restored";
    const mounted_again volume{at("disk") / "volume", at("volume")};
    dest = at("volume") / "backups";
    back_up();
    BOOST_TEST(backup::are_on_one_mount(dest / "media", at("volume")));
    BOOST_TEST(!backup::are_on_one_mount(dest / "media", at("disk")));
    BOOST_TEST(!backup::are_on_one_mount(at("disk"), at("disk") / "nothing"));
    must_restore_to(1, target);
    BOOST_TEST((media_of(target) == media_of(source.path())));
    const std::string medium = listed_media(dest, 1).begin()->first;
    BOOST_TEST(links_of(target / "media" / medium) == 1U);
}

/// Then the media need room beside the backup that has them.
BOOST_AUTO_TEST_CASE(room_for_copies_is_looked_for_before_anything_is_written,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{at("disk"), 64 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    fs::create_directories(at("disk") / "volume");
    const mounted_again volume{at("disk") / "volume", at("volume")};
    dest = at("volume") / "backups";
    back_up();
    auto record = backup::parse_record(bytes_of(dest / "backups" / "1.json"), "record");
    BOOST_REQUIRE_GT(record.media_bytes, 0U);
    target = at("disk") / "restored";
    fs::create_directories(target);
    leave_room(at("disk"), record.database_bytes + record.media_bytes - 1);
    must_have_no_room();
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_the_earlier_backups,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk{at("disk"), 64 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    dest = at("disk") / "backups";
    back_up();
    source.add_rows(1, 8);
    std::size_t refused = 0;
    // Two blocks are no room for any backup.
    for (std::size_t room = 0;; room += 4096 + (refused < 3 ? 0 : source.random().pick(400'000))) {
        leave_room(at("disk"), room);
        std::string said;
        try {
            back_up();
        } catch (const std::exception& failure) {
            said = failure.what();
        }
        fs::remove(at("disk") / "ballast");
        if (said.empty()) {
            break;
        }
        ++refused;
        BOOST_TEST((said.contains("no room") || said.contains("No space")), said);
        BOOST_TEST((ids() == std::vector<kv::backup_id>{1}));
        check_tidy();
    }
    BOOST_TEST(refused > 1U);
    check_tidy();
}

BOOST_AUTO_TEST_CASE(a_target_without_room_is_refused_before_anything_is_written,
                     *boost::unit_test::precondition(can_mount)) {
    back_up();
    const small_disk disk{target, mebibyte / 16};
    BOOST_REQUIRE(disk.is_mounted());
    must_have_no_room();
}

BOOST_AUTO_TEST_CASE(the_directory_may_be_a_mount_point,
                     *boost::unit_test::precondition(can_mount)) {
    back_up();
    const small_disk disk{target, 256 * mebibyte};
    BOOST_REQUIRE(disk.is_mounted());
    must_restore_to(1, target);
    BOOST_TEST((media_of(target) == media_of(source.path())));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
