// A sound data directory with a little of everything, in which a test plants a fault: the check
// must find it and nothing else, a dry run must change nothing, and a repair must mend what can be
// mended and leave the rest as it was.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/comments.hpp"
#include "storage/idempotency.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"
#include "tests/maintenance/maintained.hpp"

namespace pinhole::storage::test {

inline constexpr entity_id kim = 1;
inline constexpr entity_id lee = 2;
inline constexpr entity_id shown = 10;  ///< has the files 11 and 12
inline constexpr entity_id hidden = 20;
inline constexpr entity_id remark = 30;
inline constexpr entity_id heart = 40;

/// Two users, a post that is shown and one that is deleted, a comment, a like, a login, an
/// idempotency record.
struct faulty_fixture {
    faulty_fixture() {
        create(in.store(), make_user(kim, "kim"), make_user(lee, "lee"));
        path = in.add_post(shown, kim, 2).files.front().url.substr(7);
        hidden_path = in.add_post(hidden, kim, 1).files.front().url.substr(7);
        write(in.store(), [](const kv::reader& reader) {
            return plan_create_comment(reader, make_comment(remark, shown, lee));
        });
        write(in.store(), [](const kv::reader& reader) {
            return plan_like(reader, make_like(heart, shown, lee));
        });
        write(in.store(), [](const kv::reader& reader) {
            return plan_delete_post(reader, kim, hidden, at_second(5), {});
        });
        session login;
        login.id = 50;
        login.user.id = lee;
        login.expires_at = at_second(99);
        create(in.store(), login);
        kv::commit commit;
        append_answer(commit, *in.store().snapshot(kv::read_mode::blocking), keys, {"scope", "key"},
                      {.fingerprint = "f", .status = 201}, at_second(1));
        must_commit(in.store(), std::move(commit));
        in.settle();
        in.must_be_sound();
    }

    template <class Row>
    Row row(entity_id id) const {
        return find<Row>(in.store(), id)->row;
    }
    void plant(kv::operation operation) {
        kv::commit commit;
        commit.operations.push_back(std::move(operation));
        must_commit(in.store(), std::move(commit));
    }
    std::filesystem::path media(std::string_view below) const { return in.media_root() / below; }

    /// What was planted is found, and nothing else.
    void expect(finding_kind kind) {
        const check_report report = in.check();
        for (const finding& each : report.findings) {
            BOOST_TEST_INFO_SCOPE(to_text(each.kind) << ": " << each.message);
        }
        BOOST_TEST(report.count(kind) == 1U);
        BOOST_TEST(report.problems == 1U);
    }
    void expect_mended(finding_kind kind) {
        expect(kind);
        expect_dry_run(1);
        const repair_report repaired = in.repair(true);
        BOOST_TEST(repaired.actions >= 1U);
        BOOST_REQUIRE(rank_unranked(in.store()));
        in.must_be_sound();
        BOOST_TEST(in.repair(true).actions == 0U);
    }
    void expect_left(finding_kind kind) {
        expect(kind);
        expect_dry_run(0);
        const auto rows = in.rows();
        const auto files = in.files();
        BOOST_TEST(in.repair(true).actions == 0U);
        BOOST_TEST(in.rows() == rows, boost::test_tools::per_element());
        BOOST_TEST(in.files() == files, boost::test_tools::per_element());
        expect(kind);
    }
    void expect_dry_run(std::size_t actions) {
        const auto rows = in.rows();
        const auto files = in.files();
        BOOST_TEST(in.repair(false).actions == actions);
        BOOST_TEST(in.rows() == rows, boost::test_tools::per_element());
        BOOST_TEST(in.files() == files, boost::test_tools::per_element());
    }
    std::vector<std::string> put_aside() const {
        std::vector<std::string> lines;
        for (const std::string& each : in.files()) {
            if (each.starts_with("quarantine/")) {
                // Without the folder that the time names.
                lines.push_back(each.substr(each.find('/', each.find('/') + 1) + 1));
            }
        }
        return lines;
    }

    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
    secrets keys{test_master};
    std::string path;
    std::string hidden_path;
};

}  // namespace pinhole::storage::test
