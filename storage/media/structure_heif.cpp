// HEIC and AVIF: what the items inside make a decoder do.
//
// Three kinds of lies are found here, since libheif believes them:
//  - libvips takes an image's dimensions from its `ispe` property, but the decoders allocate for
//    what the coded picture's own header says, and for what a grid says. A file of 33 KB with a
//    small `ispe` and a picture of 12,000 x 12,000 inside cost 860 MB and ten seconds.
//  - Every item that is no picture is copied to memory when the file is opened, and an item may
//    name the same bytes many times. 842 KB became 2.8 GB.
//  - A grid may name the same picture as a tile 65,536 times, or itself.
//
// Sources: ISO/IEC 14496-12 8.11 (meta, iloc, iinf, iref), ISO/IEC 23008-12 6.6.2 (grid), 9.3.1
// (ipma).

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "storage/media/coded_size.hpp"
#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint64_t meta_bytes_max = 4U << 20;
constexpr int box_depth_max = 4;
constexpr std::size_t extents_max = 16'384;  ///< of all items; they may take no bytes to list

struct item {
    struct extent {
        std::uint64_t offset;
        std::uint64_t length;
    };

    std::string_view type;
    unsigned construction = 0;
    std::vector<extent> extents;
    std::vector<std::uint64_t> properties;  ///< numbers of boxes in `ipco`, from 1
    std::vector<std::uint64_t> inputs;      ///< items that this one is derived from: `dimg`
    bool is_auxiliary = false;              ///< belongs to another picture: `auxl`
    bool has_auxiliary = false;
    std::vector<std::uint64_t> auxiliaries;
    std::uint64_t pixels = 0;

    bool is_coded() const { return type == "hvc1" || type == "av01"; }
    bool is_derived() const { return type == "grid" || type == "iden" || type == "iovl"; }
};

class heif_walker {
public:
    heif_walker(file_cursor& file, const structure_limits& limits) : file_(file), limits_(limits) {}

    structure_report run(std::uint64_t meta_start, std::uint64_t meta_size) {
        if (meta_size > meta_bytes_max) {
            return {.verdict = structure::excessive};
        }
        std::vector<std::uint8_t> meta;
        append_from_file({.offset = meta_start, .length = meta_size}, meta);
        if (meta.size() < 4) {
            return {.verdict = structure::broken};
        }
        walk_boxes(byte_view(meta).subspan(4), 0);
        for_each_item(&heif_walker::check_bytes);
        for_each_item(&heif_walker::check_picture);
        for_each_item(&heif_walker::check_inputs);
        return {.verdict = verdict_, .coded_pixels = largest_.pixels};
    }

private:
    void fail(structure verdict) {
        if (verdict_ == structure::whole) {
            verdict_ = verdict;
        }
    }

    void for_each_item(void (heif_walker::*check)(item&)) {
        for (auto& [id, each] : items_) {
            if (verdict_ != structure::whole) {
                return;
            }
            (this->*check)(each);
        }
    }

    /// Says "excessive" if one coded picture is larger than a whole image may be.
    void check_bounds(const picture_bounds& found) {
        largest_.include(found);
        if (found.side > limits_.heif_side_max || found.pixels > limits_.heif_pixels_max) {
            fail(structure::excessive);
        }
    }

    void walk_boxes(byte_view bytes, int depth) {
        byte_reader in(bytes);
        while (!in.at_end() && depth < box_depth_max) {
            const std::uint64_t size = in.number(4);
            const byte_view type = in.take(4);
            if (in.failed() || size < 8) {
                return fail(structure::broken);
            }
            const byte_view body = in.take(size - 8);
            if (in.failed()) {
                return fail(structure::broken);
            }
            read_box({reinterpret_cast<const char*>(type.data()), 4}, body, depth);
        }
    }

