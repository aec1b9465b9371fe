// Images, by libvips. Each format has its own loader that is called by name; all other loaders of
// the library (SVG, PDF, ImageMagick, …) are blocked for the whole process besides.

#include <fmt/format.h>
#include <vips/vips.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "storage/media/file_cursor.hpp"
#include "storage/media/probe_steps.hpp"

namespace pinhole::media {
namespace {

struct object_unref {
    void operator()(void* object) const { g_object_unref(object); }
};
using source_ptr = std::unique_ptr<VipsSource, object_unref>;
using image_ptr = std::unique_ptr<VipsImage, object_unref>;
using region_ptr = std::unique_ptr<VipsRegion, object_unref>;

/// What the library said since the last call. Its buffer is one for the whole process, so lines of
/// another thread may stand among them: good enough for a log, not for a user.
std::string take_vips_error() {
    const std::unique_ptr<char, decltype(&g_free)> text(vips_error_buffer_copy(), &g_free);
    std::string line = text ? text.get() : "";
    std::ranges::replace(line, '\n', ' ');
    return line;
}

/// The whole file. The decoders get it from memory: libheif ends the process when a read fails, and
/// libvips would need a second descriptor. Errors: std::system_error.
std::vector<std::uint8_t> read_all(int fd) {
    file_cursor file(fd);
    std::vector<std::uint8_t> bytes(file.size());
    file.read(bytes);
    return bytes;
}

/// The refusal of what a loader did not take, unless there was no memory. Some loaders say nothing
/// of that, so it is looked for, while they still hold theirs.
std::unexpected<probe_error> refuse_unless_environment() {
    std::string text = take_vips_error();
    if (is_memory_short()) {
        throw std::bad_alloc();
    }
    return refuse_as_corrupt(std::move(text));
}

/// `fail_on` is the loaders' strictness.
/// Reads the header only; pixels follow when a region asks for them.
image_ptr load(format format, std::span<const std::uint8_t> bytes, int pages) {
    const source_ptr source(vips_source_new_from_memory(bytes.data(), bytes.size()));
    if (!source) {
        return nullptr;
    }
    VipsImage* image = nullptr;
    constexpr auto sequential = VIPS_ACCESS_SEQUENTIAL;
    constexpr auto fail_on = VIPS_FAIL_ON_ERROR;
    switch (format) {
        case format::jpeg:
            vips_jpegload_source(source.get(), &image, "access", sequential, "fail_on", fail_on,
                                 nullptr);
            break;
        case format::png:
            vips_pngload_source(source.get(), &image, "access", sequential, "fail_on", fail_on,
                                nullptr);
            break;
        case format::gif:
            vips_gifload_source(source.get(), &image, "access", sequential, "fail_on", fail_on, "n",
                                pages, nullptr);
            break;
        case format::webp:
            vips_webpload_source(source.get(), &image, "access", sequential, "fail_on", fail_on,
                                 "n", pages, nullptr);
            break;
        case format::heic:
        case format::avif:
            vips_heifload_source(source.get(), &image, "access", sequential, "fail_on", fail_on,
                                 nullptr);
            break;
        case format::mp4:
        case format::mov:
        case format::webm:
            break;
    }
    return image_ptr(image);
}

/// A number that a loader notes only where it applies.
bool is_noted(VipsImage* image, const char* name) {
    int value = 0;
    return vips_image_get_typeof(image, name) != 0 &&
           vips_image_get_int(image, name, &value) == 0 && value != 0;
}

/// How many pixels the decoder must hold at once before it gives the first strip; 0 if it gives
/// them as they come.
std::uint64_t held_pixels(format format, VipsImage* image, std::uint64_t coded_pixels) {
    const std::uint64_t canvas = static_cast<std::uint64_t>(vips_image_get_width(image)) *
                                 static_cast<std::uint64_t>(vips_image_get_page_height(image));
    switch (format) {
        case format::jpeg:
            return is_noted(image, "jpeg-multiscan") ? canvas : 0;
        case format::png:
            return is_noted(image, "interlaced") ? canvas : 0;
        case format::gif:
            return 2 * canvas;  // the second one to go back to, where a frame asks for it
        case format::webp:
            return canvas;
        case format::heic:
        case format::avif:
            return std::max(canvas, coded_pixels);
        default:
            return 0;
    }
}

std::expected<void, probe_error> check_dimensions(format format, VipsImage* image,
                                                  std::uint64_t held, const probe_limits& limits) {
    const auto width = static_cast<std::uint64_t>(vips_image_get_width(image));
    const auto height = static_cast<std::uint64_t>(vips_image_get_page_height(image));
    const auto frames = static_cast<std::uint64_t>(vips_image_get_n_pages(image));
    if (std::max(width, height) > limits.image_side_max) {
        return refuse_as_too_large(fmt::format("The image is {} x {} pixels; a side may have {}.",
                                               width, height, limits.image_side_max));
    }
    if (width * height > limits.image_pixels_max) {
        return refuse_as_too_large(fmt::format("The image is {} x {} pixels; {} are accepted.",
                                               width, height, limits.image_pixels_max));
    }
    if (held > limits.buffered_pixels_max) {
        return refuse_as_too_large(
            fmt::format("The image is {} x {} pixels, and of its kind {} are held in memory; {} "
                        "are accepted.",
                        width, height, held, limits.buffered_pixels_max));
    }
    const bool animated = format == format::gif || format == format::webp;
    if (animated && (frames > limits.animation_frames_max ||
                     width * height * frames > limits.animation_pixels_max ||
                     height * frames > VIPS_MAX_COORD)) {
        return refuse_as_too_large(fmt::format(
            "The animation has {} frames of {} x {} pixels; {} frames and {} pixels are accepted.",
            frames, width, height, limits.animation_frames_max, limits.animation_pixels_max));
    }
    return {};
}

/// Bounds the memory of all decodes that run at once: pictures that are held whole share
/// `buffered_pixels_max` pixels, and wait for one another beyond that.
class buffered_decode {
public:
    buffered_decode(std::uint64_t pixels, std::uint64_t pixels_max) : pixels_(pixels) {
        std::unique_lock lock(mutex);
        released.wait(lock, [&] { return in_use == 0 || in_use + pixels <= pixels_max; });
        in_use += pixels;
    }
    buffered_decode(const buffered_decode&) = delete;
    buffered_decode& operator=(const buffered_decode&) = delete;
    ~buffered_decode() {
        {
            const std::lock_guard lock(mutex);
            in_use -= pixels_;
        }
        released.notify_all();
    }

private:
    static inline std::mutex mutex;
    static inline std::condition_variable released;
    static inline std::uint64_t in_use = 0;

