// Sizes of coded pictures as their own headers state them: the HEVC sequence parameter set and the
// AV1 sequence header. structure_heif.cpp says why. It refuses to know: boxes, items, pixels.
//
// Thread-safety: pure functions. Blocking: none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pinhole::media {

using byte_view = std::span<const std::uint8_t>;

/// Big-endian numbers from memory. Past the end: zeros, and `failed`.
class byte_reader {
public:
    explicit byte_reader(byte_view bytes) : bytes_(bytes) {}

    std::uint64_t number(std::size_t size) {
        const byte_view taken = take(size);
        std::uint64_t value = 0;
        for (const std::uint8_t byte : taken) {
            value = value << 8 | byte;
        }
        return value;
    }
    byte_view take(std::uint64_t size) {
        if (size > bytes_.size()) {
            failed_ = true;
            bytes_ = {};
            return {};
        }
        const byte_view taken = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return taken;
    }
    byte_view rest() const { return bytes_; }
    bool at_end() const { return bytes_.empty(); }
    bool failed() const { return failed_; }

private:
    byte_view bytes_;
    bool failed_ = false;
};

/// The largest side and the largest area of some pictures; zeros for none.
struct picture_bounds {
    std::uint64_t side = 0;
    std::uint64_t pixels = 0;

    void include(std::uint64_t width, std::uint64_t height) {
        include({.side = std::max(width, height), .pixels = width * height});
    }
    void include(const picture_bounds& other) {
        side = std::max(side, other.side);
        pixels = std::max(pixels, other.pixels);
    }
};

/// What an `hvcC` box holds (ISO/IEC 14496-15, 8.3.3).
picture_bounds bounds_of_hevc_configuration(byte_view box);

/// Coded HEVC: units behind lengths of four bytes.
picture_bounds bounds_of_hevc(byte_view units);

/// Coded AV1: a sequence of open bitstream units.
picture_bounds bounds_of_av1(byte_view units);

}  // namespace pinhole::media
