// What a file is and whether it is whole, before any decoder sees it. Input: the file.
//
// What lies behind the first bytes never changes what a file claims to be; more bytes never make a
// whole picture broken; and no picture inside a whole one is larger than allowed.
#include "storage/media/coded_size.hpp"
#include "storage/media/sniff.hpp"
#include "storage/media/structure.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/media_file.hpp"

namespace pinhole::fuzz {
namespace {

using media::format;
using media::structure;

constexpr media::structure_limits limits{.heif_pixels_max = 1'000'000};

structure verdict_of(std::string_view bytes, format claimed) {
    return media::check_structure(claimed, media_file(bytes).fd(), limits).verdict;
}

/// Their walks end at the picture's own end.
bool is_read_to_its_end(format claimed) {
    return claimed == format::jpeg || claimed == format::png || claimed == format::gif ||
           claimed == format::webp;
}

}  // namespace

void check_input(std::string_view input) {
    choices random(input);
    const media::byte_view octets{reinterpret_cast<const std::uint8_t*>(input.data()),
                                  input.size()};
    for (const auto bounds : {media::bounds_of_hevc_configuration(octets),
                              media::bounds_of_hevc(octets), media::bounds_of_av1(octets)}) {
        require((bounds.side == 0) == (bounds.pixels == 0) || bounds.pixels == 0,
                "an area has a side");
    }
    const auto claimed = media::sniff(input);
    require(media::sniff(input.substr(0, media::sniff_bytes_max)) == claimed,
            "the first bytes decide");
    if (!claimed) {
        return;
    }
    require(media::is_image(*claimed) != media::is_video(*claimed), "it is one of the two");
    const media_file file(input);
    const auto report = media::check_structure(*claimed, file.fd(), limits);
    require(report.verdict != structure::whole || report.coded_pixels <= limits.heif_pixels_max,
            "what is whole keeps its limits");
    if (is_read_to_its_end(*claimed)) {
        const auto front = input.substr(0, random.pick(input.size() + 1));
        require(media::sniff(front) != claimed || report.verdict == structure::whole ||
                    verdict_of(front, *claimed) != structure::whole,
                "a tail breaks nothing");
    }
}

}  // namespace pinhole::fuzz
