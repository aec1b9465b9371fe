// Files from real cameras, where the folder that PINHOLE_TEST_MEDIA names holds them.

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <optional>

#include "storage/media/probe.hpp"

using namespace pinhole::media;

namespace {

struct expectation {
    const char* name;
    std::optional<pinhole::media::format> format = std::nullopt;  ///< none: refused with `failure`
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    probe_failure failure = probe_failure::unsupported_type;
};

constexpr expectation expectations[] = {
    {.name = "phone-iphone.jpg", .format = format::jpeg, .width = 3264, .height = 2448},
    {.name = "phone-jolla.jpg", .format = format::jpeg, .width = 3264, .height = 2448},
    {.name = "odd-exif.jpg", .format = format::jpeg, .width = 636, .height = 227},
    {.name = "gps-1.jpg", .format = format::jpeg, .width = 640, .height = 480},
    {.name = "gps-2.jpg", .format = format::jpeg, .width = 640, .height = 480},
    {.name = "landscape-orientation-8.jpg", .format = format::jpeg, .width = 600, .height = 450},
    {.name = "portrait-orientation-6.jpg", .format = format::jpeg, .width = 450, .height = 600},
    {.name = "phone.heic", .format = format::heic, .width = 2566, .height = 3313},
    {.name = "dinosaur.png", .format = format::png, .width = 1200, .height = 900},
    {.name = "rabbit.mp4", .format = format::mp4, .width = 320, .height = 240},
    {.name = "rabbit.webm", .format = format::webm, .width = 320, .height = 240},
    {.name = "page.tiff", .failure = probe_failure::unsupported_type},
    {.name = "corrupted.jpg", .failure = probe_failure::corrupt},
};

const char* folder() {
    return std::getenv("PINHOLE_TEST_MEDIA");
}

boost::test_tools::assertion_result has_folder(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result(folder() != nullptr);
    result.message() << "PINHOLE_TEST_MEDIA is not set";
    return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(real_media, *boost::unit_test::precondition(has_folder))

BOOST_AUTO_TEST_CASE(each_file_is_taken_or_refused_as_documented) {
    for (const expectation& each : expectations) {
        BOOST_TEST_CONTEXT(each.name) {
            const auto result = probe(std::filesystem::path(folder()) / each.name);
            BOOST_TEST_REQUIRE(result.has_value() == each.format.has_value());
            if (result) {
                BOOST_TEST((result->format == *each.format));
                BOOST_TEST(result->width == each.width);
                BOOST_TEST(result->height == each.height);
            } else {
                BOOST_TEST((result.error().code == each.failure));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
