#include "storage/media/media_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "storage/base/shortage.hpp"

namespace pinhole::media {
namespace {

/// For what only reads: says nothing about what may still be written.
[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

template <typename T>
std::expected<T, store_failure> first_of(std::expected<std::vector<T>, store_failure> all) {
    if (!all) {
        return std::unexpected(all.error());
    }
    return std::move(all->front());
}

}  // namespace

/// One of the two folders that hold finished files.
struct media_store::tree {
    int folder;
    std::string_view name;
    mode_t folder_mode;
};

/// Collects the folders that a batch changes, so that each is fsynced once.
class media_store::touched_folders {
public:
    void add(const tree& tree, std::string_view media_path) {
        folders_.emplace(tree.folder, folder_of(media_path));
    }
    std::expected<void, store_failure> sync_all(const disk_errors& errors) const {
        for (const auto& [parent, name] : folders_) {
            const unique_fd folder = open_folder(errors, parent, name);
            if (auto synced = sync_folder(errors, folder.get()); !synced) {
                return synced;
            }
        }
        return {};
    }

private:
    std::set<std::pair<int, std::string>> folders_;
};

media_store::tree media_store::public_tree() const {
    return {.folder = public_.get(), .name = "public", .folder_mode = 0755};
}

media_store::tree media_store::hidden_tree() const {
    return {.folder = hidden_.get(), .name = "hidden", .folder_mode = 0700};
}

media_store::media_store(const std::filesystem::path& root, media_store_options options)
    : errors_(std::move(options.on_failure)), root_(root), incoming_path_(root / "incoming") {
    const auto root_parent = std::filesystem::absolute(root).parent_path();
    std::filesystem::create_directories(root_parent);
    // A web server passes through the root to public/, and learns of nothing else there.
    if (!make_folder(AT_FDCWD, root.string(), 0711)) {
        errors_.fail("making the media folder");
    }
    sync_at_start(open_folder(errors_, AT_FDCWD, root_parent.string()).get());
    const unique_fd folder = open_folder(errors_, AT_FDCWD, root.string());
    if (!make_folder(folder.get(), "incoming", 0700) ||
        !make_folder(folder.get(), "public", 0755) || !make_folder(folder.get(), "hidden", 0700)) {
        errors_.fail("making the media folders");
    }
    sync_at_start(folder.get());
    incoming_ = open_folder(errors_, folder.get(), "incoming");
    public_ = open_folder(errors_, folder.get(), "public");
    hidden_ = open_folder(errors_, folder.get(), "hidden");
    make_shards(public_tree());
    make_shards(hidden_tree());
}

/// There is nobody yet to whom a full disk could be a value.
void media_store::sync_at_start(int folder) const {
    if (!sync_folder(errors_, folder)) {
        errors_.fail(ENOSPC, "fsync of a media folder");
    }
}

/// All at once, so that no upload has to wait until its shard's folder is durable.
void media_store::make_shards(const tree& tree) {
    constexpr unsigned shards = 256;
    for (unsigned shard = 0; shard < shards; ++shard) {
        std::array<char, shard_digits + 1> name;
        std::snprintf(name.data(), name.size(), "%02x", shard);
        if (!make_folder(tree.folder, name.data(), tree.folder_mode)) {
            errors_.fail("making a media folder");
        }
        durable_folders_.insert(std::string(tree.name) + "/" + name.data());
    }
    sync_at_start(tree.folder);
}

std::expected<incoming_file, store_failure> media_store::begin() {
    std::string name = make_token();
    constexpr mode_t readable_for_nginx = 0644;
    unique_fd fd(::openat(incoming_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                          readable_for_nginx));
    if (!fd) {
        return errors_.full_or_fail("making an incoming file");
    }
    incoming_file file(*this, std::move(name), std::move(fd));
    if (::fchmod(file.fd_.get(), readable_for_nginx) != 0) {  // whatever the umask
        errors_.fail("chmod of an incoming file");
    }
    return file;
}

std::expected<void, store_failure> media_store::ensure_folder(const tree& tree,
                                                              std::string_view folder) {
    const std::lock_guard lock(folders_mutex_);
    std::string key = std::string(tree.name) + "/" + std::string(folder);
    if (durable_folders_.contains(key)) {
        return {};
    }
    for (std::size_t end = 0; end < folder.size(); ++end) {
        end = std::min(folder.find('/', end), folder.size());
        const std::string each(folder.substr(0, end));
        if (!make_folder(tree.folder, each, tree.folder_mode)) {
            return errors_.full_or_fail("making a media folder");
        }
        const unique_fd parent = open_folder(errors_, tree.folder, std::string(folder_of(each)));
        if (auto synced = sync_folder(errors_, parent.get()); !synced) {
            return synced;
        }
    }
    durable_folders_.insert(std::move(key));
    return {};
}

/// The marker comes before the public name, since the sweep finds public files only by their
/// markers. Neither is on disk yet; a journaling file system keeps their order should it crash now.
std::expected<void, store_failure> media_store::give_names(const publish_request& request,
                                                           std::vector<published_file>& done) {
    assert(is_extension(request.extension));
    incoming_file& file = *request.file;
    const std::string marker =
        file.name_.substr(0, token_digits) + "." + std::string(request.extension);
    if (::renameat(incoming_.get(), file.name_.c_str(), incoming_.get(), marker.c_str()) != 0) {
        return errors_.full_or_fail("rename of an incoming file");
    }
    // From here on the marker belongs to the store: should anything throw, the sweep tidies up.
    file.name_.clear();
    done.push_back({.media_path = to_media_path(marker), .size_bytes = file.size_bytes_});
    const std::string& media_path = done.back().media_path;
    if (const auto made = ensure_folder(public_tree(), folder_of(media_path)); !made) {
        return made;
    }
    if (::linkat(incoming_.get(), marker.c_str(), public_.get(), media_path.c_str(), 0) != 0) {
        return errors_.full_or_fail("link of a media file");
    }
    return {};
}

/// Bytes, then markers, then public names. On a file system with one journal the first fsync
/// commits all of it, and the others find nothing left to do but wait for the device.
std::expected<void, store_failure> media_store::make_durable(
    std::span<const publish_request> requests, std::span<const published_file> done) const {
    for (const publish_request& request : requests) {
        if (auto sealed = request.file->seal(); !sealed) {
            return sealed;
        }
    }
    if (auto synced = sync_folder(errors_, incoming_.get()); !synced) {
        return synced;
    }
    touched_folders touched;
    for (const published_file& file : done) {
        touched.add(public_tree(), file.media_path);
    }
    return touched.sync_all(errors_);
}

/// As `withdraw`, without a descriptor to fsync by. Should it crash now, the order in which the
/// names went is kept as that in which they came.
void media_store::take_names_back(std::span<const published_file> done) const {
    for (const published_file& file : done) {
        unlink_if_there(errors_, public_.get(), file.media_path);
        unlink_if_there(errors_, incoming_.get(), std::string(name_of(file.media_path)));
    }
}

std::expected<std::vector<published_file>, store_failure> media_store::publish_all(
    std::span<const publish_request> requests) {
    std::vector<published_file> done;
    std::expected<void, store_failure> so_far;
    try {
        for (const publish_request& request : requests) {
            so_far = give_names(request, done);
            if (!so_far) {
                break;
            }
        }
        if (so_far) {
            so_far = make_durable(requests, done);
        }
    } catch (const std::system_error& failure) {
        // The process goes on: a public file that no row knows must not wait for the next start.
        if (is_shortage(failure.code())) {
            take_names_back(done);
        }
        throw;
    }
    if (!so_far) {
        withdraw(done);
        return std::unexpected(so_far.error());
    }
    return done;
}

std::expected<published_file, store_failure> media_store::publish(incoming_file& file,
                                                                  std::string_view extension) {
    const publish_request request{.file = &file, .extension = extension};
    return first_of(publish_all(std::span(&request, 1)));
}

void media_store::remove_markers(std::span<const published_file> files) {
    for (const published_file& file : files) {
        unlink_if_there(errors_, incoming_.get(), std::string(name_of(file.media_path)));
    }
}

void media_store::settle(std::span<const published_file> files) {
    remove_markers(files);
}

void media_store::withdraw(std::span<const published_file> files) {
    std::vector<std::string> media_paths;
    for (const published_file& file : files) {
        media_paths.push_back(file.media_path);
    }
    remove_all(media_paths);
    remove_markers(files);
}

sweep_counts media_store::sweep(const std::function<bool(std::string_view media_path)>& has_row) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(incoming_path_)) {
        names.push_back(entry.path().filename().string());
    }
    sweep_counts counts;
    std::vector<published_file> rowless;
    for (const std::string& name : names) {
        if (is_token(name)) {
            counts.unfinished += unlink_if_there(errors_, incoming_.get(), name) ? 1 : 0;
        } else if (is_marker(name)) {
            std::string media_path = to_media_path(name);
            if (has_row(media_path)) {
                unlink_if_there(errors_, incoming_.get(), name);
                ++counts.settled;
            } else {
                rowless.push_back({.media_path = std::move(media_path)});
            }
        }
    }
    withdraw(rowless);
    counts.withdrawn = rowless.size();
    return counts;
}

