// ISO base media files (ISO/IEC 14496-12) and QuickTime: boxes of a 32-bit size and a type, a size
// of 1 meaning that 64 bits follow, a size of 0 "to the end of the file".

#include <algorithm>
#include <array>
#include <string_view>

#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint32_t fourcc(std::string_view name) {
    std::uint32_t value = 0;
    for (const char c : name) {
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

struct box {
    std::uint32_t type = 0;
    std::uint64_t body_start = 0;
    std::uint64_t end = 0;
};

bool is_printable(std::uint32_t type) {
    for (int shift = 0; shift < 32; shift += 8) {
        const unsigned char c = (type >> shift) & 0xff;
        if ((c < 0x20 || c > 0x7e) && c != 0xa9) {  // QuickTime's own types use (c) in Mac Roman
            return false;
        }
    }
    return true;
}

/// What the header tables of one track claim; see `count_samples`.
struct sample_tables {
    bool constant_size = false;
    bool unit_duration = false;
    std::uint64_t samples = 0;
};

class box_walker {
public:
    box_walker(format format, file_cursor& file, const structure_limits& limits)
        : format_(format), file_(file), limits_(limits) {}

    structure run() {
        bool has_content = false;
        while (!file_.at_end()) {
            box current;
            if (!read_box(current, file_.size())) {
                // Some cameras append bytes of their own. Players ignore them, and so is done here
                // if they can be no box and everything before them was whole.
                return has_content && !is_printable(current.type) ? structure::whole
                                                                  : structure::broken;
            }
            has_content =
                has_content || current.type == fourcc("moov") || current.type == fourcc("meta");
            if (!walk(current, 0)) {
                return structure::broken;
            }
            if (samples_ > limits_.video_samples_max) {
                return structure::excessive;
            }
            if (current.type == fourcc("meta") && is_image(format_)) {
                const structure pictures = check_heif_pictures(
                    file_, current.body_start, current.end - current.body_start, limits_);
                if (pictures != structure::whole) {
                    return pictures;
                }
            }
            file_.seek(current.end);
        }
        return has_content ? structure::whole : structure::broken;
    }

private:
    static constexpr int depth_max = 8;

    /// False unless the box lies wholly before `end`.
    bool read_box(box& out, std::uint64_t end) {
        const std::uint64_t start = file_.position();
        if (end - start < 8) {
            return false;
        }
        std::uint64_t size = file_.read_big_32();
        out.type = file_.read_big_32();
        if (size == 1 && end - start >= 16) {
            size = file_.read_big_64();
        } else if (size == 0) {
            size = end - start;
        }
        out.body_start = file_.position();
        if (size < out.body_start - start || size > end - start) {
            return false;
        }
        out.end = start + size;
        return true;
    }

    /// Descends to the tables that make a demuxer allocate. Any error inside a box that is walked
    /// makes the file broken.
    bool walk(const box& parent, int depth) {
        static constexpr std::array containers{fourcc("moov"), fourcc("trak"), fourcc("mdia"),
                                               fourcc("minf"), fourcc("stbl"), fourcc("moof"),
                                               fourcc("traf")};
        if (std::ranges::find(containers, parent.type) == containers.end()) {
            return true;
        }
        if (depth > depth_max) {
            return false;
        }
        sample_tables tables;
        file_.seek(parent.body_start);
        while (file_.position() < parent.end) {
            box child;
            if (!read_box(child, parent.end)) {
                // QuickTime may close a list of boxes with four zero bytes.
                return parent.end - file_.position() < 8;
            }
            read_table(child, tables);
            if (!walk(child, depth + 1)) {
                return false;
            }
            file_.seek(child.end);
        }
        // Raw sound has one "sample" for every instant, all of one size and duration 1; demuxers
        // keep only its chunks.
        if (!(tables.constant_size && tables.unit_duration)) {
            samples_ += tables.samples;
        }
        return true;
    }

    /// Claimed counts of `stsz`, `stz2`, `stts` (14496-12, 8.6.1 and 8.7.3) and `trun` (8.8.8).
    void read_table(const box& table, sample_tables& tables) {
        if (table.type == fourcc("stsz") || table.type == fourcc("stz2")) {
            file_.skip(4);
            const std::uint32_t size = file_.read_big_32();
            tables.samples += file_.read_big_32();
            tables.constant_size = table.type == fourcc("stsz") && size != 0;
        } else if (table.type == fourcc("stts")) {
            file_.skip(4);
            const std::uint32_t entries = file_.read_big_32();
            file_.skip(4);
            tables.unit_duration = entries == 1 && file_.read_big_32() == 1;
        } else if (table.type == fourcc("trun")) {
            file_.skip(4);
            samples_ += file_.read_big_32();
        }
    }

    format format_;
    file_cursor& file_;
    const structure_limits& limits_;
    std::uint64_t samples_ = 0;
};

}  // namespace

structure check_isobmff(format format, file_cursor& file, const structure_limits& limits) {
    return box_walker(format, file, limits).run();
}

}  // namespace pinhole::media
