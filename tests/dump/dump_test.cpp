// What a dump holds, and where nothing of it may be left.
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

using nlohmann::json;

namespace {

/// All sinks that write to a name, each to its own.
std::vector<std::string> target_names(const std::string& stem) {
    return {stem, stem + ".tar", stem + ".tar.zst"};
}

members read_target(const std::filesystem::path& path) {
    return std::filesystem::is_directory(path) ? read_directory(path) : read_archive(path).by_path;
}

void run_tool(const std::string& command) {
    const int status = std::system(command.c_str());
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0), command);
}

template <class... Rows>
std::string lines_of_rows(const Rows&... rows) {
    std::string lines;
    (append_dump_row(lines, rows), ...);
    return lines;
}

/// Dumps everything to each kind of target; the bytes of each, those of tars unpacked.
std::vector<members> dump_everywhere(dump_fixture& f, const std::string& stem) {
    std::vector<members> dumps;
    dump_options options = make_dump_options();
    options.with_media = true;
    for (const std::string& name : target_names(stem)) {
        auto sink = make_sink(f.target(name), options.created_at);
        BOOST_REQUIRE(sink.has_value());
        const auto report = f.dump_to(**sink, options);
        BOOST_REQUIRE(report.has_value());
        BOOST_TEST(report->is_whole);
        dumps.push_back(read_target(f.target(name)));
    }
    return dumps;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dump, dump_fixture)

BOOST_AUTO_TEST_CASE(an_empty_database) {
    const members dump = dump_to_directory("d", make_dump_options());
    BOOST_TEST(dump.size() == 6U);
    const std::string nothing = sha256_of("");
    for (const char* name : {"users", "posts", "files", "comments", "likes"}) {
        BOOST_TEST(dump.at(file_name_of(name)).empty());
        const json sums = json::parse(dump.at("manifest.json")).at("entities").at(name);
        BOOST_TEST(sums == (json{{"rows", 0}, {"sha256", nothing}}));
    }
}

BOOST_AUTO_TEST_CASE(every_row_in_the_order_of_ids_deleted_ones_too) {
    user deleted = make_user(9, "nine");
    deleted.is_deleted = true;
    deleted.deleted_at = at_second(5);
    // Made in another order than that of their ids, and with ids of every length.
    const user large = make_user(INT64_MAX, "large");
    const user hundred = make_user(100, "hundred");
    const user small = make_user(1, "small");
    create(*store, large, deleted, hundred, small);
    const members dump = dump_to_directory("d", make_dump_options());
    BOOST_TEST(dump.at("users.jsonl") == lines_of_rows(small, deleted, hundred, large));
}

