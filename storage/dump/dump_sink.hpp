// Where a dump goes: a directory, a tar file, or a stream. A sink takes the dump's members one
// after another, and shows nothing under the target's name before `finish`: until then it writes to
// TARGET.partial-XXXXXX beside it, which it removes if it is not finished, also when a stop or an
// error ends the work. (A kill -9 leaves that, under its telling name.)
//
// A tar says each member's size before its bytes, so whoever writes to one needs to know it. (That
// costs a second pass over the rows, and no memory. The other way, to write the rows into a
// temporary file first, costs the disk the whole dump once more, and there is no disk that one may
// fill when the dump goes to standard output.)
//
// What is written is the same for the same members, byte for byte: no time, user or order of
// folders of this machine is in it. It is as secret as the database: modes 0600 and 0700.
//
// Thread-safety: one thread at a time. Blocking: on the disk, or on whoever reads the stream.
// Errors: throws std::system_error, of a full disk, too; std::runtime_error where libarchive fails
// for another reason.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "storage/base/error.hpp"
#include "storage/base/time.hpp"

namespace pinhole::storage::dump {

class dump_sink {
public:
    virtual ~dump_sink() = default;

    /// Whether `begin_member` has to be told the size.
    virtual bool needs_sizes() const = 0;

    /// `path`: relative, with "/" between its parts, of [A-Za-z0-9._-] alone; none twice.
    /// `size_bytes`: exactly what will be written, if the sink needs sizes.
    virtual void begin_member(const std::string& path, std::uint64_t size_bytes) = 0;
    virtual void write(std::string_view bytes) = 0;
    virtual void end_member() = 0;

    /// The dump is whole: durable under the target's name when this returns (a stream: handed
    /// over, with its end). Errors: conflict if something has come to stand there meanwhile.
    virtual result<void> finish() = 0;
};

/// What the sinks below refuse: conflict if something stands at `target`, not_found if the
/// directory above it does not, invalid if it has no name.
result<void> find_conflict(const std::filesystem::path& target);

/// Errors (of all that have a target): as `find_conflict`.
result<std::unique_ptr<dump_sink>> make_directory_sink(const std::filesystem::path& target);

enum class compression : std::uint8_t { none, zstd };

/// `created_at` is the time that the members get, in whole seconds.
result<std::unique_ptr<dump_sink>> make_tar_sink(const std::filesystem::path& target,
                                                 compression compressed, timestamp created_at);

/// A tar to an open descriptor, standard output say, which stays open. What was written before an
/// end without `finish` has no manifest and no end mark, so nobody takes it for a dump.
std::unique_ptr<dump_sink> make_stream_sink(int fd, timestamp created_at);

/// By the target's name: .tar, .tar.zst, else a directory.
result<std::unique_ptr<dump_sink>> make_sink(const std::filesystem::path& target,
                                             timestamp created_at);

}  // namespace pinhole::storage::dump
