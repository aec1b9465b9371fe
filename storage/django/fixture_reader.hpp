// Reads a Django fixture, as `dumpdata` writes it, object by object: a JSON array of objects, or
// one object after the other (JSONL), either of them compressed by gzip or not. Only the object at
// hand is in memory.
//
// It knows Django's form (model, pk, fields) and no model. Values inside a value (the lists of
// many-to-many fields and natural keys) are checked as JSON and not kept.
// For one thread. Blocks: on whoever writes what it reads.
// Errors: unreadable_fixture for what cannot be read on from there, std::system_error for the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/json_line.hpp"

namespace pinhole::storage::django {

/// An object is never longer, and never has more fields.
inline constexpr std::uint64_t object_bytes_max = std::uint64_t{16} << 20U;
inline constexpr std::size_t object_fields_max = 200;

/// What comes behind this line cannot be read any more.
struct unreadable_fixture : std::runtime_error {
    unreadable_fixture(std::uint64_t at_line, const std::string& problem)
        : std::runtime_error(problem), line(at_line) {}
    std::uint64_t line;
};

/// One object, valid until the next.
class fixture_object {
public:
    std::uint64_t line = 0;  ///< on which it begins
    std::string model;       ///< "api.post", in lower case as Django takes it
    std::string pk;          ///< a number in decimal, or the text as it is; empty if it has none
    /// What is wrong with it as a whole (no model, a pk that is a list); nothing else is then sure.
    std::string problem;

    std::span<dump::json_member> fields() { return std::span{fields_}.first(count_); }
    dump::json_member* find(std::string_view name);

private:
    friend class object_handler;

    std::vector<dump::json_member> fields_;  ///< with those of earlier objects, to be used again
    std::size_t count_ = 0;
};

class fixture_reader {
public:
    /// Reads from the descriptor's place on.
    explicit fixture_reader(unique_fd file);
    ~fixture_reader();
    fixture_reader(const fixture_reader&) = delete;
    fixture_reader& operator=(const fixture_reader&) = delete;

    /// Hands each object to `take`, which may throw to end it. Once.
    void for_each(const std::function<void(fixture_object&)>& take);

    /// Bytes of the file that have been read, compressed ones where it is.
    std::uint64_t bytes_read() const;

private:
    class input;
    std::unique_ptr<input> input_;
};

}  // namespace pinhole::storage::django
