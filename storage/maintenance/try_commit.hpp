// One attempt at what was planned from rows that others may change meanwhile.
// Blocks: until the commit is decided.
#pragma once

#include <string_view>

#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// False: something has changed since it was planned; read again and retry.
/// Errors: throws kv::storage_failure with the text `unwritable` if the store does not take it, or
/// nobody knows whether it did.
bool try_commit(kv::store& store, kv::commit commit, std::string_view unwritable);

}  // namespace pinhole::storage
