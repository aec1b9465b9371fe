// RocksDB's write-ahead log, for tests that damage it.
#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

namespace pinhole::test {

/// The log of the last life of the store in this directory: the one with the highest number.
inline std::filesystem::path newest_log(const std::filesystem::path& directory) {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() == ".log") {
            newest = std::max(newest, entry.path());
        }
    }
    BOOST_REQUIRE(!newest.empty());
    return newest;
}

inline void flip_byte(const std::filesystem::path& path, std::uintmax_t at) {
    const auto offset = static_cast<std::streamoff>(at);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const auto byte = file.get();
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 0x10));
    file.close();
    BOOST_REQUIRE(file.good());
}

inline void flip_byte_in_the_middle(const std::filesystem::path& path) {
    flip_byte(path, std::filesystem::file_size(path) / 2);
}

}  // namespace pinhole::test
