// Random rows of all kinds, deleted at every level, in a store and in memory; and what a query
// means, worked out by looking at every row. It shares no code with the query engine.
//
// For one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/storage/naive_query.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

inline constexpr int users_count = 8;
inline constexpr int posts_count = 40;
inline constexpr entity_id me = 1;

/// A row as names and values, with what it refers to.
struct naive_row {
    std::string list;
    bool is_deleted = false;
    std::map<std::string, std::int64_t> numbers;  ///< times, too
    std::map<std::string, std::string> texts;
    std::map<std::string, entity_id> references;
};

/// What texts are made of: all that means something to a pattern, a list or an expression.
inline constexpr std::array words{"sea",       "Sea",  "SEA side",    "100%",   "a_b",
                                  "a,b \"c\"", "x\ny", "back\\slash", "Москва", "МОСКВА",
                                  "Ωδή",       "바다", "\U0001F600",  "",       "o'clock",
                                  "(a|b)*",    "café", "$1.50^2"};

class world {
public:
    world();

    std::string seed_text() const { return "PINHOLE_TEST_SEED=" + std::to_string(seed_); }
    generator& random() { return random_; }
    kv::store& store() const { return *store_; }
    const std::map<entity_id, naive_row>& rows() const { return rows_; }

    /// Gives half of the rows their places in the indexes by counts; the rest waits, as after a
    /// write.
    void rank_some();

    /// The ids that a list has, in order, whatever the page. Of deleted posts each is asked as if
    /// it were there, but for its place among its author's posts.
    std::vector<entity_id> find(const naive_query& query) const;

    /// Few times, over some years; the same ones again and again.
    timestamp moment();
    /// One to three words.
    std::string content();
    /// What a field has in some row, visible or not.
    const std::string& some_text(const std::string& list, const std::string& field);
    /// Mostly one that is there.
    entity_id some_id();
    entity_id user_id() { return static_cast<entity_id>(random_.pick(users_count)) + 1; }

private:
    bool is_visible(entity_id id) const;
    bool is_listed(const naive_query& query, entity_id id) const;
    std::vector<entity_id> step(entity_id from, const relation& along) const;
    std::vector<entity_id> ends(entity_id from, const std::vector<relation>& path) const;
    bool holds(const naive_condition& of, entity_id id) const;
    bool holds_at(const naive_test& test, entity_id end) const;
    bool is_before(const std::vector<naive_order>& order, entity_id a, entity_id b) const;
    std::int64_t number(entity_id id, const std::string& field) const;
    const std::string& text(entity_id id, const std::string& field) const;

    void add_users(kv::commit& commit);
    void add_post(kv::commit& commit);
    std::vector<file> make_files(entity_id post);
    void add_file(kv::commit& commit, file row);
    void add_comments(kv::commit& commit, entity_id post);
    void add_likes(kv::commit& commit, entity_id post);
    template <class Row>
    naive_row& add(kv::commit& commit, const char* list, Row& row);
    std::int64_t count_for(kv::commit& commit, kv::key key, std::int64_t unit);
    entity_id take_id() { return next_id_ += 2; }

    std::uint64_t seed_;
    generator random_;
    pinhole::test::temporary_directory directory_;
    std::unique_ptr<kv::store> store_;
    entity_id next_id_ = 100;
    std::map<entity_id, naive_row> rows_;
    mutable entity_id shown_ = 0;  ///< the deleted post that is asked
};

}  // namespace pinhole::storage::test
