// Finds out what an uploaded file really is, and refuses what is not whole and sound.
//
// The file is hostile until shown otherwise. In this order, cheapest first:
//  1. sniff: the format is taken from the content (sniff.hpp);
//  2. bytes: no more than the format's limit;
//  3. structure: the container is walked without decoding anything, so that a file that was cut
//     short is refused by its own stated sizes, and one that promises absurd amounts of work
//     (scans, frames, samples) is refused before a decoder believes it (structure.hpp);
//  4. header: dimensions, frames and duration against the limits, before any pixel is decoded;
//  5. content: images are decoded wholly, strip by strip; of videos the first picture is decoded
//     and every packet is read.
// Only the decoder of the sniffed format can run; nothing guesses, and no decoder can open another
// file or a network address. It refuses to know: HTTP, entities, where files live.
//
// Thread-safety: any thread. Blocking: yes, for up to `limits::time_max` on videos and as long as
// `image_pixels_max` pixels take on images; callers run it on a pool. One call uses one thread
// (libheif's decoders may add their own).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include "storage/media/sniff.hpp"

namespace pinhole::media {

enum class media_kind : std::uint8_t { image, video };

struct media_info {
    media::format format;
    media_kind kind;
    std::string_view content_type;
    std::uint64_t size_bytes = 0;
    /// As displayed: EXIF orientation, rotation and pixel aspect ratio are applied.
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    /// Zero for images, animated ones too.
    std::chrono::milliseconds duration{0};
};

enum class probe_failure : std::uint8_t {
    unsupported_type,  ///< not an accepted format, or coded in a way that is not accepted
    corrupt,           ///< cut short, damaged, or not what its first bytes say
    too_many_bytes,    ///< more bytes than a file of this kind may have
    too_large,         ///< too many pixels, frames or passes
    too_long,          ///< a video of too long a duration
};

struct probe_error {
    probe_failure code;
    std::string message;  ///< one sentence for the user; names no path and no library
    std::string detail;   ///< what the decoder said, for the log only; may be empty
};

struct probe_limits {
    std::uint64_t image_bytes_max = 20ULL << 20;
    std::uint64_t video_bytes_max = 200ULL << 20;

    /// Pixels of one image. The decoders keep a few strips of a baseline JPEG or a plain PNG.
    std::uint64_t image_pixels_max = 100'000'000;
    /// Pixels of one image whose decoder must hold the whole picture at once (progressive JPEG,
    /// interlaced PNG, WebP, HEIC, AVIF; a GIF twice), and of all such that are being decoded at a
    /// time: the others wait. At up to 8 bytes a pixel this is what bounds the memory.
    std::uint64_t buffered_pixels_max = 50'000'000;
    std::uint32_t image_side_max = 30'000;
    /// Frames of an animation, and the pixels of all of them.
    std::uint32_t animation_frames_max = 1'000;
    std::uint64_t animation_pixels_max = 400'000'000;

    std::uint64_t video_pixels_max = 8192ULL * 4320;  ///< one frame: 8K
    std::uint32_t video_side_max = 8192;
    std::chrono::milliseconds video_duration_max = std::chrono::minutes(10);
    std::uint32_t video_streams_max = 16;

    /// After this long a video is given up and counts as corrupt.
    std::chrono::milliseconds time_max = std::chrono::seconds(30);
};

/// Says what the file is, or why it is refused.
/// Blocks: see above.
/// Errors: what depends on the file's content is a value; std::system_error if it cannot be opened
/// or read, std::bad_alloc if there is no memory for it.
std::expected<media_info, probe_error> probe(const std::filesystem::path& path,
                                             const probe_limits& limits = {});

/// Starts the decoding libraries; `probe` does so itself at its first call, a server calls it early
/// so that no request pays for it. Must be called (directly or by `probe`) before other use of the
/// same libraries in the process; idempotent.
void start_decoders();

}  // namespace pinhole::media
