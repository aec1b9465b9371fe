#include "tests/fuzz/media_file.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {

media_file::media_file(std::string_view bytes) : file_(::memfd_create("media", MFD_CLOEXEC)) {
    require(file_.get() >= 0, "the machine has memory files");
    require(
        ::pwrite(file_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "a memory file takes all bytes");
}

std::string media_file::bytes() const {
    struct stat status{};
    require(::fstat(file_.get(), &status) == 0, "a memory file has a size");
    std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
    require(
        ::pread(file_.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
        "a memory file gives all bytes");
    return bytes;
}

}  // namespace pinhole::fuzz
