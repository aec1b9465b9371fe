// HEIC and AVIF: what the coded pictures inside claim to be.
//
// libvips takes an image's dimensions from its `ispe` property, but the decoders allocate for what
// the coded picture's own header says (the HEVC sequence parameter set, the AV1 sequence header)
// and for what a grid says. A file of 33 KB with a small `ispe` and a picture of 12,000 x 12,000
// inside cost 860 MB and ten seconds before it was found out. So those headers are read here as
// well.
//
// Sources: ISO/IEC 14496-12 8.11 (meta, iloc, iinf), ISO/IEC 23008-12 6.6.2 (grid), ITU-T H.265
// 7.3.2.2 and 7.3.3, AV1 bitstream specification 5.3 and 5.5.

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint64_t meta_bytes_max = 4U << 20;
constexpr int box_depth_max = 4;

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

struct item {
    std::string_view type;
    unsigned construction = 0;
    struct extent {
        std::uint64_t offset;
        std::uint64_t length;
    };
    std::vector<extent> extents;
};

class heif_walker {
public:
    heif_walker(file_cursor& file, const structure_limits& limits) : file_(file), limits_(limits) {}

    structure run(std::uint64_t meta_start, std::uint64_t meta_size) {
        if (meta_size > meta_bytes_max) {
            return structure::excessive;
        }
        std::vector<std::uint8_t> meta;
        append_from_file({.offset = meta_start, .length = meta_size}, meta);
        if (meta.size() < 4) {
            return structure::broken;
        }
        walk_boxes(byte_view(meta).subspan(4), 0);
        for (const auto& [id, each] : items_) {
            if (verdict_ != structure::whole) {
                break;
            }
            check_item(each);
        }
        return verdict_;
    }

private:
    void fail(structure verdict) {
        if (verdict_ == structure::whole) {
            verdict_ = verdict;
        }
    }

    /// Says "excessive" if one coded picture is larger than a whole image may be.
    void check_dimensions(const std::optional<dimensions>& found) {
        if (!found) {
            return;
        }
        const bool sides_fit = std::max(found->width, found->height) <= limits_.heif_side_max;
        if (!sides_fit || found->width * found->height > limits_.heif_pixels_max) {
            fail(structure::excessive);
        }
    }

    void walk_boxes(byte_view bytes, int depth) {
        byte_reader in(bytes);
        while (!in.at_end() && depth < box_depth_max) {
            const std::uint64_t size = in.number(4);
            const byte_view type = in.take(4);
            if (in.failed() || size < 8) {
                fail(structure::broken);
                return;
            }
            const byte_view body = in.take(size - 8);
            if (in.failed()) {
                fail(structure::broken);
                return;
            }
            read_box({reinterpret_cast<const char*>(type.data()), 4}, body, depth);
        }
    }

    void read_box(std::string_view type, byte_view body, int depth) {
        if (type == "iprp" || type == "ipco") {
            walk_boxes(body, depth + 1);
        } else if (type == "iinf" && body.size() > 4) {
            const std::size_t count_bytes = body[0] == 0 ? 2 : 4;
            walk_boxes(body.subspan(std::min(body.size(), 4 + count_bytes)), depth + 1);
        } else if (type == "infe") {
            read_item_type(byte_reader(body));
        } else if (type == "iloc") {
            read_item_places(byte_reader(body));
        } else if (type == "idat") {
            if (!inline_data_.empty()) {
                fail(structure::broken);  // which one a decoder takes is anyone's guess
            }
            inline_data_ = body;
        } else if (type == "hvcC") {
            read_hevc_configuration(byte_reader(body));
        } else if (type == "av1C" && body.size() > 4) {
            walk_obus(body.subspan(4));
        }
    }

    void read_item_type(byte_reader in) {
        const std::uint64_t version = in.number(1);
        in.take(3);
        if (version < 2) {
            return;  // of protected content only; has no type, so nothing decodes it
        }
        const std::uint64_t id = in.number(version == 2 ? 2 : 4);
        in.take(2);
        const byte_view type = in.take(4);
        if (in.failed() || !items_[id].type.empty()) {
            return fail(structure::broken);
        }
        items_[id].type = {reinterpret_cast<const char*>(type.data()), 4};
    }

