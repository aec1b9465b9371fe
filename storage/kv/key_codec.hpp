// Order-preserving encoding of composite keys: for two tuples of the same shape,
// encode(a) < encode(b) as unsigned bytes exactly when a < b.
//
// The encoding is on disk: never renumber, never change. Golden bytes are kept in the tests.
//
//   u8       one byte
//   i64      8 bytes big-endian, sign bit flipped
//   string   its bytes with 00 written as 00 FF, then the terminator 00 01
//
// A bare 00 as terminator would break the order of composites: ("a", x) and ("a\0", y) must compare
// by their first field. The escape is the one of FoundationDB's tuple layer and of CockroachDB; the
// terminator 00 01 is below the escaped 00 FF and below 00 followed by nothing else, so a string
// sorts directly before those it is a prefix of, and no encoding is a prefix of another.
//
// It knows no schema: whoever reads a key must know the shape it was written with.
// Thread-safety: a writer or reader belongs to one thread. Nothing blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinhole::kv {

/// Appends fields to a key, in order of significance.
class key_writer {
public:
    key_writer& append_u8(std::uint8_t value);
    key_writer& append_i64(std::int64_t value);
    key_writer& append_string(std::string_view value);

    const std::string& bytes() const { return bytes_; }
    /// Moves the key out and leaves the writer empty.
    std::string take();
    /// Leaves it empty for another key, which finds room.
    void clear() { bytes_.clear(); }

private:
    std::string bytes_;
};

/// Takes fields from a key in the order in which they were written. A key that is too short or not
/// an encoding answers nullopt, and the reader then stays where it was.
/// Requires: the bytes outlive the reader.
class key_reader {
public:
    explicit key_reader(std::string_view bytes) : rest_(bytes) {}

    std::optional<std::uint8_t> read_u8();
    std::optional<std::int64_t> read_i64();
    std::optional<std::string> read_string();

    /// What has not been read yet.
    std::string_view rest() const { return rest_; }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

/// The smallest string above every string that starts with `prefix`: the end of a prefix scan.
/// Empty where there is none (the prefix is empty or all FF), which a range reads as "to the end".
std::string prefix_end(std::string prefix);

}  // namespace pinhole::kv
