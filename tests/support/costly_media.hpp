// Files that would cost far more than their size, and what they are made with.
//
// Thread-safety: as media_samples.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pinhole::test {

/// Larger than what docs/media.md allows in one respect; refused with `too_large`.
struct costly_file {
    const char* name;
    std::string (*bytes)();
};
std::span<const costly_file> costly_files();

/// A sound PNG with these chunks behind its header.
std::string png_with(const std::string& chunks);

/// Two frames of so many pixels on each side, the first one asking that the canvas go back to what
/// was there before.
std::string gif_of_canvas(int side);

/// A sound WebM with these elements in front of its first cluster.
std::string webm_with(const std::string& elements);

/// A sound MOV with these boxes in its header.
std::string mov_with_header(const std::string& boxes);

}  // namespace pinhole::test
