#include "storage/schema/keys.hpp"

#include <array>
#include <map>
#include <set>
#include <tuple>

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using namespace std::string_view_literals;

namespace {

constexpr std::array<std::string_view, 5> texts{"", "a", "kim", "kim.x", "kim\0x"sv};
constexpr entity_id ids_max = 12;
constexpr entity_id references_max = 3;

/// Few distinct values, so that rows collide often.
template <class Value>
void set_small(generator& random, Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
        value = texts[random.pick(texts.size())];
    } else if constexpr (std::is_same_v<Value, bool>) {
        value = random.one_in(2);
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        value = from_microseconds(static_cast<std::int64_t>(random.pick(4)) - 1);
    } else if constexpr (is_reference<Value>) {
        value.id = static_cast<entity_id>(random.pick(references_max)) + 1;
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
        value = random.number();
    }
}

template <class Row>
Row small_row(generator& random, entity_id id) {
    Row row;
    for_each_stored_field<Row>([&](const auto& f) { set_small(random, row.*f.member); });
    row.id = id;
    return row;
}

using entry = std::tuple<kv::part_id, kv::family_id, std::string, std::string>;

/// What the entries ought to be, from the rows alone.
template <class Row>
std::set<entry> expected_entries(const std::map<entity_id, Row>& model) {
    std::set<entry> entries;
    for (const auto& [id, row] : model) {
        for_each_index<Row>([&](const auto& i) {
            const kv::key key = index_key(i, row);
            entries.insert({key.part, key.family, key.bytes, index_value(i, row)});
        });
        for_each_inverted<Row>([&](const inverted_index<Row>& i) {
            for (const kv::key& key : inverted_keys(i, row)) {
                entries.insert({key.part, key.family, key.bytes, ""});
            }
        });
        for_each_unique<Row>([&](const auto& u) {
            const kv::key key = unique_key(u, row);
            entries.insert(
                {key.part, key.family, key.bytes, encode_unique_entry({id, !row.is_deleted})});
        });
    }
    return entries;
}

/// All parts in which an entry of such a row can lie.
template <class Row>
std::set<kv::part_id> possible_parts() {
    std::set<kv::part_id> parts{global_part};
    for (entity_id id = 1; id <= references_max; ++id) {
        parts.insert(id);
    }
    for (const std::string_view text : texts) {
        Row row;
        for_each_stored_field<Row>([&](const auto& f) {
            using value_type = typename std::remove_cvref_t<decltype(f)>::value_type;
            if constexpr (std::is_same_v<value_type, std::string>) {
                row.*f.member = text;
            }
        });
        for_each_unique<Row>([&](const auto& u) { parts.insert(unique_key(u, row).part); });
    }
    return parts;
}

/// A mark says that something has happened, not what is there (ranking_test.cpp).
template <class Row>
bool is_unranked_mark(std::string_view key) {
    if constexpr (has_ranks<Row>) {
        return key.starts_with(index_prefix(schema<Row>::unranked_number, true));
    } else {
        return false;
    }
}

template <class Row>
std::set<entry> found_entries(const kv::store& store) {
    std::set<entry> entries;
    for (const kv::part_id part : possible_parts<Row>()) {
        for (const kv::family_id family : {families::index, families::unique, families::terms}) {
            for (kv::row& row : everything_in(store, part, family)) {
                if (family != families::index || !is_unranked_mark<Row>(row.key)) {
                    entries.insert({part, family, std::move(row.key), std::move(row.value)});
                }
            }
        }
    }
    return entries;
}

/// Does another row hold one of this row's unique values?
template <class Row>
bool collides(const std::map<entity_id, Row>& model, const Row& row) {
    bool found = false;
    for (const auto& [id, other] : model) {
        for_each_unique<Row>([&](const auto& u) {
            found = found || (id != row.id && unique_key(u, other) == unique_key(u, row));
        });
    }
    return found;
}

template <class Row>
class upkeep_model {
public:
    explicit upkeep_model(std::uint64_t seed)
        : random_(seed), store_(open_store(directory_.path())) {}

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            const auto id = static_cast<entity_id>(random_.pick(ids_max)) + 1;
            const bool is_there = model_.contains(id);
            if (!is_there || random_.one_in(8)) {
                create(id, is_there);
            } else if (random_.one_in(4)) {
                erase(id);
            } else {
                update(id);
            }
            BOOST_REQUIRE(found_entries<Row>(*store_) == expected_entries(model_));
        }
        BOOST_TEST(done_ > 0);
        if constexpr (std::tuple_size_v<decltype(schema<Row>::uniques)> > 0) {
            BOOST_TEST(refused_ > 0);
        }
    }

