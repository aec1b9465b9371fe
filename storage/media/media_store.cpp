#include "storage/media/media_store.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace pinhole::media {
namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// For the calls that take space: a full disk is a value, anything else an exception.
std::unexpected<store_failure> full_or_throw(const char* what) {
    if (errno == ENOSPC || errno == EDQUOT) {
        return std::unexpected(store_failure::storage_full);
    }
    throw_errno(what);
}

/// The hash functions fail only when there is no memory, or an installation without SHA-256.
void require_hash(bool done) {
    if (!done) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
}

unique_fd open_folder(int parent, const std::string& name) {
    unique_fd folder(
        ::openat(parent, name.empty() ? "." : name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        throw_errno("open of a media folder");
    }
    return folder;
}

void sync_folder(int fd) {
    if (::fsync(fd) != 0) {
        throw_errno("fsync of a media folder");
    }
}

/// True if there was such a name.
bool unlink_if_there(int folder, const std::string& name) {
    if (::unlinkat(folder, name.c_str(), 0) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        throw_errno("unlink of a media file");
    }
    return false;
}

bool is_there(int folder, const std::string& name) {
    struct stat status{};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        throw_errno("stat of a media file");
    }
    return false;
}

/// Makes one folder with exactly this mode, whatever the umask; an existing one is fine.
bool make_folder(int parent, const std::string& name, mode_t mode) {
    if (::mkdirat(parent, name.c_str(), mode) == 0) {
        return ::fchmodat(parent, name.c_str(), mode, 0) == 0;
    }
    return errno == EEXIST;
}

std::optional<open_file> open_regular(int folder, const std::string& path) {
    // O_NONBLOCK: should an operator have left a FIFO there, opening it must not hang.
    unique_fd fd(::openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO) {
            return std::nullopt;
        }
        throw_errno("open of a media file");
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        throw_errno("fstat of a media file");
    }
    if (!S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    return open_file{.fd = std::move(fd),
                     .size_bytes = static_cast<std::uint64_t>(status.st_size),
                     .modified_at = status.st_mtim};
}

template <typename T>
std::expected<T, store_failure> first_of(std::expected<std::vector<T>, store_failure> all) {
    if (!all) {
        return std::unexpected(all.error());
    }
    return std::move(all->front());
}

}  // namespace

// --- incoming_file -------------------------------------------------------------------------------

incoming_file::incoming_file(const media_store& store, std::string name, unique_fd fd)
    : store_(&store),
      name_(std::move(name)),
      fd_(std::move(fd)),
      hash_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require_hash(hash_ && EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) == 1);
}

incoming_file::incoming_file(incoming_file&& other) noexcept
    : store_(other.store_),
      name_(std::exchange(other.name_, {})),
      fd_(std::move(other.fd_)),
      size_bytes_(other.size_bytes_),
      hash_(std::move(other.hash_)) {}

incoming_file::~incoming_file() {
    if (!name_.empty()) {
        // If this fails the file stays until the sweep at the next start: there is no one to tell.
        ::unlinkat(store_->incoming_.get(), name_.c_str(), 0);
    }
}

std::expected<void, store_failure> incoming_file::append(std::span<const std::byte> bytes) {
    require_hash(EVP_DigestUpdate(hash_.get(), bytes.data(), bytes.size()) == 1);
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return full_or_throw("write of an incoming file");
        }
        size_bytes_ += static_cast<std::uint64_t>(written);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

std::expected<void, store_failure> incoming_file::append(std::string_view bytes) {
    return append(std::as_bytes(std::span(bytes)));
}

sha256_digest incoming_file::sha256() const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> so_far(EVP_MD_CTX_new(),
                                                                         EVP_MD_CTX_free);
    sha256_digest digest;
    require_hash(so_far && EVP_MD_CTX_copy_ex(so_far.get(), hash_.get()) == 1 &&
                 EVP_DigestFinal_ex(so_far.get(), digest.data(), nullptr) == 1);
    return digest;
}

std::filesystem::path incoming_file::path() const {
    return store_->incoming_path_ / name_;
}