    void read_item_places(byte_reader in) {
        const std::uint64_t version = in.number(1);
        in.take(3);
        const std::uint64_t sizes = in.number(2);
        const std::size_t offset_bytes = sizes >> 12 & 0xf;
        const std::size_t length_bytes = sizes >> 8 & 0xf;
        const std::size_t base_bytes = sizes >> 4 & 0xf;
        const std::size_t index_bytes = version == 0 ? 0 : sizes & 0xf;
        const std::size_t id_bytes = version < 2 ? 2 : 4;
        const std::uint64_t count = in.number(id_bytes);
        for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
            item& each = items_[in.number(id_bytes)];
            if (!each.extents.empty()) {
                return fail(structure::broken);
            }
            each.construction = version == 0 ? 0 : static_cast<unsigned>(in.number(2) & 0xf);
            in.take(2);
            const std::uint64_t base = in.number(base_bytes);
            const std::uint64_t extents = in.number(2);
            for (std::uint64_t j = 0; j < extents && !in.failed(); ++j) {
                in.take(index_bytes);
                const std::uint64_t offset = in.number(offset_bytes);
                const std::uint64_t length = in.number(length_bytes);
                each.extents.push_back({.offset = base + offset, .length = length});
            }
        }
        if (in.failed()) {
            fail(structure::broken);
        }
    }

    void read_hevc_configuration(byte_reader in) {
        in.take(22);
        const std::uint64_t arrays = in.number(1);
        for (std::uint64_t i = 0; i < arrays && !in.failed(); ++i) {
            in.take(1);
            const std::uint64_t nals = in.number(2);
            for (std::uint64_t j = 0; j < nals && !in.failed(); ++j) {
                check_nal(in.take(in.number(2)));
            }
        }
    }

    void check_nal(byte_view nal) {
        constexpr unsigned sequence_parameter_set = 33;
        if (nal.size() > 2 && (nal[0] >> 1 & 0x3f) == sequence_parameter_set) {
            check_dimensions(parse_hevc_parameter_set(nal));
        }
    }

    void walk_nals(byte_view bytes) {
        byte_reader in(bytes);
        while (!in.at_end() && !in.failed()) {
            check_nal(in.take(in.number(4)));
        }
    }

    void walk_obus(byte_view bytes) {
        constexpr std::uint64_t sequence_header = 1;
        byte_reader in(bytes);
        while (!in.at_end() && !in.failed()) {
            const std::uint64_t header = in.number(1);
            const bool extended = (header & 4) != 0;
            const bool sized = (header & 2) != 0;
            in.take(extended ? 1 : 0);
            std::uint64_t size = in.rest().size();
            if (sized) {
                size = 0;
                std::uint64_t byte = 0x80;
                for (unsigned shift = 0; shift < 56 && (byte & 0x80) != 0; shift += 7) {
                    byte = in.number(1);
                    size |= (byte & 0x7f) << shift;
                }
            }
            const byte_view body = in.take(size);
            if ((header >> 3 & 0xf) == sequence_header) {
                check_dimensions(parse_av1_sequence_header(body));
            }
        }
    }

    void check_item(const item& each) {
        const bool hevc = each.type == "hvc1";
        const bool av1 = each.type == "av01";
        const bool grid = each.type == "grid";
        if (each.type == "iovl") {
            return fail(structure::excessive);  // a canvas of any size; no camera writes one
        }
        if (!hevc && !av1 && !grid) {
            return;
        }
        const std::vector<std::uint8_t> bytes = read_item(each);
        if (hevc) {
            walk_nals(bytes);
        } else if (av1) {
            walk_obus(bytes);
        } else {
            read_grid(byte_reader(bytes));
        }
    }

    void read_grid(byte_reader in) {
        in.take(1);
        const std::size_t number_bytes = (in.number(1) & 1) != 0 ? 4 : 2;
        in.take(2);
        const std::uint64_t width = in.number(number_bytes);
        const std::uint64_t height = in.number(number_bytes);
        check_dimensions(dimensions{.width = width, .height = height});
    }

    /// The item's extents, joined. Items may overlap, so what they take in all is bounded.
    std::vector<std::uint8_t> read_item(const item& each) {
        std::vector<std::uint8_t> bytes;
        for (const item::extent& extent : each.extents) {
            const std::uint64_t source_bytes =
                each.construction == 0 ? file_.size() : inline_data_.size();
            if (each.construction > 1 || extent.offset > source_bytes) {
                fail(structure::broken);
                return {};
            }
            // A length of zero means "to the end".
            const std::uint64_t available = source_bytes - extent.offset;
            const std::uint64_t length = extent.length == 0 ? available : extent.length;
            read_bytes_ += length;
            if (length > available) {
                fail(structure::broken);
                return {};
            }
            if (read_bytes_ > 2 * file_.size()) {
                fail(structure::excessive);
                return {};
            }
            if (each.construction == 0) {
                append_from_file({.offset = extent.offset, .length = length}, bytes);
            } else {
                const byte_view part = inline_data_.subspan(extent.offset, length);
                bytes.insert(bytes.end(), part.begin(), part.end());
            }
        }
        return bytes;
    }

    void append_from_file(item::extent extent, std::vector<std::uint8_t>& to) {
        file_.seek(extent.offset);
        to.reserve(to.size() + extent.length);
        for (std::uint64_t i = 0; i < extent.length; ++i) {
            to.push_back(file_.read_8());
        }
    }

    file_cursor& file_;
    const structure_limits& limits_;
    std::map<std::uint64_t, item> items_;
    byte_view inline_data_;
    std::uint64_t read_bytes_ = 0;
    structure verdict_ = structure::whole;
};

}  // namespace

structure check_heif_pictures(file_cursor& file, std::uint64_t meta_start, std::uint64_t meta_size,
                              const structure_limits& limits) {
    return heif_walker(file, limits).run(meta_start, meta_size);
}

}  // namespace pinhole::media
