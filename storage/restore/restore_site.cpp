#include "storage/restore/restore_site.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "storage/media/media_disk.hpp"

namespace pinhole::storage {

made_folders::~made_folders() {
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) {
        ::rmdir(made->c_str());  // one that somebody has put something in stays
    }
}

void made_folders::make(const std::filesystem::path& wanted, mode_t mode) {
    const auto folder = std::filesystem::absolute(wanted).lexically_normal();
    if (std::filesystem::is_directory(folder)) {
        return;
    }
    const auto parent =
        folder.has_filename() ? folder.parent_path() : folder.parent_path().parent_path();
    if (parent != folder) {
        make(parent, mode);
    }
    // Only what is new is ours to change, and to remove again.
    if (::mkdir(folder.c_str(), mode) != 0) {
        if (errno == EEXIST && std::filesystem::is_directory(folder)) {
            return;  // somebody else has made it meanwhile
        }
        throw std::system_error{errno == EEXIST ? ENOTDIR : errno, std::system_category(),
                                "making " + folder.string()};
    }
    made_.push_back(folder);
    std::filesystem::permissions(folder, static_cast<std::filesystem::perms>(mode));
    sync_folder(parent);
}

restore_site::restore_site(const std::filesystem::path& data_dir) : data_dir_(data_dir) {
    if (!media::make_folder(AT_FDCWD, restore_folder(data_dir).string(), 0700)) {
        throw std::system_error{errno, std::system_category(),
                                "making " + restore_folder(data_dir).string()};
    }
}

restore_site::~restore_site() {
    try {
        if (!is_switching(data_dir_)) {
            remove_restore_folders(data_dir_);
        }
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): nobody to tell
        // Whoever enters the directory next removes it, or says why not.
    }
}

void finish_restore(const std::filesystem::path& data_dir, switched_parts parts) {
    try {
        switch_to_restored(data_dir, parts);
    } catch (const std::exception& failure) {
        if (is_switching(data_dir)) {
            throw std::runtime_error{
                std::string{"all is restored, but could not be put in its place: "} +
                failure.what() + ". That is done at the next start of the server"};
        }
        throw;
    }
}

}  // namespace pinhole::storage