// --- media_store ---------------------------------------------------------------------------------

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
    void sync_all() const {
        for (const auto& [parent, name] : folders_) {
            sync_folder(open_folder(parent, name).get());
        }
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

media_store::media_store(const std::filesystem::path& root)
    : root_(root), incoming_path_(root / "incoming") {
    std::filesystem::create_directories(root);
    const unique_fd folder = open_folder(AT_FDCWD, root.string());
    if (!make_folder(folder.get(), "incoming", 0700) ||
        !make_folder(folder.get(), "public", 0755) || !make_folder(folder.get(), "hidden", 0700)) {
        throw_errno("making the media folders");
    }
    sync_folder(folder.get());
    incoming_ = open_folder(folder.get(), "incoming");
    public_ = open_folder(folder.get(), "public");
    hidden_ = open_folder(folder.get(), "hidden");
    make_shards(public_tree());
    make_shards(hidden_tree());
}

/// All at once, so that no upload has to wait until its shard's folder is durable.
void media_store::make_shards(const tree& tree) {
    constexpr unsigned shards = 256;
    for (unsigned shard = 0; shard < shards; ++shard) {
        std::array<char, shard_digits + 1> name;
        std::snprintf(name.data(), name.size(), "%02x", shard);
        if (!make_folder(tree.folder, name.data(), tree.folder_mode)) {
            throw_errno("making a media folder");
        }
        durable_folders_.insert(std::string(tree.name) + "/" + name.data());
    }
    sync_folder(tree.folder);
}

std::expected<incoming_file, store_failure> media_store::begin() {
    std::string name = make_token();
    constexpr mode_t readable_for_nginx = 0644;
    unique_fd fd(::openat(incoming_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                          readable_for_nginx));
    if (!fd) {
        return full_or_throw("making an incoming file");
    }
    incoming_file file(*this, std::move(name), std::move(fd));
    if (::fchmod(file.fd_.get(), readable_for_nginx) != 0) {  // whatever the umask
        throw_errno("chmod of an incoming file");
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
            return full_or_throw("making a media folder");
        }
        sync_folder(open_folder(tree.folder, std::string(folder_of(each))).get());
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
        return full_or_throw("rename of an incoming file");
    }
    // From here on the marker belongs to the store: should anything throw, the sweep tidies up.
    file.name_.clear();
    done.push_back({.media_path = to_media_path(marker), .size_bytes = file.size_bytes_});
    const std::string& media_path = done.back().media_path;
    if (const auto made = ensure_folder(public_tree(), folder_of(media_path)); !made) {
        return made;
    }
    if (::linkat(incoming_.get(), marker.c_str(), public_.get(), media_path.c_str(), 0) != 0) {
        return full_or_throw("link of a media file");
    }
    return {};
}

/// Bytes, then markers, then public names. On a file system with one journal the first fsync
/// commits all of it, and the others find nothing left to do but wait for the device.
std::expected<void, store_failure> media_store::make_durable(
    std::span<const publish_request> requests, std::span<const published_file> done) const {
    for (const publish_request& request : requests) {
        if (::fsync(request.file->fd_.get()) != 0) {
            return full_or_throw("fsync of an incoming file");
        }
    }
    sync_folder(incoming_.get());
    touched_folders touched;
    for (const published_file& file : done) {
        touched.add(public_tree(), file.media_path);
    }
    touched.sync_all();
    return {};
}

std::expected<std::vector<published_file>, store_failure> media_store::publish_all(
    std::span<const publish_request> requests) {
    std::vector<published_file> done;
    std::expected<void, store_failure> so_far;
    for (const publish_request& request : requests) {
        so_far = give_names(request, done);
        if (!so_far) {
            break;
        }
    }
    if (so_far) {
        so_far = make_durable(requests, done);
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
        unlink_if_there(incoming_.get(), std::string(name_of(file.media_path)));
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
            counts.unfinished += unlink_if_there(incoming_.get(), name) ? 1 : 0;
        } else if (is_marker(name)) {
            std::string media_path = to_media_path(name);
            if (has_row(media_path)) {
                unlink_if_there(incoming_.get(), name);
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
            full_or_throw("move of a media file");
            full = true;
            break;
        } else if (is_there(to.folder, media_path)) {
            // Moved before, perhaps by a call that a crash kept from fsyncing.
            outcomes.push_back(move_outcome::already);
            touched.add(to, media_path);
        } else {
            outcomes.push_back(move_outcome::missing);
        }
    }
    touched.sync_all();
    if (full) {
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
            if (unlink_if_there(tree.folder, media_path)) {
                touched.add(tree, media_path);
                found = true;
            }
        }
        removed += found ? 1 : 0;
    }
    touched.sync_all();
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
