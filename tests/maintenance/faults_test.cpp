// Each fault of rows, entries and counters that the check knows, by itself.
#include "tests/maintenance/faulty_fixture.hpp"

namespace pinhole::storage::test {

namespace {

const auto& user_name = std::get<index_position<user>("username")>(schema<user>::indexes);
const auto& by_author = std::get<index_position<post>("author")>(schema<post>::indexes);
const auto& comment_by_author =
    std::get<index_position<comment>("author")>(schema<comment>::indexes);

kv::key expiry_entry(const kv::store& store) {
    const auto found =
        store.snapshot(kv::read_mode::blocking)->walk(families::idempotency, nullptr, 1);
    return expiry_key_of_record(found.at(0).row.key, found.at(0).row.value);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(planted_faults, faulty_fixture)

BOOST_AUTO_TEST_CASE(undecodable_user) {
    plant(kv::put{row_key<user>(lee), "\xff"});
    expect_left(finding_kind::undecodable);
}

BOOST_AUTO_TEST_CASE(undecodable_post) {
    plant(kv::put{row_key<post>(shown), "\xff"});
    expect_left(finding_kind::undecodable);
}

BOOST_AUTO_TEST_CASE(undecodable_file) {
    plant(kv::put{row_key<file>(shown + 1), "\xff"});
    expect_left(finding_kind::undecodable);
}

BOOST_AUTO_TEST_CASE(undecodable_like) {
    plant(kv::put{row_key<like>(heart), "\xff"});
    expect_left(finding_kind::undecodable);
}

BOOST_AUTO_TEST_CASE(undecodable_record) {
    const kv::key record = record_of_expiry_key(expiry_entry(in.store()).bytes);
    plant(kv::put{record, "\xff"});
    expect_left(finding_kind::undecodable);
}

BOOST_AUTO_TEST_CASE(row_at_another_place) {
    plant(kv::put{row_key<comment>(remark + 1), encode_row(row<comment>(remark))});
    expect_left(finding_kind::misplaced_row);
}

BOOST_AUTO_TEST_CASE(row_under_nothing) {
    comment lost = make_comment(31, 98, lee);
    lost.is_counted = true;
    create(in.store(), lost);
    expect_left(finding_kind::missing_row);
}

BOOST_AUTO_TEST_CASE(deleted_row_of_nobody) {
    like lost = make_like(41, hidden, 97);
    lost.is_deleted = true;
    create(in.store(), lost);
    expect_left(finding_kind::missing_row);
}

BOOST_AUTO_TEST_CASE(copy_of_a_file_without_its_row) {
    kv::commit commit;
    append_erase(commit, *find<file>(in.store(), shown + 2));
    append_media_removal(commit, shown + 2, std::array{row<file>(shown + 2).url.substr(7)});
    must_commit(in.store(), std::move(commit));
    in.settle();
    expect_left(finding_kind::missing_row);
}

BOOST_AUTO_TEST_CASE(missing_entry) {
    plant(kv::erase{index_key(by_author, row<post>(shown))});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(missing_entry_of_a_deleted_row) {
    plant(kv::erase{index_key(by_author, row<post>(hidden))});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(missing_entry_of_a_login) {
    plant(kv::erase{index_key(std::get<0>(schema<session>::indexes), row<session>(50))});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(missing_term) {
    plant(kv::erase{inverted_keys(schema<comment>::inverted[0], row<comment>(remark)).front()});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(missing_rank) {
    plant(kv::erase{rank_key(schema<post>::ranks[0].number, 1, shown)});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(missing_expiry) {
    plant(kv::erase{expiry_entry(in.store())});
    expect_mended(finding_kind::missing_entry);
}

BOOST_AUTO_TEST_CASE(entry_that_covers_another) {
    plant(kv::put{index_key(comment_by_author, row<comment>(remark)), encode_covered(77)});
    expect_mended(finding_kind::wrong_entry);
}

BOOST_AUTO_TEST_CASE(entry_of_an_older_value) {
    user older = row<user>(lee);
    older.username = "leah";
    plant(kv::put{index_key(user_name, older), {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(entry_of_a_row_that_is_gone) {
    plant(kv::put{index_key(by_author, make_post(77, kim)), {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(stray_term) {
    comment other = row<comment>(remark);
    other.content = "xyz";
    plant(kv::put{inverted_keys(schema<comment>::inverted[0], other).front(), {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(stray_rank) {
    plant(kv::put{rank_key(schema<post>::ranks[1].number, 7, shown), {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(record_of_ranks_of_nothing) {
    plant(kv::put{ranked_key<user>(77), std::string{"\x02", 1}});
    // With the entry that it names, as the ranker would have left both.
    plant(kv::put{rank_key(schema<user>::ranks[0].number, 1, 77), {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(entry_of_no_index) {
    plant(
        kv::put{{global_part, families::index, std::string{"\xee\x01"} + std::string(8, 'x')}, {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(term_of_no_index) {
    plant(kv::put{{global_part, families::terms, std::string{"\xee\x01"} + std::string(20, 'x')},
                  {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(entry_without_a_key) {
    plant(kv::put{{global_part, families::index, {}}, {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(entry_that_is_cut_short) {
    plant(kv::put{{global_part, families::index, index_prefix(10, true) + "x"}, {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(stray_expiry) {
    kv::key other = expiry_entry(in.store());
    other.bytes[5] = static_cast<char>(other.bytes[5] ^ 1);
    plant(kv::put{other, {}});
    expect_mended(finding_kind::stray_entry);
}

BOOST_AUTO_TEST_CASE(missing_unique) {
    plant(kv::erase{username_unique_key("kim")});
    expect_mended(finding_kind::missing_unique);
}

BOOST_AUTO_TEST_CASE(unique_entry_that_says_deleted) {
    plant(kv::put{like_unique_key(shown, lee), encode_unique_entry({heart, false})});
    expect_mended(finding_kind::wrong_unique);
}

BOOST_AUTO_TEST_CASE(unique_entry_of_a_row_that_is_gone) {
    plant(kv::put{username_unique_key("kim"), encode_unique_entry({77, true})});
    expect_mended(finding_kind::wrong_unique);
}

BOOST_AUTO_TEST_CASE(unique_entry_that_says_nothing) {
    plant(kv::put{username_unique_key("kim"), "\xff"});
    expect_mended(finding_kind::wrong_unique);
}

BOOST_AUTO_TEST_CASE(two_rows_claim_one_name) {
    user other = make_user(3, "kim");
    kv::commit commit;
    commit.operations.emplace_back(kv::put{row_key<user>(3), encode_row(other)});
    append_index_upkeep<user>(commit, nullptr, &other);
    append_inverted_upkeep<user>(commit, nullptr, &other);
    append_unranked<user>(commit, 3);
    must_commit(in.store(), std::move(commit));
    in.settle();
    expect_left(finding_kind::shared_unique);
}

BOOST_AUTO_TEST_CASE(unique_entry_of_nothing) {
    plant(kv::put{username_unique_key("nobody"), encode_unique_entry({77, true})});
    expect_mended(finding_kind::stray_unique);
}

BOOST_AUTO_TEST_CASE(unique_entry_of_another_name) {
    plant(kv::put{username_unique_key("kimmy"), encode_unique_entry({kim, true})});
    expect_mended(finding_kind::stray_unique);
}

BOOST_AUTO_TEST_CASE(row_that_is_not_ranked) {
    kv::commit commit;
    commit.operations.emplace_back(kv::erase{ranked_key<post>(shown)});
    for (const rank& each : schema<post>::ranks) {
        commit.operations.emplace_back(kv::erase{rank_key(each.number, 1, shown)});
    }
    must_commit(in.store(), std::move(commit));
    expect_mended(finding_kind::wrong_rank);
}

BOOST_AUTO_TEST_CASE(record_of_ranks_that_is_damaged) {
    kv::commit commit;
    commit.operations.emplace_back(kv::put{ranked_key<user>(lee), {}});
    commit.operations.emplace_back(kv::erase{rank_key(schema<user>::ranks[0].number, 0, lee)});
    must_commit(in.store(), std::move(commit));
    expect_mended(finding_kind::wrong_rank);
}

BOOST_AUTO_TEST_CASE(drifted_counts_of_a_post) {
    for (const std::int64_t delta : {-one_like, one_comment, -7 * one_comment + 3 * one_like}) {
        kv::commit commit;
        append_post_counts(commit, shown, delta);
        must_commit(in.store(), std::move(commit));
        expect_mended(finding_kind::wrong_counter);
    }
}

BOOST_AUTO_TEST_CASE(drifted_count_of_posts) {
    kv::commit commit;
    append_user_post_count(commit, lee, 3);
    must_commit(in.store(), std::move(commit));
    expect_mended(finding_kind::wrong_counter);
}

BOOST_AUTO_TEST_CASE(counter_of_nothing) {
    plant(kv::add{post_counts_key(99), 5});
    expect_mended(finding_kind::stray_counter);
}

BOOST_AUTO_TEST_CASE(row_that_does_not_count) {
    for (const bool counts : {false, true}) {
        comment changed = row<comment>(remark);
        changed.is_counted = counts;
        changed.is_deleted = counts;
        kv::commit commit;
        append_update(commit, *find<comment>(in.store(), remark), changed);
        if (!counts) {
            append_post_counts(commit, shown, -one_comment);
        }
        must_commit(in.store(), std::move(commit));
        in.settle();
        expect_mended(finding_kind::wrong_counted);
    }
}

BOOST_AUTO_TEST_CASE(copy_of_a_file_that_differs) {
    post changed = row<post>(shown);
    changed.files.front().width += 1;
    plant(kv::put{row_key<post>(shown), encode_row(changed)});
    expect_mended(finding_kind::wrong_files);
}

BOOST_AUTO_TEST_CASE(copies_out_of_order) {
    post changed = row<post>(shown);
    std::ranges::reverse(changed.files);
    plant(kv::put{row_key<post>(shown), encode_row(changed)});
    expect_mended(finding_kind::wrong_files);
}

BOOST_AUTO_TEST_CASE(copies_that_are_gone) {
    post changed = row<post>(shown);
    changed.files.clear();
    kv::commit commit;
    append_update(commit, *find<post>(in.store(), shown), changed);
    must_commit(in.store(), std::move(commit));
    expect_mended(finding_kind::wrong_files);
}

BOOST_AUTO_TEST_CASE(post_without_files) {
    post bare = make_post(60, lee);
    bare.files.clear();
    kv::commit commit;
    append_create(commit, bare);
    append_user_post_count(commit, lee, 1);
    must_commit(in.store(), std::move(commit));
    in.settle();
    expect_left(finding_kind::post_without_files);
}

BOOST_AUTO_TEST_CASE(many_of_a_kind_are_counted_and_the_first_hundred_kept) {
    kv::commit commit;
    for (entity_id id = 1000; id < 1150; ++id) {
        commit.operations.emplace_back(kv::add{post_counts_key(id), 1});
    }
    must_commit(in.store(), std::move(commit));
    const check_report report = in.check();
    BOOST_TEST(report.count(finding_kind::stray_counter) == 150U);
    BOOST_TEST(report.findings.size() == check_report::findings_per_kind_max);
    BOOST_TEST(in.repair(true).actions == 150U);
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(all_that_can_be_mended_at_once) {
    plant(kv::erase{index_key(by_author, row<post>(shown))});
    plant(kv::put{index_key(comment_by_author, row<comment>(remark)), encode_covered(77)});
    plant(kv::erase{username_unique_key("kim")});
    plant(kv::erase{like_unique_key(shown, lee)});
    plant(kv::add{post_counts_key(shown), 5 * one_like});
    plant(kv::erase{ranked_key<post>(shown)});
    plant(kv::add{user_post_count_key(kim), 9});
    plant(kv::put{rank_key(schema<post>::ranks[1].number, 7, shown), {}});
    const auto& likes_by_post = std::get<index_position<like>("post")>(schema<like>::indexes);
    plant(kv::erase{index_key(likes_by_post, row<like>(heart))});
    post changed = row<post>(shown);
    changed.files.pop_back();
    plant(kv::put{row_key<post>(shown), encode_row(changed)});
    std::filesystem::rename(media("public/" + path), media("hidden/" + path));
    write_file(media("public/ab/0123.jpg"), "stray");
    const auto before = in.rows();
    BOOST_TEST(in.repair(false).actions >= 12U);
    BOOST_TEST(in.rows() == before, boost::test_tools::per_element());
    in.repair(true);
    BOOST_REQUIRE(rank_unranked(in.store()));
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(a_check_that_is_told_to_stop_stops) {
    std::stop_source stop;
    std::size_t reports = 0;
    const work_watch watch{.report =
                               [&](const work_progress& progress) {
                                   BOOST_TEST(!progress.phase.empty());
                                   if (++reports == 5) {
                                       stop.request_stop();
                                   }
                               },
                           .stop = stop.get_token()};
    BOOST_CHECK_THROW(check_all(in.store(), in.media_root(), {.watch = watch}), work_interrupted);
    BOOST_TEST(reports == 5U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
