// Dumps of a part: without some entities, or of what the API shows alone.
#include <algorithm>
#include <set>

#include "storage/accounts.hpp"
#include "storage/comments.hpp"
#include "storage/files.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

using nlohmann::json;

namespace {

std::string ids_in(const members& dump, std::string_view entity) {
    std::string ids;
    for (const json& row : lines_of(dump, entity)) {
        ids += ids.empty() ? "" : " ";
        ids += row.at("id").get<std::string>();
    }
    return ids;
}

dump_options excluding(std::vector<std::string> names) {
    dump_options options = make_dump_options();
    options.exclude = std::move(names);
    return options;
}

dump_options only_alive() {
    dump_options options = make_dump_options();
    options.only_alive = true;
    return options;
}

/// "users posts …": whose files are there, and the same ones in the manifest.
std::string entities_in(const members& dump) {
    std::string found;
    const json entities = json::parse(dump.at("manifest.json")).at("entities");
    for_each_dumped([&]<class Row>() {
        const std::string name{schema<Row>::name};
        BOOST_TEST(entities.contains(name) == dump.contains(file_name_of(name)));
        if (dump.contains(file_name_of(name))) {
            found += name + ' ';
        }
    });
    return found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(options, dump_fixture)

BOOST_AUTO_TEST_CASE(what_is_excluded_takes_along_what_refers_to_it) {
    fill();
    const auto left = [&](std::vector<std::string> names) {
        static int number = 0;
        const members dump =
            dump_to_directory(std::to_string(++number), excluding(std::move(names)));
        BOOST_TEST(find_dangling(dump).empty());
        return entities_in(dump);
    };
    BOOST_TEST(left({}) == "users posts files comments likes ");
    BOOST_TEST(left({"likes"}) == "users posts files comments ");
    BOOST_TEST(left({"comments"}) == "users posts files likes ");
    BOOST_TEST(left({"files"}) == "users posts comments likes ");
    BOOST_TEST(left({"posts"}) == "users ");
    BOOST_TEST(left({"likes", "comments", "likes"}) == "users posts files ");
}

BOOST_AUTO_TEST_CASE(users_and_what_is_no_entity_cannot_be_excluded) {
    for (const char* name : {"users", "user", "sessions", "", "Posts"}) {
        auto sink = make_directory_sink(target("d"));
        BOOST_REQUIRE(sink.has_value());
        const auto report = dump_to(**sink, excluding({"likes", name}));
        BOOST_REQUIRE(!report.has_value());
        BOOST_TEST((report.error().code == error_code::invalid));
        BOOST_TEST(report.error().message.contains(name));
    }
    BOOST_TEST(names_in(targets()).empty());
}

BOOST_AUTO_TEST_CASE(without_files_there_are_no_media) {
    fill();
    give_bytes(11, "bytes");
    dump_options options = excluding({"files"});
    options.with_media = true;
    const members dump = dump_to_directory("d", options);
    BOOST_TEST(std::ranges::none_of(
        dump, [](const auto& member) { return member.first.starts_with("media/"); }));
}

BOOST_AUTO_TEST_CASE(only_what_is_alive_with_all_that_it_hangs_under) {
    fill();
    const members dump = dump_to_directory("d", only_alive());
    BOOST_TEST(ids_in(dump, "users") == "1 2");
    BOOST_TEST(ids_in(dump, "posts") == "10 30 40");
    BOOST_TEST(ids_in(dump, "files") == "11 12 31 32 41 42");
    BOOST_TEST(ids_in(dump, "comments") == "100");
    BOOST_TEST(ids_in(dump, "likes") == "200");
    BOOST_TEST(find_dangling(dump).empty());
    const json entities = json::parse(dump.at("manifest.json")).at("entities");
    BOOST_TEST(entities.at("files").at("rows").get<int>() == 6);
    BOOST_TEST(entities.at("files").at("sha256").get<std::string>() ==
               sha256_of(dump.at("files.jsonl")));
}

BOOST_AUTO_TEST_CASE(a_tar_of_what_is_alive_is_the_same) {
    fill();
    const members plain = dump_to_directory("d", only_alive());
    auto sink = make_sink(target("d.tar"), at_second(0));
    BOOST_TEST(dump_to(**sink, only_alive())->is_whole);
    BOOST_TEST((read_archive(target("d.tar")).by_path == plain));
}

BOOST_AUTO_TEST_CASE(only_what_is_alive_can_exclude) {
    fill();
    dump_options options = only_alive();
    options.exclude = {"likes"};
    options.with_media = true;
    options.skip_bad_media = true;
    const members dump = dump_to_directory("d", options);
    BOOST_TEST(entities_in(dump) == "users posts files comments ");
    BOOST_TEST(ids_in(dump, "comments") == "100");
}

/// The API itself, asked for each row, is what "alive" means.
BOOST_AUTO_TEST_CASE(what_is_alive_is_what_the_api_shows) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    constexpr entity_id users = 60;
    constexpr entity_id posts = 900;
    kv::commit commit;
    const auto maybe_deleted = [&](auto row) {
        row.is_deleted = random.one_in(5);
        return row;
    };
    const auto pick = [&](entity_id first, entity_id count) {
        return first + static_cast<entity_id>(random.pick(static_cast<std::size_t>(count)));
    };
    for (entity_id id = 1; id <= users; ++id) {
        append_create(commit, maybe_deleted(make_user(id, "user" + std::to_string(id))));
    }
    std::set<std::pair<entity_id, entity_id>> liked;
    for (entity_id at = 0; at < posts; ++at) {
        const entity_id id = 1000 + 10 * at;
        const post row = maybe_deleted(make_post(id, pick(1, users)));
        append_create(commit, row);
        append_create(commit, maybe_deleted(row.files.front()));
        const entity_id on = 1000 + 10 * pick(0, at + 1);
        append_create(commit, maybe_deleted(make_comment(id + 2, on, pick(1, users))));
        const entity_id who = pick(1, users);
        if (liked.emplace(on, who).second) {
            append_create(commit, maybe_deleted(make_like(id + 3, on, who)));
        }
    }
    must_commit(*store, std::move(commit));

    const members all = dump_to_directory("all", make_dump_options());
    const members alive = dump_to_directory("alive", only_alive());
    BOOST_TEST(find_dangling(alive).empty());
    const auto reader = store->snapshot(kv::read_mode::blocking);
    const auto id_of = [](const json& row) { return std::stoll(row.at("id").get<std::string>()); };
    const auto reference = [](const json& row, const char* name) {
        return std::stoll(row.at(name).get<std::string>());
    };
    const auto check = [&](std::string_view entity, const auto& is_shown) {
        std::vector<std::string> expected;
        for (const std::string& line : raw_lines_of(all, entity)) {
            if (is_shown(json::parse(line))) {
                expected.push_back(line);
            }
        }
        const auto found = raw_lines_of(alive, entity);
        BOOST_TEST(found == expected, boost::test_tools::per_element());
        BOOST_TEST(found.size() > 30U);
        BOOST_TEST(found.size() < raw_lines_of(all, entity).size());
    };
    check("users", [&](const json& row) {
        row_reader rows{*reader};
        return rows.alive_user(id_of(row)) != nullptr;
    });
    check("posts", [&](const json& row) {
        row_reader rows{*reader};
        return rows.visible_post(id_of(row)) != nullptr;
    });
    check("files", [&](const json& row) { return get_file(*reader, id_of(row)).has_value(); });
    check("comments",
          [&](const json& row) { return get_comment(*reader, id_of(row)).has_value(); });
    check("likes", [&](const json& row) {
        row_reader rows{*reader};
        return !row.at("is_deleted").get<bool>() &&
               rows.visible_post(reference(row, "post")) != nullptr &&
               rows.alive_user(reference(row, "user")) != nullptr;
    });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
