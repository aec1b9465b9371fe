// What a backup holds, what the next one costs, what is dropped, and what comes back.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "storage/media/media_store.hpp"
#include "storage/read_only_database.hpp"
#include "tests/backup/backup_fixture.hpp"

namespace pinhole::storage::test {

namespace {

std::size_t tables_in(const fs::path& dest) {
    const fs::path folder = dest / "db" / "shared_checksum";
    return fs::exists(folder) ? static_cast<std::size_t>(std::distance(
                                    fs::directory_iterator{folder}, fs::directory_iterator{}))
                              : 0;
}

std::vector<file> files_of(kv::store& store) {
    std::vector<file> rows;
    const auto reader = store.snapshot(kv::read_mode::blocking);
    for (const auto& each : reader->walk(families::files, nullptr, 10'000)) {
        rows.push_back(decode_row<file>(each.row.value));
    }
    return rows;
}

std::string path_of(const file& row) {
    return row.url.substr(std::string_view{"/media/"}.size());
}

unsigned mode_of(const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(backups, backup_fixture)

BOOST_AUTO_TEST_CASE(what_was_backed_up_comes_back) {
    const auto made = back_up();
    BOOST_TEST(made.bad_media.empty());
    BOOST_TEST(made.made.id == 1U);
    BOOST_TEST(made.made.media_files == media_of(source.path()).size());
    BOOST_TEST(made.made.media_new_files == made.made.media_files);
    BOOST_TEST(made.made.database_new_bytes == made.made.database_bytes);
    check_tidy();
    const auto media = media_of(source.path());
    BOOST_TEST(std::ranges::any_of(
        media, [](const auto& each) { return each.first.starts_with("hidden/"); }));
    must_restore_to(1, target);
    fs::create_directories(at("frozen"));
    fs::rename(at("checkpoint"), at("frozen") / "db");
    BOOST_TEST((rows_of(target) == rows_of(at("frozen"))));
    BOOST_TEST((media_of(target) == media));
    BOOST_TEST(bytes_of(target / "secret.key") == bytes_of(source.path() / "secret.key"));
    BOOST_TEST(mode_of(target / "secret.key") == 0600U);
    BOOST_TEST(mode_of(target) == 0711U);
    BOOST_TEST(mode_of(target / "db") == 0700U);
    BOOST_TEST(mode_of(target / "media") == 0711U);
    BOOST_TEST(mode_of(target / "media" / "public") == 0755U);
    BOOST_TEST(mode_of(target / "media" / "hidden") == 0700U);
    BOOST_TEST(mode_of(dest) == 0700U);
}

BOOST_AUTO_TEST_CASE(the_next_one_costs_what_is_new) {
    back_up();
    const auto before = media_of(source.path());
    const auto same = back_up();
    BOOST_TEST(same.made.media_new_files == 0U);
    BOOST_TEST(same.made.media_new_bytes == 0U);
    source.add_rows(1, 3);
    const auto more = back_up();
    const auto after = media_of(source.path());
    BOOST_TEST(after.size() > before.size());
    BOOST_TEST(more.made.media_new_files == after.size() - before.size());
    BOOST_TEST(more.made.media_files == after.size());
    check_tidy();
    must_restore_to(1, at("first"));
    BOOST_TEST((media_of(at("first")) == before));
    must_restore_to(3, at("third"));
    BOOST_TEST((media_of(at("third")) == after));
}

/// What lies in tables is not brought again.
BOOST_AUTO_TEST_CASE(tables_are_shared) {
    back_up();
    must_restore_to(1, at("data"));  // its log is read into tables
    const auto store = open_store(at("data"));
    const auto next = [&] {
        auto folder = backup::backup_folder::open_to_write(at("second"), at("data"));
        BOOST_REQUIRE(folder.has_value());
        backup::backup_writer writer{*folder, {.data_dir = at("data")}, watch};
        fs::remove_all(at("checkpoint"));
        kv::make_checkpoint(*store, at("checkpoint"));
        writer.add_rows(*open_read_only(at("checkpoint")));
        return writer.finish().made;
    };
    const auto first = next();
    const std::size_t tables = tables_in(at("second"));
    BOOST_TEST(tables > 5U);
    create(*store, make_user(7, "another"));
    const auto second = next();
    BOOST_TEST(tables_in(at("second")) == tables);
    BOOST_TEST(second.database_new_bytes < second.database_bytes);
    BOOST_TEST(second.database_bytes > first.database_bytes);
}

BOOST_AUTO_TEST_CASE(old_ones_are_dropped_with_what_only_they_need) {
    std::vector<std::map<std::string, std::string>> media;
    for (int round = 0; round < 4; ++round) {
        if (round > 0) {
            // A row that is purged takes its medium along.
            const file gone = files_of(source.store()).front();
            kv::commit commit;
            commit.operations.emplace_back(kv::erase{row_key<file>(gone.id)});
            must_commit(source.store(), std::move(commit));
            for (const char* tree : {"public", "hidden"}) {
                fs::remove(source.path() / "media" / tree / path_of(gone));
            }
        }
        media.push_back(media_of(source.path()));
        const auto made = back_up_keeping(2);
        const std::vector<kv::backup_id> none;
        const std::vector<kv::backup_id> one{static_cast<kv::backup_id>(round - 1)};
        BOOST_TEST((made.dropped == (round < 2 ? none : one)));
        check_tidy();
    }
    BOOST_TEST((ids() == std::vector<kv::backup_id>{3, 4}));
    const auto done = restore(3, target);
    BOOST_REQUIRE(done.has_value());
    BOOST_TEST(done->is_done);
    BOOST_TEST((media_of(target) == media[2]));
}

/// What is deleted or restored while the bytes are brought lies elsewhere by then.
BOOST_AUTO_TEST_CASE(media_that_move_meanwhile_are_where_the_rows_of_the_backup_say) {
    const auto before = media_of(source.path());
    back_up([&] {
        media::media_store media{source.path() / "media"};
        for (const auto& [name, bytes] : before) {
            const std::string path = name.substr(name.find('/') + 1);
            const auto moved = name.starts_with("public/") ? media.hide(path) : media.show(path);
            BOOST_REQUIRE(moved.has_value());
        }
    });
    must_restore_to(1, target);
    BOOST_TEST((media_of(target) == before));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_lost_are_told_or_come_from_an_earlier_backup) {
    const auto media = media_of(source.path());
    const std::string lost = media.begin()->first;
    fs::remove(source.path() / "media" / lost);
    const auto first = back_up();
    BOOST_TEST(first.bad_media.total() == 1U);
    BOOST_TEST(first.bad_media.kept().front().contains("is missing"));
    BOOST_TEST(first.made.media_missing == 1U);
    check_tidy();
    const std::string another = media.rbegin()->first;
    const std::string bytes = bytes_of(source.path() / "media" / another);
    fs::remove(source.path() / "media" / another);
    write_bytes(source.path() / "media" / another, bytes.substr(1));
    const auto second = back_up();
    BOOST_TEST(second.bad_media.total() == 1U);
    BOOST_TEST(second.made.media_new_files == 0U);
    must_restore_to(2, target);
    BOOST_TEST(bytes_of(target / "media" / another) == bytes);
    BOOST_TEST(!fs::exists(target / "media" / lost));
}

/// Each place at which progress is told.
BOOST_AUTO_TEST_CASE(an_interruption_leaves_the_earlier_backups) {
    back_up();
    source.add_rows(1, 2);
    for (const std::string_view phase : {"database", "files", "media"}) {
        bool is_met = false;
        watch.report = [&](const work_progress& progress) {
            is_met = is_met || progress.phase == phase;
            if (is_met) {
                throw work_interrupted{};
            }
        };
        BOOST_CHECK_THROW(back_up(), work_interrupted);
        BOOST_TEST(is_met);
        BOOST_TEST((ids() == std::vector<kv::backup_id>{1}));
        check_tidy();
    }
    watch = {};
    back_up();
    check_tidy();
}

BOOST_AUTO_TEST_CASE(reading_and_restoring_can_be_interrupted) {
    back_up();
    for (const std::string_view phase : {"database", "media"}) {
        const work_watch impatient{.report = [&](const work_progress& progress) {
            if (progress.phase == phase) {
                throw work_interrupted{};
            }
        }};
        backup::fault_list found;
        BOOST_CHECK_THROW(backup::verify_backup(opened(), 1, true, found, impatient),
                          work_interrupted);
        BOOST_TEST(found.empty());
        BOOST_CHECK_THROW((void)backup::restore_backup(opened(), 1, target, {}, impatient),
                          work_interrupted);
        BOOST_TEST(!fs::exists(target));
    }
}

/// Perhaps it is the one that was lost, and this one stands empty in its place.
BOOST_AUTO_TEST_CASE(backups_of_another_database_are_not_dropped) {
    back_up_keeping(1);
    std::ofstream{source.path() / "secret.key"} << "another one";
    const auto made = back_up_keeping(1);
    BOOST_TEST(made.of_others == 1U);
    BOOST_TEST(made.dropped.empty());
    const auto next = back_up_keeping(1);
    BOOST_TEST(next.of_others == 1U);
    BOOST_TEST(next.dropped.size() == 1U);
    BOOST_TEST(ids().size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
