// Exif: a TIFF file in miniature. Directories ("IFD") of 12-byte entries, each with a tag, a type,
// a count, and the value or where it lies. The tags that are listed below stay, with their values;
// every other byte of the block becomes zero: the GPS directory, MakerNote (whose blobs hold
// positions, too), XMP and IPTC in tags of their own, padding, remains of earlier edits.
//
// Entries that go are closed up, so that each directory stays well-formed; nothing else moves.
//
// Sources: CIPA DC-008 (Exif 2.32), TIFF 6.0 section 2.

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

struct tag_range {
    std::uint16_t first;
    std::uint16_t last;
};
using tag_list = std::span<const tag_range>;

constexpr std::uint16_t exif_pointer = 0x8769;
constexpr std::uint16_t gps_pointer = 0x8825;
constexpr std::uint16_t interoperability_pointer = 0xa005;
constexpr std::uint16_t maker_note = 0x927c;
constexpr std::uint16_t thumbnail_offset = 0x0201;
constexpr std::uint16_t thumbnail_length = 0x0202;

/// Dimensions, description, make, model, orientation, resolution, software, date, artist, colour,
/// copyright; Windows' texts.
constexpr std::array main_tags{
    tag_range{0x00fe, 0x00ff}, tag_range{0x0100, 0x0103}, tag_range{0x0106, 0x0106},
    tag_range{0x010e, 0x0110}, tag_range{0x0112, 0x0112}, tag_range{0x0115, 0x0115},
    tag_range{0x011a, 0x011c}, tag_range{0x0128, 0x0128}, tag_range{0x012d, 0x012d},
    tag_range{0x0131, 0x0132}, tag_range{0x013b, 0x013b}, tag_range{0x013e, 0x013f},
    tag_range{0x0201, 0x0202}, tag_range{0x0211, 0x0214}, tag_range{0x8298, 0x8298},
    tag_range{0x8769, 0x8769}, tag_range{0x9c9b, 0x9c9f}};

/// Exposure, dates, colour space, lens, the user's comment. Not what sensors say of the
/// surroundings (0x9400 and up): pressure and depth of water tell of a place as well.
constexpr std::array exif_tags{
    tag_range{0x829a, 0x829a}, tag_range{0x829d, 0x829d}, tag_range{0x8822, 0x8822},
    tag_range{0x8824, 0x8824}, tag_range{0x8827, 0x8828}, tag_range{0x8830, 0x8835},
    tag_range{0x9000, 0x9000}, tag_range{0x9003, 0x9004}, tag_range{0x9010, 0x9012},
    tag_range{0x9101, 0x9102}, tag_range{0x9201, 0x920a}, tag_range{0x9214, 0x9214},
    tag_range{0x9286, 0x9286}, tag_range{0x9290, 0x9292}, tag_range{0xa000, 0xa003},
    tag_range{0xa005, 0xa005}, tag_range{0xa20e, 0xa210}, tag_range{0xa215, 0xa217},
    tag_range{0xa300, 0xa302}, tag_range{0xa401, 0xa406}, tag_range{0xa408, 0xa40a},
    tag_range{0xa40c, 0xa40c}, tag_range{0xa420, 0xa420}, tag_range{0xa430, 0xa435},
    tag_range{0xa460, 0xa462}, tag_range{0xa500, 0xa500}};

constexpr std::array interoperability_tags{tag_range{0x0001, 0x0002}, tag_range{0x1000, 0x1002}};

bool has_tag(tag_list tags, std::uint16_t tag) {
    return std::ranges::any_of(
        tags, [tag](const tag_range& range) { return tag >= range.first && tag <= range.last; });
}

/// Zero for a type that there is not.
std::uint64_t bytes_of_type(std::uint16_t type) {
    constexpr std::array<std::uint8_t, 14> sizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    return type < sizes.size() ? sizes[type] : 0;
}

/// A thumbnail is a JPEG with segments of its own: only what decodes it stays.
void clean_thumbnail(std::span<std::uint8_t> jpeg) {
    std::size_t at = 2;
    bool readable = jpeg.size() >= 4 && jpeg[0] == 0xff && jpeg[1] == 0xd8;
    while (readable) {
        if (jpeg.size() - at < 4 || jpeg[at] != 0xff) {
            readable = false;
            break;
        }
        const std::uint8_t marker = jpeg[at + 1];
        const std::size_t length = static_cast<std::size_t>(jpeg[at + 2]) << 8 | jpeg[at + 3];
        if (length < 2 || length > jpeg.size() - at - 2) {
            readable = false;
            break;
        }
        const auto body = jpeg.subspan(at + 4, length - 2);
        const bool is_application = marker >= 0xe0 && marker <= 0xef && marker != 0xee;
        if (is_application || marker == 0xfe) {
            std::ranges::fill(body, 0);
        }
        at += 2 + length;
        if (marker == 0xda) {
            constexpr std::array<std::uint8_t, 2> end_of_image{0xff, 0xd9};
            const auto tail = std::ranges::search(jpeg.subspan(at), end_of_image);
            std::ranges::fill(tail.end(), jpeg.end(), 0);
            return;
        }
    }
    std::ranges::fill(jpeg, 0);
}

