#include <fcntl.h>
#include <sched.h>
#include <sodium/utils.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

#include <barrier>
#include <set>
#include <thread>

#include "storage/media/media_store.hpp"
#include "tests/media/media_files.hpp"

using namespace pinhole::media;
using pinhole::test::read_file;
using pinhole::test::temporary_directory;
using pinhole::test::write_file;
namespace fs = std::filesystem;

namespace pinhole::media {
std::ostream& operator<<(std::ostream& out, move_outcome outcome) {
    switch (outcome) {
        case move_outcome::moved:
            return out << "moved";
        case move_outcome::already:
            return out << "already";
        case move_outcome::missing:
            return out << "missing";
    }
    return out;
}
}  // namespace pinhole::media

namespace {

/// A store of its own for each test, and what lies on its disk.
struct fixture {
    temporary_directory folder;
    fs::path root = folder.path() / "media";
    std::optional<media_store> store{std::in_place, root};

    /// As after a crash: what is on disk stays, what was in memory is gone.
    void restart() { store.emplace(root); }

    incoming_file upload(std::string_view bytes) {
        auto file = store->begin();
        BOOST_TEST_REQUIRE(file.has_value());
        BOOST_TEST_REQUIRE(file->append(bytes).has_value());
        return std::move(*file);
    }

    published_file publish(std::string_view bytes) {
        incoming_file file = upload(bytes);
        auto published = store->publish(file, "jpg");
        BOOST_TEST_REQUIRE(published.has_value());
        return std::move(*published);
    }

    std::string publish_and_settle(std::string_view bytes) {
        const published_file file = publish(bytes);
        store->settle(std::span(&file, 1));
        return file.media_path;
    }

    std::size_t count(const char* tree) const {
        std::size_t files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(root / tree)) {
            files += entry.is_regular_file() ? 1 : 0;
        }
        return files;
    }

    void check_counts(std::size_t incoming, std::size_t visible, std::size_t hidden) const {
        BOOST_TEST(count("incoming") == incoming);
        BOOST_TEST(count("public") == visible);
        BOOST_TEST(count("hidden") == hidden);
    }

    std::string served(const std::string& media_path) const {
        const auto file = store->open_public(media_path);
        BOOST_TEST_REQUIRE(file.has_value());
        std::string bytes(file->size_bytes, '\0');
        BOOST_TEST(::pread(file->fd.get(), bytes.data(), bytes.size(), 0) ==
                   static_cast<ssize_t>(bytes.size()));
        return bytes;
    }
};

bool none(std::string_view) {
    return false;
}
bool all(std::string_view) {
    return true;
}

mode_t mode_of(const fs::path& path) {
    struct stat status{};
    BOOST_TEST_REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_stores, fixture)

BOOST_AUTO_TEST_CASE(an_upload_becomes_a_public_file_with_its_bytes) {
    incoming_file file = upload("hello ");
    BOOST_TEST_REQUIRE(file.append("world").has_value());
    BOOST_TEST(file.size() == 11U);
    BOOST_TEST(read_file(file.path()) == "hello world");

    const auto published = store->publish(file, "png");
    BOOST_TEST_REQUIRE(published.has_value());
    BOOST_TEST(published->size_bytes == 11U);
    BOOST_TEST(is_media_path(published->media_path));
    BOOST_TEST(published->media_path.ends_with(".png"));
    BOOST_TEST(published->media_path.size() == 2 + 1 + 32 + 4U);
    BOOST_TEST(published->media_path.substr(0, 2) == published->media_path.substr(3, 2));
    BOOST_TEST(served(published->media_path) == "hello world");
    check_counts(1, 1, 0);
    store->settle(std::span(&*published, 1));
    check_counts(0, 1, 0);
    BOOST_TEST(to_media_url(published->media_path) == "/media/" + published->media_path);
}

