#include "storage/media/sha256.hpp"

#include <openssl/evp.h>
#include <sodium.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace pinhole::media {
namespace {

constexpr std::size_t read_bytes = std::size_t{256} * 1024;

/// The hash functions fail only when there is no memory, or an installation without SHA-256.
void require_hash(bool done) {
    if (!done) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
}

}  // namespace

sha256_hash::context sha256_hash::make_context() {
    context made(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    require_hash(made != nullptr);
    return made;
}

sha256_hash::sha256_hash() : context_(make_context()) {
    require_hash(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void sha256_hash::update(std::span<const std::byte> bytes) {
    require_hash(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

sha256_digest sha256_hash::digest() const {
    const context so_far = make_context();
    sha256_digest digest;
    require_hash(EVP_MD_CTX_copy_ex(so_far.get(), context_.get()) == 1 &&
                 EVP_DigestFinal_ex(so_far.get(), digest.data(), nullptr) == 1);
    return digest;
}

std::string to_text(const sha256_digest& digest) {
    std::string text(2 * digest.size() + 1, '\0');
    sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
    text.pop_back();  // the terminator
    return text;
}

hashed_file hash_file(int fd) {
    hashed_file file;
    std::vector<std::byte> buffer(read_bytes);
    for (;;) {
        const ssize_t got =
            ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(file.size_bytes));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw std::system_error(errno, std::generic_category(), "read of a media file");
        }
        if (got == 0) {
            return file;
        }
        file.hash.update(std::span(buffer).first(static_cast<std::size_t>(got)));
        file.size_bytes += static_cast<std::uint64_t>(got);
    }
}

}  // namespace pinhole::media
