#include "storage/dump/mapped_table.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "storage/dump/spool_file.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t first_bytes = std::size_t{1} << 20U;

[[noreturn]] void throw_error(int error, const char* what) {
    throw std::system_error{error, std::system_category(), what};
}

}  // namespace

mapped_file::mapped_file(const std::filesystem::path& directory) : file_(open_unnamed(directory)) {}

mapped_file::~mapped_file() {
    if (data_ != nullptr) {
        ::munmap(data_, bytes_);
    }
}

void mapped_file::reserve(std::size_t bytes) {
    if (bytes <= bytes_) {
        return;
    }
    const std::size_t wanted = std::max({bytes, first_bytes, bytes_ + bytes_ / 2});
    const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(wanted));
    if (error != 0) {
        throw_error(error, "reserving a temporary file");
    }
    void* moved = data_ == nullptr
                      ? ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0)
                      : ::mremap(data_, bytes_, wanted, MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) {
        throw_error(errno, "mapping a temporary file");
    }
    data_ = moved;
    bytes_ = wanted;
}

}  // namespace pinhole::storage::dump