private:
    void create(entity_id id, bool is_there) {
        const Row row = small_row<Row>(random_, id);
        kv::commit commit;
        append_create(commit, row);
        settle(std::move(commit), is_there || collides(model_, row), [&] { model_[id] = row; });
    }
    void update(entity_id id) {
        const auto before = test::find<Row>(*store_, id);
        BOOST_REQUIRE(before.has_value());
        const Row row = small_row<Row>(random_, id);
        kv::commit commit;
        append_update(commit, *before, row);
        settle(std::move(commit), collides(model_, row), [&] { model_[id] = row; });
    }
    void erase(entity_id id) {
        const auto before = test::find<Row>(*store_, id);
        BOOST_REQUIRE(before.has_value());
        kv::commit commit;
        append_erase(commit, *before);
        settle(std::move(commit), false, [&] { model_.erase(id); });
    }
    template <class Function>
    void settle(kv::commit commit, bool refused, const Function& apply) {
        const auto outcome = store_->submit_and_wait(std::move(commit));
        BOOST_REQUIRE(outcome == (refused ? kv::outcome::exists : kv::outcome::ok));
        if (refused) {
            ++refused_;
        } else {
            ++done_;
            apply();
        }
    }

    generator random_;
    pinhole::test::temporary_directory directory_;
    std::unique_ptr<kv::store> store_;
    std::map<entity_id, Row> model_;
    int done_ = 0;
    int refused_ = 0;
};

template <class Row>
void check_upkeep() {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    upkeep_model<Row>{seed}.run(300);
}

struct store_fixture {
    std::vector<kv::row> newest_users(bool alive = true) const {
        return read(*store, [alive](const kv::reader& reader) {
            return scan_index(reader, {.prefix = index_prefix(1, alive), .limit = 100});
        });
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
};

}  // namespace

BOOST_AUTO_TEST_SUITE(keys)

BOOST_AUTO_TEST_CASE(entries_of_users_follow_their_rows) {
    check_upkeep<user>();
}
BOOST_AUTO_TEST_CASE(entries_of_posts_follow_their_rows) {
    check_upkeep<post>();
}
BOOST_AUTO_TEST_CASE(entries_of_files_follow_their_rows) {
    check_upkeep<file>();
}
BOOST_AUTO_TEST_CASE(entries_of_comments_follow_their_rows) {
    check_upkeep<comment>();
}
BOOST_AUTO_TEST_CASE(entries_of_likes_follow_their_rows) {
    check_upkeep<like>();
}
BOOST_AUTO_TEST_CASE(entries_of_sessions_follow_their_rows) {
    check_upkeep<session>();
}

BOOST_FIXTURE_TEST_CASE(a_row_that_changed_since_it_was_read_conflicts, store_fixture) {
    create(*store, make_user(1, "kim"));
    const auto seen = find<user>(*store, 1);
    user changed = seen->row;
    changed.name = "Kim";
    kv::commit first;
    append_update(first, *seen, changed);
    must_commit(*store, std::move(first));

    changed.name = "Lost";
    kv::commit update;
    append_update(update, *seen, changed);
    check_outcome(*store, std::move(update), kv::outcome::conflict);
    kv::commit erase;
    append_erase(erase, *seen);
    check_outcome(*store, std::move(erase), kv::outcome::conflict);
    kv::commit check;
    append_check(check, *seen);
    check_outcome(*store, std::move(check), kv::outcome::conflict);
    BOOST_TEST(find<user>(*store, 1)->row.name == "Kim");
}

BOOST_FIXTURE_TEST_CASE(a_row_that_was_erased_and_made_again_conflicts, store_fixture) {
    create(*store, make_user(1, "kim"));
    const auto seen = find<user>(*store, 1);
    kv::commit erase;
    append_erase(erase, *seen);
    must_commit(*store, std::move(erase));
    create(*store, seen->row);
    kv::commit check;
    append_check(check, *seen);
    check_outcome(*store, std::move(check), kv::outcome::conflict);
}

BOOST_FIXTURE_TEST_CASE(a_taken_value_leaves_nothing_of_the_commit, store_fixture) {
    create(*store, make_user(1, "kim"));
    kv::commit commit;
    append_create(commit, make_user(2, "lee"));
    append_create(commit, make_user(3, "kim"));
    check_outcome(*store, std::move(commit), kv::outcome::exists);
    BOOST_TEST(!find<user>(*store, 2).has_value());
    BOOST_TEST(newest_users().size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_deleted_row_moves_apart_and_keeps_its_unique_value, store_fixture) {
    create(*store, make_user(1, "kim"));
    const auto seen = find<user>(*store, 1);
    user gone = seen->row;
    gone.is_deleted = true;
    kv::commit commit;
    append_update(commit, *seen, gone);
    must_commit(*store, std::move(commit));

    BOOST_TEST(newest_users().empty());
    BOOST_TEST(newest_users(false).size() == 1U);
    const auto entry = read(*store, [](const kv::reader& reader) {
        return row_reader{reader}.find_unique(username_unique_key("kim"));
    });
    BOOST_REQUIRE(entry.has_value());
    BOOST_TEST(entry->id == 1);
    BOOST_TEST(!entry->alive);

    kv::commit again;
    append_create(again, make_user(2, "kim"));
    check_outcome(*store, std::move(again), kv::outcome::exists);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
