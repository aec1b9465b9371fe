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
    excessive,  ///< more work or memory than any honest file asks for
};

struct structure_limits {
    /// Passes over a progressive JPEG: each one costs a walk over all its pixels, and an honest
    /// encoder writes about ten. 100 is what libvips adopted in 8.15.
    std::uint32_t jpeg_scans_max = 100;
    /// Texts and the colour profile of a PNG, as they are once inflated: libpng does that before it
    /// gives the dimensions, and a chunk of 8 KB may hold 8 MB.
    std::uint64_t png_text_bytes_max = 4U << 20;
    std::uint32_t png_text_chunks_max = 256;
    std::uint32_t gif_frames_max = 1'000;
    /// The screen that a GIF asks for, which need not be what its frames fill: browsers allocate
    /// it.
    std::uint32_t gif_side_max = 30'000;
    std::uint64_t gif_pixels_max = 50'000'000;

    /// One coded picture inside a HEIC or AVIF; see structure_heif.cpp.
    std::uint64_t heif_pixels_max = 50'000'000;
    std::uint64_t heif_side_max = 30'000;
    /// Tiles of one grid: 186 of the usual 512 x 512 make 48 megapixels.
    std::uint32_t heif_tiles_max = 4'096;
    /// Items that are no picture (Exif, XMP), all together: a phone writes two or three, of a few
    /// KB, and with an XMP that describes depth maps a few hundred KB.
    std::uint32_t heif_metadata_items_max = 64;
    std::uint64_t heif_metadata_bytes_max = 4U << 20;

    /// Samples (frames, audio blocks) over all tracks of an MP4 or MOV: the demuxer allocates for
    /// every one that the header claims. Ten minutes at 240 frames/s with two tracks of sound is
    /// 0.2 million.
    std::uint64_t video_samples_max = 1'000'000;
    /// Entries of all edit lists: the index is walked for each. Cameras write one or two a track.
    std::uint64_t video_edits_max = 256;
    /// The tables that place the samples.
    std::uint64_t video_table_bytes_max = 16U << 20;
    /// All that is neither a sample nor such a table: configurations, tags, cover pictures,
    /// indexes. The demuxer keeps it in memory, some of it twice.
    std::uint64_t video_header_bytes_max = 8U << 20;
    /// One frame. An 8K picture of the highest quality takes half of it.
    std::uint64_t video_sample_bytes_max = 32U << 20;
};

/// What the walk found.
struct structure_report {
    structure verdict = structure::broken;
    /// The largest coded picture or grid inside a HEIC or AVIF, whatever the file says around it.
    std::uint64_t coded_pixels = 0;
};

structure_report check_structure(format format, int fd, const structure_limits& limits);

/// The part of `check_structure` for PNG (structure_png.cpp).
structure check_png(file_cursor& file, const structure_limits& limits);

/// The part of `check_structure` for WebM (structure_webm.cpp).
structure check_webm(file_cursor& file, const structure_limits& limits);

/// The part of `check_structure` for HEIC, AVIF, MP4 and MOV (structure_isobmff.cpp).
structure_report check_isobmff(format format, file_cursor& file, const structure_limits& limits);

/// The part of `check_isobmff` for the `meta` box of HEIC and AVIF, given by its body
/// (structure_heif.cpp). MP4 may have such a box, too: there it means nothing to us.
/// Requires: the body lies within the file.
structure_report check_heif_pictures(file_cursor& file, std::uint64_t meta_start,
                                     std::uint64_t meta_size, const structure_limits& limits);

}  // namespace pinhole::media
