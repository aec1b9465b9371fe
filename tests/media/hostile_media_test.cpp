// Files that lie. None may crash, hang, or cost more than its size allows.

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>

#include "storage/base/unique_fd.hpp"
#include "storage/media/probe.hpp"
#include "storage/media/structure.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/crafted_media.hpp"
#include "tests/support/media_samples.hpp"

using namespace pinhole::test;
using namespace pinhole::media;
using namespace std::literals;

namespace {

bool is_refused(std::string_view bytes, probe_failure code, const probe_limits& limits = {}) {
    const auto result = probe_bytes(bytes, limits);
    return !result && result.error().code == code;
}

/// Whether a file is opened by whomever, from here on.
class opens_of_file {
public:
    explicit opens_of_file(const std::filesystem::path& file)
        : events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        if (::inotify_add_watch(events_.get(), file.c_str(), IN_OPEN) < 0) {
            throw std::runtime_error("inotify");
        }
    }
    bool any() const {
        std::array<char, 4096> event;
        return ::read(events_.get(), event.data(), event.size()) > 0;
    }

private:
    pinhole::unique_fd events_;
};

/// A Macintosh alias record, as far as libavformat reads one: with levels to go up and down, and
/// the path as a record of type 2.
std::string alias_to(const std::string& path) {
    const std::string padded = path + std::string(path.size() % 2, '\0');
    return box("alis", std::string(4 + 10 + 28 + 12 + 64 + 16, '\0') + big_16(1) + big_16(1) +
                           std::string(16, '\0') + big_16(2) + big_16(padded.size()) + padded +
                           big_16(0xffff) + big_16(0));
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

BOOST_AUTO_TEST_CASE(a_gif_that_asks_for_a_huge_screen_is_refused) {
    // Its one frame is small, and all that libvips looks at; a browser allocates the screen.
    for (const std::string_view screen : {"\xff\xff\xff\xff"sv, "\x31\x75\x01\x00"sv}) {
        std::string bytes = sample_gif();
        bytes.replace(6, 4, screen);
        BOOST_TEST(is_refused(bytes, probe_failure::too_large));
    }
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
    // A QuickTime file whose samples lie in another one, which is there and sound.
    const temporary_directory folder;
    const auto other = write_file(folder.path() / "other", sample_mov());
    const opens_of_file watch(other);
    const std::string bytes = with_box_changed(
        sample_mov(), {"moov", "trak", "mdia", "minf", "dinf", "dref"},
        [&](std::string_view) { return big_32(0) + big_32(1) + alias_to(other.string()); });
    const auto result = probe(write_file(folder.path() / "upload", bytes));
    BOOST_TEST_REQUIRE(!result.has_value());
    BOOST_TEST((result.error().code == probe_failure::corrupt));
    BOOST_TEST(!watch.any());
    read_file(other);
    BOOST_TEST(watch.any());  // so it would have been seen
}

BOOST_AUTO_TEST_CASE(a_video_whose_header_lies_in_a_compressed_box_is_refused) {
    const std::string bytes = with_box_changed(sample_mov(), {"moov"}, [](std::string_view body) {
        return std::string(body) + box("cmov", box("dcom", "zlib") + box("cmvd", big_32(9)));
    });
    BOOST_TEST(is_refused(bytes, probe_failure::corrupt));
}

BOOST_AUTO_TEST_CASE(a_video_is_as_long_as_its_longest_track) {
    const probe_limits limits{.video_duration_max = std::chrono::seconds(3)};
    const std::string inputs =
        "-f lavfi -i testsrc=size=320x240:rate=5:duration=1 -f lavfi -i sine=duration=5 ";
    const std::string live = run_ffmpeg(
        inputs + "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -live 1", "webm");
    BOOST_TEST(is_refused(live, probe_failure::too_long, limits));
    const std::string honest = run_ffmpeg(
        inputs + "-map 1 -map 0 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac", "mp4");
    BOOST_TEST(is_refused(honest, probe_failure::too_long, limits));
    const auto info = probe_bytes(honest);
    BOOST_TEST_REQUIRE(info.has_value(), info.error().detail);
    BOOST_TEST(std::abs(info->duration.count() - 5'000) < 100);

    // The same with headers of the movie and of the track that say a tenth of a second.
    std::string lie = with_big_32(honest, "mvhd", 16, 100);
    lie = with_big_32(lie, "mdhd", 16, 4'410);
    BOOST_TEST(is_refused(lie, probe_failure::too_long, limits));
}

BOOST_AUTO_TEST_CASE(a_video_whose_header_claims_an_hour_is_too_long) {
    for (const auto sample : {sample_mp4, sample_mov}) {
        BOOST_TEST(
            is_refused(with_big_32(sample(), "mvhd", 16, 3'600'000), probe_failure::too_long));
    }
}

BOOST_AUTO_TEST_CASE(a_photo_cut_short_is_refused_even_with_an_end_marker) {
    // libjpeg shows the rest in grey and only warns of it.
    for (const auto sample : {sample_jpeg, sample_progressive_jpeg, sample_turned_jpeg}) {
        const std::string_view whole = sample();
        for (const unsigned percent : {20U, 35U, 50U, 65U, 80U, 95U}) {
            const std::string cut = std::string(whole.substr(0, whole.size() * percent / 100));
            BOOST_TEST(is_refused(cut + "\xff\xd9", probe_failure::corrupt), percent);
        }
    }
}

BOOST_AUTO_TEST_CASE(stray_bytes_between_the_segments_of_a_photo_are_accepted) {
    // Some phones write them, and every decoder passes them over.
    for (const auto sample : {sample_jpeg, sample_progressive_jpeg}) {
        std::string bytes = sample();
        bytes.insert(bytes.find("\xff\xda"), "stray");
        BOOST_TEST(probe_bytes(bytes).has_value());
    }
}

BOOST_AUTO_TEST_CASE(the_memory_charged_for_a_picture_is_what_is_coded) {
    const temporary_directory folder;
    for (const auto format : {format::heic, format::avif}) {
        std::string lie = format == format::heic ? sample_heic() : sample_avif();
        lie = with_big_32(lie, "ispe", 4, 16);
        lie = with_big_32(lie, "ispe", 8, 16);
        const pinhole::unique_fd file(
            ::open(write_file(folder.path() / "upload", lie).c_str(), O_RDONLY | O_CLOEXEC));
        const structure_report report = check_structure(format, file.get(), {});
        BOOST_TEST((report.verdict == structure::whole));
        BOOST_TEST(report.coded_pixels >= 320U * 240U);
    }
    heif_item grid{.id = 1, .type = "grid", .claimed_width = 16, .claimed_height = 16};
    grid.inline_data = "\0\0\0\0"s + big_16(4'000) + big_16(3'000);
    grid.tiles = {2};
    const pinhole::unique_fd file(::open(
        write_file(folder.path() / "upload", heif_file({grid, {.id = 2, .type = "hvc1"}})).c_str(),
        O_RDONLY | O_CLOEXEC));
    BOOST_TEST(check_structure(format::heic, file.get(), {}).coded_pixels == 12'000'000U);
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
