// What probe.cpp, image_probe.cpp and video_probe.cpp share. Not for others.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "storage/media/probe.hpp"

namespace pinhole::media {

/// Once for the process, before any probe.
void start_image_decoders();
void start_video_decoders();

/// The header and content steps. `fd` is open for reading and its structure has been checked.
/// `coded_pixels` is what check_structure found. Errors: besides values, std::system_error when the
/// file cannot be read and std::bad_alloc when there is no memory: neither is the file's fault.
std::expected<media_info, probe_error> probe_image(format format, int fd,
                                                   std::uint64_t coded_pixels,
                                                   const probe_limits& limits);
std::expected<media_info, probe_error> probe_video(format format, int fd,
                                                   const probe_limits& limits);

/// What is wrong with a JPEG's compressed data, if anything. Errors: std::bad_alloc.
std::optional<std::string> find_jpeg_damage(std::span<const std::uint8_t> bytes);

/// Whether the machine has no memory for a decoder: what they say cannot tell, since they say the
/// same, or nothing, of a file that claims more than their own limits allow.
bool is_memory_short();

/// Refusals that several steps give.
std::unexpected<probe_error> refuse_as_corrupt(std::string detail = {});
std::unexpected<probe_error> refuse_as_unsupported(std::string message, std::string detail = {});
std::unexpected<probe_error> refuse_as_too_large(std::string message);

}  // namespace pinhole::media