BOOST_AUTO_TEST_CASE(the_digest_is_that_of_the_bytes_so_far) {
    const auto hex = [](const sha256_digest& digest) {
        std::string text(2 * digest.size() + 1, '\0');
        sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
        text.pop_back();
        return text;
    };
    // FIPS 180-2, appendix B.
    incoming_file file = upload("a");
    BOOST_TEST_REQUIRE(file.append("bc").has_value());
    BOOST_TEST(hex(file.sha256()) ==
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    BOOST_TEST_REQUIRE(
        file.append("dbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").has_value());
    BOOST_TEST(hex(file.sha256()) ==
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

BOOST_AUTO_TEST_CASE(an_upload_that_is_given_up_leaves_nothing) {
    {
        incoming_file first = upload("abc");
        const incoming_file second(std::move(first));
        check_counts(1, 0, 0);
    }
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(names_differ_and_spread_over_the_shards) {
    std::set<std::string> names;
    std::set<std::string> shards;
    for (int i = 0; i < 200; ++i) {
        const std::string name = upload("").path().filename();
        names.insert(name);
        shards.insert(name.substr(0, 2));
    }
    BOOST_TEST(names.size() == 200U);
    BOOST_TEST(shards.size() > 60U);  // of 256; about 139 expected, fewer than 100 is 1 in 10^12
}

BOOST_AUTO_TEST_CASE(a_web_server_may_read_what_is_public_and_nothing_else) {
    const mode_t mask = ::umask(077);  // the strictest: the store must not depend on it
    fixture strict;
    const std::string seen = strict.publish_and_settle("seen");
    const std::string hidden = strict.publish_and_settle("hidden");
    BOOST_TEST(strict.store->hide(hidden).value() == move_outcome::moved);
    BOOST_TEST(mode_of(strict.root) == 0711U);  // to pass through, not to look around
    BOOST_TEST(mode_of(strict.root / "public") == 0755U);
    BOOST_TEST(mode_of(strict.root / "public" / seen.substr(0, 2)) == 0755U);
    BOOST_TEST(mode_of(strict.root / "public" / seen) == 0644U);
    BOOST_TEST(mode_of(strict.root / "incoming") == 0700U);
    BOOST_TEST(mode_of(strict.root / "hidden") == 0700U);
    BOOST_TEST(mode_of(strict.root / "hidden" / hidden.substr(0, 2)) == 0700U);

    // As a crash between the making of a folder and its mode leaves it, or an older version.
    for (const char* folder : {"", "public", "public/7f"}) {
        fs::permissions(strict.root / folder, fs::perms::owner_all);
    }
    fs::permissions(strict.root / "hidden", fs::perms::all);
    strict.restart();
    ::umask(mask);
    BOOST_TEST(mode_of(strict.root) == 0711U);
    BOOST_TEST(mode_of(strict.root / "public") == 0755U);
    BOOST_TEST(mode_of(strict.root / "public/7f") == 0755U);
    BOOST_TEST(mode_of(strict.root / "hidden") == 0700U);
}

BOOST_AUTO_TEST_CASE(several_files_are_published_together) {
    std::vector<incoming_file> files;
    std::vector<publish_request> requests;
    files.reserve(10);
    for (int i = 0; i < 10; ++i) {
        files.push_back(upload("file " + std::to_string(i)));
        requests.push_back({.file = &files.back(), .extension = i % 2 == 0 ? "jpg" : "mp4"});
    }
    const auto published = store->publish_all(requests);
    BOOST_TEST_REQUIRE(published.has_value());
    BOOST_TEST_REQUIRE(published->size() == 10U);
    files.clear();
    for (std::size_t i = 0; i < 10; ++i) {
        BOOST_TEST(served((*published)[i].media_path) == "file " + std::to_string(i));
        BOOST_TEST((*published)[i].media_path.ends_with(i % 2 == 0 ? ".jpg" : ".mp4"));
    }
    check_counts(10, 10, 0);
    store->withdraw(*published);
    check_counts(0, 0, 0);
}

// What the disk looks like after a crash behind each step, and what the sweep makes of it.

BOOST_AUTO_TEST_CASE(crash_during_an_upload) {
    // The destructor would tidy up; a crash does not run it.
    const fs::path upload_path = upload("").path();
    write_file(upload_path, "half an upl");
    restart();
    const sweep_counts counts = store->sweep(all);
    BOOST_TEST(counts.unfinished == 1U);
    BOOST_TEST(counts.settled + counts.withdrawn == 0U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(crash_between_the_markers_name_and_the_public_name) {
    const fs::path upload_path = upload("").path();
    write_file(upload_path.string() + ".jpg", "abc");
    restart();
    const sweep_counts counts = store->sweep(none);
    BOOST_TEST(counts.withdrawn == 1U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(crash_before_the_row_is_committed) {
    publish("abc");
    restart();
    const sweep_counts counts = store->sweep(none);
    BOOST_TEST(counts.withdrawn == 1U);
    BOOST_TEST(counts.settled + counts.unfinished == 0U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(crash_after_the_row_is_committed) {
    const std::string media_path = publish("abc").media_path;
    restart();
    std::vector<std::string> asked;
    const sweep_counts counts = store->sweep([&](std::string_view path) {
        asked.emplace_back(path);
        return true;
    });
    BOOST_TEST(counts.settled == 1U);
    BOOST_TEST(counts.withdrawn + counts.unfinished == 0U);
    BOOST_TEST_REQUIRE(asked.size() == 1U);
    BOOST_TEST(asked.front() == media_path);
    BOOST_TEST(served(media_path) == "abc");
    check_counts(0, 1, 0);
}

BOOST_AUTO_TEST_CASE(crash_after_a_post_was_made_and_deleted_without_settling) {
    const std::string media_path = publish("abc").media_path;
    BOOST_TEST(store->hide(media_path).value() == move_outcome::moved);
    restart();
    BOOST_TEST(store->sweep(all).settled == 1U);
    check_counts(0, 0, 1);
    restart();
    BOOST_TEST(store->sweep(none).withdrawn == 0U);  // no marker any more: not in flight
    check_counts(0, 0, 1);
}

BOOST_AUTO_TEST_CASE(crash_before_the_row_but_hidden_meanwhile) {
    BOOST_TEST(store->hide(publish("abc").media_path).value() == move_outcome::moved);
    restart();
    BOOST_TEST(store->sweep(none).withdrawn == 1U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(crash_in_the_middle_of_withdrawing) {
    const std::string media_path = publish("abc").media_path;
    BOOST_TEST(store->remove(media_path));  // withdraw's first half
    restart();
    BOOST_TEST(store->sweep(none).withdrawn == 1U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(the_sweep_touches_only_what_was_in_flight) {
    const std::string kept = publish_and_settle("kept");
    write_file(root / "incoming" / "README", "an operator's note");
    write_file(root / "incoming" / "0123456789abcdef0123456789abcdefg", "");
    write_file(root / "incoming" / "0123456789abcdef0123456789abcdef.bad-name", "");
    restart();
    const sweep_counts counts = store->sweep(none);
    BOOST_TEST(counts.unfinished + counts.settled + counts.withdrawn == 0U);
    BOOST_TEST(served(kept) == "kept");
    check_counts(3, 1, 0);
}

BOOST_AUTO_TEST_CASE(hiding_and_showing_are_idempotent) {
    const std::string media_path = publish_and_settle("abc");
    BOOST_TEST(store->show(media_path).value() == move_outcome::already);
    BOOST_TEST(store->hide(media_path).value() == move_outcome::moved);
    BOOST_TEST(!store->open_public(media_path).has_value());
    BOOST_TEST(store->open_any(media_path).has_value());
    BOOST_TEST(store->hide(media_path).value() == move_outcome::already);
    check_counts(0, 0, 1);
    restart();
    BOOST_TEST(store->show(media_path).value() == move_outcome::moved);
    BOOST_TEST(store->show(media_path).value() == move_outcome::already);
    BOOST_TEST(served(media_path) == "abc");
    check_counts(0, 1, 0);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_reported_and_the_others_are_moved) {
    const std::vector<std::string> paths{publish_and_settle("a"), "aa/gone.jpg",
                                         publish_and_settle("b")};
    const auto hidden = store->hide_all(paths).value();
    BOOST_TEST_REQUIRE(hidden.size() == 3U);
    BOOST_TEST(hidden[0] == move_outcome::moved);
    BOOST_TEST(hidden[1] == move_outcome::missing);
    BOOST_TEST(hidden[2] == move_outcome::moved);
    check_counts(0, 0, 2);
    BOOST_TEST(store->show_all(paths).value()[2] == move_outcome::moved);
    BOOST_TEST(store->hide_all({}).value().empty());
}

BOOST_AUTO_TEST_CASE(imported_paths_of_several_components_work_too) {
    fs::create_directories(root / "public/posts/2021/05");
    write_file(root / "public/posts/2021/05/My_photo-1.JPG", "imported");
    const std::string media_path = "posts/2021/05/My_photo-1.JPG";
    BOOST_TEST(served(media_path) == "imported");
    // Though nothing of that folder was ever hidden.
    BOOST_TEST(store->show(media_path).value() == move_outcome::already);
    BOOST_TEST(store->hide(media_path).value() == move_outcome::moved);
    BOOST_TEST(mode_of(root / "hidden/posts/2021") == 0700U);
    BOOST_TEST(store->show(media_path).value() == move_outcome::moved);
    BOOST_TEST(store->remove(media_path));
    BOOST_TEST(!store->remove(media_path));
}

BOOST_AUTO_TEST_CASE(removing_works_from_both_folders) {
    const std::string seen = publish_and_settle("a");
    const std::string hidden = publish_and_settle("b");
    BOOST_TEST(store->hide(hidden).value() == move_outcome::moved);
    BOOST_TEST(store->remove_all(std::vector<std::string>{seen, hidden, "aa/gone.jpg"}) == 2U);
    check_counts(0, 0, 0);
}

BOOST_AUTO_TEST_CASE(an_open_file_survives_its_removal) {
    const std::string media_path = publish_and_settle("still here");
    const auto file = store->open_public(media_path);
    BOOST_TEST_REQUIRE(file.has_value());
    BOOST_TEST(file->modified_at.tv_sec > 0);
    BOOST_TEST(store->remove(media_path));
    std::string bytes(file->size_bytes, '\0');
    BOOST_TEST(::pread(file->fd.get(), bytes.data(), bytes.size(), 0) == 10);
    BOOST_TEST(bytes == "still here");
}

BOOST_AUTO_TEST_CASE(no_path_leads_out_of_the_public_folder) {
    using namespace std::string_literals;
    write_file(root / "secret.jpg", "secret");
    fs::create_directories(root / "public/aa");
    fs::create_symlink(root / "secret.jpg", root / "public/aa/link.jpg");
    write_file(root / "public/aa/.env", "secret");
    BOOST_TEST_REQUIRE(::mkfifo((root / "public/aa/pipe.jpg").c_str(), 0644) == 0);
    for (const std::string& path :
         {""s, "."s, ".."s, "/"s, "../secret.jpg"s, "aa/../../secret.jpg"s, "/etc/passwd"s,
          "aa//b.jpg"s, "aa/"s, "/aa/b.jpg"s, "aa/.env"s, "aa/./b.jpg"s, "aa\\..\\b"s,
          "aa/b.jpg\0.png"s, "aa/%2e%2e/b.jpg"s, "aa/b jpg"s, "aa/\xc3\xa9.jpg"s,
          "1/2/3/4/5/6/7/8/9"s, std::string(256, 'a')}) {
        BOOST_TEST(!is_media_path(path), path);
        BOOST_TEST(!store->open_public(path).has_value(), path);
        BOOST_TEST(!store->open_any(path).has_value(), path);
    }
    for (const std::string path :
         {"aa", "aa/link.jpg", "aa/pipe.jpg", "aa/absent.jpg", "no/such", "aa/link.jpg/deeper"}) {
        BOOST_TEST(is_media_path(path), path);
        BOOST_TEST(!store->open_public(path).has_value(), path);
    }
}

BOOST_AUTO_TEST_CASE(threads_publish_into_fresh_shards_at_the_same_time) {
    constexpr int threads = 8;
    constexpr int each = 20;
    std::barrier start(threads);
    std::vector<std::vector<published_file>> published(threads);
    {
        std::vector<std::jthread> workers;
        workers.reserve(threads);
        for (auto& mine : published) {
            workers.emplace_back([&, this] {
                start.arrive_and_wait();
                for (int i = 0; i < each; ++i) {
                    auto file = store->begin().value();
                    file.append("x").value();
                    mine.push_back(store->publish(file, "jpg").value());
                    store->settle(std::span(&mine.back(), 1));
                    store->hide(mine.back().media_path).value();
                }
            });
        }
    }
    check_counts(0, 0, threads * each);
}

BOOST_AUTO_TEST_CASE(free_space_is_told) {
    BOOST_TEST(store->free_bytes() > 0U);
    BOOST_TEST(store->free_bytes() <= fs::space(root).capacity);
}

BOOST_AUTO_TEST_SUITE_END()

// --- a full disk ---------------------------------------------------------------------------------

namespace {

enum child_exit : int { passed = 0, failed = 1, cannot_mount = 77 };

/// Mounts a file system of 256 KiB that only this process sees; false where that is not allowed.
bool mount_small_disk(const fs::path& mount_point) {
    const std::string user = std::to_string(::getuid());
    const std::string group = std::to_string(::getgid());
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            return false;
        }
        write_file("/proc/self/uid_map", user + " " + user + " 1");
        write_file("/proc/self/setgroups", "deny");
        write_file("/proc/self/gid_map", group + " " + group + " 1");
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("none", mount_point.c_str(), "tmpfs", 0, "size=256k") == 0;
}

/// Runs in a child process.
child_exit fill_a_small_disk(const fs::path& mount_point) {
    if (!mount_small_disk(mount_point)) {
        return cannot_mount;
    }
    media_store store(mount_point / "media");
    auto kept = store.begin().value();
    if (!kept.append("kept") || !store.publish(kept, "jpg")) {
        return failed;
    }
    const std::string block(16 * 1024, 'x');
    {
        auto large = store.begin().value();
        std::expected<void, store_failure> appended;
        for (int i = 0; i < 100 && appended; ++i) {
            appended = large.append(block);
        }
        if (appended || appended.error() != store_failure::storage_full) {
            return failed;
        }
        if (store.free_bytes() != 0) {
            return failed;
        }
    }
    // The refused upload gave its space back.
    auto next = store.begin();
    return next && next->append(block) && store.publish(*next, "jpg") ? passed : failed;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_disk_is_a_value_and_heals) {
    const temporary_directory folder;
    const pid_t child = ::fork();
    BOOST_TEST_REQUIRE(child >= 0);
    if (child == 0) {
        int result = failed;
        try {
            result = fill_a_small_disk(folder.path());
        } catch (const std::exception&) {
            result = failed;
        }
        ::_exit(result);
    }
    int status = 0;
    BOOST_TEST_REQUIRE(::waitpid(child, &status, 0) == child);
    BOOST_TEST_REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == cannot_mount) {
        BOOST_TEST_MESSAGE("not tested: this machine lets no test mount a small file system");
        return;
    }
    BOOST_TEST(WEXITSTATUS(status) == passed);
}
