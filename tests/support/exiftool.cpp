#include "tests/support/exiftool.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {
namespace {

std::filesystem::path write_to(const std::filesystem::path& file, std::string_view bytes) {
    std::ofstream out(file, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + file.string());
    }
    return file;
}

std::string run_exiftool(const std::string& arguments, const std::filesystem::path& file) {
    const std::string command = "exiftool " + arguments + " '" + file.string() + "' 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string said;
    std::array<char, 4096> buffer;
    std::size_t got = 1;
    while (pipe && got > 0) {
        got = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
        said.append(buffer.data(), got);
    }
    if (!pipe || said.contains("not found")) {
        throw std::runtime_error("cannot run " + command);
    }
    return said;
}

}  // namespace

std::string read_tags(std::string_view bytes, const std::string& arguments) {
    const temporary_directory folder;
    return run_exiftool(arguments, write_to(folder.path() / "file", bytes));
}

std::string with_tags(std::string_view bytes, const std::string& extension,
                      const std::string& arguments) {
    const temporary_directory folder;
    const auto file = write_to(folder.path() / ("file." + extension), bytes);
    const std::string said = run_exiftool("-overwrite_original " + arguments, file);
    if (!said.contains("1 image files updated")) {
        throw std::runtime_error("exiftool: " + said);
    }
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string find_positions(std::string_view bytes) {
    return read_tags(bytes,
                     "-q -q -a -u -ee3 -s -G1 '-*GPS*' '-*location*' '-*coordinates*' '-*City*' "
                     "'-*ISO6709*' '-XMP:all' '-IPTC:all' '-MakerNotes:all'");
}

}  // namespace pinhole::test
