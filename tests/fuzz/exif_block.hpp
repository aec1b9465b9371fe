// A second reading of Exif, for what must no longer be in it. Shares no code with the cleaner.
#pragma once

#include <string_view>

namespace pinhole::fuzz {

/// True if a reader that follows the directories of this TIFF block (without "Exif\0\0") meets a
/// tag that may hold a position: GPS, MakerNote, XMP, IPTC.
bool tells_a_position(std::string_view tiff);

}  // namespace pinhole::fuzz
