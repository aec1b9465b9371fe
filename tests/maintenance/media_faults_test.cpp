// Each fault of media that the check knows, by itself, and what looks like one.
#include <fstream>

#include "tests/maintenance/faulty_fixture.hpp"

namespace pinhole::storage::test {

BOOST_FIXTURE_TEST_SUITE(planted_faults, faulty_fixture)

BOOST_AUTO_TEST_CASE(missing_bytes) {
    std::filesystem::remove(media("public/" + path));
    expect_left(finding_kind::missing_bytes);
}

BOOST_AUTO_TEST_CASE(folder_instead_of_bytes) {
    std::filesystem::remove(media("public/" + path));
    std::filesystem::create_directory(media("public/" + path));
    expect_left(finding_kind::missing_bytes);
}

BOOST_AUTO_TEST_CASE(bytes_that_were_cut_short) {
    std::filesystem::resize_file(media("public/" + path), 3);
    expect_left(finding_kind::wrong_size);
}

BOOST_AUTO_TEST_CASE(bytes_that_changed) {
    {
        std::fstream file{media("hidden/" + hidden_path)};
        file.put('T');
    }
    BOOST_TEST(in.check(false).problems == 0U);
    expect_left(finding_kind::wrong_digest);
}

BOOST_AUTO_TEST_CASE(public_though_deleted) {
    std::filesystem::rename(media("hidden/" + hidden_path), media("public/" + hidden_path));
    expect_mended(finding_kind::wrong_tree);
    BOOST_TEST(std::filesystem::exists(media("hidden/" + hidden_path)));
}

BOOST_AUTO_TEST_CASE(hidden_though_visible) {
    std::filesystem::rename(media("public/" + path), media("hidden/" + path));
    expect_mended(finding_kind::wrong_tree);
}

BOOST_AUTO_TEST_CASE(in_both_trees) {
    std::filesystem::copy_file(media("public/" + path), media("hidden/" + path));
    expect_mended(finding_kind::both_trees);
    BOOST_REQUIRE(put_aside().size() == 1U);
    BOOST_TEST(put_aside()[0].starts_with("hidden/" + path + "="));
}

BOOST_AUTO_TEST_CASE(in_both_trees_and_only_the_wrong_one_is_whole) {
    std::filesystem::rename(media("public/" + path), media("hidden/" + path));
    write_file(media("public/" + path), "torn");
    expect(finding_kind::both_trees);
    BOOST_TEST(in.repair(true).actions == 2U);  // the torn one goes, the other one moves
    in.must_be_sound();
    BOOST_REQUIRE(put_aside().size() == 1U);
    BOOST_TEST(put_aside()[0] == "public/" + path + "=torn");
}

BOOST_AUTO_TEST_CASE(in_both_trees_and_neither_is_whole) {
    write_file(media("public/" + path), "torn");
    write_file(media("hidden/" + path), "worn");
    expect_left(finding_kind::both_trees);
}

BOOST_AUTO_TEST_CASE(bytes_without_a_row) {
    for (const char* stray : {"public/ab/0123.jpg", "hidden/a/b/c/d", "hidden/.nfs0001",
                              "public/ab/name with a space"}) {
        write_file(media(stray), "stray");
        expect_mended(finding_kind::stray_bytes);
        BOOST_TEST(!std::filesystem::exists(media(stray)));
        BOOST_TEST(put_aside().back().ends_with("=stray"));
    }
    BOOST_TEST(put_aside().size() == 4U);
}

/// A repair that trusted the index would put the only copy of a photo aside.
BOOST_AUTO_TEST_CASE(bytes_whose_unique_entry_is_lost_are_no_strays) {
    plant(kv::erase{file_url_unique_key("/media/" + path)});
    expect_mended(finding_kind::missing_unique);
    BOOST_TEST(put_aside().empty());
}

BOOST_AUTO_TEST_CASE(strays_stay_while_a_damaged_row_may_name_them) {
    write_file(media("public/ab/0123.jpg"), "stray");
    plant(kv::put{row_key<file>(shown + 1), "\xff"});
    BOOST_TEST(in.repair(true).actions == 0U);
    BOOST_TEST(std::filesystem::exists(media("public/ab/0123.jpg")));
}

BOOST_AUTO_TEST_CASE(what_no_sweep_takes_from_incoming) {
    write_file(media("incoming/README"), "?");
    expect_mended(finding_kind::stray_upload);
    BOOST_TEST(put_aside().at(0) == "incoming/README=?");
}

BOOST_AUTO_TEST_CASE(uploads_in_flight_are_none) {
    auto unfinished = in.media().begin();
    BOOST_REQUIRE(unfinished.has_value());
    auto incoming = in.media().begin();
    BOOST_REQUIRE(incoming.has_value());
    BOOST_REQUIRE(incoming->append(std::string_view{"bytes"}).has_value());
    BOOST_REQUIRE(in.media().publish(*incoming, "jpg").has_value());
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(media_that_a_job_is_about_to_move_or_remove_are_none) {
    write(in.store(), [](const kv::reader& reader) {
        return plan_delete_post(reader, kim, shown, at_second(9), {});
    });
    in.must_be_sound();
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
