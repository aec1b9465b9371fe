// A data directory with rows and media, a folder for its backups, and short words for what tests do
// with the two.
//
// For one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/backup/backup.hpp"
#include "storage/backup/restore_backup.hpp"
#include "storage/backup/verify.hpp"
#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

struct backup_fixture {
    backup_fixture();

    fs::path at(const std::string& name) const { return directory.path() / name; }

    /// Of the source's store as it is, by a checkpoint; `between` is called once the rows are
    /// taken.
    backup::backup_report back_up(const std::function<void()>& between = {});
    backup::backup_report back_up_keeping(std::size_t keep);

    backup::backup_folder opened() const;
    std::vector<kv::backup_id> ids() const { return opened().ids(); }
    /// Every fault that verifying with all bytes finds, a line for each.
    std::string faults(kv::backup_id id, bool hash = true) const;
    result<backup::restore_report> restore(kv::backup_id id, const fs::path& to,
                                           bool missing_media = false) const;
    /// Which must succeed; and be without a problem.
    void must_restore_to(kv::backup_id id, const fs::path& to) const;

    /// Every backup is whole, and nothing is there that none of them needs.
    void check_tidy() const;

    std::uint64_t seed = make_seed();
    pinhole::test::temporary_directory directory;
    source_directory source{at("source"), seed};
    fs::path dest = at("backups");
    fs::path target = at("target");
    std::optional<std::size_t> keep;
    work_watch watch;
};

/// The media that a backup lists: path below the media folder, and size.
std::map<std::string, std::uint64_t> listed_media(const fs::path& dest, kv::backup_id id);

/// Flips a bit in the middle of a file.
void flip_bit(const fs::path& file);

}  // namespace pinhole::storage::test
