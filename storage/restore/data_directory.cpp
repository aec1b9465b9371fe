#include "storage/restore/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

namespace pinhole::storage {

namespace {

/// A name that no operator gives to a folder of his own: it is removed without asking.
constexpr const char* building = "restore.building";
constexpr std::string_view journal_front = "pinhole-restore 1\ndb\n";
constexpr const char* key_name = "secret.key";

std::string to_journal(switched_parts parts) {
    std::string text{journal_front};
    text += parts.media ? "media\n" : "";
    text += parts.key ? "key\n" : "";
    return text;
}

std::optional<switched_parts> parse_journal(std::string_view text) {
    for (const bool media : {false, true}) {
        for (const bool key : {false, true}) {
            const switched_parts parts{.media = media, .key = key};
            if (text == to_journal(parts)) {
                return parts;
            }
        }
    }
    return std::nullopt;
}

std::filesystem::path journal_path(const std::filesystem::path& data_dir) {
    return data_dir / "restore.journal";
}
/// Written aside first, so that the journal is whole or not there.
std::filesystem::path new_journal_path(const std::filesystem::path& data_dir) {
    return data_dir / "restore.journal.new";
}

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::system_category(), what};
}

bool is_there(const std::filesystem::path& path) {
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

/// One rename of the switch: the new from where it was built to its place, the old aside.
struct step {
    std::filesystem::path built;
    std::filesystem::path place;
    std::filesystem::path aside;
    std::filesystem::file_type type = std::filesystem::file_type::directory;
};

std::vector<step> steps_of(const std::filesystem::path& data_dir, switched_parts parts) {
    const auto build = restore_folder(data_dir);
    std::vector<step> steps{{build / "db", data_dir / "db", build / "old-db"}};
    if (parts.key) {
        steps.push_back({build / key_name, data_dir / key_name, build / "old-secret.key",
                         std::filesystem::file_type::regular});
    }
    if (parts.media) {
        const auto media = data_dir / "media";
        const auto built = media_restore_folder(data_dir);
        for (const char* tree : {"public", "hidden"}) {
            steps.push_back({built / tree, media / tree, built / (std::string{"old-"} + tree)});
        }
    }
    return steps;
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::rename(from, to);
    sync_folder(from.parent_path());
    sync_folder(to.parent_path());
}

/// What was built is gone from there once it has its place, so each step says by itself how far it
/// is, and may be taken again.
void take_steps(const std::filesystem::path& data_dir, switched_parts parts) {
    for (const step& each : steps_of(data_dir, parts)) {
        if (!is_there(each.built)) {
            continue;
        }
        if (is_there(each.place)) {
            rename_durably(each.place, each.aside);
        }
        rename_durably(each.built, each.place);
    }
    std::filesystem::remove(journal_path(data_dir));
    sync_folder(data_dir);
    remove_restore_folders(data_dir);
}

void finish_switch(const std::filesystem::path& data_dir) {
    const auto path = journal_path(data_dir);
    std::ifstream in{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const auto parts = parse_journal(text);
    if (!parts) {
        throw std::runtime_error{path.string() +
                                 " is not what this version writes: a restore was cut short that "
                                 "only the program which began it can finish"};
    }
    take_steps(data_dir, *parts);
}

bool has_leftovers(const std::filesystem::path& data_dir) {
    return is_there(journal_path(data_dir)) || is_there(new_journal_path(data_dir)) ||
           is_there(restore_folder(data_dir)) || is_there(media_restore_folder(data_dir));
}

void settle_leftovers(const std::filesystem::path& data_dir) {
    if (is_switching(data_dir)) {
        finish_switch(data_dir);
    } else {
        remove_restore_folders(data_dir);
    }
}

/// False if somebody else's lock is in the way. A file system that has no such locks (some network
/// ones have none for directories) leaves it to RocksDB's.
bool lock(int fd, int operation) {
    return ::flock(fd, operation | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

unique_fd open_directory(const std::filesystem::path& data_dir) {
    unique_fd folder{::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) {
        throw_errno("cannot open " + data_dir.string());
    }
    return folder;
}

bool is_mount_point(const std::filesystem::path& path) {
    struct statx status{};
    return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
                   &status) == 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void write_journal(const std::filesystem::path& data_dir, std::string_view text) {
    const auto aside = new_journal_path(data_dir);
    {
        const unique_fd file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
        if (!file ||
            ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
            ::fsync(file.get()) != 0) {
            throw_errno("cannot write " + aside.string());
        }
    }
    std::filesystem::rename(aside, journal_path(data_dir));
    sync_folder(data_dir);
}

}  // namespace

void sync_folder(const std::filesystem::path& folder) {
    const unique_fd opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!opened || ::fsync(opened.get()) != 0) {
        throw_errno("fsync " + folder.string());
    }
}

std::filesystem::path restore_folder(const std::filesystem::path& data_dir) {
    return data_dir / building;
}

std::filesystem::path media_restore_folder(const std::filesystem::path& data_dir) {
    return data_dir / "media" / building;
}

bool is_switching(const std::filesystem::path& data_dir) {
    return is_there(journal_path(data_dir));
}

void remove_restore_folders(const std::filesystem::path& data_dir) {
    std::filesystem::remove(new_journal_path(data_dir));
    std::filesystem::remove_all(media_restore_folder(data_dir));
    std::filesystem::remove_all(restore_folder(data_dir));
}

unique_fd enter_data_directory(const std::filesystem::path& data_dir) {
    unique_fd folder = open_directory(data_dir);
    if (!lock(folder.get(), LOCK_SH)) {
        throw std::runtime_error{"a restore into " + data_dir.string() + " is under way"};
    }
    if (has_leftovers(data_dir)) {
        if (!lock(folder.get(), LOCK_EX)) {
            throw std::runtime_error{
                "a restore into " + data_dir.string() +
                " was cut short and cannot be finished: another program has the directory open"};
        }
        settle_leftovers(data_dir);
        if (!lock(folder.get(), LOCK_SH)) {
            throw std::runtime_error{"a restore into " + data_dir.string() + " is under way"};
        }
    }
    return folder;
}

unique_fd enter_data_directory_alone(const std::filesystem::path& data_dir) {
    unique_fd folder = open_directory(data_dir);
    if (!lock(folder.get(), LOCK_EX)) {
        throw std::runtime_error{data_dir.string() +
                                 " is in use: a server, or another restore, has it open"};
    }
    settle_leftovers(data_dir);
    return folder;
}

std::string find_unswitchable(const std::filesystem::path& data_dir, switched_parts parts) {
    for (const step& each : steps_of(data_dir, parts)) {
        const auto status = std::filesystem::symlink_status(each.place);
        if (std::filesystem::exists(status) &&
            (status.type() != each.type || is_mount_point(each.place))) {
            return each.place.string() +
                   " is a link or a mount point, which a restore cannot replace: mount DIR or "
                   "DIR/media instead";
        }
    }
    return {};
}

void switch_to_restored(const std::filesystem::path& data_dir, switched_parts parts) {
    write_journal(data_dir, to_journal(parts));
    take_steps(data_dir, parts);
}

}  // namespace pinhole::storage
