#include "storage/media/location_samples.hpp"

#include <algorithm>
#include <limits>

#include "storage/media/file_cursor.hpp"

namespace pinhole::media {
namespace {

constexpr std::size_t chunks_max = 2'000'000;
constexpr std::uint64_t offset_max = std::numeric_limits<std::uint64_t>::max();

/// Reads entries of a table that starts with version, flags and a count; zeros behind its end.
class table_reader {
public:
    table_reader(int fd, file_part part, std::uint64_t header_bytes) : cursor_(fd), end_(part.end) {
        const std::uint64_t start = std::min(part.start + header_bytes, part.end);
        cursor_.seek(std::min(start, cursor_.size()));
    }
    bool has(std::uint64_t bytes) const {
        return cursor_.position() <= end_ && bytes <= end_ - cursor_.position();
    }
    std::uint64_t read(std::size_t bytes) {
        if (!has(bytes)) {
            return 0;
        }
        return bytes == 8 ? cursor_.read_big_64() : cursor_.read_big_32();
    }

private:
    file_cursor cursor_;
    std::uint64_t end_;
};

/// How many samples each chunk has, chunk after chunk (8.7.4): runs of chunks with equally many.
class chunk_samples {
public:
    chunk_samples(int fd, file_part part) : table_(fd, part, 8) {
        samples_ = next_run();
        next_samples_ = next_run();
    }
    std::uint64_t of(std::uint64_t chunk_number) {
        while (next_first_ != 0 && chunk_number >= next_first_) {
            samples_ = next_samples_;
            next_samples_ = next_run();
        }
        return samples_;
    }

private:
    std::uint64_t next_run() {
        constexpr std::uint64_t entry_bytes = 12;
        if (!table_.has(entry_bytes)) {
            next_first_ = 0;
            return 0;
        }
        next_first_ = table_.read(4);
        const std::uint64_t samples = table_.read(4);
        table_.read(4);
        return samples;
    }

    table_reader table_;
    std::uint64_t samples_ = 0;
    std::uint64_t next_samples_ = 0;
    std::uint64_t next_first_ = 0;
};

}  // namespace

bool chunk_list::add(const chunk& added) {
    if (!chunks_.empty()) {
        chunk& last = chunks_.back();
        if (last.end != 0 && last.end == added.start && added.end != 0 &&
            last.stays == added.stays) {
            last.end = added.end;
            return true;
        }
    }
    chunks_.push_back(added);
    return chunks_.size() <= chunks_max;
}

bool chunk_list::add(int fd, const track_tables& track) {
    table_reader offsets(fd, track.chunk_offsets, 8);
    table_reader sizes(fd, track.sample_sizes, 4);
    chunk_samples samples(fd, track.samples_of_chunks);
    // Where all samples are of one size, QuickTime's sound counts in units of its own.
    const bool is_told = sizes.has(8) && sizes.read(4) == 0;
    sizes.read(4);
    for (std::uint64_t number = 1; offsets.has(track.offset_bytes); ++number) {
        const std::uint64_t start = offsets.read(track.offset_bytes);
        std::uint64_t end = 0;
        if (is_told) {
            end = start;
            for (std::uint64_t left = samples.of(number); left > 0 && sizes.has(4); --left) {
                const std::uint64_t size = sizes.read(4);
                end += std::min(size, offset_max - end);
            }
        }
        if ((end == 0 || end > start) && !add({.start = start, .end = end, .stays = track.stays})) {
            return false;
        }
    }
    return true;
}

void chunk_list::append_kept(file_ranges& kept) {
    std::ranges::sort(chunks_, {}, &chunk::start);
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        const chunk& each = chunks_[i];
        if (!each.stays) {
            continue;
        }
        std::uint64_t end = each.end;
        if (end == 0) {
            end = i + 1 < chunks_.size() ? chunks_[i + 1].start : offset_max;
        }
        kept.emplace_back(each.start, end);
    }
}

}  // namespace pinhole::media
