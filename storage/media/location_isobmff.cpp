// HEIC, AVIF, MP4 and MOV (ISO/IEC 14496-12, QuickTime): only boxes that are known to be of use to
// a player stay. All others become `free` boxes of zeros, so that no offset changes: `meta` of
// videos (Apple's keys), `uuid` (XMP), dashcams' `gps `; and of `udta`, where phones write ©xyz,
// and others `loci` or boxes of their own, all but title, date, make, model and software.
//
// Of the tracks pictures and sound stay. Telemetry (GoPro `gpmd`, Google `camm`, Apple `mebx`),
// text and subtitles, in which drones write where they are, go. And since a track without its box
// would still have its samples in the file, every byte of `mdat` that no remaining track or picture
// refers to becomes zero. In a file of fragments (14496-12, 8.8) that cannot be told, so one that
// has such a track as well is refused.

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_samples.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;
using box_type = std::array<char, 4>;

constexpr int depth_max = 8;

struct box {
    box_type type{};
    std::uint64_t start = 0;
    std::uint64_t body = 0;
    std::uint64_t end = 0;

    std::string_view name() const { return {type.data(), type.size()}; }
};

/// What may stand in a box: names of four letters, one after another.
struct rule {
    std::string_view parent;
    std::string_view children;
};

constexpr std::string_view top_level = "ftypstypmoovmoofmdatmetasidxssixmfrapdinwideprft";
constexpr std::array rules{
    rule{"moov", "mvhdtrakmvexiodsudta"},
    rule{"udta", "meta\251nam\251too\251swr\251mak\251mod\251day"},
    rule{"meta", "hdlrilst"},
    rule{"ilst", "\251nam\251too\251swr\251mak\251mod\251day"},
    rule{"mvex", "mehdtrexleva"},
    rule{"trak", "tkhdedtsmdiatreftrgrtaptloadclipmattudta"},
    rule{"mdia", "mdhdhdlrelngminf"},
    rule{"minf", "vmhdsmhdnmhdgmhdhdlrdinfstbl"},
    rule{"stbl",
         "stsdsttscttscslgstssstpsstscstszstz2stcoco64stshpadbstdpsdtpsbgpsgpdsubssaizsaio"},
    rule{"moof", "mfhdtraf"},
    rule{"traf", "tfhdtfdttrunsdtpsbgpsgpdsubssaizsaiosenc"},
};
constexpr std::string_view video_handlers = "videsountmcd";
constexpr std::string_view picture_handlers = "videsounpictauxv";

bool lists(std::string_view names, std::string_view name) {
    for (std::size_t at = 0; at < names.size(); at += 4) {
        if (names.substr(at, 4) == name) {
            return true;
        }
    }
    return false;
}

const rule* find_rule(std::string_view parent) {
    const auto* const found = std::ranges::find(rules, parent, &rule::parent);
    return found == rules.end() ? nullptr : found;
}

/// As structure_isobmff.cpp tells boxes from what cameras append.
bool is_printable(std::string_view name) {
    return std::ranges::all_of(name, [](char letter) {
        const auto code = static_cast<unsigned char>(letter);
        return (code >= 0x20 && code <= 0x7e) || code == 0xa9;
    });
}

/// Sorts, too.
void join_overlapping(file_ranges& ranges) {
    std::ranges::sort(ranges);
    std::size_t joined = 0;
    for (const file_range& each : ranges) {
        if (joined > 0 && each.first <= ranges[joined - 1].second) {
            ranges[joined - 1].second = std::max(ranges[joined - 1].second, each.second);
        } else {
            ranges[joined++] = each;
        }
    }
    ranges.resize(joined);
}

class isobmff_cleaner {
public:
    isobmff_cleaner(location_file& file, format format)
        : file_(file), cursor_(file.fd()), format_(format) {}

    location_result run() {
        std::uint64_t at = 0;
        while (at < file_.size() && !file_.excessive()) {
            box current;
            if (!read_box(at, file_.size(), current)) {
                if (at == 0 || is_printable(current.name())) {
                    return refuse_as_corrupt("a box reaches beyond the file");
                }
                cut_bytes_ = file_.size() - at;
                file_.truncate(at);  // no box: what some cameras append
                break;
            }
            if (auto cleaned = clean_top_level(current); !cleaned) {
                return cleaned;
            }
            at = current.end;
        }
        return clean_media_data();
    }

private:
    bool read_box(std::uint64_t at, std::uint64_t end, box& out) {
        if (end - at < 8) {
            return false;
        }
        cursor_.seek(at);
        std::uint64_t size = cursor_.read_big_32();
        for (char& letter : out.type) {
            letter = static_cast<char>(cursor_.read_8());
        }
        if (size == 1 && end - at >= 16) {
            size = cursor_.read_big_64();
        } else if (size == 0) {
            size = end - at;
        }
        out.start = at;
        out.body = cursor_.position();
        out.end = at + size;
        return size >= out.body - at && size <= end - at;
    }

    void make_free(const box& box) {
        file_.write(box.start + 4, "free");
        file_.zero(box.body, box.end - box.body);
    }

    location_result clean_top_level(const box& current) {
        const std::string_view name = current.name();
        if (name == "mdat") {
            media_data_.emplace_back(current.body, current.end);
        } else if (name == "moov" || name == "moof") {
            is_fragmented_ = is_fragmented_ || name == "moof";
            return walk(current, 0, nullptr);
        } else if (name == "meta" && is_image(format_)) {
            return clean_heif_meta(file_, current.body, current.end - current.body, items_);
        } else if (name == "wide") {
            file_.zero(current.body, current.end - current.body);
        } else if (name == "meta" || !lists(top_level, name)) {
            make_free(current);
        }
        return {};
    }

