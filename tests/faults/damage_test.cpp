// Bytes that changed on the disk, files that were cut short or are gone: never wrong data, never
// silently less. Either everything is as it was, or the server refuses to start with one line that
// names the file, or what needs the damaged place is answered with an error and a line that names
// it.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <fstream>
#include <map>

#include "tests/faults/data_copy.hpp"
#include "tests/faults/faults.hpp"
#include "tests/http_client/http_client.hpp"

namespace pinhole::test {

namespace {

namespace fs = std::filesystem;

constexpr int places_full = 50;

/// A kind of file, how to tell it, and how many places of it a sample tries.
struct file_kind {
    const char* name;
    bool (*is_one)(const fs::path& relative);
    int sample;
    bool may_be_lost;  ///< nothing that the API answers depends on it
};

bool is_named(const fs::path& path, std::string_view prefix) {
    return path.filename().string().starts_with(prefix);
}

const std::vector<file_kind>& file_kinds() {
    static const std::vector<file_kind> kinds{
        {"WAL", [](const fs::path& p) { return p.extension() == ".log"; }, 4, false},
        {"SST", [](const fs::path& p) { return p.extension() == ".sst"; }, 4, false},
        {"MANIFEST", [](const fs::path& p) { return is_named(p, "MANIFEST"); }, 3, false},
        {"CURRENT", [](const fs::path& p) { return is_named(p, "CURRENT"); }, 1, false},
        {"OPTIONS", [](const fs::path& p) { return is_named(p, "OPTIONS"); }, 1, true},
        {"IDENTITY", [](const fs::path& p) { return is_named(p, "IDENTITY"); }, 1, true},
        {"acknowledged", [](const fs::path& p) { return is_named(p, "acknowledged"); }, 1, true},
        {"key", [](const fs::path& p) { return is_named(p, "secret.key"); }, 2, false},
        {"media", [](const fs::path& p) { return p.string().starts_with("media/public"); }, 3,
         false}};
    return kinds;
}

/// Files of the kind with something in them, relative to the data directory, in a fixed order.
std::vector<fs::path> files_of(const file_kind& kind, const fs::path& data) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(data)) {
        const fs::path relative = entry.path().lexically_relative(data);
        if (entry.is_regular_file() && entry.file_size() > 0 && kind.is_one(relative)) {
            files.push_back(relative);
        }
    }
    std::ranges::sort(files);
    BOOST_TEST_REQUIRE(!files.empty(), kind.name);
    return files;
}

std::uint64_t pick(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_places());
}

void flip(const fs::path& path, std::uint64_t offset, unsigned mask) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = static_cast<unsigned>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ mask));
    file.close();
    BOOST_TEST_REQUIRE(file.good());
}

bool names(const std::vector<std::string>& lines, const fs::path& file) {
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return line.contains(file.filename().string()); });
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) {
        all += line + "\n";
    }
    return all;
}

enum class verdict : std::uint8_t { right, refused_to_start, refused_some };

/// The rule, for a server on the damaged copy.
verdict judge(data_copy& copy, const fs::path& damaged) {
    const walk_result result = copy.walk_all();
    BOOST_TEST(joined(result.wrong) == "");
    if (!result.has_started) {
        BOOST_TEST(result.exit_status == 1);
        BOOST_TEST(result.errors.size() == 1U, joined(result.errors));
        BOOST_TEST(names(result.errors, damaged), joined(result.errors));
        return verdict::refused_to_start;
    }
    if (result.refused == 0 && result.exit_status == 0) {
        return verdict::right;
    }
    BOOST_TEST(names(result.errors, damaged), joined(result.errors));
    return verdict::refused_some;
}

using tally = std::map<verdict, int>;

void say(const file_kind& kind, const char* damage, tally& seen) {
    BOOST_TEST_MESSAGE(kind.name << ", " << damage << ": as it was " << seen[verdict::right]
                                 << ", did not start " << seen[verdict::refused_to_start]
                                 << ", refused some " << seen[verdict::refused_some]);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(damage, data_copy)

BOOST_AUTO_TEST_CASE(sound_data_is_answered_as_it_was) {
    restore();
    const walk_result result = walk_all();
    BOOST_TEST(joined(result.wrong) == "");
    BOOST_TEST(result.refused == 0);
    BOOST_TEST(result.right > 100);
    BOOST_TEST(result.exit_status == 0);
    BOOST_TEST(joined(result.errors) == "");
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_is_never_wrong_data_nor_silently_less) {
    BOOST_TEST_MESSAGE("seed " << seed_of_places());
    for (const file_kind& kind : file_kinds()) {
        const auto files = files_of(kind, original());
        tally seen;
        for (int place = 0; place < (is_full_run() ? places_full : kind.sample); ++place) {
            const fs::path& file = files[pick(files.size())];
            const fs::path damaged = restore() / file;
            const std::uint64_t offset = pick(fs::file_size(damaged));
            const auto mask = static_cast<unsigned>(1 + pick(255));
            BOOST_TEST_CONTEXT(file << " at " << offset << " xor " << mask << ", seed "
                                    << seed_of_places()) {
                flip(damaged, offset, mask);
                ++seen[judge(*this, file)];
            }
        }
        say(kind, "a byte flipped", seen);
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_short_is_never_silently_less) {
    BOOST_TEST_MESSAGE("seed " << seed_of_places());
    for (const file_kind& kind : file_kinds()) {
        const auto files = files_of(kind, original());
        tally seen;
        for (int place = 0; place < (is_full_run() ? places_full : (kind.sample + 1) / 2);
             ++place) {
            const fs::path& file = files[pick(files.size())];
            const fs::path damaged = restore() / file;
            const std::uint64_t left = pick(fs::file_size(damaged));
            BOOST_TEST_CONTEXT(file << " cut to " << left << ", seed " << seed_of_places()) {
                fs::resize_file(damaged, left);
                ++seen[judge(*this, file)];
            }
        }
        say(kind, "cut short", seen);
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_gone_is_never_silently_less) {
    for (const file_kind& kind : file_kinds()) {
        if (std::string_view(kind.name) == "key") {
            continue;  // removing it is how an operator ends every login
        }
        tally seen;
        for (const fs::path& file : files_of(kind, original())) {
            BOOST_TEST_CONTEXT(file << " removed") {
                fs::remove(restore() / file);
                const verdict found = judge(*this, file);
                BOOST_TEST((found == verdict::right) == kind.may_be_lost);
                ++seen[found];
            }
            if (!is_full_run()) {
                break;
            }
        }
        say(kind, "removed", seen);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
