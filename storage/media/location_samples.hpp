// Where the samples of an MP4's or MOV's tracks lie (ISO/IEC 14496-12, 8.7), so that whatever else
// is in the media data can be told from them.
//
// Thread-safety: one thread at a time. Blocking: reads the file. Errors: std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/media/location_steps.hpp"

namespace pinhole::media {

struct file_part {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
};

/// What a track's boxes say; the parts are the bodies of its tables.
struct track_tables {
    std::string handler;
    bool stays = false;
    std::size_t offset_bytes = 4;
    file_part chunk_offsets;      ///< stco or co64
    file_part samples_of_chunks;  ///< stsc
    file_part sample_sizes;       ///< stsz
};

class chunk_list {
public:
    /// False if there are more than any honest file has.
    bool add(int fd, const track_tables& track);

    /// The bytes that the tracks which stay refer to.
    void append_kept(file_ranges& kept);

private:
    struct chunk {
        std::uint64_t start;
        std::uint64_t end;  ///< zero: not told; to the next chunk of any track
        bool stays;
    };
    bool add(const chunk& added);

    std::vector<chunk> chunks_;
};

}  // namespace pinhole::media
