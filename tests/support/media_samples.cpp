#include "tests/support/media_samples.hpp"

#include <fmt/format.h>
#include <vips/vips.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "storage/media/probe.hpp"
#include "tests/support/crafted_media.hpp"

namespace pinhole::test {
namespace {

struct object_unref {
    void operator()(void* object) const { g_object_unref(object); }
};
using image_ptr = std::unique_ptr<VipsImage, object_unref>;

[[noreturn]] void throw_vips(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + vips_error_buffer());
}

/// A gradient with some noise: compresses like a photo, and every decoder sees real work.
image_ptr make_image(int width, int height, std::uint32_t seed, unsigned noise) {
    media::start_decoders();
    std::minstd_rand random(seed + 1);
    std::vector<unsigned char> pixels;
    pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const auto jitter = static_cast<unsigned>(random()) % noise;
            pixels.push_back(static_cast<unsigned char>(static_cast<unsigned>(x) / 2 + jitter));
            pixels.push_back(static_cast<unsigned char>(static_cast<unsigned>(y) / 2 + jitter));
            pixels.push_back(static_cast<unsigned char>(seed * 40 + jitter));
        }
    }
    VipsImage* image = vips_image_new_from_memory_copy(pixels.data(), pixels.size(), width, height,
                                                       3, VIPS_FORMAT_UCHAR);
    if (image == nullptr) {
        throw_vips("vips_image_new_from_memory_copy");
    }
    image->Type = VIPS_INTERPRETATION_sRGB;
    return image_ptr(image);
}

constexpr int width = sample_width;
constexpr int height = sample_height;
constexpr unsigned little_noise = 16;

image_ptr plain_image() {
    return make_image(width, height, 0, little_noise);
}

/// Five frames one below the other, which is how libvips holds an animation.
image_ptr animated_image() {
    image_ptr image = make_image(width, height * 5, 0, little_noise);
    vips_image_set_int(image.get(), VIPS_META_PAGE_HEIGHT, height);
    return image;
}

std::string take_buffer(int result, void* buffer, std::size_t size) {
    if (result != 0) {
        throw_vips("encoding a sample image");
    }
    std::string bytes(static_cast<const char*>(buffer), size);
    g_free(buffer);
    return bytes;
}

std::string encode_jpeg(VipsImage* image, bool progressive) {
    void* buffer = nullptr;
    std::size_t size = 0;
    const int result = vips_jpegsave_buffer(image, &buffer, &size, "Q", 85, "interlace",
                                            static_cast<gboolean>(progressive), nullptr);
    return take_buffer(result, buffer, size);
}

std::string encode_png(VipsImage* image, bool interlaced) {
    void* buffer = nullptr;
    std::size_t size = 0;
    const int result = vips_pngsave_buffer(image, &buffer, &size, "interlace",
                                           static_cast<gboolean>(interlaced), nullptr);
    return take_buffer(result, buffer, size);
}

std::string encode_gif(VipsImage* image) {
    void* buffer = nullptr;
    std::size_t size = 0;
    const int result = vips_gifsave_buffer(image, &buffer, &size, nullptr);
    return take_buffer(result, buffer, size);
}

std::string encode_webp(VipsImage* image) {
    void* buffer = nullptr;
    std::size_t size = 0;
    const int result = vips_webpsave_buffer(image, &buffer, &size, nullptr);
    return take_buffer(result, buffer, size);
}

std::string encode_heif(VipsImage* image, VipsForeignHeifCompression compression) {
    void* buffer = nullptr;
    std::size_t size = 0;
    const int result = vips_heifsave_buffer(image, &buffer, &size, "compression", compression,
                                            "effort", 0, nullptr);
    return take_buffer(result, buffer, size);
}

std::string make_bomb_png() {
    constexpr std::uint32_t side = 50'000;
    constexpr std::size_t row_bytes = 1 + (side + 7) / 8;  // a filter byte, then one bit a pixel
    const std::string header = big_32(side) + big_32(side) +
                               std::string("\x01\x00\x00\x00\x00", 5);  // 1 bit grey, deflate
    return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) +
           png_chunk("IDAT", deflate_zeros(row_bytes * side)) + png_chunk("IEND", "");
}

/// Picture and sound of the sample videos.
std::string video_inputs(std::uint32_t stored_width, std::uint32_t stored_height) {
    return fmt::format(
        "-f lavfi -i testsrc=size={}x{}:rate=25:duration=1 -f lavfi -i sine=duration=1 -shortest",
        stored_width, stored_height);
}

const std::string h264 = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 10 -c:a aac";

}  // namespace