std::expected<std::vector<move_outcome>, store_failure> media_store::move_all(
    std::span<const std::string> media_paths, const tree& from, const tree& to) {
    std::vector<move_outcome> outcomes;
    touched_folders touched;
    bool full = false;
    for (const std::string& media_path : media_paths) {
        assert(is_media_path(media_path));
        if (!ensure_folder(to, folder_of(media_path))) {
            full = true;
            break;
        }
        if (::renameat(from.folder, media_path.c_str(), to.folder, media_path.c_str()) == 0) {
            outcomes.push_back(move_outcome::moved);
            touched.add(from, media_path);
            touched.add(to, media_path);
        } else if (errno != ENOENT && errno != ENOTDIR) {
            errors_.full_or_fail("move of a media file");
            full = true;
            break;
        } else if (is_there(errors_, to.folder, media_path)) {
            // Moved before, perhaps by a call whose fsyncs did not happen: neither folder may know.
            outcomes.push_back(move_outcome::already);
            const std::string left(folder_of(media_path));
            if (left.empty() || is_there(errors_, from.folder, left)) {
                touched.add(from, media_path);
            }
            touched.add(to, media_path);
        } else {
            outcomes.push_back(move_outcome::missing);
        }
    }
    if (!touched.sync_all(errors_) || full) {
        return std::unexpected(store_failure::storage_full);
    }
    return outcomes;
}

