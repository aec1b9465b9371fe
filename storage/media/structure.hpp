// Walks a container from its first byte to its last without decoding anything.
//
// Decoders are forgiving: most show a photo whose end is missing, and some believe any count that a
// header states. So two questions are answered here, from the containers' own sizes, before a
// decoder runs: is the file whole, and does it ask for an absurd amount of work? It refuses to
// know: pixels, codecs.
//
// Thread-safety: pure but for reading. Blocking: reads the file (JPEG, GIF: all of it).
// Errors: std::system_error when the file cannot be read.
#pragma once

#include <cstdint>

#include "storage/media/file_cursor.hpp"
#include "storage/media/sniff.hpp"

namespace pinhole::media {

enum class structure : std::uint8_t {
    whole,
    broken,     ///< ends too early, or is not built as its format says
    excessive,  ///< more frames, passes or samples than any honest file has
};

struct structure_limits {
    /// Passes over a progressive JPEG: each one costs a walk over all its pixels, and an honest
    /// encoder writes about ten. 100 is what libvips adopted in 8.15.
    std::uint32_t jpeg_scans_max = 100;
    std::uint32_t gif_frames_max = 1'000;
    /// Samples (frames, audio blocks) over all tracks of an MP4 or MOV: the demuxer allocates for
    /// every one that the header claims. Ten minutes at 240 frames/s with two tracks of sound is
    /// 0.2 million.
    std::uint64_t video_samples_max = 2'000'000;
    /// One coded picture inside a HEIC or AVIF; see structure_heif.cpp.
    std::uint64_t heif_pixels_max = 50'000'000;
    std::uint64_t heif_side_max = 30'000;
};

structure check_structure(format format, int fd, const structure_limits& limits);

/// The part of `check_structure` for HEIC, AVIF, MP4 and MOV (structure_isobmff.cpp).
structure check_isobmff(format format, file_cursor& file, const structure_limits& limits);

/// The part of `check_isobmff` for the `meta` box of HEIC and AVIF, given by its body
/// (structure_heif.cpp). MP4 may have such a box, too: there it means nothing to us.
/// Requires: the body lies within the file.
structure check_heif_pictures(file_cursor& file, std::uint64_t meta_start, std::uint64_t meta_size,
                              const structure_limits& limits);

}  // namespace pinhole::media
