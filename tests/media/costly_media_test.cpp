// Files that would cost far more than their size: each rule of docs/media.md that bounds memory or
// work, with a file that breaks it and the resources it may take to find out.

#include <boost/test/unit_test.hpp>

#include "tests/media/measured_probe.hpp"
#include "tests/support/costly_media.hpp"
#include "tests/support/crafted_media.hpp"
#include "tests/support/media_samples.hpp"
#include "tests/support/sanitizers.hpp"

using namespace pinhole::test;
using namespace pinhole::media;
using namespace std::literals;

namespace {

constexpr std::uint64_t mib = 1U << 20;

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
    for (const costly_file& each : costly_files()) {
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