std::expected<std::vector<move_outcome>, store_failure> media_store::hide_all(
    std::span<const std::string> media_paths) {
    return move_all(media_paths, public_tree(), hidden_tree());
}

std::expected<std::vector<move_outcome>, store_failure> media_store::show_all(
    std::span<const std::string> media_paths) {
    return move_all(media_paths, hidden_tree(), public_tree());
}

std::expected<move_outcome, store_failure> media_store::hide(const std::string& media_path) {
    return first_of(hide_all(std::span(&media_path, 1)));
}

std::expected<move_outcome, store_failure> media_store::show(const std::string& media_path) {
    return first_of(show_all(std::span(&media_path, 1)));
}

bool media_store::remove(const std::string& media_path) {
    return remove_all(std::span(&media_path, 1)) == 1;
}

std::size_t media_store::remove_all(std::span<const std::string> media_paths) {
    std::size_t removed = 0;
    touched_folders touched;
    for (const std::string& media_path : media_paths) {
        assert(is_media_path(media_path));
        bool found = false;
        for (const tree& tree : {public_tree(), hidden_tree()}) {
            if (unlink_if_there(errors_, tree.folder, media_path)) {
                touched.add(tree, media_path);
                found = true;
            }
        }
        removed += found ? 1 : 0;
    }
    if (!touched.sync_all(errors_)) {
        errors_.fail(ENOSPC, "removing media files");
    }
    return removed;
}

std::optional<open_file> media_store::open_public(std::string_view media_path) const {
    return is_media_path(media_path) ? open_regular(public_.get(), std::string(media_path))
                                     : std::nullopt;
}

std::optional<open_file> media_store::open_any(std::string_view media_path) const {
    if (!is_media_path(media_path)) {
        return std::nullopt;
    }
    const std::string path(media_path);
    auto found = open_regular(public_.get(), path);
    return found ? std::move(found) : open_regular(hidden_.get(), path);
}

std::uint64_t media_store::free_bytes() const {
    struct statvfs status{};
    if (::fstatvfs(incoming_.get(), &status) != 0) {
        throw_errno("statvfs of the media folder");
    }
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace pinhole::media
