// Small fixtures as Django writes them, changed as a test likes, and what import-django makes of
// them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/admin/admin_fixture.hpp"

namespace pinhole::test {

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// Every file and folder below, with its bytes; empty if there is no such folder.
std::map<std::string, std::string> tree_of(const std::filesystem::path& folder);

/// The rows of an entity in a dump that is a directory.
std::vector<json> read_rows(const std::filesystem::path& dump, const std::string& entity);

struct import_fixture : admin_fixture {
    import_fixture();

    std::filesystem::path at(const std::string& name) const { return directory.path() / name; }
    std::filesystem::path fixture = directory.path() / "fixture.json";
    std::filesystem::path media = directory.path() / "media";

    /// Users 1 (kim) and 2 (lee), profile 3 of user 1, post 4 by kim with the file 5, a comment 6
    /// and a like 7 by lee. Each stands on the line of its number plus one.
    std::vector<json> objects;
    json& object(std::size_t number) { return objects.at(number - 1); }
    json& fields(std::size_t number) { return object(number)["fields"]; }
    /// Another object like this one, of another primary key, behind all. Its fields.
    json& copy(std::size_t number, json pk);

    /// As one array, an object a line.
    void write_fixture() const;

    /// The word, with the fixture as it is in `objects`.
    std::vector<std::string> word(std::vector<std::string> options = {}) const;
    admin_end run_import(const std::vector<std::string>& options = {}) const;
    json must_import(const std::vector<std::string>& options = {}) const;
    /// It must be refused with these words, and the target stay as it is.
    void must_refuse(std::string_view says, const std::vector<std::string>& options = {}) const;

    /// Of the data directory as it is.
    std::vector<json> rows(const std::string& entity);

private:
    int dumps_ = 0;
};

}  // namespace pinhole::test
