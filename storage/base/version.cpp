#include "storage/base/version.hpp"

namespace pinhole::storage {

std::string_view program_version() {
    return PINHOLE_VERSION;
}

}  // namespace pinhole::storage
