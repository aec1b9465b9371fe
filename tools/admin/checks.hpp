// What options and arguments of several words must look like.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

namespace pinhole::admin {

/// A number as people write it. CLI11 takes 010 as octal, and 0x10.
inline CLI::Validator decimal() {
    return {[](std::string& text) -> std::string {
                const bool is_decimal = !text.empty() &&
                                        text.find_first_not_of("0123456789") == std::string::npos &&
                                        (text.size() == 1 || text.front() != '0');
                return is_decimal ? "" : "\"" + text + "\" is no number such as 7";
            },
            ""};
}

/// A file that is named as if it were compressed, and would not be.
inline CLI::Validator not_named_as(std::initializer_list<std::string_view> endings) {
    return {[endings = std::vector<std::string>(endings.begin(), endings.end())](
                std::string& name) -> std::string {
                for (const std::string& ending : endings) {
                    if (name.ends_with(ending)) {
                        return "\"" + name + "\" ends in " + ending + ", and would not be that";
                    }
                }
                return "";
            },
            ""};
}

}  // namespace pinhole::admin
