// Hashes that stand on disk, so never others. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace pinhole::storage {

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
constexpr std::uint64_t fnv1a(std::string_view bytes) {
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 1'099'511'628'211U;
    }
    return hash;
}

}  // namespace pinhole::storage
