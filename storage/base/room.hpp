// Whether something fits on a disk, asked before it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pinhole::storage {

/// Errors: throws std::runtime_error with a message for the operator if the file system of `folder`
/// has less room than that; std::system_error. Blocks: hardly.
inline void require_room(const std::filesystem::path& folder, std::uint64_t bytes,
                         std::string_view what) {
    constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
    const std::uint64_t available = std::filesystem::space(folder).available;
    if (available < bytes) {
        std::string message = "there is no room in " + folder.string() + " for ";
        message.append(what)
            .append(": that takes ")
            .append(std::to_string(bytes / mebibyte + 1))
            .append(" MiB, and ")
            .append(std::to_string(available / mebibyte))
            .append(" MiB are free");
        throw std::runtime_error{message};
    }
}

}  // namespace pinhole::storage
