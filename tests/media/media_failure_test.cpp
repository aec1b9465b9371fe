// What the media store makes of a disk that fails, and of a process at its limits.

#include <fcntl.h>
#include <sys/resource.h>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <system_error>

#include "storage/base/shortage.hpp"
#include "storage/media/media_store.hpp"
#include "tests/media/faulty_disk.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/sanitizers.hpp"

using namespace pinhole::media;
using pinhole::unique_fd;
using pinhole::test::can_run_without_descriptors;
using pinhole::test::disk_call;
using pinhole::test::faulty_disk;
using pinhole::test::temporary_directory;
namespace fs = std::filesystem;

namespace {

struct failure_fixture {
    temporary_directory folder;
    fs::path root = folder.path() / "media";
    int failures = 0;
    media_store store{root, {.on_failure = [this](std::string_view) { ++failures; }}};

    incoming_file upload() {
        auto file = store.begin().value();
        file.append(std::string_view("bytes")).value();
        return file;
    }

    std::string publish_and_settle() {
        auto file = upload();
        const published_file published = store.publish(file, "jpg").value();
        store.settle(std::span(&published, 1));
        return published.media_path;
    }

    std::string folder_in(const char* tree, const std::string& media_path) const {
        return (fs::canonical(root) / tree / folder_of(media_path)).string();
    }

    /// The error with which `work` fails; none if it does not.
    static std::error_code error_of(const std::function<void()>& work) {
        try {
            work();
        } catch (const std::system_error& failure) {
            return failure.code();
        }
        return {};
    }
};

bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
}

/// Takes every descriptor that the process may have.
class descriptor_shortage {
public:
    descriptor_shortage() {
        BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit few = before_;
        few.rlim_cur = 256;
        BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
        for (;;) {
            unique_fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
            if (!file) {
                break;
            }
            files_.push_back(std::move(file));
        }
    }
    descriptor_shortage(const descriptor_shortage&) = delete;
    descriptor_shortage& operator=(const descriptor_shortage&) = delete;
    ~descriptor_shortage() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
    std::vector<unique_fd> files_;
};

std::size_t open_descriptors() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_failures, failure_fixture)

// Had the first attempt moved the name and then failed to fsync the folder that it left, the second
// found it moved, fsynced the other folder alone, and was believed: after a power cut the file of a
// deleted post could be public again.
BOOST_AUTO_TEST_CASE(a_repeated_move_syncs_the_folder_that_was_left_too) {
    const std::string media_path = publish_and_settle();
    {
        const faulty_disk disk(disk_call::fsync, folder_in("public", media_path), EIO);
        BOOST_TEST((error_of([&] { store.hide(media_path).value(); }) == std::errc::io_error));
    }
    const faulty_disk disk(disk_call::fsync, "nothing fails", 0);
    BOOST_TEST((store.hide(media_path).value() == move_outcome::already));
    BOOST_TEST(contains(disk.synced_paths(), folder_in("public", media_path)));
    BOOST_TEST(contains(disk.synced_paths(), folder_in("hidden", media_path)));
}

BOOST_AUTO_TEST_CASE(any_write_that_fails_is_reported) {
    const std::string seen = publish_and_settle();
    const std::string hidden = publish_and_settle();
    BOOST_TEST((store.hide(hidden).value() == move_outcome::moved));
    auto open = upload();
    const auto check = [&](disk_call call, const char* path_part,
                           const std::function<void()>& work) {
        const faulty_disk disk(call, path_part, EIO);
        const int before = failures;
        BOOST_TEST((error_of(work) == std::errc::io_error), path_part);
        BOOST_TEST(failures == before + 1, path_part);
        BOOST_TEST(disk.has_failed(), path_part);
    };
    check(disk_call::write, "/incoming/", [&] { open.append(std::string_view("more")).value(); });
    check(disk_call::rename, "/incoming/", [&] {
        auto file = upload();
        store.publish(file, "jpg").value();
    });
    check(disk_call::fsync, "/incoming/", [&] {
        auto file = upload();
        store.publish(file, "jpg").value();
    });
    check(disk_call::fsync, "/incoming/", [&] { upload().seal().value(); });
    check(disk_call::fsync, "/public/", [&] {
        auto file = upload();
        store.publish(file, "jpg").value();
    });
    check(disk_call::rename, "/public/", [&] { store.hide(seen).value(); });
    check(disk_call::rename, "/hidden/", [&] { store.show(hidden).value(); });
    check(disk_call::fsync, "/public/", [&] { store.remove(seen); });
    check(disk_call::fsync, "/public/", [&] { store.sweep([](auto) { return false; }); });
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_not_reported_as_failed) {
    const std::string media_path = publish_and_settle();
    const auto is_full = [](const auto& result) {
        return !result && result.error() == store_failure::storage_full;
    };
    for (const int error : {ENOSPC, EDQUOT}) {
        auto file = upload();
        {
            const faulty_disk disk(disk_call::write, "/incoming/", error);
            BOOST_TEST(is_full(file.append(std::string_view("more"))));
        }
        {
            const faulty_disk disk(disk_call::fsync, "/incoming/", error);
            BOOST_TEST(is_full(upload().seal()));
        }
        {
            const faulty_disk disk(disk_call::fsync, "/public/", error);
            BOOST_TEST(is_full(store.publish(file, "jpg")));
        }
        const faulty_disk disk(disk_call::fsync, "/hidden/", error);
        BOOST_TEST(is_full(store.hide(media_path)));
    }
    BOOST_TEST((store.hide(media_path).value() == move_outcome::already));
    BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE(a_sealed_upload_holds_no_descriptor) {
    const std::size_t before = open_descriptors();
    std::vector<incoming_file> files;
    std::vector<publish_request> requests;
    files.reserve(10);
    for (int i = 0; i < 10; ++i) {
        files.push_back(upload());
        BOOST_TEST(files.back().seal().has_value());
        requests.push_back({.file = &files.back(), .extension = "jpg"});
    }
    BOOST_TEST(open_descriptors() == before);
    const auto published = store.publish_all(requests);
    BOOST_TEST_REQUIRE(published.has_value());
    for (const published_file& file : *published) {
        BOOST_TEST(store.open_public(file.media_path)->size_bytes == 5U);
    }
}

BOOST_AUTO_TEST_CASE(a_shortage_of_descriptors_is_not_a_failed_disk,
                     *boost::unit_test::enable_if<can_run_without_descriptors>()) {
    const std::string media_path = publish_and_settle();
    auto file = upload();
    BOOST_TEST(file.seal().has_value());  // else its own descriptor would serve the folder
    {
        const descriptor_shortage shortage;
        BOOST_TEST(pinhole::is_shortage(error_of([&] { store.begin().value(); })));
        BOOST_TEST(pinhole::is_shortage(error_of([&] { store.hide(media_path).value(); })));
        BOOST_TEST(pinhole::is_shortage(error_of([&] { store.publish(file, "jpg").value(); })));
    }
    BOOST_TEST(failures == 0);
    // The publication was taken back: what nobody has a row of must not stay in public.
    const auto names = fs::recursive_directory_iterator(root / "public");
    BOOST_TEST(
        std::ranges::none_of(names, [](const auto& entry) { return entry.is_regular_file(); }));
    BOOST_TEST(fs::is_empty(root / "incoming"));
    BOOST_TEST((store.hide(media_path).value() == move_outcome::already));
}

BOOST_AUTO_TEST_SUITE_END()
