#include "storage/media/incoming_file.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/media/media_store.hpp"

namespace pinhole::media {
namespace {

/// The hash functions fail only when there is no memory, or an installation without SHA-256.
void require_hash(bool done) {
    if (!done) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
}

}  // namespace

incoming_file::hash incoming_file::begin_hash() {
    hash begun(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    require_hash(begun && EVP_DigestInit_ex(begun.get(), EVP_sha256(), nullptr) == 1);
    return begun;
}

incoming_file::incoming_file(const media_store& store, std::string name, unique_fd fd)
    : store_(&store), name_(std::move(name)), fd_(std::move(fd)), hash_(begin_hash()) {}

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
    require_hash(EVP_DigestUpdate(hash_.get(), bytes.data(), bytes.size()) == 1);
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
            hash_again();
        }
    } catch (const std::system_error& failure) {
        return store_->errors_.full_or_fail(failure.code().value(), "rewriting an incoming file");
    }
    return {};
}

void incoming_file::hash_again() {
    hash_ = begin_hash();
    size_bytes_ = 0;
    std::vector<std::byte> buffer(std::size_t{256} * 1024);
    for (;;) {
        const ssize_t got =
            ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(size_bytes_));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw std::system_error(errno, std::generic_category(), "read of an incoming file");
        }
        if (got == 0) {
            return;
        }
        require_hash(EVP_DigestUpdate(hash_.get(), buffer.data(), static_cast<std::size_t>(got)) ==
                     1);
        size_bytes_ += static_cast<std::uint64_t>(got);
    }
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

sha256_digest incoming_file::sha256() const {
    const hash so_far(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    sha256_digest digest;
    require_hash(so_far && EVP_MD_CTX_copy_ex(so_far.get(), hash_.get()) == 1 &&
                 EVP_DigestFinal_ex(so_far.get(), digest.data(), nullptr) == 1);
    return digest;
}

std::filesystem::path incoming_file::path() const {
    return store_->incoming_path_ / name_;
}

}  // namespace pinhole::media
