// SHA-256 of what comes piece by piece, and of a file.
//
// OpenSSL's, since it uses the processor's instructions for it: an eighth of libsodium's time.
// Thread-safety: one thread at a time. Blocking: `hash_file`, for as long as the disk and, at
// one to two gigabytes a second where the processor helps, the hash take.
// Errors: throws std::runtime_error where OpenSSL has no SHA-256 or there is no memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace pinhole::media {

using sha256_digest = std::array<unsigned char, 32>;

class sha256_hash {
public:
    sha256_hash();

    void update(std::span<const std::byte> bytes);
    /// Of what has come so far; more may follow.
    sha256_digest digest() const;

private:
    using context = std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)>;
    static context make_context();

    context context_;
};

/// In hexadecimal, as rows have it.
std::string to_text(const sha256_digest& digest);

struct hashed_file {
    sha256_hash hash;
    std::uint64_t size_bytes = 0;
};

/// Reads the file from its start to its end. Errors: throws std::system_error.
hashed_file hash_file(int fd);

}  // namespace pinhole::media
