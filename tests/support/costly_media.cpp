#include "tests/support/costly_media.hpp"

#include <stdexcept>
#include <string_view>
#include <utility>

#include "tests/support/crafted_media.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

using namespace std::literals;

namespace {

constexpr std::uint64_t mib = 1U << 20;

void require_found(std::size_t position) {
    if (position == std::string::npos) {
        throw std::runtime_error("a sample is not made as it should be");
    }
}

}  // namespace

std::string png_with(const std::string& chunks) {
    constexpr std::size_t header_end = 8 + 12 + 13;
    std::string bytes = sample_png();
    return bytes.insert(header_end, chunks);
}

std::string gif_of_canvas(int side) {
    const std::string size = std::to_string(side);
    std::string bytes = run_ffmpeg(
        "-f lavfi -i color=black:size=" + size + "x" + size + ":rate=25:duration=0.08", "gif");
    const std::size_t control = bytes.find("\x21\xf9\x04"sv);
    require_found(control);
    constexpr char restore_previous = 3 << 2;
    bytes[control + 3] = restore_previous;
    return bytes;
}

std::string webm_with(const std::string& elements) {
    std::string bytes = sample_live_webm();
    const std::size_t first_cluster = bytes.find("\x1f\x43\xb6\x75");
    require_found(first_cluster);
    return bytes.insert(first_cluster, elements);
}

std::string mov_with_header(const std::string& boxes) {
    return with_box_changed(sample_mov(), {"moov"},
                            [&](std::string_view body) { return std::string(body) + boxes; });
}

namespace {

std::string repeated(const std::string& part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) {
        all += part;
    }
    return all;
}

std::string png_text_bomb(std::string_view type, const std::string& head, int chunks) {
    return png_with(repeated(png_chunk(type, head + deflate_zeros(7'900'000)), chunks));
}

std::string compressed_text_bomb() {
    return png_text_bomb("zTXt", "Comment\0\0"s, 90);
}

std::string compressed_international_text_bomb() {
    return png_text_bomb("iTXt", "Comment\0\1\0\0\0"s, 90);
}

std::string colour_profile_bomb() {
    return png_text_bomb("iCCP", "profile\0\0"s, 1);
}

std::string thousand_texts() {
    return png_with(repeated(png_chunk("tEXt", "a\0b"s), 1'000));
}

std::string gif_of_36_megapixels() {
    return gif_of_canvas(6'000);
}

/// Items that each name the whole file, many times.
std::string heic_metadata_bomb() {
    constexpr std::size_t padding_bytes = 800'000;
    std::vector<heif_item> items{{.id = 1, .type = "hvc1"}};
    for (std::uint64_t id = 2; id < 100; ++id) {
        items.push_back({.id = id, .type = "Exif"});
        items.back().extents.assign(32, {0, padding_bytes});
    }
    return heif_file(items, padding_bytes);
}

std::string heic_of_a_hundred_metadata_items() {
    std::vector<heif_item> items{{.id = 1, .type = "hvc1"}};
    for (std::uint64_t id = 2; id < 102; ++id) {
        items.push_back({.id = id, .type = "mime", .inline_data = "text"});
    }
    return heif_file(items);
}

/// One picture as every tile of a grid; each is decoded anew.
std::string heic_of_one_tile_many_times() {
    heif_item grid{.id = 1, .type = "grid", .claimed_width = 64, .claimed_height = 64};
    grid.inline_data = "\0\0\x3f\x3f"s + big_16(64) + big_16(64);
    grid.tiles.assign(64 * 64, 2);
    return heif_file({grid, {.id = 2, .type = "hvc1", .claimed_width = 1, .claimed_height = 1}});
}

std::string webm_with_attachments() {
    const std::string file =
        ebml("\x61\xa7", ebml("\x46\x6e", "name") + ebml("\x46\x60", "image/x") +
                             ebml("\x46\xae", "\1") + ebml("\x46\x5c", std::string(24 * mib, 'x')));
    return webm_with(ebml("\x19\x41\xa4\x69", file + file + file));
}

std::string webm_with_large_tags() {
    const std::string tag =
        ebml("\x67\xc8", ebml("\x45\xa3", "NAME") + ebml("\x44\x85", std::string(30 * mib, 'x')));
    return webm_with(ebml("\x12\x54\xc3\x67", ebml("\x73\x73", tag + tag)));
}

std::string mov_with_large_covers() {
    const std::string data = box("data", "\0\0\0\x0d\0\0\0\0"s + std::string(30 * mib, 'x'));
    const std::string handler = box("hdlr", std::string(8, '\0') + "mdir" + std::string(13, '\0'));
    return mov_with_header(
        box("udta",
            box("meta", big_32(0) + handler + box("ilst", box("covr", data) + box("covr", data)))));
}

/// Tables of 2.5 million samples of one byte in one chunk, each of one unit of time.
std::string sizes_of_millions() {
    return big_32(0) + big_32(1) + big_32(2'500'000);
}
std::string durations_of_millions() {
    return big_32(0) + big_32(1) + big_32(2'500'000) + big_32(1);
}
std::string one_chunk_of_millions() {
    return big_32(0) + big_32(1) + big_32(1) + big_32(2'500'000) + big_32(1);
}

/// Raw sound has a "sample" for every instant, which cost nothing; pictures do.
std::string mov_with_pictures_counted_as_raw_sound() {
    const std::pair<std::string_view, std::string> tables[] = {{"stsz", sizes_of_millions()},
                                                               {"stts", durations_of_millions()},
                                                               {"stsc", one_chunk_of_millions()}};
    std::string bytes = sample_mov();
    for (const auto& [name, table] : tables) {
        bytes = with_box_changed(bytes, {"moov", "trak", "mdia", "minf", "stbl", name},
                                 [&](std::string_view) { return table; });
    }
    return bytes;
}

std::string mov_with_tables_where_none_belong() {
    const std::string tables =
        box("stsz", sizes_of_millions()) + box("stsc", one_chunk_of_millions());
    return with_box_changed(sample_mov(), {"moov", "trak"}, [&](std::string_view body) {
        return std::string(body) + box("udta", tables);
    });
}

std::string mov_with_many_edits() {
    constexpr std::uint32_t edits = 100'000;
    const std::string edit = big_32(1'000) + big_32(0) + big_32(0x10000);
    return with_box_changed(sample_mov(), {"moov", "trak", "edts", "elst"}, [&](std::string_view) {
        return big_32(0) + big_32(edits) + repeated(edit, edits);
    });
}

constexpr costly_file files[] = {
    {"PNG: compressed texts", compressed_text_bomb},
    {"PNG: compressed international texts", compressed_international_text_bomb},
    {"PNG: colour profile", colour_profile_bomb},
    {"PNG: a thousand texts", thousand_texts},
    {"GIF: canvas", gif_of_36_megapixels},
    {"HEIC: metadata items naming the whole file", heic_metadata_bomb},
    {"HEIC: a hundred metadata items", heic_of_a_hundred_metadata_items},
    {"HEIC: one tile many times", heic_of_one_tile_many_times},
    {"WebM: attachments", webm_with_attachments},
    {"WebM: tags", webm_with_large_tags},
    {"MOV: covers", mov_with_large_covers},
    {"MOV: pictures counted as raw sound", mov_with_pictures_counted_as_raw_sound},
    {"MOV: tables where none belong", mov_with_tables_where_none_belong},
    {"MOV: edits", mov_with_many_edits},
};

}  // namespace

std::span<const costly_file> costly_files() {
    return files;
}

}  // namespace pinhole::test
