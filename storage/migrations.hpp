// Brings a database written by an older program to this one's keys and rows, one version at a time.
//
// Adding a field to an entity is a new version too: a program that does not know the field skips it
// when it reads a row and drops it when it next rewrites the row, so it must not open the database.
// Such a step has nothing to do; one that changes keys or rows rewrites them. A step may be cut
// short by a crash and is then run again from its start.
// Blocks: on the disk.
#pragma once

#include <span>
#include <string>

#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// Errors: throws what the store throws, and kv::storage_failure if the store takes no writes.
using migration = void (*)(kv::store& store);

/// This program's steps: the first leads from version 1 to 2, the last to `schema_version`.
std::span<const migration> migrations();

/// Runs the steps that the database lacks and records each version as it is reached; a database
/// without a version is new and gets the newest. `where` names it in messages.
/// Errors: throws std::runtime_error if it was written by a newer program, or says a version that
/// never was; kv::storage_failure if the version cannot be written.
void migrate(kv::store& store, std::span<const migration> steps, const std::string& where);

/// Notes that all rows and keys are as this program writes them.
void append_schema_version(kv::commit& commit);

/// For what reads a database without writing to it.
/// Errors: throws std::runtime_error unless it is in the newest version, or new.
void require_newest_schema(const kv::reader& reader, const std::string& where);

}  // namespace pinhole::storage
