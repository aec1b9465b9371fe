// Files for the media tests.
#pragma once

#include <expected>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/media/probe.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

inline std::filesystem::path write_file(const std::filesystem::path& file, std::string_view bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + file.string());
    }
    return file;
}

inline std::string read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        throw std::runtime_error("cannot read " + file.string());
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What `probe` says to these bytes, under a name that says nothing.
inline std::expected<media::media_info, media::probe_error> probe_bytes(
    std::string_view bytes, const media::probe_limits& limits = {}) {
    const temporary_directory folder;
    return media::probe(write_file(folder.path() / "upload", bytes), limits);
}

}  // namespace pinhole::test