std::string run_ffmpeg(std::string_view arguments, std::string_view extension) {
    std::string folder = std::filesystem::temp_directory_path() / "pinhole-sample-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    const std::string file = fmt::format("{}/sample.{}", folder, extension);
    const std::string command =
        fmt::format("ffmpeg -nostdin -v error -threads 1 {} -y '{}'", arguments, file);
    const int status = std::system(command.c_str());
    std::ifstream in(file, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    std::filesystem::remove_all(folder);
    if (status != 0 || bytes.empty()) {
        throw std::runtime_error("failed: " + command);
    }
    return bytes;
}

const std::string& sample_jpeg() {
    static const std::string bytes = encode_jpeg(plain_image().get(), false);
    return bytes;
}

const std::string& sample_progressive_jpeg() {
    static const std::string bytes = encode_jpeg(plain_image().get(), true);
    return bytes;
}

const std::string& sample_turned_jpeg() {
    static const std::string bytes = [] {
        const image_ptr image = make_image(height, width, 0, little_noise);
        vips_image_set_int(image.get(), VIPS_META_ORIENTATION, 6);
        return encode_jpeg(image.get(), false);
    }();
    return bytes;
}

const std::string& sample_png() {
    static const std::string bytes = encode_png(plain_image().get(), false);
    return bytes;
}

const std::string& sample_interlaced_png() {
    static const std::string bytes = encode_png(plain_image().get(), true);
    return bytes;
}

const std::string& sample_gif() {
    static const std::string bytes = encode_gif(plain_image().get());
    return bytes;
}

const std::string& sample_animated_gif() {
    static const std::string bytes = encode_gif(animated_image().get());
    return bytes;
}

const std::string& sample_webp() {
    static const std::string bytes = encode_webp(plain_image().get());
    return bytes;
}

const std::string& sample_animated_webp() {
    static const std::string bytes = encode_webp(animated_image().get());
    return bytes;
}

const std::string& sample_heic() {
    static const std::string bytes =
        encode_heif(plain_image().get(), VIPS_FOREIGN_HEIF_COMPRESSION_HEVC);
    return bytes;
}

const std::string& sample_avif() {
    static const std::string bytes =
        encode_heif(plain_image().get(), VIPS_FOREIGN_HEIF_COMPRESSION_AV1);
    return bytes;
}

const std::string& sample_mp4() {
    static const std::string bytes =
        run_ffmpeg(video_inputs(width, height) + h264 + " -movflags +faststart", "mp4");
    return bytes;
}

const std::string& sample_turned_mp4() {
    static const std::string bytes = [] {
        std::string turned = run_ffmpeg(video_inputs(height, width) + h264, "mp4");
        // The first track's display matrix lies 40 bytes into its header (14496-12, 8.3.2).
        constexpr std::size_t matrix_offset = 4 + 40;
        std::string quarter_turn;
        for (const std::uint32_t cell : {0U, 0x10000U, 0U, 0xffff0000U, 0U, 0U, 0U, 0U, 1U << 30}) {
            quarter_turn += big_32(cell);
        }
        return turned.replace(turned.find("tkhd") + matrix_offset, quarter_turn.size(),
                              quarter_turn);
    }();
    return bytes;
}

const std::string& sample_fragmented_mp4() {
    static const std::string bytes = run_ffmpeg(
        video_inputs(width, height) + h264 + " -movflags +frag_keyframe+empty_moov", "mp4");
    return bytes;
}

const std::string& sample_mov() {
    static const std::string bytes = run_ffmpeg(video_inputs(width, height) + h264, "mov");
    return bytes;
}

const std::string& sample_webm() {
    static const std::string bytes =
        run_ffmpeg(video_inputs(width, height) +
                       " -c:v libvpx -deadline realtime -cpu-used 8 -b:v 500k -c:a libvorbis",
                   "webm");
    return bytes;
}

const std::string& sample_live_webm() {
    static const std::string bytes =
        run_ffmpeg(video_inputs(width, height) +
                       " -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -live 1",
                   "webm");
    return bytes;
}

std::string make_jpeg(int image_width, int image_height, std::uint32_t seed) {
    return encode_jpeg(make_image(image_width, image_height, seed, 128).get(), false);
}

std::string make_progressive_jpeg(int image_width, int image_height) {
    return encode_jpeg(make_image(image_width, image_height, 0, little_noise).get(), true);
}

std::string make_webp(int image_width, int image_height) {
    return encode_webp(make_image(image_width, image_height, 0, little_noise).get());
}

const std::string& bomb_png() {
    static const std::string bytes = make_bomb_png();
    return bytes;
}

}  // namespace pinhole::test
