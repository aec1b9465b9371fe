// A temporary file without a name: it is gone with the process, however that ends. Written from
// its start to its end, and read again as often as one likes.
//
// For one thread. Blocks: on the disk. Errors: throws std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::dump {

/// Opens a file without a name in the directory.
unique_fd open_unnamed(const std::filesystem::path& directory);

class spool_writer {
public:
    explicit spool_writer(const std::filesystem::path& directory);

    void append(std::string_view bytes);
    /// With its length before it, for spool_reader::record.
    void append_record(std::string_view bytes);
    /// Writes what is still in memory. Then it may be read.
    void flush();
    /// Likewise, and gives the memory back. Requires: nothing is appended any more.
    void end();

    int fd() const { return file_.get(); }
    std::uint64_t size_bytes() const { return written_ + buffer_.size(); }

private:
    unique_fd file_;
    std::string buffer_;
    std::uint64_t written_ = 0;
};

/// Reads from a place in a file to another.
class spool_reader {
public:
    /// Requires: the file outlives the reader.
    spool_reader(int fd, std::uint64_t begin, std::uint64_t end, std::size_t buffer_bytes);

    /// The next bytes, so many, or nothing at the end. Valid until the next call.
    std::optional<std::string_view> take(std::size_t bytes);
    std::optional<std::string_view> record();

private:
    int fd_;
    std::uint64_t at_;
    std::uint64_t end_;
    std::vector<char> buffer_;
    std::size_t from_ = 0;
    std::size_t to_ = 0;
};

}  // namespace pinhole::storage::dump
