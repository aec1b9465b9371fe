// What every backend of the store must do, as one suite that any can be run through.
//
// A backend's test file says at namespace scope:
//     const bool registered = (register_conformance("my_store", make_my_backend), true);
// and gets one test case for each rule below, each on a store of its own.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/kv/store.hpp"

namespace pinhole::kv::test {

/// One store's data, empty at first.
class backend {
public:
    virtual ~backend() = default;
    /// Opens the store with the families of test_store.hpp; the same data each time.
    /// Requires: the one opened before is closed.
    virtual std::unique_ptr<store> open() = 0;
};

using backend_factory = std::function<std::unique_ptr<backend>()>;

struct conformance_rule {
    std::string_view name;
    void (*test)(backend&);
};

/// What a single caller sees: order, pages, parts, stamps, snapshots, durability.
std::vector<conformance_rule> sequential_rules();
/// What many callers at once see: races, lost updates, write skew, counters.
std::vector<conformance_rule> concurrent_rules();

/// Adds the suite to the tests of the program.
void register_conformance(std::string_view backend_name, const backend_factory& factory);

}  // namespace pinhole::kv::test
