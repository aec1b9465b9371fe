#include "tools/admin/seed_image.hpp"

#include <vips/vips.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
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

/// The colour at a place; both coordinates in [0, 1), y from above.
colour colour_at(const scene& scene, double x, double y, double aspect) {
    for (std::size_t i = scene.ridges.size(); i > 0; --i) {
        const ridge& each = scene.ridges[i - 1];
        if (y > each.height + each.swing * std::sin(each.waves * x + each.shift)) {
            const double nearness =
                static_cast<double>(i) / static_cast<double>(scene.ridges.size());
            return mix(scene.colours.horizon, scene.colours.land, 0.3 + 0.7 * nearness);
        }
    }
    const double distance = std::hypot((x - scene.sun_x) * aspect, y - scene.sun_y);
    const colour sky = mix(scene.colours.sky, scene.colours.horizon, std::min(1.0, y * 1.5));
    if (distance < scene.sun_radius) {
        return scene.colours.sun;
    }
    const double glow = std::exp(-(distance - scene.sun_radius) * 6) * 0.5;
    return mix(sky, scene.colours.sun, glow);
}

std::vector<std::uint8_t> paint(const scene& scene, int width, int height) {
    std::vector<std::uint8_t> pixels;
    pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * bands);
    const double aspect = static_cast<double>(width) / height;
    for (int row = 0; row < height; ++row) {
        for (int column = 0; column < width; ++column) {
            const colour at = colour_at(scene, static_cast<double>(column) / width,
                                        static_cast<double>(row) / height, aspect);
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
        {{640, 480}, {480, 640}, {600, 600}, {800, 450}}};
    const auto& size = random.pick(sizes);
    const scene drawn = draw_scene(random);
    return {.jpeg = encode(paint(drawn, size[0], size[1]), size[0], size[1]),
            .width = size[0],
            .height = size[1]};
}

}  // namespace pinhole::admin
