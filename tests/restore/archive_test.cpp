// Dumps that are tar files: cut short at every kind of place, with flipped bits, and with members
// that somebody has made to do harm.
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/verify.hpp"
#include "tests/restore/restore_fixture.hpp"
#include "tests/support/run_program.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::size_t tar_block_bytes = 512;

/// Writes a tar file member by member.
class tar_file {
public:
    explicit tar_file(const fs::path& path) : archive_(::archive_write_new()) {
        ::archive_write_set_format_pax_restricted(archive_);
        BOOST_REQUIRE(::archive_write_open_filename(archive_, path.c_str()) == ARCHIVE_OK);
    }
    ~tar_file() { ::archive_write_free(archive_); }
    tar_file(const tar_file&) = delete;
    tar_file& operator=(const tar_file&) = delete;

    tar_file& add(
        const std::string& name, const std::string& bytes,
        const std::function<void(archive_entry*)>& change = [](archive_entry*) {}) {
        archive_entry* entry = ::archive_entry_new();
        ::archive_entry_set_pathname(entry, name.c_str());
        ::archive_entry_set_filetype(entry, AE_IFREG);
        ::archive_entry_set_perm(entry, 0600);
        ::archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
        change(entry);
        BOOST_REQUIRE(::archive_write_header(archive_, entry) == ARCHIVE_OK);
        if (!bytes.empty()) {
            ::archive_write_data(archive_, bytes.data(), bytes.size());
        }
        ::archive_entry_free(entry);
        return *this;
    }
    /// The members of a dump that is a directory, the manifest last.
    tar_file& add_dump(const fs::path& dump, const std::vector<std::string>& without = {}) {
        std::vector<std::string> names{"users.jsonl", "posts.jsonl", "files.jsonl",
                                       "comments.jsonl", "likes.jsonl"};
        for (const auto& [name, content] : tree_of(dump / "media")) {
            if (!content.ends_with(" folder")) {
                names.push_back("media/" + name);
            }
        }
        names.emplace_back("manifest.json");
        for (const std::string& name : names) {
            if (std::ranges::find(without, name) == without.end()) {
                add(name, bytes_of(dump / name));
            }
        }
        return *this;
    }

private:
    archive* archive_;
};

struct archive_fixture : restore_fixture {
    archive_fixture() : restore_fixture(3, 3) { source.dump_to(at("good.tar")); }

    /// A whole dump with one more member.
    void must_refuse_member(
        const std::string& name, const std::string& bytes, const std::string& place,
        std::string_view problem,
        const std::function<void(archive_entry*)>& change = [](archive_entry*) {}) {
        const fs::path made = at("evil " + std::to_string(++copies) + ".tar");
        tar_file{made}.add_dump(dump).add(name, bytes, change);
        must_refuse(made, target, place, problem);
        const fs::path first = at("evil first " + std::to_string(copies) + ".tar");
        tar_file{first}.add(name, bytes, change).add_dump(dump);
        must_refuse(first, target, place, problem);
    }

    /// Refused, with the target as it was; or whole, where nothing was lost.
    void must_refuse_or_be_whole(const fs::path& damaged) {
        const auto report = dump::verify_dump(damaged);
        const auto done = restore_dump(damaged, target);
        BOOST_REQUIRE(done.has_value());
        BOOST_TEST(done->is_done == report.faults.empty());
        if (done->is_done) {
            BOOST_TEST((media_of(target) == media_of(source.path())));
            BOOST_TEST(done->rows_added == whole_rows);
        }
        BOOST_TEST(fs::exists(target) == done->is_done);
        fs::remove_all(target);
    }

