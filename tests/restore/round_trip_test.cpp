// What was dumped and restored is what was there: every key and value, every medium in its tree.
#include <boost/test/unit_test.hpp>

#include "storage/database.hpp"
#include "storage/posts.hpp"
#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

BOOST_FIXTURE_TEST_SUITE(round_trip, restore_fixture)

BOOST_AUTO_TEST_CASE(a_restored_directory_is_what_commits_made) {
    const auto report = must_restore(dump, target);
    BOOST_TEST(report.rows_added == report.dump.rows_total());
    BOOST_TEST(report.rows_added > 50U);
    BOOST_TEST(problems_of(target) == std::vector<std::string>{}, boost::test_tools::per_element());
    BOOST_TEST((media_of(target) == media_of(source.path())));
    BOOST_TEST(!media_of(target).empty());

    // Of the source, which is still open, a copy is compared.
    fs::create_directories(at("copy"));
    fs::copy(source.path() / "db", at("copy") / "db", fs::copy_options::recursive);
    BOOST_TEST(rows_of(target) == rows_of(at("copy")), boost::test_tools::per_element());
    BOOST_TEST(!fs::exists(target / "restore.journal"));
    BOOST_TEST(!fs::exists(target / "restore.building"));
    BOOST_TEST(!fs::exists(target / "media" / "restore.building"));
}

BOOST_AUTO_TEST_CASE(the_dump_of_what_was_restored_is_the_same_byte_for_byte) {
    must_restore(dump, target);
    source_directory again{target, seed};
    again.dump_to(at("again"));
    BOOST_TEST((tree_of(at("again")) == tree_of(dump)));
}

BOOST_AUTO_TEST_CASE(every_form_of_a_dump_restores_the_same) {
    must_restore(dump, target);
    const auto expected = rows_of(target);
    for (const char* name : {"dump.tar", "dump.tar.zst"}) {
        source.dump_to(at(name));
        const fs::path into = at(std::string{"from "} + name);
        must_restore(at(name), into);
        BOOST_TEST((rows_of(into) == expected));
        BOOST_TEST((media_of(into) == media_of(target)));
    }
}

BOOST_AUTO_TEST_CASE(a_dump_without_media_restores_the_rows) {
    source.dump_to(at("rows"), false);
    const auto report = must_restore(at("rows"), target);
    BOOST_TEST(!report.dump.has_media);
    BOOST_TEST(problems_of(target).empty());
    BOOST_TEST(!fs::exists(target / "media" / "public"));
}

/// Ids go on above all that were restored, and a row can be changed: its stamp is another one then.
BOOST_AUTO_TEST_CASE(a_restored_database_is_written_to_as_any) {
    const auto report = must_restore(dump, target);
    database opened{options_for(target)};
    const auto id = opened.ids().next();
    BOOST_REQUIRE(id.has_value());
    BOOST_TEST(*id > report.dump.id_max);

    const auto found =
        opened.store().snapshot(kv::read_mode::blocking)->walk(families::users, nullptr, 1);
    BOOST_REQUIRE(found.size() == 1U);
    const auto before = find<user>(opened.store(), found.front().part);
    user changed = before->row;
    changed.name = "another";
    kv::commit commit;
    append_update(commit, *before, changed);
    must_commit(opened.store(), commit);
    BOOST_TEST(find<user>(opened.store(), changed.id)->stamp > before->stamp);
    check_outcome(opened.store(), std::move(commit), kv::outcome::conflict);
}

/// The database was lost and the photos were not: what must not be seen must not be public.
BOOST_AUTO_TEST_CASE(rows_alone_put_the_media_that_are_there_where_they_belong) {
    source.dump_to(at("rows"), false);
    fs::create_directories(target);
    fs::copy(source.path() / "media", target / "media", fs::copy_options::recursive);
    const auto expected = media_of(source.path());
    for (const auto& [name, content] : expected) {  // all of them on the wrong side
        const bool is_public = name.starts_with("public/");
        const std::string path = name.substr(name.find('/') + 1);
        const fs::path to = target / "media" / (is_public ? "hidden" : "public") / path;
        fs::create_directories(to.parent_path());
        fs::rename(target / "media" / name, to);
    }
    must_restore(at("rows"), target);
    {
        const database opened{options_for(target)};
    }
    BOOST_TEST((media_of(target) == expected));
}

BOOST_AUTO_TEST_CASE(what_has_spilled_to_disk_is_restored_the_same) {
    must_restore(dump, target);
    must_restore(dump, at("little"), {.memory_bytes = 64 << 10U});
    BOOST_TEST((rows_of(at("little")) == rows_of(target)));
}

BOOST_AUTO_TEST_CASE(a_dry_run_changes_nothing) {
    const auto report = must_restore(dump, target, {.dry_run = true});
    BOOST_TEST(report.rows_added == report.dump.rows_total());
    BOOST_TEST(!fs::exists(target));
    fs::create_directories(target);
    must_restore(dump, target, {.dry_run = true});
    BOOST_TEST(tree_of(target).empty());
}

BOOST_AUTO_TEST_CASE(fields_that_are_left_out_take_their_defaults) {
    fs::create_directories(at("small"));
    write_lines(at("small") / "users.jsonl",
                {R"({"id":"7","username":"kim","created_at":"2026-01-02T03:04:05+01:00"})"});
    const auto report = restore_dump(at("small"), target);
    BOOST_REQUIRE(report.has_value());
    BOOST_TEST(faults_of(*report).contains("manifest.json: is missing"));
    must_restore(at("small"), target, {.no_manifest = true});
    const auto opened = open_store(target);
    const auto row = find<user>(*opened, 7);
    BOOST_REQUIRE(row.has_value());
    BOOST_TEST(row->row.username == "kim");
    BOOST_TEST((row->row.updated_at == row->row.created_at));
    BOOST_TEST(to_rfc3339(row->row.created_at) == "2026-01-02T02:04:05.000000Z");
    BOOST_TEST(row->row.password == "");
    BOOST_TEST(!row->row.is_staff);
    BOOST_TEST(!row->row.is_deleted);
}

BOOST_AUTO_TEST_CASE(a_stop_leaves_nothing) {
    std::stop_source stop;
    const work_watch watch{.report =
                               [&](const work_progress& now) {
                                   if (now.phase == "likes") {
                                       stop.request_stop();
                                   }
                               },
                           .stop = stop.get_token()};
    BOOST_CHECK_THROW(restore_dump(dump, target, {}, watch), work_interrupted);
    BOOST_TEST(!fs::exists(target));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