    /// `meta` has a version and flags in MP4, and none in QuickTime, where `hdlr` comes first as
    /// well.
    std::uint64_t first_child(const box& parent) {
        constexpr std::uint64_t version_bytes = 4;
        box child;
        const bool has_version =
            parent.name() == "meta" && parent.end - parent.body >= version_bytes &&
            !(read_box(parent.body, parent.end, child) && child.name() == "hdlr");
        return parent.body + (has_version ? version_bytes : 0);
    }

    location_result walk(const box& parent, int depth, track_tables* track) {
        const rule* const allowed = find_rule(parent.name());
        if (depth > depth_max) {
            return refuse_as_corrupt("boxes too deep");
        }
        std::uint64_t at = first_child(parent);
        while (at < parent.end && !file_.excessive()) {
            if (parent.end - at < 8) {
                file_.zero(at, parent.end - at);  // QuickTime may close a list with zeros
                break;
            }
            box child;
            if (!read_box(at, parent.end, child)) {
                return refuse_as_corrupt("a box reaches beyond its parent");
            }
            at = child.end;
            location_result cleaned;
            if (!lists(allowed->children, child.name())) {
                make_free(child);
            } else if (child.name() == "trak") {
                cleaned = clean_track(child, depth);
            } else if (find_rule(child.name()) != nullptr) {
                cleaned = walk(child, depth + 1, track);
            } else if (track != nullptr) {
                note_table(child, parent.name(), *track);
            }
            if (!cleaned) {
                return cleaned;
            }
        }
        return {};
    }

    location_result clean_track(const box& box, int depth) {
        track_tables track;
        if (auto cleaned = walk(box, depth + 1, &track); !cleaned) {
            return cleaned;
        }
        track.stays = lists(is_image(format_) ? picture_handlers : video_handlers, track.handler);
        has_other_tracks_ = has_other_tracks_ || !track.stays;
        if (!track.stays) {
            make_free(box);
        }
        if (!chunks_.add(file_.fd(), track)) {
            return refuse_as_too_large("The video has too many samples.");
        }
        return {};
    }

    void note_table(const box& table, std::string_view parent, track_tables& track) {
        const file_part part{.start = table.body, .end = table.end};
        const std::string_view name = table.name();
        if (name == "hdlr" && parent == "mdia" && part.end - part.start >= 12) {
            cursor_.seek(table.body + 8);
            track.handler.clear();
            for (int i = 0; i < 4; ++i) {
                track.handler.push_back(static_cast<char>(cursor_.read_8()));
            }
        } else if (name == "stsc") {
            track.samples_of_chunks = part;
        } else if (name == "stsz") {
            track.sample_sizes = part;
        } else if (name == "stco" || name == "co64") {
            track.chunk_offsets = part;
            track.offset_bytes = name == "stco" ? 4 : 8;
        }
    }

    location_result clean_media_data() {
        if (items_.end > file_.size()) {
            return refuse_as_corrupt("an item lies behind the boxes");
        }
        if (!std::ranges::all_of(items_.changed,
                                 [this](const file_range& part) { return is_media_data(part); })) {
            return refuse_as_corrupt("an item lies over the boxes");
        }
        if (is_fragmented_) {
            return has_other_tracks_ ? refuse_as_unsupported(
                                           "The video has a track of data beside picture and "
                                           "sound, which cannot be removed.")
                                     : location_result{};
        }
        kept_ = std::move(items_.kept);
        chunks_.append_kept(kept_);
        if (std::ranges::any_of(kept_, [this](const file_range& part) { return was_cut(part); })) {
            return refuse_as_corrupt("a sample lies behind the boxes");
        }
        join_overlapping(kept_);
        for (const auto& [start, end] : media_data_) {
            zero_what_is_not_kept(start, end);
        }
        return {};
    }

    /// Metadata elsewhere would be a part of the file's structure, and has been overwritten.
    bool is_media_data(const file_range& part) const {
        const auto data =
            std::ranges::lower_bound(media_data_, part.second, {}, &file_range::second);
        return data != media_data_.end() && data->first <= part.first;
    }

    /// It begins or ends in the tail that was no box, and went with it. (Where samples are of one
    /// size, the end of the last chunk is not known, and stands behind any file's.)
    bool was_cut(const file_range& part) const {
        const std::uint64_t whole = file_.size() + cut_bytes_;
        return (part.first >= file_.size() && part.first < whole) ||
               (part.second > file_.size() && part.second <= whole);
    }

    void zero_what_is_not_kept(std::uint64_t start, std::uint64_t end) {
        const auto first = std::ranges::upper_bound(kept_, start, {}, &file_range::second);
        for (auto kept = first; kept != kept_.end() && kept->first < end; ++kept) {
            if (kept->first > start) {
                file_.zero(start, kept->first - start);
            }
            start = kept->second;
        }
        if (start < end) {
            file_.zero(start, end - start);
        }
    }

    location_file& file_;
    file_cursor cursor_;
    format format_;
    bool is_fragmented_ = false;
    bool has_other_tracks_ = false;
    std::uint64_t cut_bytes_ = 0;
    heif_places items_;
    file_ranges media_data_;
    file_ranges kept_;
    chunk_list chunks_;
};

}  // namespace

location_result clean_isobmff(location_file& file, format format) {
    return isobmff_cleaner(file, format).run();
}

}  // namespace pinhole::media
