#include "tests/fuzz/exif_block.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

namespace pinhole::fuzz {
namespace {

class exif_reader {
public:
    explicit exif_reader(std::string_view tiff) : tiff_(tiff), big_(tiff.starts_with("MM")) {}

    bool finds_position() {
        const bool readable = big_ || tiff_.starts_with("II");
        const auto first = number(4, 4);
        return readable && number(2, 2) == 42U && first && walk(*first);
    }

private:
    std::optional<std::size_t> number(std::size_t at, std::size_t size) const {
        if (at > tiff_.size() || size > tiff_.size() - at) {
            return std::nullopt;
        }
        std::size_t value = 0;
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t byte = big_ ? at + i : at + size - 1 - i;
            value = value << 8 | static_cast<unsigned char>(tiff_[byte]);
        }
        return value;
    }

    bool walk(std::size_t directory) {
        const auto count = number(directory, 2);
        if (!count || !seen_.insert(directory).second) {
            return false;
        }
        for (std::size_t i = 0; i < *count; ++i) {
            const std::size_t entry = directory + 2 + 12 * i;
            const auto tag = number(entry, 2);
            const auto value = number(entry + 8, 4);
            if (!tag || !value) {
                return false;  // cut short: readers stop here
            }
            switch (*tag) {
                case 0x8825:  // GPS
                case 0x927c:  // MakerNote
                case 0x02bc:  // XMP
                case 0x83bb:  // IPTC
                    return true;
                case 0x8769:  // Exif
                case 0xa005:  // interoperability
                    if (walk(*value)) {
                        return true;
                    }
                    break;
                default:
                    break;
            }
        }
        const auto next = number(directory + 2 + 12 * *count, 4);
        return next && *next != 0 && walk(*next);
    }

    std::string_view tiff_;
    bool big_;
    std::set<std::size_t> seen_;
};

}  // namespace

bool tells_a_position(std::string_view tiff) {
    return exif_reader(tiff).finds_position();
}

}  // namespace pinhole::fuzz
