// Keeps the bytes of photos and videos on disk, durably, so that no row is ever without its bytes
// and no bytes stay behind without a row.
//
// Layout under one root, all on one file system:
//     incoming/<token>           an upload in progress
//     incoming/<token>.<ext>     marker: published, its row perhaps not yet committed
//     public/<xx>/<token>.<ext>  served; nginx reads this folder
//     hidden/<xx>/<token>.<ext>  of something deleted; mode 0700, never served
// media_path.hpp says what <token>, <xx> and <ext> are: a name cannot be guessed, and the marker's
// leads back to the file. "<xx>/<token>.<ext>" is the media path that a row stores. Never change
// this layout: it is on disk and in clients' URLs.
//
// The life of a file, and what a crash leaves behind each step:
//     begin, append    incoming/<token>: swept
//     publish          + marker and public name, both durable: swept, unless the row is there
//     (row commits)    the sweep finds the row and drops only the marker
//     settle           marker gone
// So the sweep at start costs what was in flight, not what is stored.
//
// It refuses to know: rows, HTTP, formats (it is handed an extension). Imported files may have
// other paths (see `is_media_path`); all functions but `publish` take those as well.
//
// Thread-safety: any function from any thread; one incoming_file from one thread at a time. Two
// moves of the same path at once are the caller's mistake. Blocking: all of it (fsync); callers use
// a pool.
// Errors: a full disk is a value (`store_failure::storage_full`), nothing is left half done.
// Anything else is a std::system_error. If it is about writing (a write, fsync, rename, link), then
// nothing on this disk can be trusted any more, and `on_failure` has been called; but for a
// shortage of descriptors or memory (shortage.hpp), which passes. Markers stay, so a next start can
// settle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"
#include "storage/media/incoming_file.hpp"
#include "storage/media/media_disk.hpp"
#include "storage/media/media_file.hpp"
#include "storage/media/media_path.hpp"

namespace pinhole::media {

/// A file that is durable under its final name while its marker still stands.
struct published_file {
    std::string media_path;
    std::uint64_t size_bytes = 0;
};

/// What `publish_all` takes: the upload and the extension that its content calls for.
struct publish_request {
    incoming_file* file;
    std::string_view extension;
};

enum class move_outcome : std::uint8_t {
    moved,
    already,  ///< it was there; nothing to do
    missing,  ///< in neither folder
};

struct sweep_counts {
    std::size_t unfinished = 0;  ///< uploads that never were published: removed
    std::size_t settled = 0;     ///< published and their row is there: kept
    std::size_t withdrawn = 0;   ///< published but without a row: removed
};

struct media_store_options {
    /// Called with what failed, each time that a write did; from any thread, must not throw.
    std::function<void(std::string_view what)> on_failure = [](std::string_view) {};
};

class media_store {
public:
    /// Makes the folders where absent. Does not sweep. One store to a root.
    explicit media_store(const std::filesystem::path& root, media_store_options options = {});

    media_store(const media_store&) = delete;
    media_store& operator=(const media_store&) = delete;

    std::expected<incoming_file, store_failure> begin();

    /// Makes the files durable under new final names, or none of them. Each folder is fsynced once.
    /// The incoming files are used up, whether it succeeds or not. Then commit the rows, then
    /// `settle`; if the rows do not commit, `withdraw`; if that is unknown (outcome::unknown),
    /// neither: the sweep at the next start decides. Requires: 1–8 of [a-z0-9] as extension.
    std::expected<std::vector<published_file>, store_failure> publish_all(
        std::span<const publish_request> requests);
    std::expected<published_file, store_failure> publish(incoming_file& file,
                                                         std::string_view extension);

    /// The rows are committed: drops the markers. Needs no fsync: the sweep would do the same.
    void settle(std::span<const published_file> files);
    /// The rows did not commit: removes the files, then the markers.
    void withdraw(std::span<const published_file> files);

    /// Tidies up what the last process left in flight. Before serving, with no other call running.
    /// `has_row` says whether a row (a deleted one counts) holds this media path. Names in
    /// incoming/ that are not ours are left alone.
    sweep_counts sweep(const std::function<bool(std::string_view media_path)>& has_row);

    /// Moves files between public/ and hidden/, durably; idempotent. Answers in the order asked.
    /// Errors: after `storage_full` some may have moved; call again.
    /// Requires: is_media_path for each.
    std::expected<std::vector<move_outcome>, store_failure> hide_all(
        std::span<const std::string> media_paths);
    std::expected<std::vector<move_outcome>, store_failure> show_all(
        std::span<const std::string> media_paths);
    std::expected<move_outcome, store_failure> hide(const std::string& media_path);
    std::expected<move_outcome, store_failure> show(const std::string& media_path);

    /// Removes a file for good, public or hidden; true if there was one. Durable.
    bool remove(const std::string& media_path);
    /// How many of them there were.
    std::size_t remove_all(std::span<const std::string> media_paths);

    /// Opens a public file for reading; nothing if there is none, it is not a regular file, or the
    /// path is not a media path. Takes any input, from the network too.
    std::optional<open_file> open_public(std::string_view media_path) const;
    /// Likewise whether public or hidden: for backups and checks, never for serving.
    std::optional<open_file> open_any(std::string_view media_path) const;

    /// What an unprivileged process may still write on this file system.
    std::uint64_t free_bytes() const;

    const std::filesystem::path& root() const { return root_; }

private:
    friend class incoming_file;
    struct tree;
    class touched_folders;

    std::expected<std::vector<move_outcome>, store_failure> move_all(
        std::span<const std::string> media_paths, const tree& from, const tree& to);
    std::expected<void, store_failure> ensure_folder(const tree& tree, std::string_view folder);
    std::expected<void, store_failure> give_names(const publish_request& request,
                                                  std::vector<published_file>& done);
    void take_names_back(std::span<const published_file> done) const;
    std::expected<void, store_failure> make_durable(std::span<const publish_request> requests,
                                                    std::span<const published_file> done) const;
    void make_shards(const tree& tree);
    void sync_at_start(int folder) const;
    void remove_markers(std::span<const published_file> files);
    tree public_tree() const;
    tree hidden_tree() const;

    disk_errors errors_;
    std::filesystem::path root_;
    std::filesystem::path incoming_path_;
    unique_fd incoming_;
    unique_fd public_;
    unique_fd hidden_;

    /// Folders known to be durable in their parents, as "public/<folder>". That a folder exists is
    /// not enough: another thread may have made it just now, and not yet fsynced its parent.
    std::mutex folders_mutex_;
    std::set<std::string> durable_folders_;
};

}  // namespace pinhole::media
