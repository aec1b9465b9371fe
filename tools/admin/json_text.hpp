// JSON as results have it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace pinhole::admin {

/// On one line, without its end. Names of files and what a damaged dump says need not be UTF-8:
/// what is not becomes U+FFFD.
inline std::string to_json_text(const nlohmann::json& value) {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pinhole::admin
