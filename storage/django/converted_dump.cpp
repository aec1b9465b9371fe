#include "storage/django/converted_dump.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace pinhole::storage::django {

void converted_dump::begin() {
    made_ = convert_();
    if (made_ == nullptr) {
        throw dump::unreadable_dump{"", ""};
    }
    rows_ = made_->rows();
}

std::optional<dump::archive_member> converted_dump::next() {
    if (made_ == nullptr) {
        begin();
    }
    if (next_rows_ < rows_.size()) {
        const converted_rows& member = rows_[next_rows_++];
        fd_ = member.fd;
        at_ = 0;
        end_ = member.size_bytes;
        return dump::archive_member{dump::member_kind::rows, member.file, member.size_bytes};
    }
    fd_ = -1;
    if (medium_) {
        made_->media()->release(*medium_);
    }
    spooled_medium next_medium;
    if (made_->media() == nullptr || !made_->media()->next(next_medium)) {
        medium_.reset();
        return std::nullopt;
    }
    medium_ = std::move(next_medium);
    at_ = medium_->begin;
    end_ = medium_->begin + medium_->size_bytes;
    return dump::archive_member{dump::member_kind::media,
                                std::string{dump::media_folder} + medium_->media_path,
                                medium_->size_bytes};
}

std::size_t converted_dump::read(std::span<char> buffer) {
    const auto wanted = buffer.first(std::min<std::uint64_t>(buffer.size(), end_ - at_));
    if (wanted.empty()) {
        return 0;
    }
    if (fd_ < 0) {
        const std::size_t got = made_->media()->read(wanted, at_);
        at_ += got;
        return got;
    }
    for (;;) {
        const ssize_t got = ::pread(fd_, wanted.data(), wanted.size(), static_cast<off_t>(at_));
        if (got >= 0) {
            at_ += static_cast<std::uint64_t>(got);
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            throw std::system_error{errno, std::system_category(), "reading a temporary file"};
        }
    }
}

}  // namespace pinhole::storage::django
