// WebM: elements of RFC 8794 (EBML) and RFC 9559 (Matroska), down to the blocks of its clusters.
//
// The demuxer keeps everything but the clusters in memory, attached files twice, so what lies
// beside the clusters is bounded as a whole. A segment of stated size must lie within the file. One
// written live (by a browser's recorder) states no size: then its clusters and their blocks must.

#include <bit>

#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint64_t segment_id = 0x18538067;
constexpr std::uint64_t cluster_id = 0x1f43b675;
constexpr std::uint64_t attachments_id = 0x1941a469;
constexpr std::uint64_t void_id = 0xec;
constexpr std::uint64_t simple_block_id = 0xa3;
constexpr std::uint64_t block_group_id = 0xa0;

struct ebml_number {
    std::uint64_t value = 0;
    bool unknown = false;  ///< all value bits set: "to the end" (RFC 8794, section 6.2)
};

ebml_number read_ebml_number(file_cursor& file, bool keep_marker) {
    const std::uint8_t first = file.read_8();
    const int length = std::countl_zero(first) + 1;
    if (length > 8) {
        file.skip(file.remaining() + 1);  // no number starts with a zero byte
        return {};
    }
    const unsigned marker = 0x80U >> (length - 1);
    std::uint64_t value = keep_marker ? first : first & (marker - 1);
    for (int i = 1; i < length; ++i) {
        value = value << 8 | file.read_8();
    }
    const std::uint64_t all_set = (1ULL << (7 * length)) - 1;
    return {.value = value, .unknown = !keep_marker && value == all_set};
}

}  // namespace

structure check_webm(file_cursor& file, const structure_limits& limits) {
    bool has_segment = false;
    std::uint64_t header_bytes = 0;
    while (!file.at_end() && !file.failed()) {
        const std::uint64_t id = read_ebml_number(file, true).value;
        const ebml_number size = read_ebml_number(file, false);
        has_segment = has_segment || id == segment_id;
        if (id == segment_id || id == cluster_id) {
            if (!size.unknown && size.value > file.remaining()) {
                return structure::broken;
            }
            continue;  // its children come next
        }
        if (size.unknown || size.value > file.remaining()) {
            return structure::broken;
        }
        const bool block = id == simple_block_id || id == block_group_id;
        header_bytes += block || id == void_id ? 0 : size.value;
        if (id == attachments_id || header_bytes > limits.video_header_bytes_max ||
            (block && size.value > limits.video_sample_bytes_max)) {
            return structure::excessive;
        }
        file.skip(size.value);
    }
    return has_segment && !file.failed() ? structure::whole : structure::broken;
}

}  // namespace pinhole::media
