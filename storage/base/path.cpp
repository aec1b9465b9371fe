#include "storage/base/path.hpp"

#include <algorithm>

namespace pinhole::storage {

bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder) {
    const auto inner = std::filesystem::weakly_canonical(path);
    const auto outer = std::filesystem::weakly_canonical(folder);
    return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

}  // namespace pinhole::storage
