// The smallest query that still fails, from a random one that does: what is asked is taken away bit
// by bit for as long as the rest fails, too.
//
// Pure; thread-safe.
#pragma once

#include <functional>
#include <vector>

#include "tests/storage/naive_query.hpp"

namespace pinhole::storage::test {

/// Each a bit less than the query, the greatest steps first. None of them leads back to it.
std::vector<naive_query> smaller_queries(const naive_query& of);

/// Requires: `fails` holds of the query. Asks it a thousand times at most.
naive_query shrink_query(naive_query query, const std::function<bool(const naive_query&)>& fails);

}  // namespace pinhole::storage::test
