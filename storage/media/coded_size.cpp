// Sources: ITU-T H.265 7.3.2.2 and 7.3.3, AV1 bitstream specification 5.3 and 5.5.
#include "storage/media/coded_size.hpp"

#include <optional>
#include <vector>

namespace pinhole::media {
namespace {

/// Bits, most significant first. Past the end: zeros, and `failed`.
class bit_reader {
public:
    explicit bit_reader(byte_view bytes) : bytes_(bytes) {}

    std::uint64_t bits(unsigned count) {
        std::uint64_t value = 0;
        for (; count > 0; --count, ++position_) {
            const bool inside = position_ / 8 < bytes_.size();
            failed_ = failed_ || !inside;
            const unsigned bit = inside ? bytes_[position_ / 8] >> (7 - position_ % 8) & 1U : 0U;
            value = value << 1 | bit;
        }
        return value;
    }
    void skip(std::size_t count) { position_ += count; }
    bool flag() { return bits(1) != 0; }
    /// Exponential Golomb code: `ue(v)` of H.265, `uvlc()` of AV1.
    std::uint64_t golomb() {
        unsigned zeros = 0;
        while (zeros < 32 && !failed_ && !flag()) {
            ++zeros;
        }
        return (1ULL << zeros) - 1 + bits(zeros);
    }
    bool failed() const { return failed_; }

private:
    byte_view bytes_;
    std::size_t position_ = 0;
    bool failed_ = false;
};

struct dimensions {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
};

void include(picture_bounds& all, const std::optional<dimensions>& found) {
    if (found) {
        all.include(found->width, found->height);
    }
}

/// H.265 7.4.1: the third byte of 00 00 03 is only there to keep start codes unique.
std::vector<std::uint8_t> without_emulation_prevention(byte_view bytes) {
    std::vector<std::uint8_t> plain;
    std::size_t zeros = 0;
    for (const std::uint8_t byte : bytes) {
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte == 0 ? zeros + 1 : 0;
        plain.push_back(byte);
    }
    return plain;
}

std::optional<dimensions> parse_hevc_parameter_set(byte_view nal) {
    constexpr std::size_t dimensions_lie_within = 512;
    const auto plain =
        without_emulation_prevention(nal.first(std::min(nal.size(), dimensions_lie_within)));
    constexpr std::size_t profile_bits = 88;
    constexpr std::size_t level_bits = 8;
    bit_reader in(plain);
    in.skip(16 + 4);
    const std::uint64_t sub_layers = in.bits(3);
    in.skip(1 + profile_bits + level_bits);
    std::size_t sub_layer_bits = 0;
    for (std::uint64_t i = 0; i < sub_layers; ++i) {
        sub_layer_bits += in.flag() ? profile_bits : 0;
        sub_layer_bits += in.flag() ? level_bits : 0;
    }
    if (sub_layers > 0) {
        in.skip(2 * (8 - sub_layers));
    }
    in.skip(sub_layer_bits);
    in.golomb();  // the set's id
    constexpr std::uint64_t chroma_4_4_4 = 3;
    if (in.golomb() == chroma_4_4_4) {
        in.skip(1);
    }
    const dimensions found{.width = in.golomb(), .height = in.golomb()};
    return in.failed() ? std::nullopt : std::optional(found);
}

void skip_av1_operating_points(bit_reader& in) {
    unsigned delay_bits = 0;
    const bool timing = in.flag();
    if (timing) {
        in.skip(64);
        if (in.flag()) {
            in.golomb();
        }
    }
    const bool decoder_model = timing && in.flag();
    if (decoder_model) {
        delay_bits = static_cast<unsigned>(in.bits(5)) + 1;
        in.skip(32 + 5 + 5);
    }
    const bool display_delay = in.flag();
    const std::uint64_t points = in.bits(5) + 1;
    for (std::uint64_t i = 0; i < points; ++i) {
        in.skip(12);
        if (in.bits(5) > 7) {
            in.skip(1);
        }
        if (decoder_model && in.flag()) {
            in.skip(2ULL * delay_bits + 1);
        }
        if (display_delay && in.flag()) {
            in.skip(4);
        }
    }
}

/// Unless the header is of the reduced kind, a frame may override the sequence's dimensions with
/// anything that fits the fields' bits. Encoders use as few bits as they need, so half of that
/// range is no more than an honest picture's side, and a lie gains at most a factor of two on each
/// side.
std::optional<dimensions> parse_av1_sequence_header(byte_view obu) {
    bit_reader in(obu);
    in.skip(3 + 1);
    const bool reduced = in.flag();
    if (reduced) {
        in.skip(5);
    } else {
        skip_av1_operating_points(in);
    }
    const auto width_bits = static_cast<unsigned>(in.bits(4)) + 1;
    const auto height_bits = static_cast<unsigned>(in.bits(4)) + 1;
    dimensions found{.width = in.bits(width_bits) + 1, .height = in.bits(height_bits) + 1};
    if (!reduced) {
        found.width = std::max(found.width, std::uint64_t{1} << (width_bits - 1));
        found.height = std::max(found.height, std::uint64_t{1} << (height_bits - 1));
    }
    return in.failed() ? std::nullopt : std::optional(found);
}

void check_nal(byte_view nal, picture_bounds& all) {
    constexpr unsigned sequence_parameter_set = 33;
    if (nal.size() > 2 && (nal[0] >> 1 & 0x3f) == sequence_parameter_set) {
        include(all, parse_hevc_parameter_set(nal));
    }
}

/// leb128 of the AV1 specification (4.10.5).
std::uint64_t read_leb128(byte_reader& in) {
    std::uint64_t value = 0;
    std::uint64_t byte = 0x80;
    for (unsigned shift = 0; shift < 56 && (byte & 0x80) != 0; shift += 7) {
        byte = in.number(1);
        value |= (byte & 0x7f) << shift;
    }
    return value;
}

}  // namespace

picture_bounds bounds_of_hevc_configuration(byte_view box) {
    picture_bounds all;
    byte_reader in(box);
    in.take(22);
    const std::uint64_t arrays = in.number(1);
    for (std::uint64_t i = 0; i < arrays && !in.failed(); ++i) {
        in.take(1);
        const std::uint64_t nals = in.number(2);
        for (std::uint64_t j = 0; j < nals && !in.failed(); ++j) {
            check_nal(in.take(in.number(2)), all);
        }
    }
    return all;
}

picture_bounds bounds_of_hevc(byte_view units) {
    picture_bounds all;
    byte_reader in(units);
    while (!in.at_end() && !in.failed()) {
        check_nal(in.take(in.number(4)), all);
    }
    return all;
}

picture_bounds bounds_of_av1(byte_view units) {
    constexpr std::uint64_t sequence_header = 1;
    picture_bounds all;
    byte_reader in(units);
    while (!in.at_end() && !in.failed()) {
        const std::uint64_t header = in.number(1);
        const bool extended = (header & 4) != 0;
        const bool sized = (header & 2) != 0;
        in.take(extended ? 1 : 0);
        const byte_view body = in.take(sized ? read_leb128(in) : in.rest().size());
        if ((header >> 3 & 0xf) == sequence_header) {
            include(all, parse_av1_sequence_header(body));
        }
    }
    return all;
}

}  // namespace pinhole::media
