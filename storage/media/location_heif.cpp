// The `meta` box of HEIC and AVIF (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12): a list of items with
// the places of their bytes. Pictures stay; `Exif` items are cleaned; XMP (`mime`) and any other
// item becomes zeros where it lies.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t meta_bytes_max = 4U << 20;
constexpr std::size_t extents_max = 100'000;
constexpr std::array meta_children{"hdlr"sv, "pitm"sv, "iinf"sv, "iloc"sv, "iprp"sv,
                                   "iref"sv, "idat"sv, "grpl"sv, "dinf"sv};
constexpr std::array picture_types{"hvc1"sv, "hev1"sv, "lhv1"sv, "av01"sv, "avc1"sv, "vvc1"sv,
                                   "jpeg"sv, "grid"sv, "iovl"sv, "iden"sv, "tmap"sv, "unci"sv};

struct extent {
    std::uint64_t offset;
    std::uint64_t length;
};

struct item {
    std::string type;
    std::uint64_t construction = 0;
    std::vector<extent> extents;
};

/// Big-endian numbers from the box in memory. Past the end: zeros, and `failed`.
class meta_reader {
public:
    meta_reader(std::span<const std::uint8_t> meta, std::size_t start, std::size_t end)
        : meta_(meta), at_(start), end_(end) {}

    std::uint64_t number(std::size_t bytes) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            value = value << 8 | (at_ < end_ ? meta_[at_] : 0U);
            failed_ = failed_ || at_ >= end_;
            ++at_;
        }
        return value;
    }
    std::string name() {
        std::string letters;
        for (int i = 0; i < 4; ++i) {
            letters.push_back(static_cast<char>(number(1)));
        }
        return letters;
    }
    std::size_t at() const { return at_; }
    std::size_t left() const { return at_ < end_ ? end_ - at_ : 0; }
    void move_to(std::size_t at) { at_ = at; }
    bool failed() const { return failed_; }

private:
    std::span<const std::uint8_t> meta_;
    std::size_t at_;
    std::size_t end_;
    bool failed_ = false;
};

class heif_cleaner {
public:
    heif_cleaner(location_file& file, std::uint64_t start, heif_places& found)
        : file_(file), start_(start), found_(found) {}

    location_result run(std::uint64_t size) {
        meta_ = file_.read(start_, size);
        if (!walk(4, meta_.size(), false)) {
            return refuse_as_corrupt("the item boxes do not fit");
        }
        for (const auto& [id, each] : items_) {
            if (!clean_item(each)) {
                return refuse_as_corrupt("an item lies outside");
            }
        }
        return {};
    }

private:
    /// The children of `meta`, or the entries of `iinf`.
    bool walk(std::size_t start, std::size_t end, bool in_list) {
        meta_reader in(meta_, start, end);
        while (in.left() > 0 && !file_.excessive()) {
            const std::size_t box_start = in.at();
            const std::uint64_t size = in.number(4);
            const std::string name = in.name();
            if (in.failed() || size < 8 || size > end - box_start) {
                return false;
            }
            const std::size_t body = box_start + 8;
            const std::size_t box_end = box_start + size;
            if (in_list) {
                read_item_type(name, meta_reader(meta_, body, box_end));
            } else if (!read_child(name, body, box_end)) {
                return false;
            }
            in.move_to(box_end);
        }
        return true;
    }

    bool read_child(const std::string& name, std::size_t body, std::size_t end) {
        if (std::ranges::find(meta_children, name) == meta_children.end()) {
            file_.write(start_ + body - 4, "free");
            file_.zero(start_ + body, end - body);
        } else if (name == "iinf" && end - body > 4) {
            const std::size_t count_bytes = meta_[body] == 0 ? 2 : 4;
            return walk(std::min(body + 4 + count_bytes, end), end, true);
        } else if (name == "iloc") {
            return read_item_places(meta_reader(meta_, body, end));
        } else if (name == "idat") {
            inline_start_ = start_ + body;
            inline_bytes_ = end - body;
        }
        return true;
    }

    void read_item_type(const std::string& box_name, meta_reader in) {
        const std::uint64_t version = in.number(1);
        in.number(3);
        if (box_name != "infe" || version < 2) {
            return;
        }
        const std::uint64_t id = in.number(version == 2 ? 2 : 4);
        in.number(2);
        items_[id].type = in.name();
    }

