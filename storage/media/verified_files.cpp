#include "storage/media/verified_files.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "storage/media/sha256.hpp"

namespace pinhole::media {
namespace {

std::int64_t to_nanoseconds(const std::timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

file_identity identify(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        throw std::system_error(errno, std::generic_category(), "fstat of a media file");
    }
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .size_bytes = status.st_size,
            .modified_ns = to_nanoseconds(status.st_mtim),
            .changed_ns = to_nanoseconds(status.st_ctim)};
}

std::optional<verdict> verified_files::find(const file_identity& file) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(file);
    if (found == known_.end()) {
        return std::nullopt;
    }
    return found->second ? verdict::intact : verdict::damaged;
}

verdict verified_files::verify(int fd, std::uint64_t size_bytes, std::string_view sha256) {
    const file_identity file = identify(fd);
    if (const auto known = find(file)) {
        return *known;
    }
    bool is_intact = file.size_bytes == static_cast<std::int64_t>(size_bytes);
    if (is_intact) {
        const hashed_file hashed = hash_file(fd);
        is_intact = hashed.size_bytes == size_bytes && to_text(hashed.hash.digest()) == sha256;
    }
    const bool is_news = remember(file, is_intact);
    if (is_intact) {
        return verdict::intact;
    }
    return is_news ? verdict::found_damaged : verdict::damaged;
}

/// Whether it was not known yet.
bool verified_files::remember(const file_identity& file, bool is_intact) {
    const std::lock_guard lock(mutex_);
    if (!known_.emplace(file, is_intact).second) {
        return false;
    }
    in_order_.push_back(file);
    if (in_order_.size() > files_max_) {
        known_.erase(in_order_.front());
        in_order_.pop_front();
    }
    return true;
}

}  // namespace pinhole::media
