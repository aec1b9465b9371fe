// Reads a dump from wherever it lies: a directory, a tar stream, or one compressed with zstd, from
// a file or from standard input. Whatever it is, its members come one after another, and their
// bytes piece by piece.
//
// What it reads may be hostile. A member is passed on only if its name is one that a dump has:
// manifest.json, a dumped entity's file, or media/ and a media path, which cannot climb out of its
// folder. Links, devices, sparse files, absolute paths, names that come twice, and members longer
// than they may be are refused; nothing is ever written. Sums, and media that come twice, are for
// whoever reads the members.
//
// For one thread. Blocks: on the disk, or on whoever writes to standard input.
// Errors: all but `open_archive` throw unreadable_dump for what the dump does wrong, and
// std::system_error for what the disk does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/dump/dump_fault.hpp"

namespace pinhole::storage::dump {

/// A single medium is never longer: 16 GiB.
inline constexpr std::uint64_t medium_bytes_max = std::uint64_t{16} << 30U;

enum class member_kind : std::uint8_t { manifest, rows, media };

struct archive_member {
    member_kind kind = member_kind::manifest;
    std::string path;  ///< in the dump: "likes.jsonl", "media/ab/abc.jpg"
    std::uint64_t size_bytes = 0;
};

class archive_reader {
public:
    virtual ~archive_reader() = default;

    /// The next member; what was not read of the one before is skipped. Nothing at the end. The
    /// manifest comes first from a directory, last from an archive; media come behind all rows.
    virtual std::optional<archive_member> next() = 0;

    /// The next bytes of the member, 0 at its end. Requires: a buffer that is not empty.
    virtual std::size_t read(std::span<char> buffer) = 0;
};

/// The name that stands for standard input.
inline constexpr std::string_view standard_input = "-";

/// What a name in a dump is, or nothing if no dump has it. Takes any text.
std::optional<member_kind> kind_of_member(std::string_view path);

/// Opens what lies there: a directory, or a tar stream as it is or compressed.
/// Errors: throws std::system_error if it cannot be opened.
std::unique_ptr<archive_reader> open_archive(const std::filesystem::path& source);

}  // namespace pinhole::storage::dump
