// A crowd of accounts that write without pause and remember what was acknowledged, for tests that
// do harm to the server meanwhile: afterwards each acknowledged write must be there, nothing may be
// there by halves, and nothing that nobody wrote.
//
// Thread-safety: one caller; `write` runs a thread for each writer. Blocking: all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/workload/writer.hpp"

namespace pinhole::test {

class crowd {
public:
    /// Signs up an owner, who makes the post that all write about, and the writers.
    crowd(std::uint16_t port, unsigned writers, unsigned seed = 1);

    void tolerate(const std::set<unsigned>& statuses);
    /// From so many posts and comments of its own on, a writer mostly changes those it has.
    void limit_rows(std::size_t rows_max);
    /// Until each writer's connection broke or `enough` was set. `harm` runs beside them, on the
    /// caller's thread; should it throw, the writers are stopped.
    void write(crowd_signals& signals, const std::function<void()>& harm);
    /// Somebody else wrote these, and an account, beside the crowd: they will be in the lists.
    void expect_of(const std::string& account, const std::vector<json>& posts);
    /// The server was started anew.
    void move_to(std::uint16_t port);
    /// Checks all that the crowd knows, that the lists show each row that is there exactly once and
    /// no other, that no post lacks a file and no file its post, and that every count is that of
    /// its rows. `data` is the server's data directory. What `extent::recent` costs does not grow
    /// with what is there, but for the files on disk, which are counted. Requires: nobody writes.
    void verify(const std::filesystem::path& data, extent how_much = extent::all);

    api_client& owner() { return owner_; }
    const std::string& shared_post() const { return shared_post_; }
    /// That the writers have ever created. Requires: nobody writes.
    std::size_t rows() const;

private:
    expected_rows expected() const;
    std::vector<std::string> found(const std::string& list, std::int64_t seen_before,
                                   api_client& viewer);
    void check_lists(const expected_rows& wanted, std::int64_t seen_before);
    void check_lists_of(writer& each, std::int64_t seen_before);
    void check_comments_by_post(std::int64_t seen_before);
    void check_files_on_disk(const expected_rows& wanted, const std::filesystem::path& data);

    api_client owner_;
    std::string shared_post_;
    expected_rows others_;  ///< than the writers': the owner's, and what `expect_of` was told
    std::vector<writer> writers_;
    std::int64_t seen_before_ = 0;  ///< rows with larger ids were created since `verify`
    std::int64_t newest_seen_ = 0;
};

}  // namespace pinhole::test
