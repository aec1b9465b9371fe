// A parsed filter: tests of single values, joined by and, or and not. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/catalog.hpp"
#include "storage/query/predicate.hpp"

namespace pinhole::storage::query {

/// The way from a row to a value. Through backward relations it leads to many, and a test holds if
/// it holds of one of them.
struct field_path {
    std::vector<const relation_entry*> relations;
    const field_entry* field = nullptr;  ///< of the last relation's target
};

/// One `path__lookup=value`.
struct test {
    field_path path;
    /// Nothing: `isnull`, which asks whether the path leads nowhere (`wants_null`) or somewhere.
    std::optional<query::predicate> predicate;
    bool wants_null = false;
    std::string text;  ///< as it was written: `content__icontains="sea"`
};

struct condition {
    enum class kind : std::uint8_t { all, any, negation, test };

    kind what = kind::all;
    std::vector<condition> parts = {};             ///< of a negation: one
    std::shared_ptr<const query::test> leaf = {};  ///< of a test
};

/// What must hold wherever a condition does: all of the tests, and one part of each alternative.
/// Negations are left out. They belong to the condition, which must outlive them.
struct requirements {
    std::vector<const test*> tests;
    std::vector<const condition*> alternatives;
};
requirements find_requirements(const condition& of);

/// A field that a list is ordered by; the relations are forward ones.
struct order_key {
    field_path path;
    bool descending = false;
};

}  // namespace pinhole::storage::query
