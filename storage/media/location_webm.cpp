// WebM (RFC 8794, RFC 9559): of a segment the elements that a player needs stay, and the tags that
// programs write about themselves. All others (tags, attachments, chapters) become Void elements of
// zeros, and what Void elements held goes as well. Of the tracks pictures and sound stay; the
// blocks of others (subtitles, metadata) become Void, too.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <set>
#include <string_view>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

namespace element_id {
constexpr std::uint64_t header = 0x1a45dfa3;
constexpr std::uint64_t segment = 0x18538067;
constexpr std::uint64_t cluster = 0x1f43b675;
constexpr std::uint64_t tracks = 0x1654ae6b;
constexpr std::uint64_t track_entry = 0xae;
constexpr std::uint64_t track_number = 0xd7;
constexpr std::uint64_t track_type = 0x83;
constexpr std::uint64_t block_group = 0xa0;
constexpr std::uint64_t block = 0xa1;
constexpr std::uint64_t simple_block = 0xa3;
constexpr std::uint64_t tags = 0x1254c367;
constexpr std::uint64_t tag = 0x7373;
constexpr std::uint64_t tag_targets = 0x63c0;
constexpr std::uint64_t simple_tag = 0x67c8;
constexpr std::uint64_t tag_name = 0x45a3;
constexpr std::uint64_t checksum = 0xbf;
constexpr std::uint64_t empty = 0xec;
}  // namespace element_id

/// SeekHead, Info, Tracks, Cues, Cluster, Tags, CRC-32.
constexpr std::array<std::uint64_t, 7> segment_children{
    0x114d9b74, 0x1549a966, 0x1654ae6b, 0x1c53bb6b, 0x1f43b675, 0x1254c367, 0xbf};
/// Timestamp, Position, PrevSize, SimpleBlock, BlockGroup, CRC-32.
constexpr std::array<std::uint64_t, 6> cluster_children{0xe7, 0xa7, 0xab, 0xa3, 0xa0, 0xbf};
/// TagName, TagLanguage, TagDefault, TagString: no tags within tags, no binary ones.
constexpr std::array<std::uint64_t, 4> simple_tag_children{0x45a3, 0x447a, 0x4484, 0x4487};
/// What ffmpeg and mkvmerge write of themselves and of the file that a video was made from.
constexpr std::array kept_tags{"TITLE"sv,       "ENCODER"sv,       "DURATION"sv,
                               "LANGUAGE"sv,    "CREATION_TIME"sv, "DATE_RECORDED"sv,
                               "MAJOR_BRAND"sv, "MINOR_VERSION"sv, "COMPATIBLE_BRANDS"sv,
                               "VENDOR_ID"sv,   "HANDLER_NAME"sv};
constexpr std::uint64_t video_type = 1;
constexpr std::uint64_t sound_type = 2;

struct element {
    std::uint64_t id = 0;
    std::uint64_t start = 0;
    std::uint64_t body = 0;
    std::uint64_t end = 0;
    bool unknown_size = false;  ///< "to the end" (RFC 8794, section 6.2)
};

class webm_cleaner {
public:
    explicit webm_cleaner(location_file& file) : file_(file), cursor_(file.fd()) {}

    bool run() { return walk(0, file_.size(), level::top); }

private:
    enum class level : std::uint8_t { top, segment, cluster, tracks, tags, tag };

    /// Answers false where an element does not fit.
    bool walk(std::uint64_t at, std::uint64_t end, level where) {
        while (at < end && !file_.excessive()) {
            element current;
            if (!read_element(at, end, current)) {
                return false;
            }
            const bool opens =
                current.id == element_id::segment || current.id == element_id::cluster;
            if (current.unknown_size && (!opens || where > level::segment)) {
                return false;
            }
            // Children of what has no size come next, on this same level.
            at = current.unknown_size ? current.body : current.end;
            may_be_cluster_ = may_be_cluster_ || current.unknown_size;
            if (!current.unknown_size && !clean_element(current, where)) {
                return false;
            }
        }
        return true;
    }

    bool clean_element(const element& current, level where) {
        const bool stays = may_stay(current.id, where);
        if (current.id == element_id::empty) {
            file_.zero(current.body, current.end - current.body);
        } else if (!stays) {
            make_void(current);
        } else if (current.id == element_id::segment) {
            return walk(current.body, current.end, level::segment);
        } else if (current.id == element_id::tracks) {
            return walk_summed(current, level::tracks);
        } else if (current.id == element_id::tags) {
            return walk_summed(current, level::tags);
        } else if (current.id == element_id::tag) {
            return walk(current.body, current.end, level::tag);
        } else if (current.id == element_id::simple_tag) {
            return clean_simple_tag(current);
        } else if (current.id == element_id::track_entry && where == level::tracks) {
            return clean_track(current);
        } else if (current.id == element_id::cluster) {
            return walk(current.body, current.end, level::cluster);
        } else if (current.id == element_id::simple_block) {
            clean_block(current, current.body);
        } else if (current.id == element_id::block_group) {
            return clean_block_group(current);
        }
        return true;
    }

    bool may_stay(std::uint64_t id, level where) const {
        const auto has = [id](const auto& ids) { return std::ranges::find(ids, id) != ids.end(); };
        switch (where) {
            case level::top:
                if (id == element_id::header || id == element_id::segment) {
                    return true;
                }
                return may_be_cluster_ && (has(segment_children) || has(cluster_children));
            case level::segment:
                return has(segment_children) || (may_be_cluster_ && has(cluster_children));
            case level::cluster:
                return has(cluster_children);
            case level::tracks:
                return id == element_id::track_entry || id == element_id::checksum;
            case level::tags:
                return id == element_id::tag || id == element_id::checksum;
            case level::tag:
                return id == element_id::tag_targets || id == element_id::simple_tag;
        }
        return false;
    }

