// What lies on disk, byte for byte. A failure here means that existing databases could no longer be
// read: change the code back, never the expected bytes.
#include "storage/idempotency.hpp"
#include "storage/jobs.hpp"
#include "storage/meta.hpp"
#include "storage/ranking.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using namespace std::string_literals;

namespace {

constexpr std::int64_t at_us = 1'700'000'000'000'001;
const timestamp at = from_microseconds(at_us);
const timestamp later = from_microseconds(at_us + 1);
const timestamp latest = from_microseconds(at_us + 2);

const user golden_user{.id = 1,
                       .username = "kim",
                       .password = "$argon2id$x",
                       .name = "Kim",
                       .website = "https://kim.example",
                       .bio = "hi",
                       .is_staff = true,
                       .created_at = at,
                       .updated_at = later,
                       .is_deleted = true,
                       .deleted_at = latest};
const file golden_file{.id = 2,
                       .post = {3},
                       .position = 4,
                       .type = "image",
                       .url = "/media/ab/cd.jpg",
                       .content_type = "image/jpeg",
                       .size = 1234,
                       .width = 320,
                       .height = 240,
                       .sha256 = "5a",
                       .created_at = at,
                       .updated_at = later,
                       .is_deleted = true};
const post golden_post{.id = 3,
                       .author = {1},
                       .content = "sea",
                       .files = {{.id = 2, .post = {3}}, golden_file},
                       .created_at = at,
                       .updated_at = later,
                       .is_deleted = true,
                       .deleted_at = latest};
const comment golden_comment{.id = 5,
                             .post = {3},
                             .author = {1},
                             .content = "n\xc3\xa9",
                             .created_at = at,
                             .updated_at = from_microseconds(-1),
                             .is_deleted = true,
                             .is_counted = true};
const like golden_like{.id = 6,
                       .post = {3},
                       .user = {1},
                       .created_at = at,
                       .updated_at = later,
                       .is_deleted = true,
                       .is_counted = true};
const session golden_session{.id = 7,
                             .user = {1},
                             .token_hash = "\0\xff"s,
                             .user_agent = "curl",
                             .created_at = at,
                             .last_used_at = later,
                             .expires_at = latest,
                             .is_deleted = true};

/// "part/family/bytes", the bytes in hex.
std::string text_of(const kv::key& key) {
    return std::to_string(key.part) + "/" + std::to_string(key.family) + "/" + hex(key.bytes);
}

/// Of a row, alive and then deleted, all index keys in the order of their declaration.
template <class Row>
std::vector<std::string> index_keys(Row row) {
    std::vector<std::string> keys;
    for (const bool is_deleted : {false, true}) {
        row.is_deleted = is_deleted;
        for_each_index<Row>([&](const auto& i) { keys.push_back(text_of(index_key(i, row))); });
    }
    return keys;
}

/// The indexes whose entries have a value, and what they say of the row.
template <class Row>
std::vector<std::string> index_values(const Row& row) {
    std::vector<std::string> values;
    for_each_index<Row>([&](const auto& i) {
        if (const std::string value = index_value(i, row); !value.empty()) {
            values.push_back(std::string{i.name} + " " + hex(value));
        }
    });
    return values;
}

template <class Row>
std::vector<std::string> inverted_index_keys(Row row) {
    std::vector<std::string> keys;
    row.is_deleted = false;
    for_each_inverted<Row>([&](const inverted_index<Row>& index) {
        for (const kv::key& key : inverted_keys(index, row)) {
            keys.push_back(text_of(key));
        }
    });
    return keys;
}

/// 23 bits of FNV-1a of "A바다" (41 eb b0 94 eb 8b a4), computed apart from this program.
const std::string non_ascii_term = "999831";

void check_keys(const std::vector<std::string>& keys, const std::vector<std::string>& expected) {
    BOOST_TEST(keys == expected, boost::test_tools::per_element());
}

/// Time, then id.
std::string created(std::string_view id_digits) {
    return "80060a24181e4001" + std::string(16 - id_digits.size() - 1, '0').insert(0, "8") +
           std::string{id_digits};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(golden_bytes)

BOOST_AUTO_TEST_CASE(rows) {
    BOOST_TEST(hex(encode_row(golden_user)) ==
               "01010202036b696d030b246172676f6e326964247804034b696d051368747470733a2f2f6b696d2e65"
               "78616d706c650602686907010108088280f2818389850609088480f281838985060a01010b088680f2"
               "8183898506");
    BOOST_TEST(hex(encode_row(golden_file)) ==
               "0101040201060301080405696d61676505102f6d656469612f61622f63642e6a7067060a696d616765"
               "2f6a7065670702a413080280050902e0030a0235610b088280f281838985060c088480f28183898506"
               "0d0101");
    BOOST_TEST(hex(encode_row(golden_post)) ==
               "0101060201020303736561045d06010104020106550101040201060301080405696d61676505102f6d"
               "656469612f61622f63642e6a7067060a696d6167652f6a7065670702a413080280050902e0030a0235"
               "610b088280f281838985060c088480f281838985060d010105088280f2818389850606088480f28183"
               "89850607010108088680f28183898506");
    BOOST_TEST(hex(encode_row(golden_comment)) ==
               "01010a02010603010204036ec3a905088280f28183898506060101070101080101");
    BOOST_TEST(hex(encode_row(golden_like)) ==
               "01010c02010603010204088280f2818389850605088480f28183898506060101070101");
    BOOST_TEST(hex(encode_row(golden_session)) ==
               "01010e020102030200ff04046375726c05088280f2818389850606088480f2818389850607088680f2"
               "8183898506080101");
}

BOOST_AUTO_TEST_CASE(row_keys_and_families) {
    BOOST_TEST(text_of(row_key<user>(9)) == "9/2/");
    BOOST_TEST(text_of(row_key<post>(9)) == "9/3/");
    BOOST_TEST(text_of(row_key<file>(9)) == "9/4/");
    BOOST_TEST(text_of(row_key<comment>(9)) == "9/5/");
    BOOST_TEST(text_of(row_key<like>(9)) == "9/6/");
    BOOST_TEST(text_of(row_key<session>(9)) == "9/10/");

    std::vector<std::string> names;
    names.reserve(families::all.size());
    for (const kv::family_spec& family : families::all) {
        names.push_back(std::to_string(family.id) + " " + std::string{family.name});
    }
    const std::vector<std::string> expected{
        "1 meta",         "2 users", "3 posts",  "4 files",    "5 comments",
        "6 likes",        "7 index", "8 unique", "9 counters", "10 sessions",
        "11 idempotency", "12 jobs", "13 terms"};
    BOOST_TEST(names == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(indexes) {
    check_keys(index_keys(golden_user),
               {"0/7/0101" + created("1"), "0/7/02016b696d00018000000000000001",
                "0/7/0100" + created("1"), "0/7/02006b696d00018000000000000001"});
    check_keys(index_keys(golden_post), {"0/7/0a01" + created("3"), "1/7/0b01" + created("3"),
                                         "0/7/0a00" + created("3"), "1/7/0b00" + created("3")});
    check_keys(index_keys(golden_file),
               {"0/7/1401" + created("2"), "3/7/1501" + created("2"),
                "0/7/1601696d6167650001" + created("2"), "0/7/1400" + created("2"),
                "3/7/1500" + created("2"), "0/7/1600696d6167650001" + created("2")});
    check_keys(index_keys(golden_comment),
               {"0/7/1e01" + created("5"), "3/7/1f01" + created("5"), "1/7/2001" + created("5"),
                "3/7/21018000000000000001" + created("5"), "0/7/1e00" + created("5"),
                "3/7/1f00" + created("5"), "1/7/2000" + created("5"),
                "3/7/21008000000000000001" + created("5")});
    check_keys(index_keys(golden_like),
               {"0/7/2801" + created("6"), "3/7/2901" + created("6"), "1/7/2a01" + created("6"),
                "0/7/2800" + created("6"), "3/7/2900" + created("6"), "1/7/2a00" + created("6")});
    check_keys(index_keys(golden_session),
               {"1/7/3201" + created("7"), "0/7/330180060a24181e40038000000000000007",
                "1/7/3200" + created("7"), "0/7/330080060a24181e40038000000000000007"});
    BOOST_TEST(created("1") == "80060a24181e40018000000000000001");
    BOOST_TEST(hex(index_prefix(31, true)) == "1f01");
    BOOST_TEST(id_of_index_key(index_key(std::get<0>(schema<like>::indexes), golden_like).bytes) ==
               6);
    BOOST_CHECK_THROW(id_of_index_key("short"), corrupt_row);
}

BOOST_AUTO_TEST_CASE(covered_references) {
    check_keys(index_values(golden_user), {});
    check_keys(index_values(golden_post), {});
    check_keys(index_values(golden_comment), {"author 06"});
    check_keys(index_values(golden_like), {"user 06"});
    BOOST_TEST(hex(encode_covered(300)) == "d804");
    BOOST_TEST(decode_covered(encode_covered(300)) == 300);
    BOOST_CHECK_THROW(decode_covered(""), corrupt_row);
    BOOST_CHECK_THROW(decode_covered("\x06\x06"), corrupt_row);
}

BOOST_AUTO_TEST_CASE(inverted_indexes) {
    check_keys(inverted_index_keys(golden_user),
               {"0/13/03014b494d" + created("1"), "0/13/04014b494d" + created("1")});
    check_keys(inverted_index_keys(golden_post),
               {"0/13/0c010001" + created("3"), "0/13/0c01696d6167650001" + created("3"),
                "0/13/0d01534541" + created("3")});
    comment longer = golden_comment;
    longer.content = "a바다";
    check_keys(inverted_index_keys(longer), {"0/13/2201" + non_ascii_term + created("5")});
    longer.is_deleted = true;
    BOOST_TEST(inverted_keys(schema<comment>::inverted.front(), longer).empty());
}

BOOST_AUTO_TEST_CASE(ranks) {
    BOOST_TEST(text_of(rank_key(14, 2, 9)) == "0/7/0e0180000000000000028000000000000009");
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    create(*store, golden_user, make_post(3, 1));
    kv::commit counted;
    append_post_counts(counted, 3, 2 * one_like + one_comment);
    must_commit(*store, std::move(counted));
    const auto marks =
        read(*store, [](const kv::reader& reader) { return list_unranked<post>(reader, 9).keys; });
    BOOST_REQUIRE_EQUAL(marks.size(), 2U);
    BOOST_TEST(hex(marks.back().substr(0, 2)) == "1001");
    BOOST_TEST(hex(marks.back().substr(10)) == "8000000000000003");
    rank_unranked(*store);
    const auto ranked = store->snapshot(kv::read_mode::blocking)
                            ->get({3, families::index, std::string("\x11\x01", 2)});
    BOOST_REQUIRE(ranked.has_value());
    BOOST_TEST(hex(ranked->value) == "0402");
}

BOOST_AUTO_TEST_CASE(uniques) {
    // The parts of the first two are FNV-1a of the key's bytes.
    BOOST_TEST(text_of(username_unique_key("kim")) == "-1049468969691157872/8/016b696d0001");
    BOOST_TEST(text_of(file_url_unique_key("/media/ab/cd.jpg")) ==
               "-4187488329526498132/8/022f6d656469612f61622f63642e6a70670001");
    BOOST_TEST(text_of(like_unique_key(3, 1)) == "3/8/038000000000000001");
    BOOST_TEST(hex(encode_unique_entry({1, true})) == "0201");
    BOOST_TEST(hex(encode_unique_entry({300, false})) == "d80400");
    const auto entry = decode_unique_entry("\xd8\x04\x01");
    BOOST_TEST(entry.id == 300);
    BOOST_TEST(entry.alive);
    BOOST_TEST(!decode_unique_entry("\x02\x00"s).alive);
    for (const auto& damaged : {""s, "\x02"s, "\x80"s, "\x02\x01\x01"s}) {
        BOOST_CHECK_THROW(decode_unique_entry(damaged), corrupt_row);
    }
}

BOOST_AUTO_TEST_CASE(counters) {
    BOOST_TEST(text_of(post_counts_key(9)) == "9/9/70");
    BOOST_TEST(text_of(user_post_count_key(9)) == "9/9/75");
    static_assert(unpack_post_counts(3 * one_like + 5 * one_comment).likes == 3);
    static_assert(unpack_post_counts(3 * one_like + 5 * one_comment).comments == 5);
    BOOST_TEST(3 * one_like + 5 * one_comment == 0x5'0000'0003);
}

BOOST_AUTO_TEST_CASE(jobs) {
    BOOST_TEST(text_of(job_key({job_kind::settle_counts, 9})) == "0/12/018000000000000009");
    BOOST_TEST(text_of(job_key({job_kind::place_post_media, 9})) == "0/12/028000000000000009");
    BOOST_TEST(text_of(job_key({job_kind::place_account_media, 9})) == "0/12/038000000000000009");
}

BOOST_AUTO_TEST_CASE(meta) {
    kv::commit commit;
    append_meta(commit, "schema_version", 1);
    append_meta(commit, "id_ceiling_ms", 1'764'000'000'000);
    append_meta(commit, "negative", -1);
    std::vector<std::string> written;
    for (const auto& operation : commit.operations) {
        const auto& [key, value] = std::get<kv::put>(operation);
        written.push_back(text_of({key.part, key.family, {}}) + key.bytes + "=" + hex(value));
    }
    const std::vector<std::string> expected{"0/1/schema_version=02",
                                            "0/1/id_ceiling_ms=80a0bfe9d666", "0/1/negative=01"};
    BOOST_TEST(written == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_idempotency_record) {
    const secrets keys{test_master};
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    kv::commit commit;
    append_answer(commit, *store->snapshot(kv::read_mode::blocking), keys, {"1 posts", "abc"},
                  {.fingerprint = "fp", .status = 201, .location = "/x", .body = "{}"},
                  at - idempotency_life);
    BOOST_REQUIRE_EQUAL(commit.operations.size(), 2U);

    const std::string name = "a682a38e2205a8cffd37b6470af799430be76e01ff74319e42e088f51d5a0ccf";
    // The name in the expiry key is a string: its zero bytes, were there any, would be escaped.
    const auto& expiry = std::get<kv::put>(commit.operations[0]);
    BOOST_TEST(text_of(expiry.key) == "0/7/3c0180060a24181e4001" + name + "0001");
    BOOST_TEST(expiry.value.empty());

    const auto& record = std::get<kv::insert>(commit.operations[1]);
    BOOST_TEST(text_of({0, record.key.family, record.key.bytes}) == "0/11/" + name);
    BOOST_TEST(record.key.part == static_cast<kv::part_id>(0xa682a38e2205a8cfU ^ (1ULL << 63U)));
    std::string_view in = record.value;
    BOOST_TEST((take_varint(in) == 1U));
    const auto sealed = take_bytes(in);
    BOOST_REQUIRE(sealed.has_value());
    BOOST_TEST(hex(in) == "02088280f28183898506");
    const auto plain = keys.open("1 posts", "abc", *sealed);
    BOOST_REQUIRE(plain.has_value());
    BOOST_TEST(hex(*plain) == "010266700202920303022f7804027b7d");
}

BOOST_AUTO_TEST_CASE(what_is_derived_from_the_servers_key) {
    // BLAKE2b, keyed by libsodium's key derivation; computed apart from this program.
    const secrets keys{test_master};
    login_token token{.session = 258};
    for (std::size_t i = 0; i < token.secret.size(); ++i) {
        token.secret[i] = static_cast<std::uint8_t>(i);
    }
    BOOST_TEST(to_string(token) == "ph_gAAAAAAAAQIAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw");
    BOOST_TEST(hex(keys.hash_login_token(token)) ==
               "c890aa887f10fc1a8dfc9d340e0ad68752e2d4cc25433f7a1ddba09792f4454e");
    BOOST_TEST(hex(keys.authenticate("cursor")) == "77a5bf10812598b367a8dee84192bdae");
    BOOST_TEST(hex(keys.name_of_idempotency_key("1 posts", "abc")) ==
               "a682a38e2205a8cffd37b6470af799430be76e01ff74319e42e088f51d5a0ccf");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
