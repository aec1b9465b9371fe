// ISO base media files (ISO/IEC 14496-12) and QuickTime: boxes of a 32-bit size and a type, a size
// of 1 meaning that 64 bits follow, a size of 0 "to the end of the file".
//
// libavformat reads every box of a video but the samples into memory, and builds an index entry for
// each sample that a track claims, some of them for each edit anew. All of these are bounded here.

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

template <std::size_t Size>
bool is_one_of(const std::array<std::uint32_t, Size>& types, std::uint32_t type) {
    return std::ranges::find(types, type) != types.end();
}

constexpr std::array containers{fourcc("moov"), fourcc("trak"), fourcc("mdia"), fourcc("minf"),
                                fourcc("stbl"), fourcc("moof"), fourcc("traf")};
/// The demuxer looks for tables in these, too, but cameras write what they like there: what does
/// not fit is passed over.
constexpr std::array loose_containers{fourcc("udta"), fourcc("edts"), fourcc("dinf"),
                                      fourcc("mvex"), fourcc("gmhd"), fourcc("wave"),
                                      fourcc("sinf"), fourcc("schi"), fourcc("ilst")};
constexpr std::array sample_tables{fourcc("stsz"), fourcc("stz2"), fourcc("stts"), fourcc("ctts"),
                                   fourcc("stsc"), fourcc("stco"), fourcc("co64"), fourcc("stss"),
                                   fourcc("sdtp"), fourcc("trun")};
/// Skipped by the demuxer.
constexpr std::array payloads{fourcc("mdat"), fourcc("free"), fourcc("skip"), fourcc("wide")};

bool is_printable(std::uint32_t type) {
    for (int shift = 0; shift < 32; shift += 8) {
        const unsigned char c = (type >> shift) & 0xff;
        if ((c < 0x20 || c > 0x7e) && c != 0xa9) {  // QuickTime's own types use (c) in Mac Roman
            return false;
        }
    }
    return true;
}

/// What the tables of one track claim.
struct track_claims {
    bool is_sound = false;
    bool is_picture = false;
    bool constant_size = true;
    bool unit_duration = true;
    std::uint64_t samples = 0;
    std::uint64_t chunks = 0;
    std::uint64_t chunk_samples_max = 0;

    /// Raw sound has one "sample" for every instant, all of one size and duration 1. The demuxer
    /// joins those of a chunk to blocks, of 160 at least.
    std::uint64_t entries() const {
        const bool raw = is_sound && !is_picture && constant_size && unit_duration;
        return raw ? chunks * (1 + chunk_samples_max / 160) : samples;
    }
};

class box_walker {
public:
    box_walker(format format, file_cursor& file, const structure_limits& limits)
        : format_(format), file_(file), limits_(limits) {}

    structure_report run() {
        bool has_content = false;
        structure_report report;
        while (!file_.at_end()) {
            box current;
            if (!read_box(current, file_.size())) {
                // Some cameras append bytes of their own. Players ignore them, and so is done here
                // if they can be no box and everything before them was whole.
                if (is_printable(current.type)) {
                    return {};
                }
                break;
            }
            has_content =
                has_content || current.type == fourcc("moov") || current.type == fourcc("meta");
            const std::uint64_t body_bytes = current.end - current.body_start;
            header_bytes_ += is_one_of(payloads, current.type) ? 0 : body_bytes;
            if (is_video(format_) &&
                header_bytes_ > limits_.video_table_bytes_max + limits_.video_header_bytes_max) {
                return {.verdict = structure::excessive};
            }
            track_claims outside_tracks;
            if (!walk(current, 0, outside_tracks)) {
                return {};
            }
            entries_ += outside_tracks.samples;
            if (is_video(format_) && is_excessive()) {
                return {.verdict = structure::excessive};
            }
            if (current.type == fourcc("meta") && is_image(format_)) {
                report = check_heif_pictures(file_, current.body_start, body_bytes, limits_);
                if (report.verdict != structure::whole) {
                    return report;
                }
            }
            file_.seek(current.end);
        }
        report.verdict = has_content ? structure::whole : structure::broken;
        return report;
    }

private:
    static constexpr int depth_max = 8;

