// What probe.cpp, image_probe.cpp and video_probe.cpp share. Not for others.
#pragma once

#include <expected>
#include <string>

#include "storage/media/probe.hpp"

namespace pinhole::media {

/// Once for the process, before any probe.
void start_image_decoders();
void start_video_decoders();

/// The header and content steps. `fd` is open for reading and its structure has been checked.
std::expected<media_info, probe_error> probe_image(format format, int fd,
                                                   const probe_limits& limits);
std::expected<media_info, probe_error> probe_video(format format, int fd,
                                                   const probe_limits& limits);

/// Refusals that several steps give.
std::unexpected<probe_error> refuse_as_corrupt(std::string detail = {});
std::unexpected<probe_error> refuse_as_unsupported(std::string message, std::string detail = {});
std::unexpected<probe_error> refuse_as_too_large(std::string message);

}  // namespace pinhole::media
