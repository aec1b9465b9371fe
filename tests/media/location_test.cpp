// Positions are written into each format by ExifTool and ffmpeg, and looked for by ExifTool.

#include <fcntl.h>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <optional>
#include <random>

#include "storage/base/unique_fd.hpp"
#include "storage/media/location.hpp"
#include "storage/media/media_store.hpp"
#include "tests/media/media_files.hpp"
#include "tests/support/exiftool.hpp"
#include "tests/support/media_samples.hpp"

using namespace pinhole::media;
using namespace pinhole::test;
namespace fs = std::filesystem;

namespace {

using media_format = pinhole::media::format;

struct cleaned_file {
    std::string bytes;
    bool changed = false;
    std::optional<probe_error> refused = std::nullopt;
};

cleaned_file clean_once(std::string_view bytes, media_format format) {
    const temporary_directory folder;
    const fs::path file = write_file(folder.path() / "upload", bytes);
    const pinhole::unique_fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    BOOST_TEST_REQUIRE(fd.get() >= 0);
    const auto removed = remove_location(fd.get(), format);
    cleaned_file result{.bytes = read_file(file)};
    if (removed) {
        BOOST_TEST(removed->size_bytes == result.bytes.size());
        BOOST_TEST(removed->changed == (result.bytes != bytes));
        result.changed = removed->changed;
    } else {
        result.refused = removed.error();
    }
    return result;
}

/// What is stored of it. It shows the same as before, and cleaning it again changes nothing.
std::string clean(std::string_view bytes) {
    const auto before = probe_bytes(bytes);
    BOOST_TEST_REQUIRE(before.has_value());
    const cleaned_file first = clean_once(bytes, before->format);
    BOOST_TEST_REQUIRE(!first.refused.has_value());
    const cleaned_file second = clean_once(first.bytes, before->format);
    BOOST_TEST(!second.refused.has_value());
    BOOST_TEST(!second.changed);
    const auto after = probe_bytes(first.bytes);
    BOOST_TEST_REQUIRE(after.has_value());
    BOOST_TEST((after->format == before->format));
    BOOST_TEST(after->width == before->width);
    BOOST_TEST(after->height == before->height);
    BOOST_TEST(after->duration.count() == before->duration.count());
    return first.bytes;
}

const std::string position =
    "-GPSLatitude=48.858370 -GPSLatitudeRef=N -GPSLongitude=2.294481 "
    "-GPSLongitudeRef=E -XMP:GPSLatitude=48.858370 -XMP:City=Paris ";
const std::string harmless =
    "-Make=Pin -Model=Hole -DateTimeOriginal='2024:05:06 07:08:09' -ImageDescription=boat ";

std::string check_photo(std::string_view sample, const std::string& extension,
                        const std::string& more = {}) {
    const std::string sent = with_tags(sample, extension, position + harmless + more);
    BOOST_TEST(find_positions(sent).contains("GPSLatitude"));
    const std::string kept = clean(sent);
    BOOST_TEST(find_positions(kept) == "");
    BOOST_TEST(kept.size() == sent.size());
    BOOST_TEST(read_tags(kept,
                         "-s3 -EXIF:Make -EXIF:Model -EXIF:DateTimeOriginal "
                         "-EXIF:ImageDescription") == "Pin\nHole\n2024:05:06 07:08:09\nboat\n");
    BOOST_TEST(read_tags(kept, "-q -q -s -Error") == "");
    return kept;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(locations)

BOOST_AUTO_TEST_CASE(a_jpeg_loses_its_position_and_keeps_the_rest) {
    const std::string bare = with_tags(sample_jpeg(), "jpg", "-all=");
    for (const char* order : {"-ExifByteOrder=MM ", "-ExifByteOrder=II "}) {
        const std::string kept = check_photo(
            bare, "jpg", order + std::string("-Orientation#=6 -IPTC:City=Paris -Comment=hello"));
        BOOST_TEST(read_tags(kept, "-s3 -n -Orientation -File:Comment") == "6\nhello\n");
    }
}

BOOST_AUTO_TEST_CASE(a_turned_jpeg_stays_turned) {
    BOOST_TEST(clean(sample_turned_jpeg()).size() == sample_turned_jpeg().size());
}

BOOST_AUTO_TEST_CASE(a_png_loses_its_position_and_keeps_the_rest) {
    const std::string kept =
        check_photo(sample_png(), "png", "-PNG:Comment=hello -PNG:Title=boat ");
    BOOST_TEST(read_tags(kept, "-s3 -PNG:Comment -PNG:Title") == "hello\nboat\n");
}

BOOST_AUTO_TEST_CASE(a_webp_loses_its_position_and_keeps_the_rest) {
    check_photo(sample_webp(), "webp");
    check_photo(sample_animated_webp(), "webp");
}

BOOST_AUTO_TEST_CASE(a_heic_and_an_avif_lose_their_positions_and_keep_the_rest) {
    check_photo(sample_heic(), "heic");
    check_photo(sample_avif(), "avif");
}

BOOST_AUTO_TEST_CASE(a_gif_loses_its_position_and_keeps_its_comment) {
    const std::string sent =
        with_tags(sample_animated_gif(), "gif", "-XMP:GPSLatitude=48.85837 -Comment=hello");
    BOOST_TEST(find_positions(sent).contains("GPSLatitude"));
    const std::string kept = clean(sent);
    BOOST_TEST(find_positions(kept) == "");
    BOOST_TEST(read_tags(kept, "-s3 -Comment -AnimationIterations -FrameCount") ==
               read_tags(sent, "-s3 -Comment -AnimationIterations -FrameCount"));
}

BOOST_AUTO_TEST_CASE(a_video_loses_every_position) {
    const std::string tags =
        "-XMP:GPSLatitude=48.858370 -UserData:GPSCoordinates='48.85837, 2.29448' "
        "-Keys:GPSCoordinates='48.85837, 2.29448' "
        "-ItemList:GPSCoordinates='48.85837, 2.29448' -Keys:LocationName=Paris";
    for (const auto& [sample, extension] :
         {std::pair{sample_mp4(), "mp4"}, {sample_turned_mp4(), "mp4"}, {sample_mov(), "mov"}}) {
        const std::string sent = with_tags(sample, extension, tags);
        for (const char* family : {"[UserData]", "[Keys]", "[ItemList]", "[XMP-exif]"}) {
            BOOST_TEST(find_positions(sent).contains(family), family);
        }
        const std::string kept = clean(sent);
        BOOST_TEST(find_positions(kept) == "");
        BOOST_TEST(kept.size() == sent.size());
    }
}

BOOST_AUTO_TEST_CASE(a_video_as_ffmpeg_tags_it_loses_its_position) {
    const std::string source = "-f lavfi -i testsrc=size=64x48:rate=10:duration=1 ";
    for (const auto& [arguments, extension] :
         {std::pair{
              "-metadata location=+48.8584+002.2945/ -metadata location-eng=+48.8584+002.2945/",
              "mp4"},
          {"-movflags use_metadata_tags "
           "-metadata com.apple.quicktime.location.ISO6709=+48.8584+002.2945/",
           "mov"},
          {"-c:v libvpx -metadata LOCATION=+48.8584+002.2945/", "webm"}}) {
        const std::string sent = run_ffmpeg(source + arguments, extension);
        BOOST_TEST(find_positions(sent) != "", extension);
        const std::string kept = clean(sent);
        BOOST_TEST(find_positions(kept) == "");
        BOOST_TEST(!kept.contains("+48.8584"), extension);
        BOOST_TEST(kept.size() == sent.size());
    }
}

// Drones write where they are into subtitles, action cameras into tracks of their own.
BOOST_AUTO_TEST_CASE(a_track_of_positions_goes_with_its_samples) {
    const temporary_directory folder;
    const fs::path text = write_file(folder.path() / "positions.srt",
                                     "1\n00:00:00,000 --> 00:00:01,000\nGPS(48.8584,2.2945)\n\n");
    const std::string source =
        "-f lavfi -i testsrc=size=64x48:rate=10:duration=1 "
        "-f lavfi -i sine=duration=1 -i " +
        text.string() + " -map 0 -map 1 -map 2 ";
    for (const auto& [arguments, extension] :
         {std::pair{"-c:s mov_text", "mp4"},
          {"-c:s mov_text", "mov"},
          {"-c:v libvpx -c:a libvorbis -c:s webvtt", "webm"}}) {
        const std::string sent = run_ffmpeg(source + arguments, extension);
        BOOST_TEST(sent.contains("48.8584"), extension);
        const std::string kept = clean(sent);
        BOOST_TEST(!kept.contains("48.8584"), extension);
        BOOST_TEST(kept.size() == sent.size());
    }
    const std::string fragments =
        run_ffmpeg(source + "-c:s mov_text -movflags frag_keyframe+empty_moov", "mp4");
    const cleaned_file refused = clean_once(fragments, media_format::mp4);
    BOOST_TEST_REQUIRE(refused.refused.has_value());
    BOOST_TEST((refused.refused->code == probe_failure::unsupported_type));
}

BOOST_AUTO_TEST_CASE(files_that_tell_no_place_stay_as_they_came) {
    for (const auto& sample :
         {sample_jpeg, sample_progressive_jpeg, sample_turned_jpeg, sample_png,
          sample_interlaced_png, sample_gif, sample_animated_gif, sample_webp, sample_animated_webp,
          sample_heic, sample_avif, sample_mp4, sample_turned_mp4, sample_fragmented_mp4,
          sample_mov, sample_webm, sample_live_webm}) {
        BOOST_TEST((clean(sample()) == sample()));
    }
}

BOOST_AUTO_TEST_CASE(what_lies_behind_a_picture_is_cut_off) {
    for (const std::string& sample : {sample_jpeg(), sample_png(), sample_gif(), sample_webp()}) {
        BOOST_TEST(clean(sample + "GPS(48.8584,2.2945)").size() <= sample.size());
    }
    const std::string video =
        clean(sample_mp4() + std::string("\0\0\0\x20\x01\x02\x03\x04gps", 11));
    BOOST_TEST(video.size() == sample_mp4().size());
}

// Where no box begins, the rest is cut off: of a file whose picture lies there, nothing would be
// left to show.
BOOST_AUTO_TEST_CASE(a_picture_behind_the_last_box_is_refused_and_not_cut) {
    for (const std::string& sample : {sample_heic(), sample_avif(), sample_mp4()}) {
        std::string bytes = sample;
        const std::size_t name = bytes.find("mdat");
        BOOST_TEST_REQUIRE(name != std::string::npos);
        bytes.replace(name, 4, "\x01\x02\x03\x04");
        bytes[name - 4] = '\x7f';
        const cleaned_file cleaned = clean_once(bytes, *sniff(bytes));
        BOOST_TEST_REQUIRE(cleaned.refused.has_value());
        BOOST_TEST((cleaned.refused->code == probe_failure::corrupt));
    }
}

// Whatever is damaged, no byte outside the metadata may be trusted to say where they end.
BOOST_AUTO_TEST_CASE(damaged_metadata_never_crashes_and_never_comes_out_twice_differently) {
    const temporary_directory folder;
    std::minstd_rand random(7);
    for (const auto& [sample, extension] : {std::pair{sample_jpeg(), "jpg"},
                                            {sample_png(), "png"},
                                            {sample_webp(), "webp"},
                                            {sample_heic(), "heic"},
                                            {sample_animated_gif(), "gif"},
                                            {sample_mp4(), "mp4"},
                                            {sample_webm(), "webm"}}) {
        const std::string tags =
            extension == std::string("gif") ? "-XMP:GPSLatitude=48.8" : position;
        const std::string whole =
            extension == std::string("webm") ? sample : with_tags(sample, extension, tags);
        const media_format format = *sniff(whole);
        for (int round = 0; round < 600; ++round) {
            std::string bytes = whole;
            // Metadata lie in front or behind; coded data in the middle would dilute the damage.
            const std::size_t window = std::min<std::size_t>(bytes.size(), 4096);
            const std::size_t base = round % 2 == 0 ? 0 : bytes.size() - window;
            for (unsigned flips = 1 + static_cast<unsigned>(random()) % 6; flips > 0; --flips) {
                const std::size_t at = base + static_cast<std::size_t>(random()) % window;
                bytes[at] = static_cast<char>(random() & 0xff);
            }
            if (round % 7 == 0) {
                bytes.resize(bytes.size() - static_cast<std::size_t>(random()) % window);
            }
            const cleaned_file first = clean_once(bytes, format);
            if (!first.refused) {
                const cleaned_file second = clean_once(first.bytes, format);
                BOOST_TEST((!second.refused && !second.changed), extension << " " << round);
            }
        }
    }
}

// Every byte of the metadata in turn: a position must not survive where its pointer did not.
BOOST_AUTO_TEST_CASE(no_damaged_byte_saves_a_position) {
    using namespace std::string_literals;
    const std::string whole =
        with_tags(with_tags(sample_jpeg(), "jpg", "-all="), "jpg",
                  "-ExifByteOrder=MM " + harmless + "-GPSLatitude=48.85837 -GPSLongitude=2.294481");
    const std::string degrees = "\0\0\0\x30\0\0\0\x01\0\0\0\x33\0\0\0\x01"s;  // 48 and 51
    const std::size_t start = whole.find("MM\0*"s);
    const std::size_t end = whole.find(degrees) + degrees.size();
    BOOST_TEST_REQUIRE(start < end);
    for (std::size_t at = start; at < end - degrees.size(); ++at) {
        for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
            std::string bytes = whole;
            bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ flip);
            const cleaned_file kept = clean_once(bytes, media_format::jpeg);
            BOOST_TEST((kept.refused || !kept.bytes.contains(degrees)), at << " " << flip);
        }
    }
}

