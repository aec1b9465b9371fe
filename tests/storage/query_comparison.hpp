// The query engine beside somebody else who says what a query means.
//
// For one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tests/storage/naive_world.hpp"
#include "tests/storage/query_run.hpp"

namespace pinhole::storage::test {

/// What a query finds, to whoever is to be believed. At fault: there is nothing to be said of it.
using meaning = std::function<ids_or_fault(const naive_query&)>;

class query_comparison {
public:
    query_comparison(const world& in, meaning expected) : in_(in), expected_(std::move(expected)) {}

    /// Finds something else than was expected.
    bool fails(const naive_query& query) const;
    /// Requires: it fails.
    naive_query shrink(const naive_query& query) const;
    /// Nothing, or the smallest query that fails, with what was expected of it and what came.
    std::optional<std::string> explain(const naive_query& query) const;

private:
    const world& in_;
    meaning expected_;
};

/// The number in an environment variable, or what is ordinary.
int queries_wanted(const char* variable, int ordinary);

}  // namespace pinhole::storage::test
