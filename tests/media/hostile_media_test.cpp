// Files that lie. None may crash, hang, or cost more than its size allows.

#include <boost/test/unit_test.hpp>
#include <random>

#include "storage/media/probe.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/media_samples.hpp"

using namespace pinhole::test;
using namespace pinhole::media;
using namespace std::literals;

namespace {

bool is_refused(std::string_view bytes, probe_failure code) {
    const auto result = probe_bytes(bytes);
    return !result && result.error().code == code;
}

std::string big_32(std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<char>(value >> shift & 0xff));
    }
    return bytes;
}

/// An ISO base media box (14496-12, 4.2).
std::string box(std::string_view type, std::string_view body) {
    return big_32(static_cast<std::uint32_t>(8 + body.size())) + std::string(type) +
           std::string(body);
}

/// Overwrites the four bytes that lie `offset` behind the first `marker`.
std::string with_big_32(std::string bytes, std::string_view marker, std::size_t offset,
                        std::uint32_t value) {
    const std::size_t at = bytes.find(marker);
    BOOST_TEST_REQUIRE(at != std::string::npos);
    return bytes.replace(at + marker.size() + offset, 4, big_32(value));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hostile_media)

BOOST_AUTO_TEST_CASE(other_types_are_unsupported) {
    for (const std::string_view bytes : {
             ""sv,
             "plain text, and quite a lot of it"sv,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"></svg>"sv,
             "<!DOCTYPE html><script>alert(1)</script>"sv,
             "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj"sv,
             "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0"sv,
             "II*\0\x08\0\0\0\0\0\0\0\0\0\0\0"sv,
             "ID3\x03\0\0\0\0\0\x21TSSE\0\0\0\x0f"sv,
         }) {
        BOOST_TEST(is_refused(bytes, probe_failure::unsupported_type), bytes);
    }
}

BOOST_AUTO_TEST_CASE(a_header_with_html_behind_it_is_corrupt) {
    const std::string html = "<html><script>alert(document.cookie)</script></html>";
    for (const std::string_view head :
         {"GIF89a"sv, "\xff\xd8\xff\xe0"sv, "\x89PNG\r\n\x1a\n"sv, "RIFF\x20\0\0\0WEBPVP8 "sv,
          "\0\0\0\x18"
          "ftypmp42\0\0\0\0mp42isom"sv,
          "\0\0\0\x18"
          "ftypheic\0\0\0\0mif1heic"sv,
          "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"sv}) {
        BOOST_TEST(is_refused(std::string(head) + html, probe_failure::corrupt), head);
    }
}

BOOST_AUTO_TEST_CASE(one_format_in_the_clothes_of_another_is_corrupt) {
    std::string png_as_mp4 =
        "\0\0\0\x18"
        "ftypmp42\0\0\0\0mp42isom"s +
        sample_png();
    BOOST_TEST(is_refused(png_as_mp4, probe_failure::corrupt));
    std::string mp4_as_heic = sample_mp4();
    mp4_as_heic.replace(8, 4, "heic");
    BOOST_TEST(is_refused(mp4_as_heic, probe_failure::corrupt));
    std::string heic_as_mp4 = sample_heic();
    heic_as_mp4.replace(8, 4, "mp42");
    BOOST_TEST(!probe_bytes(heic_as_mp4).has_value());
}

BOOST_AUTO_TEST_CASE(a_jpeg_of_too_many_scans_is_refused) {
    // Each pass over a progressive photo costs a walk over all its pixels.
    const std::string& honest = sample_progressive_jpeg();
    const std::size_t last_scan = honest.rfind("\xff\xda"sv);
    const std::string scan = honest.substr(last_scan, honest.size() - 2 - last_scan);
    std::string bomb = honest.substr(0, honest.size() - 2);
    for (int i = 0; i < 200; ++i) {
        bomb += scan;
    }
    bomb += "\xff\xd9"sv;
    BOOST_TEST(is_refused(bomb, probe_failure::too_large));
}

BOOST_AUTO_TEST_CASE(a_gif_of_too_many_frames_is_refused) {
    std::string bomb = "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff"s;
    for (int i = 0; i < 5000; ++i) {
        bomb += ",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"sv;
    }
    bomb += ';';
    BOOST_TEST(is_refused(bomb, probe_failure::too_large));
}

BOOST_AUTO_TEST_CASE(a_picture_larger_than_its_image_says_is_refused_before_decoding) {
    // A decoder allocates for the coded picture's header, not for the dimensions around it.
    const probe_limits limits{.buffered_pixels_max = 320 * 240 - 1};
    for (const std::string* const honest : {&sample_heic(), &sample_avif()}) {
        std::string lie = with_big_32(*honest, "ispe", 4, 64);
        lie = with_big_32(lie, "ispe", 8, 48);
        const auto result = probe_bytes(lie, limits);
        BOOST_TEST_REQUIRE(!result.has_value());
        BOOST_TEST((result.error().code == probe_failure::too_large), result.error().detail);
        BOOST_TEST(is_refused(lie, probe_failure::corrupt));
    }
}

