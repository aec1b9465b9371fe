#include "storage/media/media_store.hpp"

#include <fcntl.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace pinhole::media {
namespace {

constexpr std::size_t token_bytes = 16;
constexpr std::size_t token_digits = 2 * token_bytes;
constexpr std::size_t shard_digits = 2;
constexpr std::size_t extension_bytes_max = 8;
constexpr std::size_t path_components_max = 8;

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

bool is_between(char c, char first, char last) {
    return c >= first && c <= last;
}

bool is_token(std::string_view text) {
    return text.size() == token_digits && std::ranges::all_of(text, [](char c) {
               return is_between(c, '0', '9') || is_between(c, 'a', 'f');
           });
}

bool is_extension(std::string_view text) {
    return !text.empty() && text.size() <= extension_bytes_max &&
           std::ranges::all_of(
               text, [](char c) { return is_between(c, '0', '9') || is_between(c, 'a', 'z'); });
}

bool is_path_component(std::string_view text) {
    return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
        return is_between(c, '0', '9') || is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') ||
               c == '.' || c == '_' || c == '-';
    });
}

std::string make_token() {
    std::array<unsigned char, token_bytes> random;
    randombytes_buf(random.data(), random.size());
    std::array<char, token_digits + 1> digits;
    sodium_bin2hex(digits.data(), digits.size(), random.data(), random.size());
    return {digits.data(), token_digits};
}

/// The marker's name is the media path's last component, and leads back to it.
std::string to_media_path(std::string_view marker) {
    return std::string(marker.substr(0, shard_digits)) + "/" + std::string(marker);
}

std::string_view folder_of(std::string_view media_path) {
    const std::size_t slash = media_path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : media_path.substr(0, slash);
}

std::string_view name_of(std::string_view media_path) {
    return media_path.substr(media_path.rfind('/') + 1);
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

bool is_media_path(std::string_view path) {
    if (path.size() > media_path_bytes_max) {
        return false;
    }
    for (std::size_t components = 1; components <= path_components_max; ++components) {
        const std::size_t slash = path.find('/');
        if (!is_path_component(path.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
    return false;
}

std::string to_media_url(std::string_view media_path) {
    return "/media/" + std::string(media_path);
}

// --- incoming_file -------------------------------------------------------------------------------

incoming_file::incoming_file(const media_store& store, std::string name, unique_fd fd)
    : store_(&store), name_(std::move(name)), fd_(std::move(fd)) {
    crypto_hash_sha256_init(&hash_);
}

incoming_file::incoming_file(incoming_file&& other) noexcept
    : store_(other.store_),
      name_(std::exchange(other.name_, {})),
      fd_(std::move(other.fd_)),
      size_bytes_(other.size_bytes_),
      hash_(other.hash_) {}

incoming_file::~incoming_file() {
    if (!name_.empty()) {
        // If this fails the file stays until the sweep at the next start: there is no one to tell.
        ::unlinkat(store_->incoming_.get(), name_.c_str(), 0);
    }
}

std::expected<void, store_failure> incoming_file::append(std::span<const std::byte> bytes) {
    crypto_hash_sha256_update(&hash_, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size());
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
    crypto_hash_sha256_state so_far = hash_;
    sha256_digest digest;
    crypto_hash_sha256_final(&so_far, digest.data());
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

/// Gives the uploads their markers' names, and brings bytes and names to disk. The markers must be
/// there before any public name is: the sweep finds public files only by them.
std::expected<void, store_failure> media_store::mark_all(
    std::span<const publish_request> requests) {
    for (const publish_request& request : requests) {
        assert(is_extension(request.extension));
        incoming_file& file = *request.file;
        std::string marker =
            file.name_.substr(0, token_digits) + "." + std::string(request.extension);
        if (::renameat(incoming_.get(), file.name_.c_str(), incoming_.get(), marker.c_str()) != 0) {
            return full_or_throw("rename of an incoming file");
        }
        file.name_ = std::move(marker);
    }
    for (const publish_request& request : requests) {
        if (::fsync(request.file->fd_.get()) != 0) {
            return full_or_throw("fsync of an incoming file");
        }
    }
    sync_folder(incoming_.get());
    return {};
}

std::expected<std::vector<published_file>, store_failure> media_store::link_all(
    std::span<const publish_request> requests) {
    std::vector<published_file> done;
    touched_folders touched;
    for (const publish_request& request : requests) {
        // From here on the marker belongs to the store: should anything throw, the sweep tidies up.
        const std::string marker = std::exchange(request.file->name_, {});
        done.push_back(
            {.media_path = to_media_path(marker), .size_bytes = request.file->size_bytes_});
        const std::string& media_path = done.back().media_path;
        const bool folder_there = ensure_folder(public_tree(), folder_of(media_path)).has_value();
        if (!folder_there ||
            ::linkat(incoming_.get(), marker.c_str(), public_.get(), media_path.c_str(), 0) != 0) {
            const auto failure = folder_there ? full_or_throw("link of a media file")
                                              : std::unexpected(store_failure::storage_full);
            withdraw(done);
            return failure;
        }
        touched.add(public_tree(), media_path);
    }
    touched.sync_all();
    return done;
}

std::expected<std::vector<published_file>, store_failure> media_store::publish_all(
    std::span<const publish_request> requests) {
    if (const auto marked = mark_all(requests); !marked) {
        return std::unexpected(marked.error());
    }
    return link_all(requests);
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
        const std::string_view rest =
            std::string_view(name).substr(std::min(name.size(), token_digits));
        if (!is_token(std::string_view(name).substr(0, token_digits))) {
            continue;
        }
        if (rest.empty()) {
            counts.unfinished += unlink_if_there(incoming_.get(), name) ? 1 : 0;
        } else if (rest.front() == '.' && is_extension(rest.substr(1))) {
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
