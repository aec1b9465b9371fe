#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <thread>
#include <vector>

#include "storage/media/probe.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/media_samples.hpp"

using namespace pinhole::test;
using namespace pinhole::media;

namespace {

struct sample {
    const char* name;
    const std::string& (*bytes)();
    pinhole::media::format format;
};

constexpr sample images[] = {
    {"jpeg", sample_jpeg, format::jpeg},
    {"progressive jpeg", sample_progressive_jpeg, format::jpeg},
    {"turned jpeg", sample_turned_jpeg, format::jpeg},
    {"png", sample_png, format::png},
    {"interlaced png", sample_interlaced_png, format::png},
    {"gif", sample_gif, format::gif},
    {"animated gif", sample_animated_gif, format::gif},
    {"webp", sample_webp, format::webp},
    {"animated webp", sample_animated_webp, format::webp},
    {"heic", sample_heic, format::heic},
    {"avif", sample_avif, format::avif},
};

constexpr sample videos[] = {
    {"mp4", sample_mp4, format::mp4},
    {"turned mp4", sample_turned_mp4, format::mp4},
    {"fragmented mp4", sample_fragmented_mp4, format::mp4},
    {"mov", sample_mov, format::mov},
    {"webm", sample_webm, format::webm},
    {"live webm", sample_live_webm, format::webm},
};

void check_refused(const std::expected<media_info, probe_error>& result, probe_failure code) {
    BOOST_TEST_REQUIRE(!result.has_value());
    BOOST_TEST((result.error().code == code),
               result.error().message << " " << result.error().detail);
    BOOST_TEST(!result.error().message.empty());
    BOOST_TEST(result.error().message.find('/' + std::string("tmp")) == std::string::npos);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(probing)

BOOST_AUTO_TEST_CASE(images_of_every_format_are_accepted_with_their_displayed_size) {
    for (const sample& each : images) {
        BOOST_TEST_CONTEXT(each.name) {
            const auto info = probe_bytes(each.bytes());
            BOOST_TEST_REQUIRE(info.has_value(), info.error().detail);
            BOOST_TEST((info->format == each.format));
            BOOST_TEST((info->kind == media_kind::image));
            BOOST_TEST(info->content_type == content_type(each.format));
            BOOST_TEST(info->width == sample_width);
            BOOST_TEST(info->height == sample_height);
            BOOST_TEST(info->size_bytes == each.bytes().size());
            BOOST_TEST(info->duration.count() == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(videos_of_every_format_are_accepted_with_size_and_duration) {
    for (const sample& each : videos) {
        BOOST_TEST_CONTEXT(each.name) {
            const auto info = probe_bytes(each.bytes());
            BOOST_TEST_REQUIRE(info.has_value(), info.error().detail);
            BOOST_TEST((info->format == each.format));
            BOOST_TEST((info->kind == media_kind::video));
            BOOST_TEST(info->width == sample_width);
            BOOST_TEST(info->height == sample_height);
            // Matroska gives no duration to the last frame, so up to a frame may be missing.
            BOOST_TEST(std::abs((info->duration - sample_duration).count()) <= 100);
        }
    }
}

BOOST_AUTO_TEST_CASE(pixel_aspect_ratio_is_applied_to_videos) {
    const std::string bytes = run_ffmpeg(
        "-f lavfi -i testsrc=size=320x240:rate=5:duration=1 -vf setsar=2/1 -c:v libx264 "
        "-preset ultrafast -pix_fmt yuv420p",
        "mp4");
    const auto info = probe_bytes(bytes);
    BOOST_TEST_REQUIRE(info.has_value(), info.error().detail);
    BOOST_TEST(info->width == 640U);
    BOOST_TEST(info->height == 240U);
}

BOOST_AUTO_TEST_CASE(the_files_name_is_never_looked_at) {
    const temporary_directory folder;
    for (const char* const name : {"a.png", "a.svg", "a.exe", "a", ".jpg", "a.jpg[page=2]"}) {
        const auto info = probe(write_file(folder.path() / name, sample_jpeg()));
        BOOST_TEST_REQUIRE(info.has_value(), name);
        BOOST_TEST((info->format == format::jpeg));
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_an_exception) {
    const temporary_directory folder;
    const auto is_taken = [&] { return probe(folder.path() / "absent").has_value(); };
    BOOST_CHECK_THROW(is_taken(), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_truncated_file_is_refused_wherever_it_is_cut) {
    for (const auto& group : {std::span<const sample>(images), std::span<const sample>(videos)}) {
        for (const sample& each : group) {
            const std::string_view whole = each.bytes();
            // A stream written live ends where the recorder was stopped: cut between two frames it
            // is a shorter video, not a broken one.
            const bool live = each.bytes == sample_live_webm || each.bytes == sample_fragmented_mp4;
            for (const unsigned percent :
                 {1U, 5U, 10U, 25U, 40U, 50U, 60U, 75U, 90U, 95U, 99U, 100U}) {
                const std::size_t size = std::min(whole.size() * percent / 100, whole.size() - 1);
                if (live && percent > 5) {
                    continue;
                }
                BOOST_TEST_CONTEXT(each.name << " cut to " << size << " of " << whole.size()) {
                    BOOST_TEST(!probe_bytes(whole.substr(0, size)).has_value());
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_live_video_cut_inside_a_frame_is_refused) {
    for (const std::string* const whole : {&sample_live_webm(), &sample_fragmented_mp4()}) {
        // The last bytes belong to an element or box that states its size.
        BOOST_TEST(!probe_bytes(std::string_view(*whole).substr(0, whole->size() - 3)).has_value());
    }
}

BOOST_AUTO_TEST_CASE(bytes_behind_a_photo_do_no_harm) {
    // Phones append gain maps, depth maps and short videos.
    for (const auto bytes : {sample_jpeg, sample_png, sample_gif, sample_webp}) {
        BOOST_TEST(probe_bytes(bytes() + std::string(5000, '\0')).has_value());
    }
}

BOOST_AUTO_TEST_CASE(dimensions_are_refused_before_decoding) {
    check_refused(probe_bytes(bomb_png()), probe_failure::too_large);
    BOOST_TEST(bomb_png().size() < 1'000'000U);

    for (const sample& each : images) {
        BOOST_TEST_CONTEXT(each.name) {
            check_refused(probe_bytes(each.bytes(), {.image_pixels_max = 320 * 240 - 1}),
                          probe_failure::too_large);
            check_refused(probe_bytes(each.bytes(), {.image_side_max = 319}),
                          probe_failure::too_large);
            BOOST_TEST(
                probe_bytes(each.bytes(), {.image_pixels_max = 320 * 240, .image_side_max = 320})
                    .has_value());
        }
    }
    for (const sample& each : videos) {
        BOOST_TEST_CONTEXT(each.name) {
            check_refused(probe_bytes(each.bytes(), {.video_pixels_max = 320 * 240 - 1}),
                          probe_failure::too_large);
            check_refused(probe_bytes(each.bytes(), {.video_side_max = 319}),
                          probe_failure::too_large);
        }
    }
}

BOOST_AUTO_TEST_CASE(pictures_that_a_decoder_holds_whole_have_their_own_limit) {
    const probe_limits limits{.buffered_pixels_max = 320 * 240 - 1};
    for (const auto bytes :
         {sample_progressive_jpeg, sample_interlaced_png, sample_webp, sample_heic, sample_avif}) {
        check_refused(probe_bytes(bytes(), limits), probe_failure::too_large);
    }
    for (const auto bytes : {sample_jpeg, sample_png}) {
        BOOST_TEST(probe_bytes(bytes(), limits).has_value());
    }
}

BOOST_AUTO_TEST_CASE(animations_are_limited_in_frames_and_in_pixels) {
    for (const auto bytes : {sample_animated_gif, sample_animated_webp}) {
        check_refused(probe_bytes(bytes(), {.animation_frames_max = 4}), probe_failure::too_large);
        check_refused(probe_bytes(bytes(), {.animation_pixels_max = 5 * 320 * 240 - 1}),
                      probe_failure::too_large);
        BOOST_TEST(
            probe_bytes(bytes(), {.animation_frames_max = 5, .animation_pixels_max = 5 * 320 * 240})
                .has_value());
    }
}

BOOST_AUTO_TEST_CASE(bytes_are_limited_by_kind) {
    check_refused(probe_bytes(sample_jpeg(), {.image_bytes_max = sample_jpeg().size() - 1}),
                  probe_failure::too_many_bytes);
    check_refused(probe_bytes(sample_mp4(), {.video_bytes_max = sample_mp4().size() - 1}),
                  probe_failure::too_many_bytes);
    BOOST_TEST(probe_bytes(sample_mp4(), {.image_bytes_max = 10}).has_value());
}

BOOST_AUTO_TEST_CASE(too_long_a_video_is_refused) {
    for (const sample& each : videos) {
        BOOST_TEST_CONTEXT(each.name) {
            check_refused(
                probe_bytes(each.bytes(), {.video_duration_max = std::chrono::milliseconds(500)}),
                probe_failure::too_long);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_a_probe) {
    check_refused(probe_bytes(sample_mp4(), {.time_max = std::chrono::milliseconds(-1)}),
                  probe_failure::corrupt);
}

BOOST_AUTO_TEST_CASE(many_threads_probe_at_once_even_when_only_one_picture_fits_the_memory) {
    sample_webp();
    sample_avif();
    const probe_limits one_at_a_time{.buffered_pixels_max = 320 * 240};
    std::atomic<int> accepted = 0;
    {
        constexpr int probers = 8;
        std::vector<std::jthread> threads;
        threads.reserve(probers);
        for (int i = 0; i < probers; ++i) {
            threads.emplace_back([&, i] {
                accepted += probe_bytes(i % 2 == 0 ? sample_webp() : sample_avif(), one_at_a_time)
                                .has_value();
            });
        }
    }
    BOOST_TEST(accepted == 8);
}

BOOST_AUTO_TEST_CASE(sound_alone_is_no_video) {
    const std::string sound = "-f lavfi -i sine=duration=1 ";
    check_refused(probe_bytes(run_ffmpeg(sound + "-c:a aac", "mp4")),
                  probe_failure::unsupported_type);
    check_refused(probe_bytes(run_ffmpeg(sound + "-c:a libvorbis", "webm")),
                  probe_failure::unsupported_type);
}

BOOST_AUTO_TEST_CASE(a_cover_picture_makes_no_video_of_sound) {
    const temporary_directory folder;
    const auto cover = write_file(folder.path() / "cover.jpg", sample_jpeg());
    const std::string bytes =
        run_ffmpeg("-f lavfi -i sine=duration=1 -i '" + cover.string() +
                       "' -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic",
                   "mp4");
    check_refused(probe_bytes(bytes), probe_failure::unsupported_type);
}

BOOST_AUTO_TEST_CASE(a_codec_that_is_not_accepted_is_named_as_such) {
    const std::string bytes = run_ffmpeg(
        "-f lavfi -i testsrc=size=320x240:rate=5:duration=1 -c:v mjpeg -pix_fmt yuvj420p", "mov");
    const auto result = probe_bytes(bytes);
    check_refused(result, probe_failure::unsupported_type);
    BOOST_TEST(result.error().message.find("H.264") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
