#include "storage/dump/archive_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/folder_archive.hpp"
#include "storage/dump/tar_archive.hpp"
#include "storage/media/media_path.hpp"

namespace pinhole::storage::dump {

std::optional<member_kind> kind_of_member(std::string_view path) {
    constexpr std::string_view rows_extension = ".jsonl";
    if (path == manifest_name) {
        return member_kind::manifest;
    }
    if (path.starts_with(media_folder)) {
        return media::is_media_path(path.substr(media_folder.size()))
                   ? std::optional{member_kind::media}
                   : std::nullopt;
    }
    if (path.ends_with(rows_extension) &&
        is_dumped_entity(path.substr(0, path.size() - rows_extension.size()))) {
        return member_kind::rows;
    }
    return std::nullopt;
}

std::unique_ptr<archive_reader> open_archive(const std::filesystem::path& source) {
    if (source == standard_input) {
        return open_tar_archive(unique_fd{::dup(STDIN_FILENO)});
    }
    unique_fd opened{::open(source.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status{};
    if (!opened || ::fstat(opened.get(), &status) != 0) {
        throw std::system_error{errno, std::system_category(), "cannot open " + source.string()};
    }
    return S_ISDIR(status.st_mode) ? open_folder_archive(std::move(opened))
                                   : open_tar_archive(std::move(opened));
}

}  // namespace pinhole::storage::dump