class exif_cleaner {
public:
    explicit exif_cleaner(std::span<std::uint8_t> tiff) : tiff_(tiff), kept_(tiff.size(), false) {}

    bool run() {
        if (tiff_.size() < 8) {
            return false;
        }
        const std::string_view order(reinterpret_cast<const char*>(tiff_.data()), 2);
        big_ = order == "MM";
        if ((!big_ && order != "II") || get_16(2) != 42) {
            return false;
        }
        keep(0, 8);
        const auto next = clean_directory(get_32(4), main_tags, false);
        if (!next) {
            return false;
        }
        // The second directory describes the thumbnail; there is no third.
        if (const std::uint32_t second = get_next(*next); second != 0) {
            const auto last = clean_directory(second, main_tags, true);
            put_next(last ? *last : *next, 0);
        }
        for (std::size_t i = 0; i < tiff_.size(); ++i) {
            tiff_[i] = kept_[i] ? tiff_[i] : 0;
        }
        return !has_overlaps();
    }

private:
    struct extent {
        std::uint64_t start;
        std::uint64_t end;
        bool is_directory;
    };

    /// Whether a directory shares bytes with another or with a value that stays: what is a harmless
    /// value in the one can be a position in the other. (Values may share theirs.)
    bool has_overlaps() {
        std::ranges::sort(extents_, {}, &extent::start);
        std::uint64_t end_of_directories = 0;
        std::uint64_t end_of_values = 0;
        for (const extent& each : extents_) {
            if (each.start < end_of_directories ||
                (each.is_directory && each.start < end_of_values)) {
                return true;
            }
            std::uint64_t& end = each.is_directory ? end_of_directories : end_of_values;
            end = std::max(end, each.end);
        }
        return false;
    }

    bool contains(std::uint64_t offset, std::uint64_t length) const {
        return length <= tiff_.size() && offset <= tiff_.size() - length;
    }
    bool keep(std::uint64_t offset, std::uint64_t length) {
        if (!contains(offset, length)) {
            return false;
        }
        std::fill_n(kept_.begin() + static_cast<std::ptrdiff_t>(offset), length, true);
        return true;
    }
    std::uint16_t get_16(std::uint64_t at) const {
        const unsigned low = tiff_[at + (big_ ? 1 : 0)];
        const unsigned high = tiff_[at + (big_ ? 0 : 1)];
        return static_cast<std::uint16_t>(high << 8 | low);
    }
    std::uint32_t get_32(std::uint64_t at) const {
        const std::uint32_t first = get_16(at);
        const std::uint32_t second = get_16(at + 2);
        return big_ ? first << 16 | second : second << 16 | first;
    }
    void put_16(std::uint64_t at, std::uint16_t value) {
        tiff_[at + (big_ ? 1 : 0)] = static_cast<std::uint8_t>(value & 0xff);
        tiff_[at + (big_ ? 0 : 1)] = static_cast<std::uint8_t>(value >> 8);
    }
    void put_32(std::uint64_t at, std::uint32_t value) {
        put_16(at + (big_ ? 0 : 2), static_cast<std::uint16_t>(value >> 16));
        put_16(at + (big_ ? 2 : 0), static_cast<std::uint16_t>(value & 0xffff));
    }

    /// The offset of the next directory, which some cameras leave out at the end of the block.
    std::uint32_t get_next(std::uint64_t at) const { return contains(at, 4) ? get_32(at) : 0; }
    void put_next(std::uint64_t at, std::uint32_t value) {
        if (keep(at, 4)) {
            put_32(at, value);
        }
    }

