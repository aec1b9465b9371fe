#include "storage/migrations.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "storage/meta.hpp"
#include "storage/reindex.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view schema_version_name = "schema_version";

constexpr std::array<migration, schema_version - 1> steps_so_far{
    add_index_entries,  // 2: indexes by text, by counts, by username, by type of file
};

[[noreturn]] void refuse_newer(const std::string& where, std::int64_t found, std::int64_t newest) {
    throw std::runtime_error{"the database in " + where +
                             " was written by a newer version (schema " + std::to_string(found) +
                             ", this program knows " + std::to_string(newest) + ")"};
}

/// No row may ever stand in a database that does not say how it was written.
void write_version(kv::store& store, std::int64_t version, const std::string& where) {
    kv::commit commit;
    append_meta(commit, schema_version_name, version);
    if (store.submit_and_wait(std::move(commit)) != kv::outcome::ok) {
        throw kv::storage_failure{"the schema version cannot be written to " + where +
                                  ": is the disk full?"};
    }
}

}  // namespace

void append_schema_version(kv::commit& commit) {
    append_meta(commit, schema_version_name, schema_version);
}

std::span<const migration> migrations() {
    return steps_so_far;
}

void migrate(kv::store& store, std::span<const migration> steps, const std::string& where) {
    const auto newest = static_cast<std::int64_t>(steps.size()) + 1;
    const auto found = read_meta(*store.snapshot(kv::read_mode::blocking), schema_version_name);
    if (!found) {
        write_version(store, newest, where);
        return;
    }
    if (*found > newest) {
        refuse_newer(where, *found, newest);
    }
    if (*found < 1) {
        throw std::runtime_error{"the database in " + where + " says schema version " +
                                 std::to_string(*found) + ", which never was"};
    }
    for (std::int64_t version = *found; version < newest; ++version) {
        steps[static_cast<std::size_t>(version) - 1](store);
        write_version(store, version + 1, where);
    }
}

void require_newest_schema(const kv::reader& reader, const std::string& where) {
    const auto found = read_meta(reader, schema_version_name);
    if (found && *found > schema_version) {
        refuse_newer(where, *found, schema_version);
    }
    if (found && *found != schema_version) {
        throw std::runtime_error{
            "the database in " + where + " was written by an older version (schema " +
            std::to_string(*found) + "): start the server once, which brings it up to date"};
    }
}

}  // namespace pinhole::storage
