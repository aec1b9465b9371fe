// What the tests of dumps share: a store with something of everything in it, dumps of it, and what
// can be read back from them by others' programs than ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dump/dump.hpp"
#include "storage/media/media_store.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::dump::test {

using namespace pinhole::storage::test;

/// A member's bytes by its path; in a tar also the order in which they come.
using members = std::map<std::string, std::string>;
struct archive_content {
    members by_path;
    std::vector<std::string> order;
};

members read_directory(const std::filesystem::path& directory);
/// Through libarchive, compressed or not. Errors: throws std::runtime_error if it is no whole tar
/// of plain files.
archive_content read_archive(const std::filesystem::path& path);
std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// The lines of a member, each as JSON.
std::vector<nlohmann::json> lines_of(const members& dump, std::string_view entity);
/// Lines without their ends.
std::vector<std::string> raw_lines_of(const members& dump, std::string_view entity);

/// Names in a directory.
std::vector<std::string> names_in(const std::filesystem::path& directory);

/// Lower-case hexadecimal, by libsodium.
std::string sha256_of(std::string_view bytes);

/// Every reference of every row leads to a row of the dump; otherwise says which does not.
std::string find_dangling(const members& dump);

/// What was made at `at_second(0)` by "0.0-test".
dump_options make_dump_options();

/// A store and media in a data directory, and a directory for dumps.
class dump_fixture {
public:
    dump_fixture();

    /// Three users (the third is deleted), five posts with two files each (the second post is
    /// deleted, the fifth is the deleted user's), comments and likes on them, some deleted.
    void fill();
    /// Bytes for a file's row, in the tree that `visible` says; sets the row's size and sum.
    void give_bytes(entity_id file_id, const std::string& bytes, bool visible = true);

    result<dump_report> dump_to(dump_sink& sink, const dump_options& options,
                                const work_watch& watch = {});
    /// To `targets() / name`; must be whole.
    members dump_to_directory(const std::string& name, const dump_options& options);

    std::filesystem::path target(const std::string& name) const { return targets_ / name; }
    const std::filesystem::path& targets() const { return targets_; }
    const std::filesystem::path& data_dir() const { return directory_.path(); }
    /// Made when it is first asked for.
    media::media_store& media();

private:
    pinhole::test::temporary_directory directory_;
    std::filesystem::path targets_;

public:
    std::unique_ptr<kv::store> store;

private:
    std::unique_ptr<media::media_store> media_;
};

}  // namespace pinhole::storage::dump::test