    /// Answers where the offset of the next directory stands; nothing if this one lies outside.
    std::optional<std::uint64_t> clean_directory(std::uint64_t start, tag_list tags,
                                                 bool is_thumbnail) {
        if (!contains(start, 2)) {
            return std::nullopt;
        }
        const std::uint16_t count = get_16(start);
        const std::uint64_t size = 2 + entry_bytes * count;
        if (!contains(start, size)) {
            return std::nullopt;
        }
        const std::uint32_t next = get_next(start + size);
        thumbnail_ = {};
        std::uint16_t staying = 0;
        for (std::uint16_t i = 0; i < count; ++i) {
            const std::uint64_t entry = start + 2 + entry_bytes * i;
            if (keep_entry(entry, tags, is_thumbnail)) {
                const std::uint64_t to = start + 2 + entry_bytes * staying++;
                std::copy_n(tiff_.begin() + static_cast<std::ptrdiff_t>(entry), entry_bytes,
                            tiff_.begin() + static_cast<std::ptrdiff_t>(to));
            }
        }
        if (is_thumbnail && thumbnail_.length > 0 &&
            keep_value(thumbnail_.offset, thumbnail_.length)) {
            clean_thumbnail(tiff_.subspan(thumbnail_.offset, thumbnail_.length));
        }
        extents_.push_back({start, start + size, true});
        put_16(start, staying);
        const std::uint64_t next_at = start + 2 + entry_bytes * staying;
        keep(start, next_at - start);
        put_next(next_at, next);
        return next_at;
    }

    bool keep_entry(std::uint64_t entry, tag_list tags, bool is_thumbnail) {
        const std::uint16_t tag = get_16(entry);
        const std::uint16_t type = get_16(entry + 2);
        const std::uint64_t length = bytes_of_type(type) * get_32(entry + 4);
        const std::uint32_t value = get_32(entry + 8);
        if (tag == gps_pointer) {
            wipe_directory(value);
        } else if (tag == maker_note) {
            wipe_value(value, length);
        }
        if (!has_tag(tags, tag) || length == 0) {
            return false;
        }
        if (tag == exif_pointer || tag == interoperability_pointer) {
            return !is_thumbnail && length == 4 && keep_child(tag, value);
        }
        if (is_thumbnail && length == 4) {
            thumbnail_.offset = tag == thumbnail_offset ? value : thumbnail_.offset;
            thumbnail_.length = tag == thumbnail_length ? value : thumbnail_.length;
        }
        return length <= 4 || keep_value(value, length);
    }

    bool keep_value(std::uint64_t offset, std::uint64_t length) {
        if (!keep(offset, length)) {
            return false;
        }
        extents_.push_back({offset, offset + length, false});
        return true;
    }

    /// One level each, so no loop of directories can be walked for ever.
    bool keep_child(std::uint16_t tag, std::uint32_t start) {
        const tag_list tags = tag == exif_pointer ? tag_list(exif_tags) : interoperability_tags;
        const auto next = clean_directory(start, tags, false);
        if (next) {
            put_next(*next, 0);
        }
        return next.has_value();
    }

    /// At once, and not only by being left out of what is kept: a value that stays may be said to
    /// be so long that it reaches over them.
    void wipe_directory(std::uint64_t start) {
        if (!contains(start, 2)) {
            return;
        }
        const std::uint64_t count = get_16(start);
        for (std::uint64_t i = 0; i < count && contains(start, 2 + entry_bytes * (i + 1)); ++i) {
            const std::uint64_t entry = start + 2 + entry_bytes * i;
            wipe_value(get_32(entry + 8), bytes_of_type(get_16(entry + 2)) * get_32(entry + 4));
        }
        wipe(start, 2 + entry_bytes * count);
    }
    void wipe_value(std::uint64_t offset, std::uint64_t length) {
        if (length > 4) {
            wipe(offset, length);
        }
    }
    void wipe(std::uint64_t offset, std::uint64_t length) {
        const std::uint64_t from = std::min<std::uint64_t>(offset, tiff_.size());
        const std::uint64_t size = std::min<std::uint64_t>(length, tiff_.size() - from);
        std::ranges::fill(tiff_.subspan(from, size), 0);
    }

    static constexpr std::uint64_t entry_bytes = 12;

    std::span<std::uint8_t> tiff_;
    std::vector<bool> kept_;
    std::vector<extent> extents_;
    bool big_ = false;
    struct {
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
    } thumbnail_;
};

}  // namespace

bool clean_exif(std::span<std::uint8_t> tiff) {
    bool readable = exif_cleaner(tiff).run();
    if (readable) {
        // Directories that overlap come out differently each time: nobody's camera writes such.
        std::vector<std::uint8_t> again(tiff.begin(), tiff.end());
        readable = exif_cleaner(again).run() && std::ranges::equal(again, tiff);
    }
    if (!readable) {
        std::ranges::fill(tiff, 0);
    }
    return readable;
}

bool clean_prefixed_exif(std::span<std::uint8_t> block) {
    static constexpr std::array<std::uint8_t, 6> prefix{'E', 'x', 'i', 'f', 0, 0};
    const bool has_prefix =
        block.size() >= prefix.size() && std::ranges::equal(block.first(prefix.size()), prefix);
    return clean_exif(has_prefix ? block.subspan(prefix.size()) : block);
}

}  // namespace pinhole::media
