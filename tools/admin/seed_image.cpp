#include "tools/admin/seed_image.hpp"

#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "storage/media/probe.hpp"

namespace pinhole::admin {

namespace {

constexpr int bands = 3;
constexpr int jpeg_quality = 82;

struct colour {
    double red;
    double green;
    double blue;
};

colour mix(const colour& a, const colour& b, double part) {
    return {a.red + (b.red - a.red) * part, a.green + (b.green - a.green) * part,
            a.blue + (b.blue - a.blue) * part};
}

struct palette {
    colour sky;      ///< at the top
    colour horizon;  ///< and at the horizon
    colour sun;
    colour land;
};

constexpr std::array palettes{
    palette{{40, 90, 170}, {190, 220, 245}, {255, 250, 220}, {40, 80, 50}},
    palette{{60, 40, 100}, {250, 140, 80}, {255, 230, 150}, {50, 30, 50}},
    palette{{15, 20, 50}, {60, 70, 120}, {240, 240, 230}, {10, 15, 30}},
    palette{{130, 180, 220}, {250, 230, 220}, {255, 255, 255}, {120, 140, 160}},
    palette{{90, 150, 160}, {240, 220, 170}, {255, 240, 180}, {30, 90, 110}},
    palette{{180, 90, 120}, {255, 200, 170}, {255, 245, 210}, {90, 50, 70}},
};

/// One line of hills, farther ones first.
struct ridge {
    double height;  ///< of the picture, from above
    double swing;
    double waves;
    double shift;
};

struct scene {
    palette colours;
    double sun_x;
    double sun_y;
    double sun_radius;
    std::vector<ridge> ridges;
};

/// In [0, 1).
double draw_part(sample::random_numbers& random) {
    return static_cast<double>(random.below(1'000'000)) / 1'000'000;
}

scene draw_scene(sample::random_numbers& random) {
    scene drawn{.colours = random.pick(palettes),
                .sun_x = 0.1 + 0.8 * draw_part(random),
                .sun_y = 0.1 + 0.4 * draw_part(random),
                .sun_radius = 0.04 + 0.08 * draw_part(random),
                .ridges = {}};
    const auto count = random.between(2, 4);
    for (std::uint64_t i = 0; i < count; ++i) {
        const double depth = static_cast<double>(i + 1) / static_cast<double>(count + 1);
        drawn.ridges.push_back({.height = 0.4 + 0.5 * depth,
                                .swing = 0.02 + 0.08 * draw_part(random),
                                .waves = 3 + 9 * draw_part(random),
                                .shift = 7 * draw_part(random)});
    }
    return drawn;
}

/// Of the sky, the sun in it. Both coordinates in [0, 1), y from above.
colour sky_at(const scene& scene, double x, double y, double aspect) {
    const double distance = std::hypot((x - scene.sun_x) * aspect, y - scene.sun_y);
    if (distance < scene.sun_radius) {
        return scene.colours.sun;
    }
    const colour sky = mix(scene.colours.sky, scene.colours.horizon, std::min(1.0, y * 1.5));
    const double beyond = distance - scene.sun_radius;
    return mix(sky, scene.colours.sun, 0.02 / (0.04 + beyond * beyond * 4));
}

/// The nearest ridge that reaches up to `y`, counted from 1; 0: none does.
std::size_t find_ridge(std::span<const double> tops, double y) {
    for (std::size_t i = tops.size(); i > 0; --i) {
        if (y > tops[i - 1]) {
            return i;
        }
    }
    return 0;
}

std::vector<std::uint8_t> paint(const scene& scene, int width, int height) {
    const auto columns = static_cast<std::size_t>(width);
    const std::size_t ridges = scene.ridges.size();
    std::vector<double> tops;  // of every ridge, column by column
    tops.reserve(columns * ridges);
    for (std::size_t column = 0; column < columns; ++column) {
        const double x = static_cast<double>(column) / width;
        for (const ridge& each : scene.ridges) {
            tops.push_back(each.height + each.swing * std::sin(each.waves * x + each.shift));
        }
    }
    std::vector<std::uint8_t> pixels;
    pixels.reserve(columns * static_cast<std::size_t>(height) * bands);
    const double aspect = static_cast<double>(width) / height;
    for (int row = 0; row < height; ++row) {
        const double y = static_cast<double>(row) / height;
        for (std::size_t column = 0; column < columns; ++column) {
            const std::size_t nearest =
                find_ridge(std::span{tops}.subspan(column * ridges, ridges), y);
            const colour at =
                nearest == 0
                    ? sky_at(scene, static_cast<double>(column) / width, y, aspect)
                    : mix(scene.colours.horizon, scene.colours.land,
                          0.3 + 0.7 * static_cast<double>(nearest) / static_cast<double>(ridges));
            for (const double part : {at.red, at.green, at.blue}) {
                pixels.push_back(static_cast<std::uint8_t>(std::clamp(part, 0.0, 255.0)));
            }
        }
    }
    return pixels;
}

[[noreturn]] void fail(const char* what) {
    const std::string reason = ::vips_error_buffer();
    ::vips_error_clear();
    throw std::runtime_error{std::string{what} + ": " + reason};
}

std::string encode(const std::vector<std::uint8_t>& pixels, int width, int height) {
    struct unref {
        void operator()(VipsImage* image) const { ::g_object_unref(image); }
    };
    struct free_buffer {
        void operator()(void* buffer) const { ::g_free(buffer); }
    };
    const std::unique_ptr<VipsImage, unref> image{::vips_image_new_from_memory(
        pixels.data(), pixels.size(), width, height, bands, VIPS_FORMAT_UCHAR)};
    if (!image) {
        fail("making a picture");
    }
    image->Type = VIPS_INTERPRETATION_sRGB;
    void* buffer = nullptr;
    std::size_t bytes = 0;
    if (::vips_jpegsave_buffer(image.get(), &buffer, &bytes, "Q", jpeg_quality, "strip", TRUE,
                               nullptr) != 0) {
        fail("encoding a picture");
    }
    const std::unique_ptr<void, free_buffer> owned{buffer};
    return {static_cast<const char*>(buffer), bytes};
}

}  // namespace

seed_image make_seed_image(sample::random_numbers& random) {
    media::start_decoders();
    static constexpr std::array<std::array<int, 2>, 4> sizes{
        {{480, 360}, {360, 480}, {400, 400}, {560, 315}}};
    const auto& size = random.pick(sizes);
    const scene drawn = draw_scene(random);
    return {.jpeg = encode(paint(drawn, size[0], size[1]), size[0], size[1]),
            .width = size[0],
            .height = size[1]};
}

}  // namespace pinhole::admin
