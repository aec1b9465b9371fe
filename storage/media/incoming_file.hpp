// An upload in progress: a file in the media store's incoming/ (media_store.hpp).
//
// Thread-safety: one thread at a time. Blocking: all but the getters.
// Errors: as the store's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/media/media_disk.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::media {

class media_store;

/// Vanishes with this object unless published. Made by `media_store::begin`.
class incoming_file {
public:
    incoming_file(incoming_file&& other) noexcept;
    incoming_file& operator=(incoming_file&&) = delete;
    ~incoming_file();

    /// Errors: `storage_full`; the file is then of no more use.
    /// Requires: neither rewritten nor sealed.
    std::expected<void, store_failure> append(std::span<const std::byte> bytes);
    std::expected<void, store_failure> append(std::string_view bytes);

    /// Lets `edit` change bytes in place, or cut some off the end; true from it says that it did.
    /// Then size and digest are taken anew.
    /// Errors: as `append`; a std::system_error from `edit` counts as this file's.
    /// Requires: not sealed.
    std::expected<void, store_failure> rewrite(const std::function<bool(int fd)>& edit);

    /// Nothing more will be written: makes the bytes durable and gives the descriptor back, so that
    /// an upload of many files holds one. `publish` seals what is not. Errors: as `append`.
    std::expected<void, store_failure> seal();

    std::uint64_t size() const { return size_bytes_; }
    /// Of the bytes as they are now, which is as they will be stored.
    sha256_digest sha256() const { return hash_.digest(); }
    /// Of everything appended, as it came.
    sha256_digest received_sha256() const { return received_.value_or(sha256()); }
    /// Where the bytes lie now, for `probe`. Valid until published.
    std::filesystem::path path() const;

private:
    friend class media_store;
    incoming_file(const media_store& store, std::string name, unique_fd fd);

    const media_store* store_;  ///< outlives every incoming_file
    std::string name_;          ///< in incoming/; empty once it is not ours to remove
    unique_fd fd_;              ///< none once sealed
    std::uint64_t size_bytes_ = 0;
    sha256_hash hash_;
    std::optional<sha256_digest> received_;  ///< once rewritten
};

}  // namespace pinhole::media