    bool read_element(std::uint64_t at, std::uint64_t end, element& out) {
        cursor_.seek(at);
        out.start = at;
        bool all_set = false;
        if (!read_number(end, true, out.id, all_set)) {
            return false;
        }
        std::uint64_t size = 0;
        if (!read_number(end, false, size, out.unknown_size)) {
            return false;
        }
        out.body = cursor_.position();
        if (!out.unknown_size && size > end - out.body) {
            return false;
        }
        out.end = out.unknown_size ? end : out.body + size;
        return true;
    }

    /// RFC 8794, section 4: the leading zero bits of the first byte say how many bytes follow.
    bool read_number(std::uint64_t end, bool keep_marker, std::uint64_t& value, bool& all_set) {
        if (cursor_.position() >= end) {
            return false;
        }
        const std::uint8_t first = cursor_.read_8();
        const auto length = static_cast<std::uint64_t>(std::countl_zero(first)) + 1;
        if (length > 8 || length - 1 > end - cursor_.position()) {
            return false;
        }
        const std::uint64_t marker = 0x80U >> (length - 1);
        value = keep_marker ? first : first & (marker - 1);
        for (std::uint64_t i = 1; i < length; ++i) {
            value = value << 8 | cursor_.read_8();
        }
        all_set = value == (1ULL << (7 * length)) - 1;
        return true;
    }

    /// Of what changed, a checksum in front (RFC 8794, 11.3.1) goes as well.
    bool walk_summed(const element& parent, level where) {
        const std::size_t before = voided_;
        element first;
        const bool has_sum = read_element(parent.body, parent.end, first) &&
                             first.id == element_id::checksum && !first.unknown_size;
        if (!walk(parent.body, parent.end, where)) {
            return false;
        }
        if (has_sum && voided_ != before) {
            make_void(first);
        }
        return true;
    }

    bool clean_simple_tag(const element& tag) {
        bool stays = false;
        for (std::uint64_t at = tag.body; at < tag.end;) {
            element child;
            if (!read_element(at, tag.end, child) || child.unknown_size) {
                return false;
            }
            if (std::ranges::find(simple_tag_children, child.id) == simple_tag_children.end()) {
                stays = false;
                break;
            }
            if (child.id == element_id::tag_name) {
                const auto bytes = file_.read(child.body, child.end - child.body);
                const std::string_view name(reinterpret_cast<const char*>(bytes.data()),
                                            bytes.size());
                stays = std::ranges::find(kept_tags, name) != kept_tags.end();
            }
            at = child.end;
        }
        if (!stays) {
            make_void(tag);
        }
        return true;
    }

    /// Same length, other element: its size in eight bytes where there is room, else in one.
    void make_void(const element& gone) {
        ++voided_;
        const std::uint64_t bytes = gone.end - gone.start;
        const std::uint64_t size_bytes = bytes >= 9 ? 8 : 1;
        std::uint64_t size = (bytes - 1 - size_bytes) | 1ULL << (7 * size_bytes);
        std::vector<std::uint8_t> header(1 + size_bytes);
        header[0] = static_cast<std::uint8_t>(element_id::empty);
        for (std::uint64_t i = size_bytes; i > 0; --i, size >>= 8) {
            header[i] = static_cast<std::uint8_t>(size & 0xff);
        }
        file_.write(gone.start, header);
        const std::uint64_t body = gone.start + header.size();
        file_.zero(body, gone.end - body);
    }

    bool clean_track(const element& track) {
        std::uint64_t number = 0;
        std::uint64_t type = 0;
        for (std::uint64_t at = track.body; at < track.end;) {
            element child;
            if (!read_element(at, track.end, child) || child.unknown_size) {
                return false;
            }
            if (child.id == element_id::track_number || child.id == element_id::track_type) {
                std::uint64_t value = 0;
                for (std::uint64_t i = child.body; i < child.end; ++i) {
                    value = value << 8 | cursor_.read_8();
                }
                (child.id == element_id::track_number ? number : type) = value;
            }
            at = child.end;
        }
        if (type != video_type && type != sound_type) {
            gone_tracks_.insert(number);
            make_void(track);
        }
        return true;
    }

    /// `whole` is what goes if the block that starts at `body` is of a track that went.
    void clean_block(const element& whole, std::uint64_t body) {
        if (gone_tracks_.empty()) {
            return;
        }
        cursor_.seek(body);
        std::uint64_t number = 0;
        bool all_set = false;
        if (!read_number(whole.end, false, number, all_set) || gone_tracks_.contains(number)) {
            make_void(whole);
        }
    }

    bool clean_block_group(const element& group) {
        for (std::uint64_t at = group.body; at < group.end && !gone_tracks_.empty();) {
            element child;
            if (!read_element(at, group.end, child) || child.unknown_size) {
                return false;
            }
            if (child.id == element_id::block) {
                clean_block(group, child.body);
                return true;
            }
            at = child.end;
        }
        return true;
    }

    location_file& file_;
    file_cursor cursor_;
    std::set<std::uint64_t> gone_tracks_;
    std::size_t voided_ = 0;
    bool may_be_cluster_ = false;  ///< an open segment or cluster was met: its children may come
};

}  // namespace

location_result clean_webm(location_file& file) {
    if (!webm_cleaner(file).run()) {
        return refuse_as_corrupt("an element does not fit");
    }
    return {};
}

}  // namespace pinhole::media