    bool read_item_places(meta_reader in) {
        const std::uint64_t version = in.number(1);
        in.number(3);
        const std::uint64_t sizes = in.number(2);
        const std::size_t offset_bytes = sizes >> 12 & 0xf;
        const std::size_t length_bytes = sizes >> 8 & 0xf;
        const std::size_t base_bytes = sizes >> 4 & 0xf;
        const std::size_t index_bytes = version == 0 ? 0 : sizes & 0xf;
        const std::size_t id_bytes = version < 2 ? 2 : 4;
        std::size_t extents_in_all = 0;
        const std::uint64_t count = in.number(id_bytes);
        for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
            item& each = items_[in.number(id_bytes)];
            each.construction = version == 0 ? 0 : in.number(2) & 0xf;
            in.number(2);
            const std::uint64_t base = in.number(base_bytes);
            const std::uint64_t extents = in.number(2);
            extents_in_all += extents;
            for (std::uint64_t j = 0; j < extents && !in.failed(); ++j) {
                in.number(index_bytes);
                const std::uint64_t offset = base + in.number(offset_bytes);
                const std::uint64_t length = in.number(length_bytes);
                each.extents.push_back({.offset = offset, .length = length});
            }
            if (extents_in_all > extents_max) {
                return false;
            }
        }
        return !in.failed();
    }

    bool clean_item(const item& each) {
        const bool is_picture = std::ranges::find(picture_types, each.type) != picture_types.end();
        if (each.construction > 1) {
            return is_picture || each.extents.empty();  // its bytes belong to other items
        }
        std::vector<extent> places;
        std::uint64_t bytes = 0;
        for (const extent& part : each.extents) {
            const bool in_file = each.construction == 0;
            const std::uint64_t source = in_file ? file_.size() : inline_bytes_;
            if (part.offset > source || part.length > source - part.offset) {
                return false;
            }
            // A length of zero means "to the end".
            const std::uint64_t length = part.length == 0 ? source - part.offset : part.length;
            const std::uint64_t start = (in_file ? 0 : inline_start_) + part.offset;
            places.push_back({.offset = start, .length = length});
            bytes += length;
            found_.end = std::max(found_.end, start + length);
            if (is_picture || each.type == "Exif") {
                found_.kept.emplace_back(start, start + length);
            }
            if (in_file && !is_picture && length > 0) {
                found_.changed.emplace_back(start, start + length);
            }
        }
        if (each.type == "Exif" && bytes <= exif_bytes_max) {
            clean_exif_item(places);
        } else if (!is_picture) {
            blank(places);
        }
        return true;
    }

    void blank(const std::vector<extent>& places) {
        for (const extent& part : places) {
            file_.zero(part.offset, part.length);
        }
    }

    /// 23008-12, annex A.2.1: the TIFF block follows at an offset that comes first.
    void clean_exif_item(const std::vector<extent>& places) {
        constexpr std::size_t prefix_bytes = 4;
        std::vector<std::uint8_t> bytes;
        for (const extent& part : places) {
            const auto read = file_.read(part.offset, part.length);
            bytes.insert(bytes.end(), read.begin(), read.end());
        }
        if (file_.excessive()) {
            return;
        }
        const std::uint64_t offset =
            prefix_bytes + meta_reader(bytes, 0, bytes.size()).number(prefix_bytes);
        if (offset > bytes.size()) {
            return blank(places);
        }
        static constexpr auto marker = "Exif\0\0"sv;
        const auto before = std::span(bytes).first(offset).subspan(prefix_bytes);
        const bool is_marker = std::ranges::equal(before, marker);
        std::ranges::fill(before, 0);
        if (is_marker) {
            std::ranges::copy(marker, before.begin());
        }
        if (!clean_exif(std::span(bytes).subspan(offset))) {
            return blank(places);
        }
        std::size_t at = 0;
        for (const extent& part : places) {
            file_.write(part.offset, std::span(bytes).subspan(at, part.length));
            at += part.length;
        }
    }

    location_file& file_;
    std::uint64_t start_;
    heif_places& found_;
    std::vector<std::uint8_t> meta_;
    std::map<std::uint64_t, item> items_;
    std::uint64_t inline_start_ = 0;
    std::uint64_t inline_bytes_ = 0;
};

}  // namespace

location_result clean_heif_meta(location_file& file, std::uint64_t meta_start,
                                std::uint64_t meta_size, heif_places& places) {
    if (meta_size > meta_bytes_max || meta_size < 4) {
        return refuse_as_corrupt("a meta box of impossible size");
    }
    return heif_cleaner(file, meta_start, places).run(meta_size);
}

}  // namespace pinhole::media
