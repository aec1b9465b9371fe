#include "storage/dump/tar_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <utility>

#include "storage/dump/dump_format.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t read_bytes = std::size_t{256} << 10U;
constexpr std::int64_t tar_block_bytes = 512;

struct archive_free {
    void operator()(archive* opened) const { ::archive_read_free(opened); }
};

/// "./users.jsonl", as `tar c .` writes it, is "users.jsonl".
std::string_view without_dot(std::string_view path) {
    while (path.starts_with("./")) {
        path.remove_prefix(2);
    }
    return path;
}

bool is_folder_of_media(std::string_view path) {
    return path.empty() || path == "." || path == "media" ||
           kind_of_member(path) == member_kind::media;
}

class tar_archive final : public archive_reader {
public:
    explicit tar_archive(unique_fd stream)
        : stream_(std::move(stream)), archive_(::archive_read_new()) {
        if (!archive_ || ::archive_read_support_format_tar(archive_.get()) != ARCHIVE_OK ||
            ::archive_read_support_filter_zstd(archive_.get()) != ARCHIVE_OK) {
            throw std::runtime_error{"libarchive cannot read tar and zstd"};
        }
        is_open_ = ::archive_read_open_fd(archive_.get(), stream_.get(), read_bytes) == ARCHIVE_OK;
    }

    std::optional<archive_member> next() override {
        if (!is_open_) {
            refuse_archive();
        }
        for (;;) {
            const auto before = ::archive_filter_bytes(archive_.get(), 0);
            archive_entry* entry = nullptr;
            const int found = ::archive_read_next_header(archive_.get(), &entry);
            if (found == ARCHIVE_EOF) {
                refuse_without_end_mark(before);
                return std::nullopt;
            }
            if (found != ARCHIVE_OK) {
                refuse_archive();
            }
            if (auto member = to_member(entry)) {
                path_ = member->path;
                return member;
            }
        }
    }

    std::size_t read(std::span<char> buffer) override {
        const auto got = ::archive_read_data(archive_.get(), buffer.data(), buffer.size());
        if (got < 0) {
            refuse_archive();
        }
        return static_cast<std::size_t>(got);
    }

private:
    [[noreturn]] void refuse_archive() const {
        const char* problem = ::archive_error_string(archive_.get());
        throw unreadable_dump{path_, std::string{"the archive is damaged or cut short: "} +
                                         (problem != nullptr ? problem : "no reason is known")};
    }

    /// An archive ends with two blocks of zeros: one that was cut off between two members has none,
    /// and libarchive takes it for whole.
    void refuse_without_end_mark(std::int64_t before) const {
        if (::archive_filter_bytes(archive_.get(), 0) - before < tar_block_bytes) {
            throw unreadable_dump{path_, "the archive is cut short behind this member"};
        }
    }

    /// Nothing for a folder.
    std::optional<archive_member> to_member(archive_entry* entry) {
        const char* raw = ::archive_entry_pathname(entry);
        std::string path{without_dot(raw != nullptr ? raw : "")};
        path.resize(path.find_last_not_of('/') + 1);  // a folder's
        const auto refuse = [&path](const char* problem) {
            throw unreadable_dump{path.empty() ? "a member without a name" : path, problem};
        };
        if (::archive_entry_hardlink(entry) != nullptr ||
            ::archive_entry_symlink(entry) != nullptr) {
            refuse("is a link, and a dump has none");
        }
        if (::archive_entry_filetype(entry) == AE_IFDIR) {
            if (!is_folder_of_media(path)) {
                refuse("is no part of a dump");
            }
            return std::nullopt;
        }
        if (::archive_entry_filetype(entry) != AE_IFREG) {
            refuse("is a device or a pipe, not a file");
        }
        const auto kind = kind_of_member(path);
        if (!kind) {
            refuse("is no part of a dump");
        }
        if (::archive_entry_sparse_count(entry) != 0) {
            refuse("is a sparse file, and a dump has none");
        }
        if (::archive_entry_size_is_set(entry) == 0 || ::archive_entry_size(entry) < 0) {
            refuse("has no size");
        }
        const auto size = static_cast<std::uint64_t>(::archive_entry_size(entry));
        if ((*kind == member_kind::media && size > medium_bytes_max) ||
            (*kind == member_kind::manifest && size > manifest_bytes_max)) {
            refuse("is longer than it may be");
        }
        if (*kind != member_kind::media && !seen_.insert(path).second) {
            refuse("comes twice");
        }
        return archive_member{.kind = *kind, .path = path, .size_bytes = size};
    }

    unique_fd stream_;
    std::unique_ptr<archive, archive_free> archive_;
    bool is_open_ = false;        ///< libarchive looks at the first bytes when it opens
    std::set<std::string> seen_;  ///< few: the manifest and the entities
    std::string path_;            ///< of the last member
};

}  // namespace

std::unique_ptr<archive_reader> open_tar_archive(unique_fd stream) {
    return std::make_unique<tar_archive>(std::move(stream));
}

}  // namespace pinhole::storage::dump
