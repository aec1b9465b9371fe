// What kind of file is this, going by its first bytes alone?
//
// A name or a Content-Type header is whatever the client says, so neither is ever looked at. The
// answer here only picks the decoder that the file must then satisfy (probe.hpp): it is a claim by
// the file, not yet a fact. It refuses to know: decoding, sizes, HTTP.
//
// Thread-safety: pure functions. Blocking: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pinhole::media {

enum class format : std::uint8_t {
    jpeg,
    png,
    gif,
    webp,
    heic,
    avif,
    mp4,
    mov,  ///< QuickTime
    webm,
};

inline constexpr format all_formats[] = {format::jpeg, format::png,  format::gif,
                                         format::webp, format::heic, format::avif,
                                         format::mp4,  format::mov,  format::webm};

/// As many leading bytes as `sniff` ever looks at; fewer are fine if the file is shorter.
inline constexpr std::size_t sniff_bytes_max = 1024;

/// The accepted format that the file claims to be, or nothing: SVG, HTML, TIFF, BMP, PDF, audio,
/// Matroska that is not WebM, raw photos in an ISO container and everything unknown are nothing.
std::optional<format> sniff(std::span<const std::byte> first_bytes);
std::optional<format> sniff(std::string_view first_bytes);

bool is_image(format format);
bool is_video(format format);

/// The media type to serve the file with: "image/jpeg". Never ends; points to a literal.
std::string_view content_type(format format);

/// The file name extension without its dot: "jpg".
std::string_view extension(format format);

/// The media type for an extension given by `extension`, or nothing.
std::optional<std::string_view> content_type_of_extension(std::string_view extension);

/// Every accepted media type, comma-separated: what a 415 tells its client.
const std::string& accepted_content_types();

}  // namespace pinhole::media
