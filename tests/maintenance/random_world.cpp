#include "tests/maintenance/random_world.hpp"

#include <algorithm>

#include "storage/accounts.hpp"
#include "storage/comments.hpp"
#include "storage/files.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage::test {

namespace {

class world_maker {
public:
    world_maker(maintained& into, generator& random, std::size_t users)
        : in_(into), random_(random), users_(users) {}

    void make() {
        for (std::size_t i = 0; i < users_; ++i) {
            make_one_user();
        }
        for (std::size_t i = 0; i < users_ * 3; ++i) {
            const entity_id id = take_id();
            next_id_ += 10;
            files_of_[id] = 1 + random_.pick(3);
            in_.add_post(id, some_user(), files_of_[id]);
            posts_.push_back(id);
        }
        for (const entity_id post : posts_) {
            react(post);
        }
        delete_some();
        if (random_.one_in(2)) {
            in_.settle();
        } else {
            settle_half();
        }
    }

private:
    entity_id take_id() { return ++next_id_; }
    entity_id some_user() { return user_ids_[random_.pick(user_ids_.size())]; }
    timestamp some_time() {
        return at_second(1 + static_cast<std::int64_t>(random_.pick(seconds_max - 1)));
    }

    void make_one_user() {
        const entity_id id = take_id();
        user_ids_.push_back(id);
        create(in_.store(), make_user(id, "user" + std::to_string(id)));
        session login;
        login.id = take_id();
        login.user.id = id;
        login.expires_at = at_second(1'000'000'000);
        create(in_.store(), login);
    }

    void react(entity_id post) {
        for (const entity_id who : user_ids_) {
            if (random_.one_in(2)) {
                const like row = make_like(take_id(), post, who);
                write(in_.store(),
                      [&](const kv::reader& reader) { return plan_like(reader, row); });
                likes_.emplace_back(post, who);
            }
            if (random_.one_in(3)) {
                comments_.push_back(take_id());
                const comment row = make_comment(comments_.back(), post, who);
                write(in_.store(),
                      [&](const kv::reader& reader) { return plan_create_comment(reader, row); });
            }
        }
    }

    /// From the leaves up, since what hangs under something deleted cannot be deleted any more; so
    /// each level is deleted with and without the others.
    void delete_some() {
        const auto author = [this](entity_id post) {
            return find<storage::post>(in_.store(), post)->row.author.id;
        };
        for (const auto& [post, who] : likes_) {
            if (random_.one_in(4)) {
                write(in_.store(), [&](const kv::reader& reader) {
                    return plan_unlike(reader, who, post, some_time(), {});
                });
            }
        }
        for (const entity_id id : comments_) {
            if (random_.one_in(4)) {
                const entity_id editor = find<comment>(in_.store(), id)->row.author.id;
                write(in_.store(), [&](const kv::reader& reader) {
                    return plan_delete_comment(reader, editor, id, some_time(), {});
                });
            }
        }
        for (const entity_id post : posts_) {
            if (files_of_[post] > 1 && random_.one_in(2)) {
                write(in_.store(), [&](const kv::reader& reader) {
                    return plan_delete_file(reader, author(post), post + 2, some_time(), {});
                });
            }
            if (random_.one_in(3)) {
                write(in_.store(), [&](const kv::reader& reader) {
                    return plan_delete_post(reader, author(post), post, some_time(), {});
                });
            }
        }
        for (const entity_id id : user_ids_) {
            if (random_.one_in(3)) {
                write(in_.store(), [&](const kv::reader& reader) {
                    return plan_delete_account(reader, id, "!", some_time(), {});
                });
            }
        }
    }

    void settle_half() {
        for (const pending_job& each :
             read(in_.store(), [](const kv::reader& reader) { return list_jobs(reader, 1000); })) {
            if (random_.one_in(2)) {
                carry_out(in_.store(), in_.placement(), each.job);
            }
        }
    }

    maintained& in_;
    generator& random_;
    std::size_t users_;
    entity_id next_id_ = 0;
    std::vector<entity_id> user_ids_;
    std::vector<entity_id> posts_;
    std::map<entity_id, std::size_t> files_of_;
    std::vector<std::pair<entity_id, entity_id>> likes_;
    std::vector<entity_id> comments_;
};

template <class Row>
void add_plain_rows(plain_rows& rows, const kv::store& store, const auto& complete) {
    for (const auto& each :
         store.snapshot(kv::read_mode::blocking)->walk(schema<Row>::family, nullptr, UINT32_MAX)) {
        const Row row = decode_row<Row>(each.row.value);
        plain_row& plain = rows[row.id];
        plain.entity = schema<Row>::name;
        plain.bytes = each.row.value;
        plain.is_deleted = row.is_deleted;
        plain.changed_at = row.updated_at;
        complete(plain, row);
    }
}

}  // namespace

void make_random_world(maintained& into, generator& random, std::size_t users) {
    world_maker{into, random, users}.make();
}

plain_rows read_plain_rows(const kv::store& store) {
    plain_rows rows;
    add_plain_rows<user>(rows, store, [](plain_row&, const user&) {});
    add_plain_rows<post>(
        rows, store, [](plain_row& plain, const post& row) { plain.parents = {row.author.id}; });
    add_plain_rows<file>(rows, store, [](plain_row& plain, const file& row) {
        plain.parents = {row.post.id};
        plain.media_path = row.url.substr(std::string_view{"/media/"}.size());
        plain.size = row.size;
    });
    add_plain_rows<comment>(rows, store, [](plain_row& plain, const comment& row) {
        plain.parents = {row.post.id, row.author.id};
    });
    add_plain_rows<like>(rows, store, [](plain_row& plain, const like& row) {
        plain.parents = {row.post.id, row.user.id};
    });
    return rows;
}

bool must_go(const plain_rows& rows, entity_id id, timestamp before) {
    const plain_row& row = rows.at(id);
    return (row.is_deleted && row.changed_at < before) ||
           std::ranges::any_of(row.parents,
                               [&](entity_id parent) { return must_go(rows, parent, before); });
}

void check_purged(maintained& in, const plain_rows& rows, timestamp before) {
    const plain_rows left = read_plain_rows(in.store());
    for (const auto& [id, row] : rows) {
        const bool goes = must_go(rows, id, before);
        BOOST_TEST_CONTEXT(row.entity << ' ' << id) {
            BOOST_TEST(left.contains(id) == !goes);
            if (!goes && left.contains(id)) {
                BOOST_TEST(hex(left.at(id).bytes) == hex(row.bytes));
            }
            if (!row.media_path.empty()) {
                BOOST_TEST(in.media().open_any(row.media_path).has_value() == !goes);
            }
        }
    }
    BOOST_TEST(left.size() <= rows.size());
}

}  // namespace pinhole::storage::test
