#include "storage/schema/row_codec.hpp"

#include <limits>

#include "storage/schema/entities.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

/// The user's row before most of its fields were thought of.
struct older_user {
    entity_id id = 0;
    std::string username = {};
    timestamp created_at{};
};

/// The user's row with fields of every kind that this program does not know.
struct newer_user {
    entity_id id = 0;
    std::string username = {};
    std::string pronouns = {};
    std::int64_t followers = 0;
    bool is_verified = false;
    std::vector<file> pictures = {};
    timestamp created_at{};
};

}  // namespace pinhole::storage::test

namespace pinhole::storage {

template <>
struct schema<test::older_user> {
    static constexpr std::string_view name = "users";
    static constexpr auto fields = std::tuple{
        field{1, "id", &test::older_user::id},
        field{2, "username", &test::older_user::username},
        field{8, "created_at", &test::older_user::created_at},
    };
};

template <>
struct schema<test::newer_user> {
    static constexpr std::string_view name = "users";
    static constexpr auto fields = std::tuple{
        field{200, "pronouns", &test::newer_user::pronouns},
        field{1, "id", &test::newer_user::id},
        field{1'000'000, "followers", &test::newer_user::followers},
        field{2, "username", &test::newer_user::username},
        field{201, "is_verified", &test::newer_user::is_verified},
        field{202, "pictures", &test::newer_user::pictures},
        field{8, "created_at", &test::newer_user::created_at},
    };
};

namespace test {

namespace {

template <class Row>
Row random_row(generator& random);

template <class Value>
void set_random(generator& random, Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
        value = random.bytes(random.one_in(10) ? 400 : 20);
    } else if constexpr (std::is_same_v<Value, bool>) {
        value = random.one_in(2);
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
        value = random.number();
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        value = from_microseconds(random.number());
    } else if constexpr (is_reference<Value>) {
        value.id = random.number();
    } else {
        for (std::size_t count = random.pick(4); count > 0; --count) {
            value.push_back(random_row<typename Value::value_type>(random));
        }
    }
}

template <class Row>
Row random_row(generator& random) {
    Row row;
    for_each_stored_field<Row>([&](const auto& f) {
        if (!random.one_in(4)) {
            set_random(random, row.*f.member);
        }
    });
    return row;
}

template <class Row>
void require_same(const Row& a, const Row& b) {
    for_each_stored_field<Row>([&](const auto& f) {
        using value_type = typename std::remove_cvref_t<decltype(f)>::value_type;
        BOOST_TEST_INFO_SCOPE(schema<Row>::name << "." << f.name);
        if constexpr (std::is_same_v<value_type, std::vector<file>>) {
            BOOST_REQUIRE_EQUAL((a.*f.member).size(), (b.*f.member).size());
            for (std::size_t i = 0; i < (a.*f.member).size(); ++i) {
                require_same((a.*f.member)[i], (b.*f.member)[i]);
            }
        } else {
            BOOST_REQUIRE((a.*f.member == b.*f.member));
        }
    });
}

template <class Row>
void check_round_trips(generator& random) {
    for (int round = 0; round < 2000; ++round) {
        const auto row = random_row<Row>(random);
        const std::string bytes = encode_row(row);
        BOOST_TEST_INFO_SCOPE(hex(bytes));
        require_same(decode_row<Row>(bytes), row);
        BOOST_REQUIRE(encode_row(decode_row<Row>(bytes)) == bytes);
    }
}

/// Each field alone is written as exactly one field with its tag; none, if it has its default.
template <class Row>
void check_defaults_are_absent(generator& random) {
    BOOST_TEST(encode_row(Row{}).empty());
    for_each_stored_field<Row>([&](const auto& f) {
        Row row;
        const std::string nothing = encode_row(row);
        while (encode_row(row) == nothing) {
            set_random(random, row.*f.member);
        }
        std::string bytes = encode_row(row);
        std::string_view in = bytes;
        BOOST_TEST_INFO_SCOPE(schema<Row>::name << "." << f.name << ": " << hex(bytes));
        BOOST_TEST((take_varint(in) == f.tag));
        BOOST_TEST(take_bytes(in).has_value());
        BOOST_TEST(in.empty());
    });
}

struct garbage_counts {
    std::size_t decoded = 0;
    std::size_t refused = 0;
};

template <class Row>
void decode_garbage(const std::string& bytes, garbage_counts& counts) {
    try {
        // What is accepted is a row, and so survives being written and read again.
        const auto row = decode_row<Row>(bytes);
        require_same(decode_row<Row>(encode_row(row)), row);
        ++counts.decoded;
    } catch (const corrupt_row&) {
        ++counts.refused;
    }
}

void mutate(generator& random, std::string& bytes) {
    for (std::size_t changes = 1 + random.pick(4); changes > 0 && !bytes.empty(); --changes) {
        const std::size_t at = random.pick(bytes.size());
        switch (random.pick(4)) {
            case 0:
                bytes[at] = static_cast<char>(random.pick(256));
                break;
            case 1:
                bytes.erase(at, 1 + random.pick(8));
                break;
            case 2:
                bytes.insert(at, random.bytes(12));
                break;
            default:
                bytes[at] = random.one_in(2) ? '\xff' : '\x80';
        }
    }
}

template <class Row>
void check_garbage(generator& random) {
    garbage_counts counts;
    for (int round = 0; round < 300; ++round) {
        const std::string bytes = encode_row(random_row<Row>(random));
        for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 64) {
            decode_garbage<Row>(bytes.substr(0, size), counts);
        }
        for (int change = 0; change < 20; ++change) {
            std::string changed = bytes;
            mutate(random, changed);
            decode_garbage<Row>(changed, counts);
        }
        decode_garbage<Row>(random.bytes(64), counts);
    }
    BOOST_TEST(counts.decoded > 0U);
    BOOST_TEST(counts.refused > 0U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(row_codec)

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    check_round_trips<user>(random);
    check_round_trips<post>(random);
    check_round_trips<file>(random);
    check_round_trips<comment>(random);
    check_round_trips<like>(random);
    check_round_trips<session>(random);
}

BOOST_AUTO_TEST_CASE(a_default_value_takes_no_bytes) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    check_defaults_are_absent<user>(random);
    check_defaults_are_absent<post>(random);
    check_defaults_are_absent<file>(random);
    check_defaults_are_absent<comment>(random);
    check_defaults_are_absent<like>(random);
    check_defaults_are_absent<session>(random);
}

BOOST_AUTO_TEST_CASE(a_row_of_an_older_schema_has_defaults_for_what_it_did_not_know) {
    const older_user old{7, "kim", from_microseconds(42)};
    const auto row = decode_row<user>(encode_row(old));
    user expected;
    expected.id = 7;
    expected.username = "kim";
    expected.created_at = from_microseconds(42);
    require_same(row, expected);
}

BOOST_AUTO_TEST_CASE(a_row_of_a_newer_schema_is_read_without_what_it_adds) {
    newer_user added{.id = 7,
                     .username = "kim",
                     .pronouns = "they",
                     .followers = -5,
                     .is_verified = true,
                     .pictures = {{}, {.id = 3, .url = "/media/x.jpg"}},
                     .created_at = from_microseconds(42)};
    const auto row = decode_row<user>(encode_row(added));
    user expected;
    expected.id = 7;
    expected.username = "kim";
    expected.created_at = from_microseconds(42);
    require_same(row, expected);
}

BOOST_AUTO_TEST_CASE(garbage_is_refused_or_read_but_never_overruns) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    check_garbage<user>(random);
    check_garbage<post>(random);
    check_garbage<file>(random);
    check_garbage<comment>(random);
    check_garbage<like>(random);
    check_garbage<session>(random);
}