    std::uint64_t pixels_;
};

/// Decodes every pixel once, strip by strip from the top, on this thread.
bool decode_all(VipsImage* image) {
    constexpr int strip_rows = 64;
    const region_ptr region(vips_region_new(image));
    if (!region) {
        return false;
    }
    for (int top = 0; top < image->Ysize; top += strip_rows) {
        const VipsRect strip{0, top, image->Xsize, std::min(strip_rows, image->Ysize - top)};
        if (vips_region_prepare(region.get(), &strip) != 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

void start_image_decoders() {
    // Whatever the library would print, its return values tell as well.
    g_log_set_handler(
        "VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_MASK | G_LOG_FLAG_RECURSION),
        [](const gchar*, GLogLevelFlags, const gchar*, gpointer) {}, nullptr);
    if (vips_init("pinhole") != 0) {
        throw std::runtime_error("libvips does not start: " + take_vips_error());
    }
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (const char* const accepted :
         {"VipsForeignLoadJpegSource", "VipsForeignLoadPngSource", "VipsForeignLoadNsgifSource",
          "VipsForeignLoadWebpSource", "VipsForeignLoadHeifSource"}) {
        vips_operation_block_set(accepted, FALSE);
    }
}

std::expected<media_info, probe_error> probe_image(format format, int fd,
                                                   std::uint64_t coded_pixels,
                                                   const probe_limits& limits) {
    const std::vector<std::uint8_t> bytes = read_all(fd);
    const image_ptr header = load(format, bytes, 1);
    if (!header) {
        return refuse_unless_environment();
    }
    const std::uint64_t held = held_pixels(format, header.get(), coded_pixels);
    if (const auto checked = check_dimensions(format, header.get(), held, limits); !checked) {
        return std::unexpected(checked.error());
    }
    const buffered_decode turn(held, limits.buffered_pixels_max);
    if (format == format::jpeg) {
        if (auto damage = find_jpeg_damage(bytes)) {
            return refuse_as_corrupt(std::move(*damage));
        }
    } else {
        // Opening a file again costs: only a second frame is worth it.
        const bool animated = vips_image_get_n_pages(header.get()) > 1 && format != format::heic &&
                              format != format::avif;
        const image_ptr frames = animated ? load(format, bytes, -1) : nullptr;
        if ((animated && !frames) || !decode_all(animated ? frames.get() : header.get())) {
            return refuse_unless_environment();
        }
    }
    auto width = static_cast<std::uint32_t>(vips_image_get_width(header.get()));
    auto height = static_cast<std::uint32_t>(vips_image_get_page_height(header.get()));
    if (vips_image_get_orientation_swap(header.get()) != 0) {
        std::swap(width, height);
    }
    return media_info{.format = format,
                      .kind = media_kind::image,
                      .content_type = content_type(format),
                      .width = width,
                      .height = height};
}

}  // namespace pinhole::media
