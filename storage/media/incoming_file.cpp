#include "storage/media/incoming_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/media/media_store.hpp"

namespace pinhole::media {

incoming_file::incoming_file(const media_store& store, std::string name, unique_fd fd)
    : store_(&store), name_(std::move(name)), fd_(std::move(fd)) {}

incoming_file::incoming_file(incoming_file&& other) noexcept
    : store_(other.store_),
      name_(std::exchange(other.name_, {})),
      fd_(std::move(other.fd_)),
      size_bytes_(other.size_bytes_),
      hash_(std::move(other.hash_)),
      received_(other.received_) {}

incoming_file::~incoming_file() {
    if (!name_.empty()) {
        // If this fails the file stays until the sweep at the next start: there is no one to tell.
        ::unlinkat(store_->incoming_.get(), name_.c_str(), 0);
    }
}

std::expected<void, store_failure> incoming_file::append(std::span<const std::byte> bytes) {
    assert(fd_ && !received_);
    hash_.update(bytes);
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return store_->errors_.full_or_fail("write of an incoming file");
        }
        size_bytes_ += static_cast<std::uint64_t>(written);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

std::expected<void, store_failure> incoming_file::append(std::string_view bytes) {
    return append(std::as_bytes(std::span(bytes)));
}

std::expected<void, store_failure> incoming_file::rewrite(const std::function<bool(int fd)>& edit) {
    assert(fd_);
    try {
        if (edit(fd_.get())) {
            received_ = received_sha256();
            hashed_file again = hash_file(fd_.get());
            hash_ = std::move(again.hash);
            size_bytes_ = again.size_bytes;
        }
    } catch (const std::system_error& failure) {
        return store_->errors_.full_or_fail(failure.code().value(), "rewriting an incoming file");
    }
    return {};
}

std::expected<void, store_failure> incoming_file::seal() {
    if (!fd_) {
        return {};
    }
    if (::fsync(fd_.get()) != 0) {
        return store_->errors_.full_or_fail("fsync of an incoming file");
    }
    fd_.reset();
    return {};
}

std::filesystem::path incoming_file::path() const {
    return store_->incoming_path_ / name_;
}

}  // namespace pinhole::media
