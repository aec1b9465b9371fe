#include "storage/media/location.hpp"

#include <utility>

#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

location_result clean(location_file& file, format format) {
    switch (format) {
        case format::jpeg:
            return clean_jpeg(file);
        case format::png:
            return clean_png(file);
        case format::gif:
            return clean_gif(file);
        case format::webp:
            return clean_webp(file);
        case format::webm:
            return clean_webm(file);
        case format::heic:
        case format::avif:
        case format::mp4:
        case format::mov:
            return clean_isobmff(file, format);
    }
    std::unreachable();
}

}  // namespace

std::expected<location_removal, probe_error> remove_location(int fd, format format) {
    location_file file(fd);
    if (auto cleaned = clean(file, format); !cleaned) {
        return std::unexpected(std::move(cleaned.error()));
    }
    if (file.excessive()) {
        return refuse_as_too_large("The file has too much metadata.");
    }
    return location_removal{.changed = file.changed(), .size_bytes = file.size()};
}

}  // namespace pinhole::media
