// Dumps of a database that is written to all the while: from a checkpoint, and from a snapshot.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "storage/accounts.hpp"
#include "storage/check.hpp"
#include "storage/comments.hpp"
#include "storage/kv/checkpoint.hpp"
#include "storage/likes.hpp"
#include "storage/meta.hpp"
#include "storage/posts.hpp"
#include "storage/read_only_database.hpp"
#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

namespace {

constexpr std::size_t writer_count = 8;
/// Each writer's ids begin here, times its number, so that nobody meets another's.
constexpr entity_id ids_of_a_writer = 1'000'000;

/// A user who posts, comments on and likes the newest post of everybody, and deletes now and then.
class writer {
public:
    writer(kv::store& store, std::size_t number,
           std::array<std::atomic<entity_id>, writer_count>& newest)
        : store_(store), number_(number), newest_(newest) {}

    void write_until(const std::atomic<bool>& stop) {
        const entity_id me = next_id();
        create(me, [&](const kv::reader&) {
            planned<int> plan{};
            append_create(plan.commit, make_user(me, "writer" + std::to_string(number_)));
            return result<planned<int>>{std::move(plan)};
        });
        for (int round = 0; !stop; ++round) {
            const entity_id made = next_id();
            next_id();  // the post's file
            create(made, [&](const kv::reader& reader) {
                return plan_create_post(reader, make_post(made, me, round));
            });
            newest_[number_] = made;
            const std::size_t whose = (number_ + static_cast<std::size_t>(round)) % writer_count;
            if (const entity_id other = newest_[whose]; other != 0) {
                const entity_id remark = next_id();
                create(remark, [&](const kv::reader& reader) {
                    return plan_create_comment(reader, make_comment(remark, other, me, round));
                });
                const entity_id heart = next_id();
                create(heart, [&](const kv::reader& reader) {
                    return plan_like(reader, make_like(heart, other, me, round));
                });
            }
            if (round % 7 == 0) {
                commit([&](const kv::reader& reader) {
                    return plan_delete_post(reader, me, made, at_second(round), {});
                });
            }
        }
    }

    /// The newest row of its own that was acknowledged.
    entity_id acknowledged() const { return acknowledged_; }

private:
    entity_id next_id() {
        return static_cast<entity_id>(number_ + 1) * ids_of_a_writer + ++ids_used_;
    }

    template <class Function>
    void create(entity_id id, const Function& function) {
        if (commit(function)) {
            acknowledged_ = id;
        }
    }

    /// Planned anew while others are faster. False if it is refused (the post is deleted) or there
    /// is nothing to do (the like is there).
    template <class Function>
    bool commit(const Function& function) {
        for (;;) {
            auto plan = function(*store_.snapshot(kv::read_mode::blocking));
            if (!plan || plan->commit.empty()) {
                return false;
            }
            if (store_.submit_and_wait(std::move(plan->commit)) == kv::outcome::ok) {
                return true;
            }
        }
    }

    kv::store& store_;
    std::size_t number_;
    std::array<std::atomic<entity_id>, writer_count>& newest_;
    entity_id ids_used_ = 0;
    std::atomic<entity_id> acknowledged_ = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(snapshots, dump_fixture)

BOOST_AUTO_TEST_CASE(a_dump_of_a_checkpoint_under_load_has_every_reference) {
    std::array<std::atomic<entity_id>, writer_count> newest{};
    std::vector<std::unique_ptr<writer>> writers;
    for (std::size_t number = 0; number < writer_count; ++number) {
        writers.push_back(std::make_unique<writer>(*store, number, newest));
    }
    std::atomic<bool> stop = false;
    {
        std::vector<std::jthread> threads;
        for (const auto& each : writers) {
            threads.emplace_back([&] { each->write_until(stop); });
        }
        for (int round = 0; round < 6; ++round) {
            std::vector<entity_id> due;
            for (const auto& each : writers) {
                due.push_back(each->acknowledged());
            }
            const auto path = data_dir() / ("checkpoint" + std::to_string(round));
            kv::make_checkpoint(*store, path);
            const auto frozen = open_read_only(path);
            const auto reader = frozen->snapshot();
            const check_report checked = check_rows(*reader);
            BOOST_TEST(checked.problems == 0U,
                       (checked.problems == 0U ? "" : checked.details().front()));

            auto sink = make_sink(target(std::to_string(round)), at_second(0));
            BOOST_REQUIRE(sink.has_value());
            const auto report = write_dump(*reader, nullptr, **sink, make_dump_options(), {});
            BOOST_REQUIRE(report.has_value());
            BOOST_TEST(report->is_whole);
            const members dump = read_directory(target(std::to_string(round)));
            BOOST_TEST(find_dangling(dump) == "");
            for (const entity_id id : due) {
                const std::string text = "{\"id\":\"" + std::to_string(id) + "\"";
                const bool is_there = std::ranges::any_of(
                    dump, [&](const auto& member) { return member.second.contains(text); });
                BOOST_TEST((id == 0 || is_there), "row " << id << " was acknowledged before");
            }
        }
        stop = true;
    }
    BOOST_TEST((store->health() == kv::health::ok));
}

/// Two dumps of one checkpoint are equal, whatever is written between them.
BOOST_AUTO_TEST_CASE(a_checkpoint_stays_what_it_was) {
    fill();
    kv::make_checkpoint(*store, data_dir() / "checkpoint");
    const auto frozen = open_read_only(data_dir() / "checkpoint");
    const auto dump = [&](const std::string& name) {
        auto sink = make_sink(target(name), at_second(0));
        BOOST_REQUIRE(sink.has_value());
        BOOST_TEST(
            write_dump(*frozen->snapshot(), nullptr, **sink, make_dump_options(), {})->is_whole);
        return read_directory(target(name));
    };
    const members first = dump("first");
    create(*store, make_user(1000, "later"));
    kv::commit commit;
    append_erase(commit, *find<comment>(*store, 100));
    must_commit(*store, std::move(commit));
    BOOST_TEST((dump("second") == first));
    BOOST_TEST((dump_to_directory("third", make_dump_options()) != first));
}

BOOST_AUTO_TEST_CASE(a_closed_database_is_read_without_a_change) {
    fill();
    const members before = dump_to_directory("before", make_dump_options());
    store.reset();
    const auto frozen = open_read_only(data_dir() / "db");
    auto sink = make_sink(target("after"), at_second(0));
    BOOST_TEST(write_dump(*frozen->snapshot(), nullptr, **sink, make_dump_options(), {})->is_whole);
    BOOST_TEST((read_directory(target("after")) == before));
}

BOOST_AUTO_TEST_CASE(another_schema_is_refused) {
    for (const auto& [version, message] : {std::pair{schema_version + 1, "newer version"},
                                           std::pair{schema_version - 1, "older version"}}) {
        kv::commit commit;
        append_meta(commit, "schema_version", version);
        must_commit(*store, std::move(commit));
        const auto path = data_dir() / ("checkpoint" + std::to_string(version));
        kv::make_checkpoint(*store, path);
        const std::string expected = message;
        BOOST_CHECK_EXCEPTION(open_read_only(path), std::runtime_error,
                              [&](const std::runtime_error& e) {
                                  return std::string_view{e.what()}.contains(expected);
                              });
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
