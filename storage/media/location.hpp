// Takes out of a photo or video where it was taken, before anybody may see it.
//
// Works in place: what goes is overwritten, nothing that stays moves, nothing is coded anew. What
// may hold a position is a matter of each format (location_*.cpp); the rule is the same for all:
// what is known to be harmless stays, all other metadata goes, and metadata that cannot be read
// goes wholly. So a tag that nobody here has heard of leaks nothing. docs/media.md says what that
// means for a user. It refuses to know: pixels, sound, what text says.
//
// The file is hostile: it need not have been looked at by `probe` before. Better if it is after, so
// that what was checked is what is kept. Work and memory are bounded by the file's size and by
// `location_steps_max`. Doing it twice changes nothing more.
//
// Thread-safety: any thread. Blocking: reads and writes the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "storage/media/probe.hpp"
#include "storage/media/sniff.hpp"

namespace pinhole::media {

/// As many places of one file are overwritten at most; an honest photo has some
/// dozens, a long video with telemetry some ten thousand.
inline constexpr std::size_t location_steps_max = 500'000;

struct location_removal {
    bool changed = false;
    std::uint64_t size_bytes = 0;  ///< bytes behind the picture are cut off
};

/// Requires: a descriptor to read and write; the format that `sniff` told.
/// Errors: `corrupt` or the like where the file cannot be followed to its metadata, and then it may
/// be half cleaned; std::system_error where it cannot be read or written.
std::expected<location_removal, probe_error> remove_location(int fd, format format);

}  // namespace pinhole::media
