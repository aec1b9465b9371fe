// What is wrong with a dump's media: bytes that changed, are missing, or belong to nobody; names
// that climb, links and pipes in a dump that is a directory.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

struct media_fixture : restore_fixture {
    media_fixture() : restore_fixture(3, 4) {
        for (const auto& [name, content] : tree_of(dump / "media")) {
            if (!content.ends_with(" folder")) {
                media.push_back(name);
            }
        }
        BOOST_REQUIRE(media.size() >= 3U);
    }

    fs::path copy() {
        const fs::path made = at("damaged " + std::to_string(++copies));
        fs::copy(dump, made, fs::copy_options::recursive);
        return made;
    }
    /// The line of files.jsonl on which a medium stands.
    std::string line_of(const std::string& name) const {
        const auto lines = lines_of(dump / "files.jsonl");
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].contains(name)) {
                return "files.jsonl:" + std::to_string(i + 1);
            }
        }
        return "none";
    }

    std::vector<std::string> media;
    int copies = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_damage, media_fixture)

BOOST_AUTO_TEST_CASE(bytes_are_what_their_row_says) {
    for (const std::string& name : media) {
        const fs::path made = copy();
        std::string bytes = bytes_of(made / "media" / name);
        if (bytes.empty()) {
            continue;
        }
        bytes[source.random().pick(bytes.size())] ^= 1;
        write_bytes(made / "media" / name, bytes);
        must_refuse(made, target, "media/" + name, "has other bytes than line");
        bytes.pop_back();
        write_bytes(made / "media" / name, bytes);
        seal(made);
        must_refuse(made, target, "media/" + name, "has other bytes than line");
    }
}

BOOST_AUTO_TEST_CASE(no_row_is_without_its_bytes) {
    const fs::path made = copy();
    fs::remove(made / "media" / media[1]);
    seal(made);
    must_refuse(made, target, line_of(media[1]), "is missing from the dump");
    const auto report = must_restore(made, target, {.missing_media = true});
    BOOST_TEST(report.dump.media_missing == 1U);
    BOOST_TEST(media_of(target).size() == media.size() - 1);
}

BOOST_AUTO_TEST_CASE(no_bytes_are_without_their_row) {
    const fs::path made = copy();
    write_bytes(made / "media" / "stray.jpg", "stray");
    seal(made);
    must_refuse(made, target, "media/stray.jpg", "belongs to no row");
}

BOOST_AUTO_TEST_CASE(links_and_pipes_are_refused) {
    const auto put = [&](const char* name, const auto& make) {
        const fs::path made = copy();
        fs::remove_all(made / name);
        make(made / name);
        return made;
    };
    const auto link = [](const fs::path& to) {
        return [to](const fs::path& at) { fs::create_symlink(to, at); };
    };
    must_refuse(put("likes.jsonl", link(dump / "likes.jsonl")), target, "likes.jsonl", "link");
    must_refuse(put("media", link(dump / "media")), target, "media/", "link");
    must_refuse(put("media/x.jpg", link("/etc/passwd")), target, "media/x.jpg", "link");
    must_refuse(put("media/folder", link("/etc")), target, "media/folder", "link");
    must_refuse(put("media/pipe.jpg",
                    [](const fs::path& at) { BOOST_REQUIRE(::mkfifo(at.c_str(), 0600) == 0); }),
                target, "media/pipe.jpg", "");
    must_refuse(put("notes.txt", [](const fs::path& at) { write_bytes(at, "hello"); }), target,
                "notes.txt", "is no part of a dump");
    must_refuse(put("media/.hidden", [](const fs::path& at) { write_bytes(at, "hello"); }), target,
                "media/.hidden", "is no part of a dump");
    must_refuse(put("manifest.json",
                    [](const fs::path& at) { write_bytes(at, std::string(200'000, ' ')); }),
                target, "manifest.json", "is longer than it may be");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
