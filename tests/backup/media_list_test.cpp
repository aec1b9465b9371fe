// Lists of media: what comes out is what went in, and what one list has that others have not.
#include <algorithm>
#include <iterator>
#include <set>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/media_list.hpp"
#include "tests/backup/backup_fixture.hpp"

namespace pinhole::storage::backup::test {

namespace fs = std::filesystem;
using paths = std::set<std::string>;

namespace {

struct list_fixture {
    fs::path write(const std::string& name, const paths& all) const {
        media_list_writer writer{directory.path() / name};
        for (const std::string& path : all) {
            writer.append({.path = path, .is_public = path.size() % 2 == 0, .size_bytes = 7});
        }
        sums[name] = writer.finish();
        return directory.path() / name;
    }

    paths random_paths() {
        paths all;
        for (std::size_t count = random.pick(30); count > 0; --count) {
            all.insert(std::to_string(random.pick(9)) + "/" + std::to_string(random.pick(9)) +
                       ".jpg");
        }
        return all;
    }

    pinhole::test::temporary_directory directory;
    storage::test::generator random{storage::test::make_seed()};
    mutable std::map<std::string, std::string> sums;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_lists, list_fixture)

BOOST_AUTO_TEST_CASE(a_list_is_read_as_it_was_written) {
    const listed_medium one{.path = "ab/a.jpg", .is_public = true, .size_bytes = 1};
    const listed_medium two{
        .path = "ab/b.mp4", .size_bytes = UINT64_MAX, .sha256 = std::string(64, 'f')};
    media_list_writer writer{directory.path() / "list"};
    writer.append(one);
    writer.append(two);
    const std::string sum = writer.finish();
    BOOST_TEST(storage::test::bytes_of(directory.path() / "list") ==
               "public 1 - ab/a.jpg\nhidden 18446744073709551615 " + std::string(64, 'f') +
                   " ab/b.mp4\n");
    media_list_reader reader{directory.path() / "list"};
    const auto first = reader.next();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST((first->path == one.path && first->is_public && first->size_bytes == 1));
    BOOST_TEST(first->sha256 == "");
    const auto second = reader.next();
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST((second->path == two.path && !second->is_public &&
                second->size_bytes == two.size_bytes && second->sha256 == two.sha256));
    BOOST_TEST(!reader.next().has_value());
    BOOST_TEST(reader.sha256() == sum);
    BOOST_CHECK_NO_THROW(require_whole_list(directory.path() / "list", sum));
    BOOST_CHECK_THROW(require_whole_list(directory.path() / "list", std::string(64, '0')),
                      backup_damage);
}

BOOST_AUTO_TEST_CASE(what_no_list_has_is_damage) {
    for (const char* text :
         {"public 1 - ab/a.jpg", "public 1 - ab/a.jpg\nhidden", "shown 1 - a.jpg\n",
          "public x - a.jpg\n", "public -1 - a.jpg\n", "public 1 12 a.jpg\n", "public 1 - /a.jpg\n",
          "public 1 - ../a.jpg\n", "public 1 - \n", "public 1 -\n", "\n",
          "public 1 - b.jpg\npublic 1 - a.jpg\n", "public 1 - a.jpg\npublic 1 - a.jpg\n"}) {
        storage::test::write_bytes(directory.path() / "list", text);
        const auto read_all = [&] {
            media_list_reader reader{directory.path() / "list"};
            while (reader.next()) {
            }
        };
        BOOST_CHECK_THROW(read_all(), backup_damage);
    }
    BOOST_CHECK_THROW(media_list_reader{directory.path() / "absent"}, backup_damage);
}

BOOST_AUTO_TEST_CASE(differences_are_those_of_sets) {
    for (int round = 0; round < 100; ++round) {
        paths wanted;
        paths unwanted;
        std::vector<fs::path> of;
        std::vector<fs::path> without;
        for (std::size_t list = random.pick(4); list > 0; --list) {
            const paths all = random_paths();
            of.push_back(write("of" + std::to_string(list), all));
            wanted.insert(all.begin(), all.end());
        }
        for (std::size_t list = random.pick(4); list > 0; --list) {
            const paths all = random_paths();
            without.push_back(write("without" + std::to_string(list), all));
            unwanted.insert(all.begin(), all.end());
        }
        std::vector<std::string> expected;
        std::ranges::set_difference(wanted, unwanted, std::back_inserter(expected));
        std::vector<std::string> found;
        for_each_difference(of, without, [&](const std::string& path) { found.push_back(path); });
        BOOST_TEST((found == expected));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::backup::test
