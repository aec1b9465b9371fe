// Backups that are damaged: told by a verification, refused by a restore, which leaves its target.
#include "storage/read_only_database.hpp"
#include "tests/backup/backup_fixture.hpp"

namespace pinhole::storage::test {

namespace {

struct damage_fixture : backup_fixture {
    damage_fixture() {
        back_up();
        {
            const database made{options_for(target)};
        }
        before = tree_of(target);
    }

    void must_be_refused(std::string_view problem, bool hash_needed = false) {
        const std::string found = faults(1, true);
        BOOST_TEST(found.contains(problem), found << " does not say: " << problem);
        BOOST_TEST(faults(1, false).empty() == hash_needed);
        const auto done = restore(1, target);
        BOOST_REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
        BOOST_TEST(!done->is_done);
        BOOST_TEST(!done->faults.empty());
        auto after = tree_of(target);
        BOOST_TEST((after == before));
        BOOST_TEST(!fs::exists(at("absent")));
        const auto absent = restore(1, at("absent"));
        BOOST_TEST((absent.has_value() && !absent->is_done));
        BOOST_TEST(!fs::exists(at("absent")));
    }

    fs::path first_in(const fs::path& folder, std::string_view extension) const {
        for (const auto& entry : fs::recursive_directory_iterator{folder}) {
            if (entry.is_regular_file() && entry.path().extension() == extension) {
                return entry.path();
            }
        }
        BOOST_FAIL("no " << extension);
        return {};
    }

    std::map<std::string, std::string> before;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(damage, damage_fixture)

BOOST_AUTO_TEST_CASE(a_changed_log) {
    flip_bit(first_in(dest / "db", ".log"));
    must_be_refused("the database of backup 1");
}

BOOST_AUTO_TEST_CASE(a_changed_table) {
    // Read into tables, backed up anew.
    must_restore_to(1, at("data"));
    fs::remove_all(dest);
    {
        auto folder = backup::backup_folder::open_to_write(dest, at("data"));
        BOOST_REQUIRE(folder.has_value());
        backup::backup_writer writer{*folder, {.data_dir = at("data")}, watch};
        writer.add_rows(*open_read_only(at("data") / "db"));
        writer.finish();
    }
    BOOST_TEST(faults(1) == "");
    flip_bit(first_in(dest / "db" / "shared_checksum", ".sst"));
    must_be_refused("the database of backup 1");
}

BOOST_AUTO_TEST_CASE(a_missing_file_of_the_database) {
    fs::remove(first_in(dest / "db", ".log"));
    must_be_refused("the database of backup 1");
}

BOOST_AUTO_TEST_CASE(a_database_that_is_gone) {
    fs::remove_all(dest / "db");
    must_be_refused("the database of backup 1");
}

BOOST_AUTO_TEST_CASE(a_missing_medium) {
    fs::remove(first_in(dest / "media", ".jpg"));
    must_be_refused(".jpg is missing");
}

BOOST_AUTO_TEST_CASE(all_media_missing) {
    fs::remove_all(dest / "media");
    must_be_refused("is missing");
}

BOOST_AUTO_TEST_CASE(a_shorter_medium) {
    const fs::path medium = first_in(dest / "media", ".jpg");
    const std::string bytes = bytes_of(medium);
    fs::remove(medium);
    write_bytes(medium, std::string_view{bytes}.substr(0, bytes.size() / 2));
    must_be_refused(" bytes, not " + std::to_string(bytes.size()));
}

BOOST_AUTO_TEST_CASE(a_changed_medium) {
    const fs::path medium = first_in(dest / "media", ".jpg");
    flip_bit(medium);
    must_be_refused("its SHA-256 is not that of its row", true);
    const auto media = media_of(source.path());
    const auto done = restore(1, target, true);
    BOOST_REQUIRE(done.has_value());
    BOOST_TEST(done->is_done);
    BOOST_TEST(done->media_left_out == 1U);
    BOOST_TEST(media_of(target).size() == media.size() - 1);
    for (const auto& [name, bytes] : media_of(target)) {
        BOOST_TEST((media.at(name) == bytes));
    }
}

BOOST_AUTO_TEST_CASE(a_cut_record) {
    const fs::path record = dest / "backups" / "1.json";
    const std::string bytes = bytes_of(record);
    write_bytes(record, std::string_view{bytes}.substr(0, bytes.size() / 2));
    must_be_refused("1.json is damaged");
    write_bytes(record, "");
    must_be_refused("1.json is damaged");
    for (const char digit : std::string{"123456789"}) {
        std::string changed = bytes;
        changed.at(bytes.find("\"files\":") + 8) = digit;
        if (changed != bytes) {
            write_bytes(record, changed);
            must_be_refused("1.json is damaged");
            break;
        }
    }
    write_bytes(record, "[]");
    must_be_refused("1.json is damaged");
}

BOOST_AUTO_TEST_CASE(a_damaged_list) {
    const fs::path list = dest / "backups" / "1.media";
    auto lines = lines_of(list);
    const auto whole = lines;
    lines.pop_back();
    write_lines(list, lines);
    must_be_refused("1.media is damaged");
    lines = whole;
    // What was hidden would be public.
    for (std::string& line : lines) {
        line = (line.starts_with("hidden") ? "public" : "hidden") + line.substr(6);
    }
    write_lines(list, lines);
    must_be_refused("1.media is damaged");
    lines = whole;
    lines.front() = "public 1 - ../../outside.jpg";
    write_lines(list, lines);
    must_be_refused("1.media is damaged");
    fs::remove(list);
    must_be_refused("1.media is missing");
}

BOOST_AUTO_TEST_CASE(a_damaged_key) {
    flip_bit(dest / "backups" / "1.key");
    must_be_refused("1.key is damaged");
    fs::remove(dest / "backups" / "1.key");
    must_be_refused("1.key is missing");
}

/// As long as nobody knows what a damaged backup needs, all is kept.
BOOST_AUTO_TEST_CASE(nothing_is_removed_that_a_damaged_backup_may_need) {
    back_up();
    back_up();
    fs::resize_file(dest / "backups" / "2.media", 10);
    const auto before_pool = tree_of(dest / "media");
    const auto made = back_up_keeping(3);
    BOOST_TEST((made.dropped == std::vector<kv::backup_id>{1}));
    BOOST_TEST((tree_of(dest / "media") == before_pool));
    back_up_keeping(1);
    check_tidy();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
