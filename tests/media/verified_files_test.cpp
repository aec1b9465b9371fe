// What is compared with its digest before it is served, and when again.
#include "storage/media/verified_files.hpp"

#include <fcntl.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "storage/base/unique_fd.hpp"
#include "storage/media/sha256.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::media {

namespace {

using test::temporary_directory;
using test::write_file;

const std::string content = "the bytes of a photo";
// printf 'the bytes of a photo' | sha256sum
constexpr std::string_view digest =
    "c1fb0fd6caaad59bd2116508399b6f31a4201a029d2da112ee50f31b00122b21";

struct one_file {
    temporary_directory directory;
    std::filesystem::path path = write_file(directory.path() / "file", content);
    verified_files files;

    unique_fd open() const { return unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }
    verdict verify() {
        const unique_fd fd = open();
        return files.verify(fd.get(), content.size(), digest);
    }
    std::optional<verdict> known() const { return files.find(identify(open().get())); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(verified_media, one_file)

BOOST_AUTO_TEST_CASE(a_sound_file_is_intact_and_known_from_then_on) {
    BOOST_TEST(!known().has_value());
    BOOST_TEST((verify() == verdict::intact));
    BOOST_TEST((known() == verdict::intact));
}

BOOST_AUTO_TEST_CASE(a_changed_byte_is_found_once_and_known_from_then_on) {
    std::string changed = content;
    changed[5] = static_cast<char>(changed[5] ^ 1);
    write_file(path, changed);
    BOOST_TEST((verify() == verdict::found_damaged));
    BOOST_TEST((verify() == verdict::damaged));
    BOOST_TEST((known() == verdict::damaged));
}

BOOST_AUTO_TEST_CASE(another_length_is_damage) {
    write_file(path, content + "x");
    BOOST_TEST((verify() == verdict::found_damaged));
    write_file(path, content.substr(1));
    BOOST_TEST((verify() == verdict::found_damaged));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_written_to_or_replaced_is_verified_again) {
    BOOST_TEST((verify() == verdict::intact));
    const auto aside = write_file(directory.path() / "aside", std::string(content.size(), 'x'));
    std::filesystem::rename(aside, path);
    BOOST_TEST((verify() == verdict::found_damaged));
    std::filesystem::rename(write_file(directory.path() / "aside", content), path);
    BOOST_TEST((verify() == verdict::intact));
}

BOOST_AUTO_TEST_CASE(what_is_remembered_is_bounded) {
    verified_files few(2);
    for (const char* name : {"a", "b", "c"}) {
        const auto other = write_file(directory.path() / name, content);
        const unique_fd fd(::open(other.c_str(), O_RDONLY | O_CLOEXEC));
        BOOST_TEST((few.verify(fd.get(), content.size(), digest) == verdict::intact));
    }
    const auto is_known = [&](const char* name) {
        const unique_fd fd(::open((directory.path() / name).c_str(), O_RDONLY | O_CLOEXEC));
        return few.find(identify(fd.get())).has_value();
    };
    BOOST_TEST(!is_known("a"));
    BOOST_TEST(is_known("b"));
    BOOST_TEST(is_known("c"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::media
