#include <boost/test/unit_test.hpp>

#include "storage/media/sniff.hpp"
#include "tests/support/media_samples.hpp"

using namespace std::string_view_literals;
using pinhole::media::format;
using pinhole::media::sniff;

namespace pinhole::media {
std::ostream& operator<<(std::ostream& out, format value) {
    return out << content_type(value);
}
}  // namespace pinhole::media

namespace {

void check_is(std::string_view bytes, format expected) {
    const auto found = sniff(bytes);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(*found == expected);
}

std::string ftyp(std::string_view major, std::string_view compatible) {
    const auto size = static_cast<char>(16 + compatible.size());
    return std::string("\0\0\0", 3) + size + "ftyp" + std::string(major) +
           std::string("\0\0\0\0", 4) + std::string(compatible) + "rest of the file";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sniffing)

BOOST_AUTO_TEST_CASE(samples_are_what_they_are) {
    using namespace pinhole::test;
    check_is(sample_jpeg(), format::jpeg);
    check_is(sample_png(), format::png);
    check_is(sample_gif(), format::gif);
    check_is(sample_webp(), format::webp);
    check_is(sample_heic(), format::heic);
    check_is(sample_avif(), format::avif);
    check_is(sample_mp4(), format::mp4);
    check_is(sample_mov(), format::mov);
    check_is(sample_webm(), format::webm);
}

BOOST_AUTO_TEST_CASE(the_major_brand_decides_and_compatible_brands_fill_in) {
    check_is(ftyp("heic", "mif1"), format::heic);
    check_is(ftyp("heix", ""), format::heic);
    check_is(ftyp("hevc", ""), format::heic);
    check_is(ftyp("mif1", "mif1heic"), format::heic);
    check_is(ftyp("mif1", "mif1avif"), format::avif);
    check_is(ftyp("mif1", ""), format::heic);
    check_is(ftyp("msf1", "msf1hevc"), format::heic);
    check_is(ftyp("avif", "mif1miaf"), format::avif);
    check_is(ftyp("avis", ""), format::avif);
    check_is(ftyp("isom", "iso2avc1mp41"), format::mp4);
    check_is(ftyp("mp42", ""), format::mp4);
    check_is(ftyp("M4V ", ""), format::mp4);
    check_is(ftyp("qt  ", ""), format::mov);
    check_is(ftyp("3gp4", "3gp4isom"), format::mp4);
    check_is(ftyp("????", "qt  "), format::mov);
}

BOOST_AUTO_TEST_CASE(iso_files_of_other_kinds_are_refused) {
    BOOST_TEST(!sniff(ftyp("M4A ", "M4A mp42isom")).has_value());
    BOOST_TEST(!sniff(ftyp("crx ", "crx isom")).has_value());
    BOOST_TEST(!sniff(ftyp("jp2 ", "jp2 ")).has_value());
    BOOST_TEST(!sniff(ftyp("????", "")).has_value());
    BOOST_TEST(!sniff("\0\0\0\x08"
                      "ftypisom"sv)
                    .has_value());  // the brand lies outside the box
}

BOOST_AUTO_TEST_CASE(quicktime_from_before_brands) {
    check_is("\0\0\x10\0moov\0\0\0\x6cmvhd"sv, format::mov);
    check_is("\0\0\0\x08wide\0\0\x10\0mdat"sv, format::mov);
}

BOOST_AUTO_TEST_CASE(matroska_is_accepted_only_as_webm) {
    check_is("\x1a\x45\xdf\xa3\x87\x42\x82\x84webm rest"sv, format::webm);
    BOOST_TEST(!sniff("\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska rest"sv).has_value());
    BOOST_TEST(!sniff("\x1a\x45\xdf\xa3\x84\x42\x82\x84webm"sv).has_value());  // outside the header
    BOOST_TEST(!sniff("\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0\0"sv).has_value());
    BOOST_TEST(!sniff("\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff\x42\x82"sv).has_value());
}

BOOST_AUTO_TEST_CASE(everything_else_is_refused) {
    for (const std::string_view bytes : {
             ""sv,
             "\xff"sv,
             "\xff\xd8"sv,
             "GIF88a and on and on"sv,
             "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>"sv,
             "<?xml version=\"1.0\"?><svg/>"sv,
             "<!DOCTYPE html><script>alert(1)</script>"sv,
             "II*\0\x08\0\0\0 and so on"sv,
             "MM\0*\0\0\0\x08 and so on"sv,
             "BM\x36\0mdat and so on"sv,
             "%PDF-1.7 and so on"sv,
             "ID3\x03\0\0\0\0\0\x21 and so on"sv,
             "RIFF\x10\0\0\0WAVEfmt "sv,
             "OggS\0\x02 and so on and so on"sv,
             "8BPS\0\x01 and so on and so on"sv,
             "\0\0\0\x0cJXL \r\n\x87\n"sv,
             "just a line of text, quite long"sv,
         }) {
        BOOST_TEST(!sniff(bytes).has_value(), bytes);
    }
}

BOOST_AUTO_TEST_CASE(every_format_has_its_names) {
    for (const format each : pinhole::media::all_formats) {
        const auto extension = pinhole::media::extension(each);
        BOOST_TEST(pinhole::media::is_image(each) != pinhole::media::is_video(each));
        BOOST_TEST_REQUIRE(pinhole::media::content_type_of_extension(extension).has_value());
        BOOST_TEST(*pinhole::media::content_type_of_extension(extension) ==
                   pinhole::media::content_type(each));
        BOOST_TEST(pinhole::media::accepted_content_types().find(
                       pinhole::media::content_type(each)) != std::string::npos);
    }
    BOOST_TEST(!pinhole::media::content_type_of_extension("html").has_value());
    BOOST_TEST(!pinhole::media::content_type_of_extension("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