BOOST_AUTO_TEST_CASE(rows_are_as_many_and_have_the_sums_that_the_manifest_says) {
    fill();
    // More than are read at once, and just as many.
    kv::commit commit;
    for (entity_id id = 1000; id < 1000 + 700; ++id) {
        append_create(commit, make_user(id, "user" + std::to_string(id)));
    }
    for (entity_id id = 2000; id < 2000 + 512 - 5; ++id) {
        append_create(commit, make_like(id, 10, id - 1000));
    }
    must_commit(*store, std::move(commit));
    const members dump = dump_to_directory("d", make_dump_options());
    const json manifest = json::parse(dump.at("manifest.json"));
    const std::map<std::string, std::size_t> expected{
        {"users", 703}, {"posts", 5}, {"files", 10}, {"comments", 5}, {"likes", 512}};
    for (const auto& [name, rows] : expected) {
        const auto lines = lines_of(dump, name);
        BOOST_TEST(lines.size() == rows);
        const json& sums = manifest.at("entities").at(name);
        BOOST_TEST(sums.at("rows").get<std::size_t>() == rows);
        BOOST_TEST(sums.at("sha256").get<std::string>() == sha256_of(dump.at(file_name_of(name))));
        BOOST_TEST(std::ranges::is_sorted(lines, {}, [](const json& row) {
            return std::stoll(row.at("id").get<std::string>());
        }));
    }
    BOOST_TEST(find_dangling(dump).empty());
    BOOST_TEST(manifest.at("created_at").get<std::string>() == to_rfc3339(at_second(0)));
    BOOST_TEST(manifest.at("server_version").get<std::string>() == "0.0-test");
    BOOST_TEST(manifest.at("media") == (json{{"files", 0}, {"bytes", 0}}));
    BOOST_TEST(parse_manifest(dump.at("manifest.json")).has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_and_tars_hold_the_same_bytes) {
    fill();
    give_bytes(11, "first");
    give_bytes(12, std::string(700'000, 'x'), false);
    for (const entity_id id : {21, 22, 31, 32, 41, 42, 51, 52}) {
        give_bytes(id, std::string(static_cast<std::size_t>(id) % 3, 'y'), id % 2 == 0);
    }
    const auto dumps = dump_everywhere(*this, "d");
    BOOST_TEST((dumps[0] == dumps[1]));
    BOOST_TEST((dumps[0] == dumps[2]));
    BOOST_TEST(dumps[0].size() == 6U + 10U);

    const auto [by_path, order] = read_archive(target("d.tar"));
    BOOST_TEST(order.front() == "users.jsonl");
    BOOST_TEST(order.at(4) == "likes.jsonl");
    BOOST_TEST(order.back() == "manifest.json");

    // Another program reads them, too.
    std::filesystem::create_directory(target("unpacked"));
    run_tool("tar -xf " + target("d.tar").string() + " -C " + target("unpacked").string());
    BOOST_TEST((read_directory(target("unpacked")) == dumps[0]));
}

BOOST_AUTO_TEST_CASE(only_the_owner_may_read_them) {
    using std::filesystem::perms;
    dump_everywhere(*this, "d");
    const auto permissions = [&](const std::string& name) {
        return std::filesystem::status(target(name)).permissions();
    };
    BOOST_TEST((permissions("d") == perms::owner_all));
    for (const char* name : {"d.tar", "d.tar.zst", "d/users.jsonl", "d/manifest.json"}) {
        BOOST_TEST((permissions(name) == (perms::owner_read | perms::owner_write)));
    }
}

/// The second has another history: made in another order, with rows that are gone again.
BOOST_AUTO_TEST_CASE(equal_databases_give_equal_dumps) {
    fill();
    dump_fixture other;
    const auto passing = make_comment(999, 10, 1);
    create(*other.store, make_like(9999, 10, 1), passing);
    other.fill();
    kv::commit commit;
    append_erase(commit, *find<comment>(*other.store, 999));
    append_erase(commit, *find<like>(*other.store, 9999));
    must_commit(*other.store, std::move(commit));
    kv::commit edit;
    const auto before = find<comment>(*other.store, 100);
    auto after = before->row;
    after.is_counted = !after.is_counted;  // not dumped
    append_update(edit, *before, after);
    must_commit(*other.store, std::move(edit));

    for (const std::string& name : target_names("d")) {
        for (dump_fixture* each : {static_cast<dump_fixture*>(this), &other}) {
            auto sink = make_sink(each->target(name), at_second(0));
            BOOST_REQUIRE(sink.has_value());
            BOOST_TEST(each->dump_to(**sink, make_dump_options())->is_whole);
        }
    }
    BOOST_TEST((read_directory(target("d")) == read_directory(other.target("d"))));
    BOOST_TEST((read_file(target("d.tar")) == read_file(other.target("d.tar"))));
    BOOST_TEST((read_file(target("d.tar.zst")) == read_file(other.target("d.tar.zst"))));
}

BOOST_AUTO_TEST_CASE(a_row_that_no_version_wrote_ends_the_dump_and_is_named) {
    fill();
    kv::commit commit;
    commit.operations.emplace_back(kv::put{row_key<post>(77), "\x01"});
    must_commit(*store, std::move(commit));
    for (const std::string& name : target_names("d")) {
        auto sink = make_sink(target(name), at_second(0));
        BOOST_REQUIRE(sink.has_value());
        BOOST_CHECK_EXCEPTION(dump_to(**sink, make_dump_options()), corrupt_row,
                              [](const corrupt_row& damage) {
                                  return std::string_view{damage.what()}.starts_with("post 77: ");
                              });
    }
    BOOST_TEST(names_in(targets()).empty());
}

BOOST_AUTO_TEST_CASE(a_row_in_anothers_place_ends_the_dump) {
    kv::commit commit;
    commit.operations.emplace_back(kv::put{row_key<user>(7), encode_row(make_user(8, "eight"))});
    must_commit(*store, std::move(commit));
    auto sink = make_directory_sink(target("d"));
    BOOST_CHECK_THROW(dump_to(**sink, make_dump_options()), corrupt_row);
}

/// Stopped at each place where it can be, one after the other.
BOOST_AUTO_TEST_CASE(an_interruption_leaves_nothing) {
    fill();
    for (const entity_id id : {11, 12, 21, 22, 31, 32, 41, 42, 51, 52}) {
        give_bytes(id, std::string(300'000, 'x'), id % 2 == 0);
    }
    dump_options options = make_dump_options();
    options.with_media = true;
    for (const std::string& name : target_names("d")) {
        int stops = 0;
        for (bool is_done = false; !is_done; ++stops) {
            std::stop_source source;
            int reports = 0;
            const work_watch watch{.report =
                                       [&](const work_progress&) {
                                           if (reports++ == stops) {
                                               source.request_stop();
                                           }
                                       },
                                   .stop = source.get_token()};
            auto sink = make_sink(target(name), at_second(0));
            BOOST_REQUIRE(sink.has_value());
            try {
                is_done = dump_to(**sink, options, watch)->is_whole;
            } catch (const work_interrupted&) {
                sink->reset();
                BOOST_REQUIRE(names_in(targets()).empty());
            }
        }
        BOOST_TEST(stops > 25);
        BOOST_TEST((names_in(targets()) == std::vector{name}));
        std::filesystem::remove_all(target(name));
    }
}

BOOST_AUTO_TEST_CASE(progress_says_how_much_of_what) {
    fill();
    for (const entity_id id : {11, 12, 21, 22, 31, 32, 41, 42, 51, 52}) {
        give_bytes(id, std::string(1000, 'x'));
    }
    dump_options options = make_dump_options();
    options.with_media = true;
    std::map<std::string, work_progress> last;
    const work_watch watch{
        .report = [&](const work_progress& p) { last[std::string{p.phase}] = p; }};
    auto sink = make_sink(target("d.tar"), at_second(0));
    BOOST_TEST(dump_to(**sink, options, watch)->is_whole);
    BOOST_TEST(last.size() == 11U);
    BOOST_TEST(last.at("files").done == 10U);
    BOOST_TEST(last.at("files").total == 10U);
    BOOST_TEST(!last.at("files").counts_bytes);
    BOOST_TEST(last.at("size of files").done == 10U);
    BOOST_TEST(last.at("media").done == 10'000U);
    BOOST_TEST(last.at("media").total == 10'000U);
    BOOST_TEST(last.at("media").counts_bytes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
