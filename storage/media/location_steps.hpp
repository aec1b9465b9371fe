// The parts of `remove_location`, one for each family of formats.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <utility>
#include <vector>

#include "storage/media/location_file.hpp"
#include "storage/media/probe_steps.hpp"

namespace pinhole::media {

using location_result = std::expected<void, probe_error>;

/// Metadata blocks that are larger are not looked into, but blanked.
inline constexpr std::uint64_t exif_bytes_max = 1U << 20;

/// Cleans a TIFF block as Exif has it, in memory (location_exif.cpp). False: it could not be read,
/// and is all zeros now.
bool clean_exif(std::span<std::uint8_t> tiff);
/// Likewise with the optional "Exif\0\0" in front of it.
bool clean_prefixed_exif(std::span<std::uint8_t> block);

location_result clean_jpeg(location_file& file);
location_result clean_png(location_file& file);
location_result clean_gif(location_file& file);
location_result clean_webp(location_file& file);
location_result clean_webm(location_file& file);
/// HEIC, AVIF, MP4 and MOV.
location_result clean_isobmff(location_file& file, format format);

/// A part of a file, as [start, end).
using file_range = std::pair<std::uint64_t, std::uint64_t>;
using file_ranges = std::vector<file_range>;

/// Where the items of a HEIC or AVIF lie.
struct heif_places {
    file_ranges kept;       ///< of those that stay
    file_ranges changed;    ///< of those that were overwritten, but for what lies in `idat`
    std::uint64_t end = 0;  ///< behind the last byte of any
};

/// The part of `clean_isobmff` for the body of a HEIC's or AVIF's `meta` (location_heif.cpp).
/// Adds to the places. Requires: the body lies within the file.
location_result clean_heif_meta(location_file& file, std::uint64_t meta_start,
                                std::uint64_t meta_size, heif_places& places);

}  // namespace pinhole::media