    std::uint64_t whole_rows = dump::verify_dump(dump).dump.rows_total();
    int copies = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(archives, archive_fixture)

BOOST_AUTO_TEST_CASE(a_tar_of_another_program_restores) {
    tar_file{at("other.tar")}.add_dump(dump);
    must_restore(at("other.tar"), target);
    BOOST_REQUIRE(
        pinhole::test::run_program({"sh", "-c",
                                    "cd '" + dump.string() +
                                        "' && tar cf ../gnu.tar ./users.jsonl ./posts.jsonl "
                                        "./files.jsonl ./comments.jsonl ./likes.jsonl ./media "
                                        "./manifest.json"}) == 0);
    must_restore(at("gnu.tar"), at("gnu"));
    BOOST_TEST((rows_of(at("gnu")) == rows_of(target)));
}

BOOST_AUTO_TEST_CASE(a_dump_comes_from_standard_input) {
    const unique_fd before{::dup(STDIN_FILENO)};
    const unique_fd file{::open(at("good.tar").c_str(), O_RDONLY | O_CLOEXEC)};
    ::dup2(file.get(), STDIN_FILENO);
    const auto done = restore_dump("-", target);
    ::dup2(before.get(), STDIN_FILENO);
    BOOST_REQUIRE(done.has_value());
    BOOST_TEST(done->is_done);
    BOOST_TEST((media_of(target) == media_of(source.path())));
}

BOOST_AUTO_TEST_CASE(a_tar_that_is_cut_short_is_refused_wherever) {
    const std::string whole = bytes_of(at("good.tar"));
    std::vector<std::size_t> places{0, 1, tar_block_bytes - 1, tar_block_bytes,
                                    tar_block_bytes + 1};
    // At the borders of members; the last blocks are the end mark.
    for (std::size_t at = whole.find_last_not_of('\0') / tar_block_bytes * tar_block_bytes;
         at > tar_block_bytes && places.size() < 15; at -= tar_block_bytes) {
        places.push_back(at);
    }
    places.push_back((whole.find_last_not_of('\0') / tar_block_bytes + 1) * tar_block_bytes);
    for (int i = 0; i < 20; ++i) {
        places.push_back(source.random().pick(whole.find_last_not_of('\0')));
    }
    for (const std::size_t place : places) {
        BOOST_TEST_CONTEXT("cut at " << place << " of " << whole.size()) {
            write_bytes(at("cut.tar"), std::string_view{whole}.substr(0, place));
            must_refuse(at("cut.tar"), target, "", "");
            // Without the need for a manifest, too.
            const auto done = restore_dump(at("cut.tar"), target, {.no_manifest = true});
            BOOST_REQUIRE(done.has_value());
            BOOST_TEST(!done->faults.empty());
            BOOST_TEST(!fs::exists(target));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_compressed_tar_that_is_cut_short_is_refused_wherever) {
    source.dump_to(at("good.tar.zst"));
    const std::string whole = bytes_of(at("good.tar.zst"));
    for (int i = 0; i < 25; ++i) {
        const std::size_t place = i < 5 ? whole.size() - 1 - static_cast<std::size_t>(i)
                                        : source.random().pick(whole.size());
        BOOST_TEST_CONTEXT("cut at " << place << " of " << whole.size()) {
            write_bytes(at("cut.tar.zst"), std::string_view{whole}.substr(0, place));
            must_refuse_or_be_whole(at("cut.tar.zst"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_is_found_or_harms_nothing) {
    source.dump_to(at("good.tar.zst"));
    for (const char* name : {"good.tar", "good.tar.zst"}) {
        const std::string whole = bytes_of(at(name));
        for (int i = 0; i < 25; ++i) {
            std::string bytes = whole;
            const std::size_t place = source.random().pick(bytes.size());
            bytes[place] ^= static_cast<char>(1U << source.random().pick(8));
            BOOST_TEST_CONTEXT("a bit of byte " << place << " of " << name) {
                write_bytes(at("flipped"), bytes);
                must_refuse_or_be_whole(at("flipped"));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(paths_that_climb_are_refused) {
    for (const char* name :
         {"../evil.jsonl", "media/../../evil.jpg", "/etc/evil", "media//evil.jpg", "media/./e.jpg",
          "media/.evil", "media/a/b/c/d/e/f/g/h/i.jpg", "evil.txt", "sessions.jsonl"}) {
        must_refuse_member(name, "evil", name, "is no part of a dump");
    }
    BOOST_TEST(!fs::exists(at("evil.jsonl")));
    BOOST_TEST(!fs::exists(at("evil.jpg")));
}

BOOST_AUTO_TEST_CASE(links_and_devices_are_refused) {
    must_refuse_member("media/link.jpg", "", "media/link.jpg", "is a link", [](auto* entry) {
        ::archive_entry_set_filetype(entry, AE_IFLNK);
        ::archive_entry_set_symlink(entry, "/etc/passwd");
    });
    must_refuse_member("media/hard.jpg", "", "media/hard.jpg", "is a link",
                       [](auto* entry) { ::archive_entry_set_hardlink(entry, "/etc/passwd"); });
    must_refuse_member("media/device.jpg", "", "media/device.jpg", "device", [](auto* entry) {
        ::archive_entry_set_filetype(entry, AE_IFCHR);
        ::archive_entry_set_rdev(entry, 1);
    });
    must_refuse_member("media/pipe.jpg", "", "media/pipe.jpg", "pipe",
                       [](auto* entry) { ::archive_entry_set_filetype(entry, AE_IFIFO); });
    must_refuse_member("../folder", "", "../folder", "is no part of a dump",
                       [](auto* entry) { ::archive_entry_set_filetype(entry, AE_IFDIR); });
    must_refuse_member("media/sparse.jpg", std::string(100, 'x'), "media/sparse.jpg", "sparse",
                       [](auto* entry) {
                           ::archive_entry_set_size(entry, 1'000'000);
                           ::archive_entry_sparse_add_entry(entry, 0, 50);
                           ::archive_entry_sparse_add_entry(entry, 999'950, 50);
                       });
}

BOOST_AUTO_TEST_CASE(members_come_once_in_order_and_no_longer_than_they_may) {
    tar_file{at("twice.tar")}.add_dump(dump).add("likes.jsonl", "");
    must_refuse(at("twice.tar"), target, "likes.jsonl", "comes twice");
    tar_file{at("late.tar")}
        .add("posts.jsonl", bytes_of(dump / "posts.jsonl"))
        .add_dump(dump, {"posts.jsonl"});
    must_refuse(at("late.tar"), target, "users.jsonl", "comes too late");
    tar_file{at("long.tar")}
        .add_dump(dump, {"manifest.json"})
        .add("manifest.json", std::string(70'000, ' '));
    must_refuse(at("long.tar"), target, "manifest.json", "longer than it may be");
    tar_file{at("empty.tar")};
    must_refuse(at("empty.tar"), target, "", "");
    std::string medium;
    for (const auto& [name, content] : tree_of(dump / "media")) {
        medium = content.ends_with(" folder") ? medium : name;
    }
    tar_file{at("medium.tar")}.add_dump(dump).add("media/" + medium, "other bytes");
    must_refuse(at("medium.tar"), target, "media/" + medium, "comes twice");
    // A name that is another's folder.
    tar_file{at("below.tar")}.add_dump(dump).add("media/" + medium + "/below.jpg", "x");
    must_refuse(at("below.tar"), target, "media/" + medium + "/below.jpg", "");
    const std::string folder = medium.substr(0, medium.find('/'));
    tar_file{at("above.tar")}.add_dump(dump).add("media/" + folder, "x");
    must_refuse(at("above.tar"), target, "media/" + folder, "");
}

BOOST_AUTO_TEST_CASE(what_is_no_archive_is_refused) {
    write_bytes(at("text"), "this is no tar\n");
    must_refuse(at("text"), target, "", "");
    BOOST_CHECK_THROW((void)restore_dump(at("nothing"), target), std::system_error);
    BOOST_TEST(!fs::exists(target));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
