#include "storage/backup/backup_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/durable_file.hpp"
#include "storage/base/path.hpp"
#include "storage/media/media_disk.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage::backup {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view marker_name = "pinhole-backups";
constexpr std::string_view marker_text = "pinhole-backups 1\n";
constexpr std::string_view lock_name = "lock";

fs::path plain(const fs::path& path) {
    const fs::path whole = fs::absolute(path).lexically_normal();
    return whole.has_filename() ? whole : whole.parent_path();
}

/// What the first backup may find: nothing, or what a call that was cut short has left; and what a
/// new file system has in it.
bool is_unused(const fs::path& path) {
    constexpr std::array<std::string_view, 3> allowed{"lost+found", lock_name,
                                                      "pinhole-backups.new"};
    return std::ranges::all_of(fs::directory_iterator{path}, [&](const auto& entry) {
        return std::ranges::find(allowed, entry.path().filename().string()) != allowed.end();
    });
}

bool is_marked(const fs::path& path) {
    return fs::exists(fs::symlink_status(path / marker_name));
}

void make_folder(const fs::path& path) {
    if (!media::make_folder(AT_FDCWD, path.string(), backup_folder::folder_mode)) {
        throw std::system_error{errno, std::generic_category(), "making " + path.string()};
    }
}

std::optional<kv::backup_id> parse_id(std::string_view digits) {
    kv::backup_id id = 0;
    const char* end = digits.data() + digits.size();
    const auto [last, error] = std::from_chars(digits.data(), end, id);
    return error == std::errc() && last == end && id != 0 && !digits.starts_with('0')
               ? std::optional{id}
               : std::nullopt;
}

std::unexpected<error> refuse(const fs::path& path, std::string_view why) {
    std::string message = path.string();
    return fail(error_code::conflict, message.append(" ").append(why));
}

}  // namespace

result<backup_folder> backup_folder::open_to_write(const fs::path& wanted,
                                                   const fs::path& data_dir) {
    const fs::path path = plain(wanted);
    if (is_within(path, data_dir)) {
        return refuse(path,
                      "lies in the data directory: what takes that away would take the backups");
    }
    if (!fs::exists(fs::symlink_status(path))) {
        if (!fs::is_directory(path.parent_path())) {
            return fail(error_code::not_found, "there is no directory " +
                                                   path.parent_path().string() +
                                                   " to make the backups' folder in");
        }
        make_folder(path);
        sync_folder(path.parent_path());
    }
    if (!fs::is_directory(path)) {
        return refuse(path, "is no directory");
    }
    if (!is_marked(path) && !is_unused(path)) {
        return refuse(path, "is not empty and holds no backups");
    }
    backup_folder folder{path};
    folder.lock(LOCK_EX, O_RDWR | O_CREAT);
    if (!is_marked(path)) {
        write_durably(path / marker_name, marker_text);
    }
    if (auto opened = open_existing(path); !opened) {
        return opened;
    }
    for (const fs::path& each : {folder.database(), folder.media(), folder.records()}) {
        make_folder(each);
    }
    sync_folder(path);
    return folder;
}

result<backup_folder> backup_folder::open_existing(const fs::path& path) {
    if (!fs::is_directory(path) || !is_marked(path)) {
        return fail(error_code::not_found, "there are no backups in " + path.string());
    }
    if (read_whole(path / marker_name) != marker_text) {
        return refuse(path, "holds backups in a layout that this version does not know");
    }
    return backup_folder{path};
}

result<backup_folder> backup_folder::open_to_list(const fs::path& path) {
    return open_existing(plain(path));
}

result<backup_folder> backup_folder::open_to_read(const fs::path& path) {
    auto opened = open_existing(plain(path));
    if (opened) {
        opened->lock(LOCK_SH, O_RDONLY);
    }
    return opened;
}

/// Without a lock file, in a copy that somebody has made of the folder, there is nobody to be kept
/// apart. A file system that has no such locks is left to the operator.
void backup_folder::lock(int operation, int open_flags) {
    constexpr mode_t owner_only = 0600;
    const fs::path name = path_ / lock_name;
    lock_.reset(::open(name.c_str(), open_flags | O_CLOEXEC, owner_only));
    if (!lock_ && (operation != LOCK_SH || errno != ENOENT)) {
        throw std::system_error{errno, std::generic_category(), "open " + name.string()};
    }
    if (lock_ && ::flock(lock_.get(), operation | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        throw std::runtime_error{path_.string() +
                                 " is in use: a backup, a verification or a restore is under way"};
    }
}

fs::path backup_folder::file_of(kv::backup_id id, std::string_view extension) const {
    return records() / std::to_string(id).append(extension);
}

std::vector<kv::backup_id> backup_folder::ids_of(std::string_view extension) const {
    std::vector<kv::backup_id> ids;
    if (!fs::exists(records())) {
        return ids;
    }
    for (const auto& entry : fs::directory_iterator{records()}) {
        const fs::path name = entry.path().filename();
        const auto id = parse_id(name.stem().string());
        if (id && name.extension() == extension) {
            ids.push_back(*id);
        }
    }
    std::ranges::sort(ids);
    return ids;
}

backup_record backup_folder::read(kv::backup_id id) const {
    const fs::path path = record(id);
    backup_record found = parse_record(read_whole(path), path.string());
    if (found.id != id) {
        throw backup_damage{path.string() + " is that of another backup"};
    }
    return found;
}

}  // namespace pinhole::storage::backup
