#include "storage/migrations.hpp"

#include <array>
#include <stdexcept>

#include "storage/meta.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

/// Writes down that a step was taken, and on how many steps before it.
void note_step(kv::store& store) {
    const auto before =
        read_meta(*store.snapshot(kv::read_mode::blocking), "steps_taken").value_or(0);
    kv::commit commit;
    append_meta(commit, "steps_taken", before + 1);
    must_commit(store, std::move(commit));
}

void fail_step(kv::store&) {
    throw kv::storage_failure{"cut short"};
}

struct migrations_fixture {
    void write_version(std::int64_t version) const {
        kv::commit commit;
        append_meta(commit, "schema_version", version);
        must_commit(*store, std::move(commit));
    }
    std::optional<std::int64_t> meta(std::string_view name) const {
        return read_meta(*store->snapshot(kv::read_mode::blocking), name);
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
};

constexpr std::array<migration, 3> three_steps{note_step, note_step, note_step};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(schema_migrations, migrations_fixture)

BOOST_AUTO_TEST_CASE(a_new_database_takes_no_step) {
    migrate(*store, three_steps, "here");
    BOOST_TEST(meta("schema_version").value() == 4);
    BOOST_TEST(!meta("steps_taken").has_value());
}

BOOST_AUTO_TEST_CASE(an_older_one_takes_the_steps_that_it_lacks) {
    write_version(2);
    migrate(*store, three_steps, "here");
    BOOST_TEST(meta("schema_version").value() == 4);
    BOOST_TEST(meta("steps_taken").value() == 2);
    migrate(*store, three_steps, "here");
    BOOST_TEST(meta("steps_taken").value() == 2);
}

BOOST_AUTO_TEST_CASE(a_step_cut_short_is_taken_again_and_those_before_it_are_not) {
    constexpr std::array<migration, 3> cut_short{note_step, fail_step, note_step};
    write_version(1);
    BOOST_CHECK_THROW(migrate(*store, cut_short, "here"), kv::storage_failure);
    BOOST_TEST(meta("schema_version").value() == 2);
    BOOST_TEST(meta("steps_taken").value() == 1);
    migrate(*store, three_steps, "here");
    BOOST_TEST(meta("schema_version").value() == 4);
    BOOST_TEST(meta("steps_taken").value() == 3);
}

BOOST_AUTO_TEST_CASE(a_newer_one_is_refused_untouched) {
    write_version(5);
    BOOST_CHECK_THROW(migrate(*store, three_steps, "here"), std::runtime_error);
    BOOST_TEST(meta("schema_version").value() == 5);
    BOOST_TEST(!meta("steps_taken").has_value());
}

BOOST_AUTO_TEST_CASE(this_programs_steps_lead_to_its_version) {
    BOOST_TEST(static_cast<std::int64_t>(migrations().size()) + 1 == schema_version);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
