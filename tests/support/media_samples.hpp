// Photos and videos made on the spot, as the bytes that a client would upload.
//
// Each is made once for the process, at first use: images by libvips, videos by the `ffmpeg`
// program (some 100 ms each). Unless said otherwise: `sample_width` x `sample_height` as displayed,
// videos `sample_duration` long with a sound track.
//
// Thread-safety: any thread. Errors: std::runtime_error if an encoder is missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pinhole::test {

inline constexpr std::uint32_t sample_width = 320;
inline constexpr std::uint32_t sample_height = 240;
inline constexpr std::chrono::milliseconds sample_duration{1000};

const std::string& sample_jpeg();
const std::string& sample_progressive_jpeg();
/// Stored `sample_height` wide and turned by EXIF orientation 6.
const std::string& sample_turned_jpeg();
const std::string& sample_png();
const std::string& sample_interlaced_png();
const std::string& sample_gif();
/// Five frames.
const std::string& sample_animated_gif();
const std::string& sample_webp();
/// Five frames.
const std::string& sample_animated_webp();
const std::string& sample_heic();
const std::string& sample_avif();

/// H.264 and AAC, the header in front.
const std::string& sample_mp4();
/// Stored `sample_height` wide and turned by its display matrix.
const std::string& sample_turned_mp4();
/// Written in fragments, as browsers' recorders do.
const std::string& sample_fragmented_mp4();
const std::string& sample_mov();
/// VP8 and Vorbis.
const std::string& sample_webm();
/// VP9 written live: the segment's size is unknown, there is no duration in the header.
const std::string& sample_live_webm();

/// A JPEG of any size whose content depends on the seed; noisy, about a byte for each pixel.
std::string make_jpeg(int width, int height, std::uint32_t seed);

/// Of any size; their decoders hold the whole picture.
std::string make_progressive_jpeg(int width, int height);
std::string make_webp(int width, int height);

/// A PNG of 50,000 x 50,000 pixels in less than a megabyte, valid to its last byte.
const std::string& bomb_png();

/// What `ffmpeg ARGUMENTS FILE` writes; the file's name ends with `extension`.
std::string run_ffmpeg(std::string_view arguments, std::string_view extension);

}  // namespace pinhole::test
