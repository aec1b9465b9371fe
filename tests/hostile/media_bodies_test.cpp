// Photos and videos that lie, bomb or end early, through the real upload.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/hostile/attacked_server.hpp"
#include "tests/support/costly_media.hpp"
#include "tests/support/crafted_media.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

const std::vector<std::pair<const char*, const std::string*>>& samples() {
    static const std::vector<std::pair<const char*, const std::string*>> all{
        {"JPEG", &sample_jpeg()},
        {"progressive JPEG", &sample_progressive_jpeg()},
        {"PNG", &sample_png()},
        {"interlaced PNG", &sample_interlaced_png()},
        {"GIF", &sample_gif()},
        {"animated GIF", &sample_animated_gif()},
        {"WebP", &sample_webp()},
        {"animated WebP", &sample_animated_webp()},
        {"HEIC", &sample_heic()},
        {"AVIF", &sample_avif()},
        {"MP4", &sample_mp4()},
        {"fragmented MP4", &sample_fragmented_mp4()},
        {"MOV", &sample_mov()},
        {"WebM", &sample_webm()},
        {"live WebM", &sample_live_webm()}};
    return all;
}

struct media_body {
    const char* name;
    std::string bytes;
    std::string_view sent_as = "photo.jpg";
};

std::vector<media_body> files_of_other_types() {
    const std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>)";
    return {
        {"SVG", svg, "a.svg"},
        {"SVG as JPEG", svg},
        {"SVG behind blanks", repeated(" \n", 300) + svg},
        {"SVG of entities",
         R"(<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">]><svg>)" + repeated("&a;", 1'000) + "</svg>"},
        {"HTML as JPEG", "<!doctype html><script>alert(1)</script>"},
        {"PDF", "%PDF-1.7\n" + std::string(1'000, 'x'), "a.pdf"},
        {"ZIP", "PK\x03\x04"s + std::string(1'000, 'x'), "a.zip"},
        {"a picture behind a ZIP", "PK\x03\x04"s + sample_jpeg()},
        {"Matroska",
         run_ffmpeg("-f lavfi -i testsrc=size=64x48:rate=5:duration=1 -pix_fmt yuv420p -c:v "
                    "libx264 -preset ultrafast",
                    "mkv"),
         "a.webm"},
        {"AVI", run_ffmpeg("-f lavfi -i testsrc=size=64x48:rate=5:duration=1", "avi"), "a.mp4"},
        {"a playlist", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a.mp4"},
        {"an ImageMagick script", "push graphic-context\nimage over 0,0 0,0 'https://x|id'\n"},
        {"PostScript", "%!PS-Adobe-3.0\n(%pipe%id) (r) file\n"},
        {"TIFF", "II*\0\x08\0\0\0"s + std::string(1'000, '\0'), "a.tif"},
        {"BMP", "BM"s + std::string(1'000, '\0'), "a.bmp"},
        {"zeros", std::string(1'000, '\0')},
        {"one byte", "x"},
    };
}

/// Sizes that the picture does not have.
std::vector<media_body> lying_files() {
    std::string gif = sample_gif();
    gif.replace(6, 4, "\xff\xff\xff\xff");
    std::string webp = sample_animated_webp();
    webp.replace(webp.find("VP8X") + 12, 6, "\xff\xff\xff\xff\xff\xff");
    std::string short_riff = sample_webp();
    short_riff.replace(4, 4, "\xff\xff\xff\x7f");
    std::string jpeg = sample_jpeg();
    jpeg.replace(jpeg.find("\xff\xc0"sv) + 5, 4, "\xff\xff\xff\xff");
    return {
        {"JPEG of 65535 x 65535", jpeg},
        {"PNG of 2^31 x 2^31",
         with_big_32(with_big_32(sample_png(), "IHDR", 0, 0x7fffffff), "IHDR", 4, 0x7fffffff)},
        {"GIF of 65535 x 65535", gif},
        {"WebP of 2^24 x 2^24", webp},
        {"WebP of 2 GiB", short_riff},
        {"HEIC of 2^32 x 2^32",
         with_big_32(with_big_32(sample_heic(), "ispe", 4, ~0U), "ispe", 8, ~0U)},
        {"AVIF of 2^32 x 2^32",
         with_big_32(with_big_32(sample_avif(), "ispe", 4, ~0U), "ispe", 8, ~0U)},
        {"HEIC whose item lies outside", with_big_32(sample_heic(), "iloc", 16, ~0U)},
        {"MP4 of 2^31 samples",
         with_big_32(with_big_32(sample_mp4(), "stsz", 4, 1), "stsz", 8, 0x7fffffff)},
        {"MP4 of 2^32 chunks", with_big_32(sample_mp4(), "stco", 4, ~0U)},
        {"MP4 of 2^32 durations", with_big_32(sample_mp4(), "stts", 4, ~0U)},
        {"MP4 of 2^32 sync samples", with_big_32(sample_mp4(), "stsc", 4, ~0U)},
        {"MP4 of an hour", with_big_32(sample_mp4(), "mvhd", 16, 3'600'000)},
        {"fragments of 2^31 samples", with_big_32(sample_fragmented_mp4(), "trun", 4, 0x7fffffff)},
        {"boxes in boxes",
         box("ftyp", "mp42\0\0\0\0mp42isom"s) + repeated("\x7f\xff\xff\xffmoov", 100'000)},
        {"a box of 2^64 bytes",
         box("ftyp", "mp42\0\0\0\0mp42isom"s) + "\0\0\0\1moov\xff\xff\xff\xff\xff\xff\xff\xff"s},
        {"elements of unknown size",
         "\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"s +
             repeated("\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff", 10'000)},
        {"a GIF in front of a script", "GIF89a/*"s + std::string(100, 'x') + "*/=1;alert(1)"},
        {"a PNG of 2.5 gigapixels", bomb_png()},
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media_bodies, attacked_server)

BOOST_AUTO_TEST_CASE(other_types_are_unsupported_whatever_they_are_called) {
    for (const media_body& each : files_of_other_types()) {
        BOOST_TEST_CONTEXT(each.name) {
            check_one_of(upload_file(each.bytes, each.sent_as), {415});
        }
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(files_that_lie_of_their_size_are_refused) {
    for (const media_body& each : lying_files()) {
        BOOST_TEST_CONTEXT(each.name) {
            check_one_of(upload_file(each.bytes), {422});
        }
    }
    check_survived(decoding_bytes_max);
}

/// Whatever may tell of a place is taken out before a decoder looks, and with it what would cost.
BOOST_AUTO_TEST_CASE(files_that_unpack_to_too_much_are_refused_or_lose_what_does) {
    const std::map<std::string_view, unsigned> statuses{{"PNG: a thousand texts", 201},
                                                        {"WebM: attachments", 201},
                                                        {"MOV: tables where none belong", 201}};
    for (const costly_file& each : costly_files()) {
        BOOST_TEST_CONTEXT(each.name) {
            const auto known = statuses.find(each.name);
            check_one_of(upload_file(each.bytes()),
                         {known == statuses.end() ? 422U : known->second});
        }
    }
    check_survived(decoding_bytes_max);
}

/// The largest that are allowed, at the same time: their decoders hold whole pictures.
BOOST_AUTO_TEST_CASE(large_pictures_take_turns) {
    const std::string pictures[] = {gif_of_canvas(5'000), make_progressive_jpeg(4'000, 4'000),
                                    make_webp(5'000, 5'000), gif_of_canvas(4'900)};
    std::array<unsigned, std::size(pictures)> statuses{};
    run_parallel(std::size(pictures), [&](unsigned index) {
        api_client client(port());
        client.set_token(user().token());
        multipart_body form;
        form.file("files", "a", "image/jpeg", pictures[index]);
        statuses[index] = client.upload(form).status;
    });
    for (const unsigned status : statuses) {
        BOOST_TEST(status == 201U);
    }
    check_survived(decoding_bytes_max);
}

BOOST_AUTO_TEST_CASE(files_that_end_early_are_refused) {
    for (const auto& [name, whole] : samples()) {
        for (const unsigned percent : {1U, 10U, 50U, 90U}) {
            BOOST_TEST_CONTEXT(name << " cut at " << percent << " %") {
                const std::size_t size = std::max<std::size_t>(whole->size() * percent / 100, 1);
                check_one_of(upload_file(std::string_view(*whole).substr(0, size)), {415, 422});
            }
        }
    }
    check_survived(decoding_bytes_max);
}

BOOST_AUTO_TEST_CASE(what_is_two_things_at_once_is_stored_as_a_picture_alone) {
    const std::string html = "<script>alert(1)</script>";
    for (const auto& [name, whole] : samples()) {
        BOOST_TEST_CONTEXT(name) {
            const auto answer = upload_file(*whole + html, "page.html");
            check_one_of(answer, {201, 422});
            if (answer.status == 201) {
                const json file = json::parse(answer.body).at("files").front();
                const auto stored = user().get(text(file, "url"));
                check_status(stored, 200);
                BOOST_TEST(!stored.body.contains(html));
                BOOST_TEST(stored.header("Content-Type") == text(file, "content_type"));
                BOOST_TEST(stored.header("X-Content-Type-Options") == "nosniff");
            }
        }
    }
    check_survived(decoding_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
