// Files that would cost far more than their size: each rule of docs/media.md that bounds memory or
// work, with a file that breaks it and the resources it may take to find out.

#include <boost/test/unit_test.hpp>

#include "tests/media/measured_probe.hpp"
#include "tests/support/crafted_media.hpp"
#include "tests/support/media_samples.hpp"

using namespace pinhole::test;
using namespace pinhole::media;
using namespace std::literals;

namespace {

constexpr std::uint64_t mib = 1U << 20;

/// A sound PNG with these chunks behind its header.
std::string png_with(const std::string& chunks) {
    constexpr std::size_t header_end = 8 + 12 + 13;
    std::string bytes = sample_png();
    return bytes.insert(header_end, chunks);
}

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

/// Two frames, the first one asking that the canvas go back to what was there before.
std::string gif_of_canvas(int side) {
    const std::string size = std::to_string(side);
    std::string bytes = run_ffmpeg(
        "-f lavfi -i color=black:size=" + size + "x" + size + ":rate=25:duration=0.08", "gif");
    const std::size_t control = bytes.find("\x21\xf9\x04"sv);
    BOOST_TEST_REQUIRE(control != std::string::npos);
    constexpr char restore_previous = 3 << 2;
    bytes[control + 3] = restore_previous;
    return bytes;
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

std::string webm_with(const std::string& elements) {
    std::string bytes = sample_live_webm();
    const std::size_t first_cluster = bytes.find("\x1f\x43\xb6\x75");
    BOOST_TEST_REQUIRE(first_cluster != std::string::npos);
    return bytes.insert(first_cluster, elements);
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

std::string mov_with_header(const std::string& boxes) {
    return with_box_changed(sample_mov(), {"moov"},
                            [&](std::string_view body) { return std::string(body) + boxes; });
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

struct liar {
    const char* name;
    std::string (*bytes)();
};

constexpr liar liars[] = {
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

void check_costs(const measured_probe& cost, std::uint64_t peak_bytes_max, double seconds_max) {
    BOOST_TEST_MESSAGE(cost.peak_bytes / mib << " MiB, " << cost.cpu_seconds << " s");
    if (costs_are_real) {
        BOOST_TEST(cost.peak_bytes <= peak_bytes_max);
        BOOST_TEST(cost.cpu_seconds <= seconds_max);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(costly_media)

BOOST_AUTO_TEST_CASE(a_file_that_asks_for_too_much_is_refused_at_little_cost) {
    for (const liar& each : liars) {
        BOOST_TEST_CONTEXT(each.name) {
            const measured_probe cost = measure_probe(each.bytes());
            BOOST_TEST(!cost.crashed);
            BOOST_TEST((cost.failure == probe_failure::too_large));
            check_costs(cost, 48 * mib, 2);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_honest_files_have_beside_the_picture_is_accepted) {
    const std::string photo_text(1 * mib, 'x');
    BOOST_TEST(measure_probe(png_with(png_chunk("tEXt", "Software\0"s + photo_text) +
                                      png_chunk("zTXt", "Raw\0\0"s + deflate_zeros(mib))))
                   .accepted);
    const heif_item photo{.id = 1, .type = "hvc1"};
    BOOST_TEST(measure_probe(heif_file({photo})).accepted);
    BOOST_TEST(measure_probe(heif_file({photo,
                                        {.id = 2, .type = "Exif", .inline_data = "\0\0\0\0II"s},
                                        {.id = 3, .type = "mime", .inline_data = photo_text}}))
                   .accepted);
    heif_item grid{.id = 1, .type = "grid", .claimed_width = 640};
    grid.inline_data = "\0\0\0\1"s + big_16(640) + big_16(240);
    grid.tiles = {2, 3};
    BOOST_TEST(
        measure_probe(heif_file({grid, {.id = 2, .type = "hvc1"}, {.id = 3, .type = "hvc1"}}))
            .accepted);
    BOOST_TEST(measure_probe(webm_with(ebml("\xec", std::string(20 * mib, '\0')))).accepted);
    const std::string cover = box("data", "\0\0\0\x0d\0\0\0\0"s + sample_jpeg());
    const std::string handler = box("hdlr", std::string(8, '\0') + "mdir" + std::string(13, '\0'));
    BOOST_TEST(measure_probe(
                   mov_with_header(box(
                       "udta", box("meta", big_32(0) + handler + box("ilst", box("covr", cover))))))
                   .accepted);
}

BOOST_AUTO_TEST_CASE(items_that_lead_back_to_themselves_are_refused) {
    // libheif follows them until its stack ends.
    heif_item grid{.id = 1, .type = "grid", .claimed_width = 64, .claimed_height = 64};
    grid.inline_data = "\0\0\0\0"s + big_16(64) + big_16(64);
    grid.tiles = {1};
    heif_item other = grid;
    other.id = 2;
    for (const std::vector<heif_item>& items :
         {std::vector{grid},
          std::vector{[&] {
                          heif_item first = grid;
                          first.tiles = {2};
                          return first;
                      }(),
                      other},
          std::vector{heif_item{
              .id = 1, .type = "iden", .tiles = {1}, .claimed_width = 64, .claimed_height = 64}}}) {
        const measured_probe cost = measure_probe(heif_file(items));
        BOOST_TEST(!cost.crashed);
        BOOST_TEST((cost.failure == probe_failure::corrupt));
    }
}

BOOST_AUTO_TEST_CASE(the_largest_canvas_of_a_gif_keeps_its_promise) {
    const measured_probe cost = measure_probe(gif_of_canvas(5'000));
    BOOST_TEST(cost.accepted);
    check_costs(cost, 300 * mib, 20);
}

BOOST_AUTO_TEST_SUITE_END()
