// Merging a dump into a database that has rows: what is there is skipped, what is not is added, and
// what contradicts it is a fault.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using nlohmann::ordered_json;

struct merge_fixture : restore_fixture {
    merge_fixture() {
        must_restore(dump, at("whole"));
        make_subset(dump, at("part"), source.random());
        must_restore(at("part"), target);
    }

    /// The dump with its first line of a file changed.
    fs::path with_first(const std::string& file, const std::function<void(ordered_json&)>& change) {
        const fs::path made = at("changed " + std::to_string(++copies));
        fs::copy(dump, made, fs::copy_options::recursive);
        auto lines = lines_of(made / file);
        auto row = ordered_json::parse(lines.at(0));
        change(row);
        lines[0] = row.dump();
        write_lines(made / file, lines);
        seal(made);
        return made;
    }

    /// Into the whole, where each row is already.
    void must_refuse_merge(const fs::path& made, const std::string& place,
                           std::string_view problem) {
        const auto rows = rows_of(at("whole"));
        const auto media = media_of(at("whole"));
        const auto done = restore_dump(made, at("whole"), {.merge = true});
        BOOST_REQUIRE(done.has_value());
        BOOST_TEST(!done->is_done);
        const std::string faults = faults_of(*done);
        BOOST_TEST(faults.contains(place + ": "), faults);
        BOOST_TEST(faults.contains(problem), faults);
        BOOST_TEST((rows_of(at("whole")) == rows));
        BOOST_TEST((media_of(at("whole")) == media));
    }

    int copies = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(merges, merge_fixture)

BOOST_AUTO_TEST_CASE(what_is_missing_is_added) {
    const auto report = must_restore(dump, target, {.merge = true});
    BOOST_TEST(report.rows_added > 5U);
    BOOST_TEST(report.rows_skipped > 5U);
    BOOST_TEST(report.rows_added + report.rows_skipped == report.dump.rows_total());
    BOOST_TEST(problems_of(target) == std::vector<std::string>{}, boost::test_tools::per_element());
    rank_all(target);
    BOOST_TEST((rows_of(target) == rows_of(at("whole"))));
    BOOST_TEST((media_of(target) == media_of(at("whole"))));
}

BOOST_AUTO_TEST_CASE(a_second_time_everything_is_skipped) {
    must_restore(dump, target, {.merge = true});
    rank_all(target);
    const auto rows = rows_of(target);
    const auto report = must_restore(dump, target, {.merge = true});
    BOOST_TEST(report.rows_added == 0U);
    BOOST_TEST(report.rows_skipped == report.dump.rows_total());
    BOOST_TEST((rows_of(target) == rows));
}

BOOST_AUTO_TEST_CASE(rows_without_media_are_merged_as_well) {
    source.dump_to(at("rows"), false);
    must_restore(at("rows"), target, {.merge = true});
    rank_all(target);
    BOOST_TEST((rows_of(target) == rows_of(at("whole"))));
}

BOOST_AUTO_TEST_CASE(a_dry_run_says_what_would_be_added) {
    const auto before = tree_of(target);
    const auto dry = must_restore(dump, target, {.dry_run = true, .merge = true});
    BOOST_TEST((tree_of(target) == before));
    const auto done = must_restore(dump, target, {.merge = true});
    BOOST_TEST(dry.rows_added == done.rows_added);
    BOOST_TEST(dry.rows_skipped == done.rows_skipped);
}

BOOST_AUTO_TEST_CASE(rows_are_not_restored_over_rows) {
    const auto before = tree_of(target);
    const auto done = restore_dump(dump, target);
    BOOST_REQUIRE(!done.has_value());
    BOOST_TEST((done.error().code == error_code::conflict));
    BOOST_TEST(done.error().message.contains("has rows"));
    BOOST_TEST((tree_of(target) == before));
}

BOOST_AUTO_TEST_CASE(the_same_id_with_other_values_is_a_fault) {
    must_refuse_merge(with_first("users.jsonl", [](auto& row) { row["name"] = "another"; }),
                      "users.jsonl:1", "is in the database with other values");
    must_refuse_merge(with_first("posts.jsonl", [](auto& row) { row["content"] = "another"; }),
                      "posts.jsonl:1", "is in the database with other values");
    must_refuse_merge(
        with_first("files.jsonl",
                   [](ordered_json& row) { row["width"] = row["width"].get<int>() + 1; }),
        "files.jsonl:1", "is in the database with other values");
    must_refuse_merge(with_first("comments.jsonl", [](auto& row) { row["content"] = "another"; }),
                      "comments.jsonl:1", "is in the database with other values");
    must_refuse_merge(
        with_first("likes.jsonl", [](auto& row) { row["created_at"] = "2020-01-01T00:00:00Z"; }),
        "likes.jsonl:1", "is in the database with other values");
}

/// Under another id: its id is one below that of the first, which nobody has.
BOOST_AUTO_TEST_CASE(a_new_row_takes_nothing_from_one_that_is_there) {
    const auto renumber = [](ordered_json& row) {
        row["id"] = std::to_string(std::stoll(row["id"].get<std::string>()) - 1);
    };
    must_refuse_merge(with_first("likes.jsonl", renumber), "likes.jsonl:1",
                      "post and user are that of like");
    must_refuse_merge(with_first("files.jsonl", renumber), "files.jsonl:1", "url is that of file");
    // A user alone, since others refer to those of the dump.
    fs::create_directories(at("user"));
    auto row = ordered_json::parse(lines_of(dump / "users.jsonl")[0]);
    renumber(row);
    write_lines(at("user") / "users.jsonl", {row.dump()});
    seal(at("user"));
    must_refuse_merge(at("user"), "users.jsonl:1", "username is that of user");
}

BOOST_AUTO_TEST_CASE(a_new_file_has_a_place_of_its_own) {
    // Of a post that is there, at a position that is taken there.
    auto parent = lines_of(dump / "posts.jsonl");
    auto files = lines_of(dump / "files.jsonl");
    const auto alive = std::ranges::find_if(files, [](const std::string& line) {
        return !ordered_json::parse(line)["is_deleted"].get<bool>();
    });
    BOOST_REQUIRE(alive != files.end());
    auto row = ordered_json::parse(*alive);
    const auto line_of = [&](const std::string& post) {
        for (const std::string& line : parent) {
            if (ordered_json::parse(line)["id"] == post) {
                return line;
            }
        }
        return std::string{};
    };
    const std::string post = line_of(row["post"].get<std::string>());
    fs::create_directories(at("small"));
    for (const std::string& line : lines_of(dump / "users.jsonl")) {
        if (ordered_json::parse(line)["id"] == ordered_json::parse(post)["author"]) {
            write_lines(at("small") / "users.jsonl", {line});
        }
    }
    row["id"] = "77";
    row["url"] = "/media/aa/new.jpg";
    write_lines(at("small") / "posts.jsonl", {post});
    write_lines(at("small") / "files.jsonl", {row.dump()});
    seal(at("small"));
    must_refuse_merge(at("small"), "files.jsonl:1", "has a file at position");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