BOOST_AUTO_TEST_CASE(a_grid_larger_than_any_image_is_refused_before_decoding) {
    const auto file_with_grid = [](std::uint32_t side) {
        const std::string grid = "\0\1\0\0"s + big_32(side) + big_32(side);
        const std::string entry = box("infe", "\2\0\0\0\0\1\0\0grid\0"s);
        // Version 1, sizes of 4 bytes each, one item in `idat` with one extent.
        const std::string place = "\1\0\0\0\x44\0\0\1\0\1\0\1\0\0\0\1"s + big_32(0) + big_32(12);
        return box("ftyp", "heic\0\0\0\0mif1heic"s) +
               box("meta", "\0\0\0\0"s + box("iinf", "\0\0\0\0\0\1"s + entry) + box("iloc", place) +
                               box("idat", grid));
    };
    BOOST_TEST(is_refused(file_with_grid(32'000), probe_failure::too_large));
    BOOST_TEST(is_refused(file_with_grid(320), probe_failure::corrupt));  // has no tiles
}

BOOST_AUTO_TEST_CASE(a_video_that_claims_millions_of_samples_is_refused) {
    // stsz: version and flags, size of every sample, count. A demuxer allocates for each.
    std::string bomb = with_big_32(sample_mp4(), "stsz", 4, 1);
    bomb = with_big_32(bomb, "stsz", 8, 0x7fffffff);
    BOOST_TEST(is_refused(bomb, probe_failure::too_large));
    BOOST_TEST(is_refused(with_big_32(sample_fragmented_mp4(), "trun", 4, 0x7fffffff),
                          probe_failure::too_large));
}

BOOST_AUTO_TEST_CASE(a_video_whose_header_claims_other_dimensions_is_still_measured) {
    // The sample entry's width and height lie 24 bytes behind its type (14496-12, 12.1.3).
    const std::string small = with_big_32(sample_mp4(), "avc1\0\0\0\0\0\0"sv, 18, 0x00100010);
    const auto info = probe_bytes(small);
    BOOST_TEST_REQUIRE(info.has_value(), info.error().detail);
    BOOST_TEST(info->width == sample_width);
    BOOST_TEST(info->height == sample_height);
    BOOST_TEST(is_refused(with_big_32(sample_mp4(), "avc1\0\0\0\0\0\0"sv, 18, 0xffffffff),
                          probe_failure::too_large));
}

BOOST_AUTO_TEST_CASE(a_video_cannot_make_the_server_open_another_file) {
    // A QuickTime data reference that points outside the file ("url " or "alis" with flags 0).
    const temporary_directory folder;
    const auto secret = write_file(folder.path() / "secret", "not for the demuxer");
    std::string bytes = sample_mov();
    const std::size_t at = bytes.find("dref");
    BOOST_TEST_REQUIRE(at != std::string::npos);
    const std::size_t entry = at + 12;  // behind version, flags and count: size, type, flags
    BOOST_TEST_REQUIRE(bytes[entry + 11] == '\x01');
    bytes[entry + 11] = '\0';  // no longer "in this file"
    const auto info = probe(write_file(folder.path() / "upload", bytes));
    BOOST_TEST((!info || info->size_bytes == bytes.size()));
    BOOST_TEST(read_file(secret) == "not for the demuxer");
}

BOOST_AUTO_TEST_CASE(damaged_files_neither_crash_nor_hang) {
    constexpr int rounds = 60;
    std::minstd_rand random(20261122);
    for (const auto sample :
         {sample_jpeg, sample_progressive_jpeg, sample_png, sample_interlaced_png,
          sample_animated_gif, sample_animated_webp, sample_heic, sample_avif, sample_mp4,
          sample_fragmented_mp4, sample_mov, sample_webm, sample_live_webm}) {
        const temporary_directory folder;
        for (int round = 0; round < rounds; ++round) {
            std::string bytes = sample();
            // Headers are where damage is interesting: half of the flips fall into the first 2 KiB.
            const std::size_t span =
                round % 2 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 2048);
            for (int flips = 1 + round % 8; flips > 0; --flips) {
                bytes[random() % span] = static_cast<char>(random());
            }
            const auto result = probe(write_file(folder.path() / "upload", bytes),
                                      {.time_max = std::chrono::seconds(5)});
            BOOST_TEST((result.has_value() || !result.error().message.empty()));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
