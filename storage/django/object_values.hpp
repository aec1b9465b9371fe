// The values of a fixture's object as the map has them: typed, with what is wrong told by line,
// model and primary key.
//
// It knows no row. For one thread; used again from object to object.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "storage/base/id.hpp"
#include "storage/base/time.hpp"
#include "storage/django/field_map.hpp"
#include "storage/django/fixture_reader.hpp"
#include "storage/dump/dump_fault.hpp"

namespace pinhole::storage::django {

/// "api.post 42: "
std::string front_of(std::string_view model, std::string_view pk);

class object_values {
public:
    /// All outlive it. `file` is the fixture's name in faults.
    object_values(const field_map& map, std::string file, bool ignore_unknown,
                  dump::fault_list& faults)
        : map_(map), file_(std::move(file)), ignore_unknown_(ignore_unknown), faults_(faults) {}

    /// The object whose values are asked for from here on. False if it has none: it is broken, or
    /// has no primary key.
    bool begin(fixture_object& object, section which);

    // What the source named so says; the second value where it says nothing. A fault where it says
    // something of another type.
    std::string text(std::string_view name);
    bool flag(std::string_view name, bool otherwise);
    std::int64_t integer(std::string_view name, std::int64_t otherwise);
    timestamp time(std::string_view name, timestamp otherwise = {});
    /// A primary key; empty where it says nothing, which is a fault as well.
    std::string reference(std::string_view name);
    std::string required_text(std::string_view name);

    void report(std::string_view problem);

    /// Faults for fields that nobody has asked for and the map does not ignore, once for each.
    void finish();

    std::uint64_t line() const { return object_->line; }
    const std::string& pk() const { return object_->pk; }

private:
    const dump::json_member* find(std::string_view name);
    const dump::json_member* find_field(std::string_view field);
    std::string joined(const field_source& source);
    std::string field_names(std::string_view name) const;
    void report_type(std::string_view name, const dump::json_member& value,
                     std::string_view expected);

    const field_map& map_;
    std::string file_;
    bool ignore_unknown_;
    dump::fault_list& faults_;
    fixture_object* object_ = nullptr;
    const model_map* model_ = nullptr;
    dump::json_member pk_;
    std::set<std::string> told_unknown_;
};

}  // namespace pinhole::storage::django
