// What a commit may hold: the limits and kinds that store.hpp requires. A store asserts them of its
// callers; whoever takes commits from elsewhere asks first. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "storage/kv/store.hpp"

namespace pinhole::kv {

const key& key_of(const operation& operation);
/// Null where the operation has none.
const std::string* value_of(const operation& operation);

/// Whether a family of this kind takes such an operation.
bool is_allowed(const operation& operation, family_kind kind);

/// Null if there is no such family.
const family_spec* find_family(std::span<const family_spec> families, family_id id);

/// Whether every operation is of a known family that takes it, with a key and value that fit.
bool is_sound(const commit& commit, std::span<const family_spec> families);

}  // namespace pinhole::kv
