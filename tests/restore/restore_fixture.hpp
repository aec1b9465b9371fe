// Random rows with media, made by the commits that the server makes, and dumped; what stands in a
// data directory, so that two of them can be compared; and dumps that are damaged line by line.
//
// For one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.hpp"
#include "storage/dump/dump.hpp"
#include "storage/media/media_store.hpp"
#include "storage/media_placement.hpp"
#include "storage/restore/restore.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace fs = std::filesystem;

/// A data directory that is written to as a server does.
class source_directory {
public:
    source_directory(fs::path directory, std::uint64_t seed);

    /// Some users, posts with files, comments and likes, deleted at every level, in new ids.
    void add_rows(std::size_t users, std::size_t posts);
    /// Settles and ranks what waits for it, as the server's threads do.
    void finish_jobs();

    /// Dumps all of it. By the target's name: .tar, .tar.zst, or a directory.
    void dump_to(const fs::path& target, bool with_media = true) const;

    const fs::path& path() const { return directory_; }
    kv::store& store() { return *store_; }
    generator& random() { return random_; }

    std::string text(std::size_t code_points_max, bool may_be_empty = true);
    timestamp next_moment();
    entity_id take_id() { return next_id_ += static_cast<entity_id>(random_.pick(5'000'000)) + 1; }

private:
    void add_user();
    void add_post();
    file make_file(entity_id post, std::int64_t position, timestamp at);
    void react_to(entity_id post);
    void delete_some();
    entity_id some_user() { return users_[random_.pick(users_.size())]; }
    template <class Function>
    bool try_write(const Function& function);

    fs::path directory_;
    generator random_;
    std::unique_ptr<kv::store> store_;
    media::media_store media_;
    media_placement placement_;
    entity_id next_id_ = std::int64_t{1} << 40;
    std::int64_t second_ = 0;
    std::vector<entity_id> users_;
    std::vector<entity_id> posts_;
    std::vector<entity_id> files_;
    std::vector<entity_id> comments_;
};

/// As a server opens a data directory.
database_options options_for(const fs::path& data_dir);

/// Every key and value of a data directory's store, but stamps, and what no dump holds: counters of
/// zero, marks of the ranking, meta. Two that are equal answer every query alike.
std::vector<std::string> rows_of(const fs::path& data_dir);
/// Of check_rows.
std::vector<std::string> problems_of(const fs::path& data_dir);

/// Every file and folder below, with mode and bytes; of the lock files, which say nothing, none.
std::map<std::string, std::string> tree_of(const fs::path& folder);
/// The media store's two trees alone, without folders.
std::map<std::string, std::string> media_of(const fs::path& data_dir);

/// Two directories, one of rows and one of nothing, and a dump of the first.
struct restore_fixture {
    explicit restore_fixture(std::size_t users = 6, std::size_t posts = 12);

    fs::path at(const std::string& name) const { return directory.path() / name; }

    std::uint64_t seed = make_seed();
    pinhole::test::temporary_directory directory;
    source_directory source{at("source"), seed};
    fs::path dump = at("dump");
    fs::path target = at("target");
};

std::vector<std::string> lines_of(const fs::path& file);
void write_lines(const fs::path& file, const std::vector<std::string>& lines);
std::string bytes_of(const fs::path& file);
void write_bytes(const fs::path& file, std::string_view bytes);

/// Makes the manifest of a dump that is a directory say what is there.
void seal(const fs::path& dump);

/// A dump that is a directory, with a part of the rows of another and their media: some posts are
/// not there with all under them, nor are some files, comments and likes, nor who is in nothing.
void make_subset(const fs::path& dump, const fs::path& made, generator& random);

/// Ranks what waits for it, as the server does moments after a commit.
void rank_all(const fs::path& data_dir);

/// Restores, which must succeed.
restore_report must_restore(const fs::path& dump, const fs::path& target,
                            const restore_options& options = {});

/// Every fault, a line for each.
std::string faults_of(const restore_report& report);

/// Verifies and restores a dump that has a fault: both must say so, on this line of this file, and
/// the target must stay as it is.
void must_refuse(const fs::path& dump, const fs::path& target, const std::string& place,
                 std::string_view problem);

}  // namespace pinhole::storage::test
