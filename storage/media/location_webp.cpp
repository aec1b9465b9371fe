// WebP: chunks of the picture and its colour profile stay, `EXIF` is cleaned, all others (XMP among
// them) become unknown chunks of zeros, which every reader skips. What lies behind the RIFF
// container is cut off. Source: RFC 9649, section 2.

#include <algorithm>
#include <array>
#include <string_view>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

constexpr std::array picture_chunks{"VP8 "sv, "VP8L"sv, "VP8X"sv, "ALPH"sv, "ANIM"sv, "ICCP"sv};
constexpr char ignored_chunk[] = "VOID";
constexpr std::uint64_t header_bytes = 8;
constexpr std::uint64_t form_type_bytes = 4;  // "WEBP"
constexpr std::uint64_t frame_header_bytes = 16;

class webp_cleaner {
public:
    explicit webp_cleaner(location_file& file) : file_(file), cursor_(file.fd()) {}

    /// False if the container ends before it says that it is a WebP.
    bool run() {
        cursor_.skip(4);
        const std::uint64_t riff_bytes = cursor_.read_little_32();
        if (riff_bytes < form_type_bytes) {
            return false;
        }
        const std::uint64_t end =
            std::min(file_.size(), header_bytes + riff_bytes + riff_bytes % 2);
        file_.truncate(end);
        walk(header_bytes + form_type_bytes, end, false);
        clear_flags();
        return true;
    }

private:
    void walk(std::uint64_t at, std::uint64_t end, bool in_frame) {
        while (at < end && !file_.excessive()) {
            if (end - at < header_bytes) {
                file_.zero(at, end - at);
                return;
            }
            cursor_.seek(at);
            std::array<char, 4> type;
            for (char& letter : type) {
                letter = static_cast<char>(cursor_.read_8());
            }
            const std::uint64_t stated = cursor_.read_little_32();
            const std::uint64_t start = at + header_bytes;
            // One that reaches too far is cut short by some decoders, and so it is here.
            const std::uint64_t length = std::min(stated, end - start);
            clean_chunk({type.data(), type.size()}, start, length, in_frame);
            at = start + length + length % 2;
        }
    }

    void clean_chunk(std::string_view type, std::uint64_t start, std::uint64_t length,
                     bool in_frame) {
        if (type == "ANMF" && !in_frame && length >= frame_header_bytes) {
            walk(start + frame_header_bytes, start + length, true);
        } else if (type == "EXIF" && !in_frame && length <= exif_bytes_max) {
            std::vector<std::uint8_t> bytes = file_.read(start, length);
            if (clean_prefixed_exif(bytes)) {
                file_.write(start, bytes);
                has_exif_ = true;
            } else {
                make_ignored(start, length);
            }
        } else if (std::ranges::find(picture_chunks, type) == picture_chunks.end()) {
            make_ignored(start, length);
        } else if (type == "VP8X" && length > 0) {
            flags_at_ = start;
        }
    }

    void make_ignored(std::uint64_t start, std::uint64_t length) {
        file_.write(start - header_bytes, ignored_chunk);
        file_.zero(start, length);
    }

    /// The extended header says which metadata there is.
    void clear_flags() {
        constexpr unsigned has_xmp = 0x04;
        constexpr unsigned has_exif = 0x08;
        if (flags_at_ == 0) {
            return;
        }
        std::vector<std::uint8_t> flags = file_.read(flags_at_, 1);
        for (std::uint8_t& byte : flags) {
            byte = static_cast<std::uint8_t>(byte & ~(has_xmp | (has_exif_ ? 0 : has_exif)));
        }
        file_.write(flags_at_, flags);
    }

    location_file& file_;
    file_cursor cursor_;
    std::uint64_t flags_at_ = 0;
    bool has_exif_ = false;
};

}  // namespace

location_result clean_webp(location_file& file) {
    if (file.size() < header_bytes + form_type_bytes || !webp_cleaner(file).run()) {
        return refuse_as_corrupt("a WebP without a header");
    }
    return {};
}

}  // namespace pinhole::media
