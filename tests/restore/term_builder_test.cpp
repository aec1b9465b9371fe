// The terms that a restore writes are those that ordinary commits make of the same rows.
#include "storage/restore/term_builder.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <stdexcept>

#include "storage/schema/keys.hpp"
#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using namespace std::chrono_literals;

/// Notes what it is given, and refuses what is not in order as the real one does.
class noting_loader final : public kv::bulk_loader {
public:
    std::unique_ptr<range> new_range(kv::family_id) override {
        throw std::logic_error{"not needed"};
    }
    void add(kv::family_id family, kv::part_id part, std::string_view bytes,
             std::string_view value) override {
        if (family != families::terms || part != global_part || !value.empty()) {
            throw std::logic_error{"no term"};
        }
        if (keys.size() == keys_max) {
            throw kv::storage_failure{"full"};
        }
        if (!keys.empty() && keys.back() >= bytes) {
            throw std::logic_error{"out of order"};
        }
        keys.emplace_back(bytes);
    }
    void add_sum(kv::family_id, kv::part_id, std::string_view, std::int64_t) override {
        throw std::logic_error{"no term"};
    }
    void end_family(kv::family_id family) override { ended.push_back(family); }
    void finish(kv::commit) override { throw std::logic_error{"not its business"}; }

    std::vector<std::string> keys;
    std::vector<kv::family_id> ended;
    std::size_t keys_max = SIZE_MAX;
};

class random_rows {
public:
    explicit random_rows(std::uint64_t seed) : random_(seed) {}

    void add_to(term_builder& builder, std::size_t users, std::size_t posts, std::size_t comments) {
        for (std::size_t i = 0; i < users; ++i) {
            add(builder, make<user>([&](user& row) {
                    row.username = "user." + std::to_string(i);
                    row.name = text();
                }));
        }
        for (std::size_t i = 0; i < posts; ++i) {
            add(builder, make<post>([&](post& row) {
                    row.content = text();
                    row.files.resize(random_.pick(4));
                    for (file& each : row.files) {
                        each.type = random_.one_in(2) ? "image" : "video";
                    }
                }));
        }
        for (std::size_t i = 0; i < comments; ++i) {
            add(builder, make<comment>([&](comment& row) { row.content = text(); }));
        }
    }

    std::set<std::string> expected;

private:
    template <class Row, class Function>
    Row make(const Function& fill) {
        Row row{};
        row.id = ++id_;
        row.created_at = from_microseconds(static_cast<std::int64_t>(random_.pick(1'000)));
        row.is_deleted = random_.one_in(5);
        fill(row);
        return row;
    }

    template <class Row>
    void add(term_builder& builder, Row row) {
        for_each_inverted<Row>([&](const inverted_index<Row>& index) {
            for (kv::key& key : inverted_keys(index, row)) {
                expected.insert(std::move(key.bytes));
            }
        });
        builder.take(std::move(row));
    }

    std::string text() {
        static const std::vector<std::string> words{"sea", "Sea", "ж", "바다가", " ", "aaaa", "%"};
        std::string made;
        for (std::size_t count = random_.pick(12); count > 0; --count) {
            made += words[random_.pick(words.size())];
        }
        return made;
    }

    generator random_;
    entity_id id_ = 0;
};

void check_terms(std::uint64_t seed, std::size_t memory_bytes, std::size_t users, std::size_t posts,
                 std::size_t comments) {
    const pinhole::test::temporary_directory directory;
    noting_loader loader;
    random_rows rows{seed};
    term_builder builder{loader, directory.path(), memory_bytes};
    rows.add_to(builder, users, posts, comments);
    builder.end();
    builder.end();
    while (!builder.wait_for(1h)) {
    }
    BOOST_TEST((std::set(loader.keys.begin(), loader.keys.end()) == rows.expected));
    BOOST_TEST((loader.ended == std::vector{families::terms}));
    BOOST_TEST(fs::is_empty(directory.path()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(term_builders)

BOOST_AUTO_TEST_CASE(terms_are_those_that_commits_make) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    for (const std::size_t memory_bytes : {1'000U, 10'000'000U}) {
        check_terms(seed, memory_bytes, 20, 300, 700);
        check_terms(seed, memory_bytes, 20, 300, 0);
        check_terms(seed, memory_bytes, 0, 0, 700);
        check_terms(seed, memory_bytes, 0, 0, 0);
    }
}

BOOST_AUTO_TEST_CASE(a_disk_that_is_full_is_told) {
    const pinhole::test::temporary_directory directory;
    noting_loader loader;
    loader.keys_max = 10;
    random_rows rows{1};
    term_builder builder{loader, directory.path(), 1'000'000};
    rows.add_to(builder, 20, 300, 700);
    builder.end();
    BOOST_CHECK_THROW(builder.wait_for(1h), kv::storage_failure);
}

BOOST_AUTO_TEST_CASE(one_that_goes_before_the_end_leaves_the_loader_alone) {
    const pinhole::test::temporary_directory directory;
    noting_loader loader;
    {
        random_rows rows{1};
        term_builder builder{loader, directory.path(), 1'000'000};
        rows.add_to(builder, 20, 300, 700);
    }
    BOOST_TEST(loader.ended.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
