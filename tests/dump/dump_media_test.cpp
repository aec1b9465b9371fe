// The bytes of the files in a dump, and what is wrong with them.
#include <algorithm>
#include <atomic>
#include <thread>

#include "storage/media/media_path.hpp"
#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

using nlohmann::json;

namespace {

dump_options with_media() {
    dump_options options = make_dump_options();
    options.with_media = true;
    return options;
}

struct media_fixture : dump_fixture {
    media_fixture() {
        create(*store, make_user(1, "kim"));
        for (const entity_id id : {10, 20, 30}) {
            create_post(*store, make_post(id, 1));
        }
        give_bytes(11, "first");
        give_bytes(21, std::string(600'000, 'x'), false);
        give_bytes(31, "third");
    }

    file row(entity_id id) const { return find<file>(*store, id)->row; }
    std::string path_of(entity_id id) const { return row(id).url.substr(1); }

    std::filesystem::path on_disk(entity_id id) const {
        const auto path = std::filesystem::path{path_of(id)}.lexically_relative("media");
        const auto hidden = data_dir() / "media" / "hidden" / path;
        return std::filesystem::exists(hidden) ? hidden : data_dir() / "media" / "public" / path;
    }
    void change(entity_id id, const std::function<void(file&)>& edit) {
        const auto before = find<file>(*store, id);
        file after = before->row;
        edit(after);
        kv::commit commit;
        append_update(commit, *before, after);
        must_commit(*store, std::move(commit));
    }

    /// To each kind of target; they must agree. Nothing stands there if there was a fault.
    dump_report dump_with(const dump_options& options) {
        std::optional<dump_report> first;
        for (const char* name : {"d", "d.tar", "d.tar.zst"}) {
            std::filesystem::remove_all(target(name));
            auto sink = make_sink(target(name), at_second(0));
            BOOST_REQUIRE(sink.has_value());
            const auto report = dump_to(**sink, options);
            BOOST_REQUIRE(report.has_value());
            sink->reset();
            BOOST_TEST(std::filesystem::exists(target(name)) == report->is_whole);
            if (first) {
                BOOST_TEST((report->details == first->details));
                BOOST_TEST(report->is_whole == first->is_whole);
            }
            first = *report;
        }
        if (first->is_whole) {
            BOOST_TEST((read_directory(target("d")) == read_archive(target("d.tar")).by_path));
            BOOST_TEST(
                (names_in(targets()) == std::vector<std::string>{"d", "d.tar", "d.tar.zst"}));
        } else {
            BOOST_TEST(names_in(targets()).empty());
        }
        return *first;
    }

    /// What a fault of the file leads to: no dump, or with the option one without its bytes.
    void check_bad_file(entity_id id, const std::string& what) {
        const dump_report failed = dump_with(with_media());
        BOOST_TEST(!failed.is_whole);
        BOOST_TEST(failed.bad_media == 1U);
        BOOST_REQUIRE(failed.details.size() == 1U);
        BOOST_TEST(failed.details.front().contains("file " + std::to_string(id)));
        BOOST_TEST(failed.details.front().contains(what));

        dump_options skipping = with_media();
        skipping.skip_bad_media = true;
        const dump_report skipped = dump_with(skipping);
        BOOST_TEST(skipped.is_whole);
        BOOST_TEST((skipped.details == failed.details));
        BOOST_TEST(skipped.written.media.files == 2U);
        const members dump = read_directory(target("d"));
        BOOST_TEST(!dump.contains(path_of(id)));
        BOOST_TEST(dump.size() == 6U + 2U);
        BOOST_TEST(lines_of(dump, "files").size() == 3U);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_bytes, media_fixture)

BOOST_AUTO_TEST_CASE(public_and_hidden_ones_under_the_path_of_their_url) {
    const dump_report report = dump_with(with_media());
    BOOST_TEST(report.is_whole);
    BOOST_TEST(report.bad_media == 0U);
    BOOST_TEST((report.written.media == media_sums{.files = 3, .bytes = 600'010}));
    const members dump = read_directory(target("d"));
    BOOST_TEST(dump.at(path_of(11)) == "first");
    BOOST_TEST(dump.at(path_of(21)) == std::string(600'000, 'x'));
    BOOST_TEST(dump.at(path_of(31)) == "third");
    BOOST_TEST(json::parse(dump.at("manifest.json")).at("media") ==
               (json{{"files", 3}, {"bytes", 600'010}}));
}

BOOST_AUTO_TEST_CASE(without_the_option_there_are_none) {
    const dump_report report = dump_with(make_dump_options());
    BOOST_TEST(report.is_whole);
    BOOST_TEST(read_directory(target("d")).size() == 6U);
}

BOOST_AUTO_TEST_CASE(only_those_of_alive_rows) {
    change(11, [](file& row) { row.is_deleted = true; });
    dump_options options = with_media();
    options.only_alive = true;
    const dump_report report = dump_with(options);
    BOOST_TEST(report.written.media.files == 2U);
    BOOST_TEST(!read_directory(target("d")).contains(path_of(11)));
}

BOOST_AUTO_TEST_CASE(a_missing_file) {
    std::filesystem::remove(on_disk(11));
    check_bad_file(11, "is missing");
}

BOOST_AUTO_TEST_CASE(a_file_with_another_byte) {
    std::string bytes = read_file(on_disk(21));
    bytes[300'000] = 'y';
    write_file(on_disk(21), bytes);
    check_bad_file(21, "another SHA-256");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_short) {
    std::filesystem::resize_file(on_disk(21), 599'999);
    check_bad_file(21, "has 599999 bytes, its row says 600000");
}

BOOST_AUTO_TEST_CASE(something_else_in_a_files_place) {
    const auto place = on_disk(31);
    std::filesystem::remove(place);
    std::filesystem::create_symlink("/etc/hostname", place);
    check_bad_file(31, "is missing");
    std::filesystem::remove(place);
    std::filesystem::create_directory(place);
    check_bad_file(31, "is missing");
}

BOOST_AUTO_TEST_CASE(a_path_that_leads_out_of_the_media_is_not_followed) {
    write_file(data_dir() / "media" / "secret", "third");
    for (const char* url : {"/media/../secret", "/media//etc/hostname", "/other/x.jpg", ""}) {
        change(31, [&](file& row) { row.url = url; });
        const dump_report report = dump_with(with_media());
        BOOST_TEST(!report.is_whole);
        BOOST_TEST(report.details.front().contains("is missing"));
    }
}

BOOST_AUTO_TEST_CASE(a_row_from_elsewhere_may_lack_sum_and_size) {
    change(11, [](file& row) {
        row.sha256.clear();
        row.size = 0;
    });
    BOOST_TEST(dump_with(with_media()).is_whole);
    BOOST_TEST(read_directory(target("d")).at(path_of(11)) == "first");
}

BOOST_AUTO_TEST_CASE(all_faults_are_counted_and_the_first_hundred_told) {
    kv::commit commit;
    for (entity_id id = 1000; id < 1150; ++id) {
        file row = make_post(id, 1).files.front();
        row.url = "/media/aa/absent" + std::to_string(id) + ".jpg";
        append_create(commit, row);
    }
    must_commit(*store, std::move(commit));
    const dump_report report = dump_with(with_media());
    BOOST_TEST(report.bad_media == 150U);
    BOOST_TEST(report.details.size() == dump_report::details_max);
}

/// A post is deleted and restored again and again.
BOOST_AUTO_TEST_CASE(a_file_that_moves_between_the_trees_is_found) {
    const std::string path =
        std::filesystem::path{path_of(11)}.lexically_relative("media").string();
    std::atomic<bool> stop = false;
    std::atomic<int> moves = 0;
    std::jthread mover{[&] {
        while (!stop) {
            const bool moved = media().hide(path) == media::move_outcome::moved &&
                               media().show(path) == media::move_outcome::moved;
            moves += moved ? 1 : -1'000'000;
        }
    }};
    const media::media_reader reader{data_dir() / "media"};
    int missed = 0;
    for (int round = 0; round < 20'000 || moves < 50; ++round) {
        missed += reader.open_any(path) ? 0 : 1;
    }
    const dump_report report = dump_with(with_media());
    stop = true;
    mover.join();
    BOOST_TEST(missed == 0);
    BOOST_TEST(moves >= 50);
    BOOST_TEST(report.is_whole);
}

BOOST_AUTO_TEST_CASE(a_media_store_that_was_never_made_has_no_files) {
    const media::media_reader reader{data_dir() / "absent"};
    BOOST_TEST(!reader.open_any("aa/b.jpg"));
    BOOST_TEST(!std::filesystem::exists(data_dir() / "absent"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
