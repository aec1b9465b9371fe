// Exif blocks. Input: one, as TIFF.
//
// What comes out of the cleaner tells no position to another reader, and comes out of it once more
// as it is.
#include <algorithm>
#include <vector>

#include "storage/media/location_steps.hpp"
#include "tests/fuzz/exif_block.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {

void check_input(std::string_view input) {
    std::vector<std::uint8_t> block(input.begin(), input.end());
    const bool readable = media::clean_exif(block);
    require(block.size() == input.size(), "a block keeps its size");
    if (!readable) {
        require(std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; }),
                "what cannot be read goes wholly");
        return;
    }
    require(!tells_a_position({reinterpret_cast<const char*>(block.data()), block.size()}),
            "no position is left");
    std::vector<std::uint8_t> again = block;
    require(media::clean_exif(again) && again == block, "cleaning again changes nothing");
}

}  // namespace pinhole::fuzz
