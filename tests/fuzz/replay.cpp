// Runs a target over every file of a corpus, without libFuzzer:
//
//   fuzz_TARGET PATH…      files, or directories of files
//
// Errors: exits 1 where there is no input at all; a property that does not hold ends the process,
// behind the name of the input that was being tried.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(std::span<char*> arguments) {
    std::vector<fs::path> files;
    for (const char* argument : arguments) {
        if (fs::is_directory(argument)) {
            for (const auto& entry : fs::directory_iterator(argument)) {
                files.push_back(entry.path());
            }
        } else {
            files.emplace_back(argument);
        }
    }
    std::ranges::sort(files);
    return files;
}

void replay(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file) {
        throw std::runtime_error("cannot read " + path.string());
    }
    // Before, since a property that does not hold leaves no chance to say it after.
    std::fprintf(stderr, "%s\n", path.c_str());
    pinhole::fuzz::check_input(input);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto files =
            files_of(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
        std::ranges::for_each(files, replay);
        std::printf("%zu inputs\n", files.size());
        return files.empty() ? 1 : 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