    void read_box(std::string_view type, byte_view body, int depth) {
        if (type == "iprp") {
            walk_boxes(body, depth + 1);
        } else if (type == "ipco") {
            read_properties(byte_reader(body));
        } else if (type == "ipma") {
            read_property_places(byte_reader(body));
        } else if (type == "iinf" && body.size() > 4) {
            const std::size_t count_bytes = body[0] == 0 ? 2 : 4;
            walk_boxes(body.subspan(std::min(body.size(), 4 + count_bytes)), depth + 1);
        } else if (type == "infe") {
            read_item_type(byte_reader(body));
        } else if (type == "iloc") {
            read_item_places(byte_reader(body));
        } else if (type == "iref") {
            read_references(byte_reader(body));
        } else if (type == "idat") {
            if (!inline_data_.empty()) {
                fail(structure::broken);  // which one a decoder takes is anyone's guess
            }
            inline_data_ = body;
        }
    }

    void read_properties(byte_reader in) {
        if (!properties_.empty()) {
            return fail(structure::broken);
        }
        while (!in.at_end()) {
            const std::uint64_t size = in.number(4);
            const byte_view type = in.take(4);
            const byte_view body = in.take(size < 8 ? 0 : size - 8);
            if (in.failed() || size < 8) {
                return fail(structure::broken);
            }
            const std::string_view name(reinterpret_cast<const char*>(type.data()), 4);
            picture_bounds found;
            if (name == "hvcC") {
                found = bounds_of_hevc_configuration(body);
            } else if (name == "av1C" && body.size() > 4) {
                found = bounds_of_av1(body.subspan(4));
            }
            check_bounds(found);
            properties_.push_back(found.pixels);
        }
    }

    void read_property_places(byte_reader in) {
        const std::uint64_t version = in.number(1);
        in.take(2);
        const bool wide = (in.number(1) & 1) != 0;
        const std::uint64_t count = in.number(4);
        for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
            item& each = items_[in.number(version == 0 ? 2 : 4)];
            const std::uint64_t places = in.number(1);
            for (std::uint64_t j = 0; j < places && !in.failed(); ++j) {
                each.properties.push_back(wide ? in.number(2) & 0x7fff : in.number(1) & 0x7f);
            }
        }
        if (in.failed()) {
            fail(structure::broken);
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
            extents_ += extents;
            if (extents_ > extents_max) {
                return fail(structure::excessive);
            }
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

    void read_references(byte_reader in) {
        const std::size_t id_bytes = in.number(1) == 0 ? 2 : 4;
        in.take(3);
        while (!in.at_end() && !in.failed()) {
            in.take(4);
            const byte_view type = in.take(4);
            const std::uint64_t from = in.number(id_bytes);
            const std::uint64_t count = in.number(2);
            if (in.failed()) {
                break;
            }
            const std::string_view name(reinterpret_cast<const char*>(type.data()), 4);
            for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
                note_reference(name, from, in.number(id_bytes));
            }
        }
        if (in.failed()) {
            fail(structure::broken);
        }
    }

    void note_reference(std::string_view type, std::uint64_t from, std::uint64_t to) {
        if (type == "dimg") {
            items_[from].inputs.push_back(to);
        } else if (type == "auxl") {
            items_[from].is_auxiliary = true;
            items_[to].has_auxiliary = true;
            items_[to].auxiliaries.push_back(from);
        }
    }

    /// What the item would take in memory, without reading it: items and extents may overlap.
    void check_bytes(item& each) {
        const bool picture = each.is_coded() || each.is_derived();
        for (item::extent& extent : each.extents) {
            const std::uint64_t source_bytes =
                each.construction == 0 ? file_.size() : inline_data_.size();
            if (each.construction > 1 || extent.offset > source_bytes) {
                return fail(structure::broken);
            }
            // A length of zero means "to the end".
            const std::uint64_t available = source_bytes - extent.offset;
            extent.length = extent.length == 0 ? available : extent.length;
            if (extent.length > available) {
                return fail(structure::broken);
            }
            item_bytes_ += extent.length;
            metadata_bytes_ += picture ? 0 : extent.length;
            if (item_bytes_ > 2 * file_.size() ||
                metadata_bytes_ > limits_.heif_metadata_bytes_max) {
                return fail(structure::excessive);
            }
        }
        metadata_items_ += picture ? 0 : 1;
        if (metadata_items_ > limits_.heif_metadata_items_max) {
            fail(structure::excessive);
        }
    }

