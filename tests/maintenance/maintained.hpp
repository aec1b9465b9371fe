// What the tests of check, repair, reindex and purge share: a data directory with rows and real
// media files, opened without background work, and what is in it, byte by byte.
//
// For one thread, but for the store and the media, as they are.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/check.hpp"
#include "storage/maintenance/repair.hpp"
#include "storage/media_placement.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

class maintained {
public:
    explicit maintained(std::filesystem::path data_dir);

    kv::store& store() const { return *store_; }
    media::media_store& media() { return media_; }
    media_placement& placement() { return placement_; }
    const std::filesystem::path& data_dir() const { return data_dir_; }
    std::filesystem::path media_root() const { return data_dir_ / "media"; }

    /// Publishes bytes as an upload does; the marker stands until they are settled.
    media::published_file publish(std::string_view bytes);
    /// A post with that many files, which have bytes, by a commit as the server makes it.
    post add_post(entity_id id, entity_id author, std::size_t files, std::int64_t second = 0);

    /// Carries out all jobs, and ranks what is unranked.
    void settle();

    check_report check(bool hash = true);
    /// Requires that the check finds nothing, or says what.
    void must_be_sound();
    /// `yes` as repair's.
    repair_report repair(bool yes, bool hash = true);

    /// All keys and values of the store, a line each.
    std::vector<std::string> rows() const;
    /// All files below the data directory but for the database's, with their contents.
    std::vector<std::string> files() const;

private:
    std::filesystem::path data_dir_;
    std::unique_ptr<kv::store> store_;
    media::media_store media_;
    media_placement placement_;
};

/// Carries out one job to its end.
void carry_out(kv::store& store, media_placement& placement, const job& job);

void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace pinhole::storage::test
