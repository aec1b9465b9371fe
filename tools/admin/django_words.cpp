#include "tools/admin/django_words.hpp"

#include <fstream>
#include <iterator>

#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

storage::django::field_map load_map(const std::string& path) {
    if (path.empty()) {
        return storage::django::default_map();
    }
    std::ifstream file{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator{file}, {}};
    if (!file) {
        throw refusal{"cannot read the map " + path};
    }
    auto map = storage::django::parse_map(text);
    if (!map) {
        throw refusal{path + ": " + map.error().message};
    }
    return std::move(*map);
}

}  // namespace pinhole::admin