BOOST_AUTO_TEST_CASE(damage_is_refused) {
    using namespace std::string_literals;
    for (const auto& damaged : {
             "\x01"s,                                              // a tag without a length
             "\x01\x02\x02"s,                                      // a length beyond the end
             "\x01\x00"s,                                          // an integer without bytes
             "\x01\x02\x02\x02"s,                                  // an integer with bytes to spare
             "\x01\x01\x80"s,                                      // an integer that does not end
             "\x80"s,                                              // a tag that does not end
             "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,      // a length of 2^64 - 1
             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x01\x00"s,  // a tag of more than 64 bits
         }) {
        BOOST_TEST_INFO_SCOPE(hex(damaged));
        BOOST_CHECK_THROW(decode_row<user>(damaged), corrupt_row);
    }
    BOOST_CHECK_THROW(decode_row<post>("\x04\x01\x05"), corrupt_row);
    BOOST_CHECK_THROW(decode_row<post>("\x04\x02\x01\x01"), corrupt_row);
}

BOOST_AUTO_TEST_CASE(zigzag_and_varint_at_their_edges) {
    using limits = std::numeric_limits<std::int64_t>;
    for (const std::int64_t value : {limits::min(), limits::min() + 1, std::int64_t{-1},
                                     std::int64_t{0}, std::int64_t{1}, limits::max()}) {
        BOOST_TEST(from_zigzag(to_zigzag(value)) == value);
    }
    const std::pair<std::uint64_t, std::string_view> goldens[] = {
        {0, "00"}, {127, "7f"}, {128, "8001"}, {UINT64_MAX, "ffffffffffffffffff01"}};
    for (const auto& [value, text] : goldens) {
        std::string out;
        append_varint(out, value);
        BOOST_TEST(hex(out) == text);
        std::string_view in = out;
        BOOST_TEST((take_varint(in) == value));
        BOOST_TEST(in.empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace test
}  // namespace pinhole::storage