    bool is_excessive() const {
        return entries_ > limits_.video_samples_max || edits_ > limits_.video_edits_max ||
               table_bytes_ > limits_.video_table_bytes_max ||
               header_bytes_ - table_bytes_ > limits_.video_header_bytes_max;
    }

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
        out.end = end;
        if (size < out.body_start - start || size > end - start) {
            return false;
        }
        out.end = start + size;
        return true;
    }

    /// Descends to the tables that make a demuxer allocate. Any error inside a box that is walked
    /// makes the file broken.
    bool walk(const box& parent, int depth, track_claims& claims) {
        const bool tagged = parent.type == fourcc("meta") && is_video(format_);
        const bool loose = tagged || is_one_of(loose_containers, parent.type);
        if (!loose && !is_one_of(containers, parent.type)) {
            return true;
        }
        if (depth > depth_max) {
            return false;
        }
        track_claims of_track;
        track_claims& here = parent.type == fourcc("trak") ? of_track : claims;
        file_.seek(parent.body_start);
        if (tagged) {
            seek_handler(parent.end);
        }
        while (file_.position() < parent.end) {
            box child;
            const bool fits = read_box(child, parent.end);
            if (!fits && !loose) {
                // QuickTime may close a list of boxes with four zero bytes.
                return parent.end - file_.position() < 8;
            }
            if (child.type == fourcc("cmov")) {
                return false;  // a compressed header, unseen since QuickTime 7: nobody looks inside
            }
            if (child.body_start == 0) {
                break;
            }
            read_table(child, here);
            if (!walk(child, depth + 1, here)) {
                return false;
            }
            file_.seek(child.end);
        }
        entries_ += of_track.entries();
        return true;
    }

    /// `meta` has four bytes before its children in some files and none in others; a demuxer
    /// starts where it finds the first of them, and so does this.
    void seek_handler(std::uint64_t end) {
        while (file_.position() + 8 <= end) {
            if (file_.read_big_32() == fourcc("hdlr")) {
                file_.seek(file_.position() - 8);
                return;
            }
        }
        file_.seek(end);
    }

    /// Claimed counts (14496-12, 8.6.1, 8.6.6, 8.7.3 to 8.7.5, 8.8.8) and the kind of the track
    /// (8.4.3).
    void read_table(const box& table, track_claims& claims) {
        table_bytes_ += is_one_of(sample_tables, table.type) ? table.end - table.body_start : 0;
        file_.skip(4);
        switch (table.type) {
            case fourcc("hdlr"): {
                file_.skip(4);
                const std::uint32_t kind = file_.read_big_32();
                claims.is_sound = claims.is_sound || kind == fourcc("soun");
                claims.is_picture = claims.is_picture || kind == fourcc("vide");
                break;
            }
            case fourcc("stsz"):
            case fourcc("stz2"): {
                const bool constant = file_.read_big_32() != 0 && table.type == fourcc("stsz");
                claims.constant_size = claims.constant_size && constant;
                claims.samples += file_.read_big_32();
                break;
            }
            case fourcc("stts"): {
                const bool one_entry = file_.read_big_32() == 1;
                file_.skip(4);
                const bool unit = one_entry && file_.read_big_32() == 1;
                claims.unit_duration = claims.unit_duration && unit;
                break;
            }
            case fourcc("stco"):
            case fourcc("co64"):
                claims.chunks += file_.read_big_32();
                break;
            case fourcc("stsc"):
                read_chunk_sizes(table, claims);
                break;
            case fourcc("trun"):
                entries_ += file_.read_big_32();
                break;
            case fourcc("elst"):
                edits_ += file_.read_big_32();
                break;
            default:
                break;
        }
    }

    void read_chunk_sizes(const box& table, track_claims& claims) {
        const std::uint64_t runs = file_.read_big_32();
        for (std::uint64_t i = 0; i < runs && file_.position() + 12 <= table.end; ++i) {
            file_.skip(4);
            claims.chunk_samples_max =
                std::max<std::uint64_t>(claims.chunk_samples_max, file_.read_big_32());
            file_.skip(4);
        }
    }

    format format_;
    file_cursor& file_;
    const structure_limits& limits_;
    std::uint64_t entries_ = 0;
    std::uint64_t edits_ = 0;
    std::uint64_t table_bytes_ = 0;
    std::uint64_t header_bytes_ = 0;
};

}  // namespace

structure_report check_isobmff(format format, file_cursor& file, const structure_limits& limits) {
    return box_walker(format, file, limits).run();
}

}  // namespace pinhole::media