BOOST_AUTO_TEST_CASE(size_and_digest_are_those_of_the_stored_bytes) {
    const temporary_directory folder;
    media_store store(folder.path() / "media");
    const std::string sent = with_tags(sample_jpeg(), "jpg", position) + "a tail";
    auto file = store.begin().value();
    file.append(sent).value();
    const sha256_digest received = file.sha256();
    BOOST_TEST((file.received_sha256() == received));
    file.rewrite([](int fd) { return remove_location(fd, media_format::jpeg)->changed; }).value();
    BOOST_TEST((file.received_sha256() == received));
    BOOST_TEST((file.sha256() != received));
    auto same = store.begin().value();
    same.append(read_file(file.path())).value();
    BOOST_TEST((file.sha256() == same.sha256()));
    const auto published = store.publish(file, "jpg").value();
    BOOST_TEST(published.size_bytes == sent.size() - 6);
    BOOST_TEST(store.open_public(published.media_path)->size_bytes == sent.size() - 6);
}

BOOST_AUTO_TEST_CASE(real_photos_lose_their_positions, *boost::unit_test::precondition([](auto) {
                         boost::test_tools::assertion_result result(
                             std::getenv("PINHOLE_TEST_MEDIA") != nullptr);
                         result.message() << "PINHOLE_TEST_MEDIA is not set";
                         return result;
                     })) {
    for (const char* name :
         {"gps-1.jpg", "gps-2.jpg", "phone-iphone.jpg", "phone-jolla.jpg", "phone.heic",
          "odd-exif.jpg", "landscape-orientation-8.jpg", "portrait-orientation-6.jpg",
          "dinosaur.png", "rabbit.mp4", "rabbit.webm"}) {
        BOOST_TEST_CONTEXT(name) {
            const std::string sent = read_file(fs::path(std::getenv("PINHOLE_TEST_MEDIA")) / name);
            const std::string kept = clean(sent);
            BOOST_TEST(find_positions(kept) == "");
            const std::string tags =
                "-s -n -EXIF:Orientation -EXIF:Make -EXIF:Model "
                "-EXIF:DateTimeOriginal -EXIF:FNumber -EXIF:ISO";
            BOOST_TEST(read_tags(kept, tags) == read_tags(sent, tags));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