    void check_picture(item& each) {
        if (each.type == "iovl") {
            return fail(structure::excessive);  // a canvas of any size; no camera writes one
        }
        picture_bounds found;
        if (each.type == "hvc1") {
            found = bounds_of_hevc(read_item(each));
        } else if (each.type == "av01") {
            found = bounds_of_av1(read_item(each));
        } else if (each.type == "grid") {
            const std::vector<std::uint8_t> bytes = read_item(each);
            byte_reader in(bytes);
            in.take(1);
            const std::size_t number_bytes = (in.number(1) & 1) != 0 ? 4 : 2;
            in.take(2);
            const std::uint64_t width = in.number(number_bytes);
            found.include(width, in.number(number_bytes));
        }
        check_bounds(found);
        each.pixels = found.pixels;
        for (const std::uint64_t number : each.properties) {
            if (number > 0 && number <= properties_.size()) {
                each.pixels = std::max(each.pixels, properties_[number - 1]);
            }
        }
    }

    /// Decoding follows these references without a limit of its own, so none may lead back, and
    /// what is decoded in all must be in proportion to an image.
    void check_inputs(item& each) {
        if (each.is_auxiliary && each.has_auxiliary) {
            return fail(structure::broken);
        }
        if (each.inputs.size() > limits_.heif_tiles_max) {
            return fail(structure::excessive);
        }
        std::uint64_t pixels = 0;
        for (const std::uint64_t id : each.inputs) {
            const item& input = items_[id];
            const bool fits = input.is_coded() || (input.type == "grid" && each.type == "iden");
            if (each.is_derived() && !fits) {
                return fail(structure::broken);
            }
            pixels += input.pixels;
            for (const std::uint64_t auxiliary : input.auxiliaries) {
                pixels += items_[auxiliary].pixels;
            }
        }
        if (pixels > 2 * limits_.heif_pixels_max) {
            fail(structure::excessive);
        }
    }

    /// The item's extents, joined. Requires: `check_bytes` took them.
    std::vector<std::uint8_t> read_item(const item& each) {
        std::vector<std::uint8_t> bytes;
        for (const item::extent& extent : each.extents) {
            if (each.construction == 0) {
                append_from_file(extent, bytes);
            } else {
                const byte_view part = inline_data_.subspan(extent.offset, extent.length);
                bytes.insert(bytes.end(), part.begin(), part.end());
            }
        }
        return bytes;
    }

    void append_from_file(item::extent extent, std::vector<std::uint8_t>& to) {
        file_.seek(extent.offset);
        const std::size_t before = to.size();
        to.resize(before + extent.length);
        file_.read(std::span(to).subspan(before));
    }

    file_cursor& file_;
    const structure_limits& limits_;
    std::map<std::uint64_t, item> items_;
    std::vector<std::uint64_t> properties_;  ///< pixels of the coded pictures that each describes
    byte_view inline_data_;
    std::uint64_t extents_ = 0;
    std::uint64_t item_bytes_ = 0;
    std::uint64_t metadata_bytes_ = 0;
    std::uint32_t metadata_items_ = 0;
    picture_bounds largest_;
    structure verdict_ = structure::whole;
};

}  // namespace

structure_report check_heif_pictures(file_cursor& file, std::uint64_t meta_start,
                                     std::uint64_t meta_size, const structure_limits& limits) {
    return heif_walker(file, limits).run(meta_start, meta_size);
}

}  // namespace pinhole::media
