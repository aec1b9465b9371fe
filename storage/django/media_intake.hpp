// Takes a Django app's files in as an upload's are: by what they hold and not by their names,
// within the limits, without where they were taken. The bytes go to one temporary file without a
// name, one after the other, until somebody reads them; a kill leaves nothing.
//
// What lies under the media root may be hostile. A name cannot lead out of it, and symbolic links
// are not followed below it.
//
// The name that a file gets is a hash of its bytes and of who it belongs to, so that the same
// import gives the same names, and nobody who does not have the file already can guess its.
//
// For one thread. Blocks: on the disk and on decoders.
// Errors: what is wrong with a file is a value, a sentence for people; std::system_error for the
// disk.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/spool_file.hpp"
#include "storage/media/probe.hpp"

namespace pinhole::storage::django {

/// What a row says of a file that was taken in.
struct taken_file {
    media::media_info info;
    std::string media_path;
    std::string sha256;
};

/// Where its bytes lie in the temporary file.
struct spooled_medium {
    std::string media_path;
    std::uint64_t begin = 0;
    std::uint64_t size_bytes = 0;
};

class media_intake {
public:
    /// Errors: throws std::system_error if `root` is not there.
    media_intake(const std::filesystem::path& root, std::filesystem::path scratch,
                 const media::probe_limits& limits = {});

    /// `name`: relative to the root, as a FileField has it. `owner`: what tells the file's row from
    /// all others.
    std::expected<taken_file, std::string> take(std::string_view name, std::string_view owner);

    // Behind the last `take`, in the order in which they were taken.
    void rewind();
    bool next(spooled_medium& medium);
    /// Reads so many bytes at a place of the temporary file.
    std::size_t read(std::span<char> buffer, std::uint64_t at) const;
    /// Gives the disk back what has been read of it, where the file system can.
    void release(const spooled_medium& medium) const;

    std::uint64_t bytes_total() const { return spooled_bytes_; }

private:
    std::expected<unique_fd, std::string> open_below_root(std::string_view name) const;
    std::expected<taken_file, std::string> take_copy(int copy, const std::string& token_source,
                                                     media::format format);
    void spool(int copy, const std::string& media_path, std::uint64_t size_bytes);

    std::filesystem::path scratch_;
    media::probe_limits limits_;
    unique_fd root_;
    unique_fd bytes_;
    std::uint64_t spooled_bytes_ = 0;
    dump::spool_writer places_;
    std::optional<dump::spool_reader> reader_;
};

}  // namespace pinhole::storage::django
