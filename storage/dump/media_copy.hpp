// Copies the bytes of files into a dump, and holds them against what their rows say.
//
// Thread-safety: one thread. Blocks: on the disk, and on the sink. Memory: one buffer.
// Errors: throws std::system_error where a file cannot be read, std::runtime_error where one
// shrinks while it is read, work_interrupted, and what the sink throws.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/work.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/dump_sink.hpp"
#include "storage/media/media_reader.hpp"

namespace pinhole::storage::dump {

class media_copier {
public:
    /// All outlive it. `progress` gives the phase and the total; the copied bytes are counted.
    media_copier(const media::media_reader& media, dump_sink& sink, const work_watch& watch,
                 const work_progress& progress);

    /// Reads the file without writing anything. What is wrong with it, as a line for people:
    /// missing, another size, or another SHA-256 where the row has one; nothing if it is sound.
    std::optional<std::string> find_fault(const file& row);

    /// Writes the file as a member, if it is there and has its size. What is wrong with it: a wrong
    /// SHA-256 is known only when all is written.
    std::optional<std::string> copy(const file& row);

    /// What was written and is sound.
    media_sums copied() const { return copied_; }

private:
    using piece_function = std::function<void(std::span<const std::byte>)>;

    std::optional<std::string> read(const file& row, const media::open_file& opened,
                                    const piece_function& take);

    const media::media_reader& media_;
    dump_sink& sink_;
    const work_watch& watch_;
    work_progress progress_;
    media_sums copied_;
    std::vector<std::byte> buffer_;
};

}  // namespace pinhole::storage::dump
