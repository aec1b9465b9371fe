// The bytes of media that a restore brings, in two trees like the media store's, until their rows
// are there: hidden at first, since a dump says only at its end which may be seen.
//
// Modes and names are the media store's (media_store.hpp).
// For one thread. Blocks: on the disk. Errors: std::system_error; dump::unreadable_dump for names
// that cannot stand beside each other.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/media/media_disk.hpp"

namespace pinhole::storage {

class media_stage {
public:
    /// Makes `root` with its trees where absent; its parent has to be there.
    explicit media_stage(const std::filesystem::path& root);

    /// A name that is there already keeps its bytes: a dump that has it twice is at fault.
    void begin(const std::string& media_path);
    void append(std::span<const char> bytes);
    void end();

    /// Moves what was staged into the public tree.
    void show(const std::string& media_path);
    /// Moves what was staged, shown or not, to the same tree of a media store, over what is there.
    /// Durable after `sync`.
    void move_to(const std::filesystem::path& media_root, const std::string& media_path,
                 bool is_visible);

    /// Makes everything durable on this file system.
    void sync() const;

private:
    struct tree {
        int folder;
        std::string name;
        unsigned mode;
    };
    tree hidden_tree() const { return {hidden_.get(), "hidden", 0700}; }
    tree public_tree() const { return {public_.get(), "public", 0755}; }
    static void make_folders(const tree& in, std::string_view media_path);

    media::disk_errors errors_;
    std::filesystem::path root_;
    unique_fd hidden_;
    unique_fd public_;
    unique_fd file_;
    std::string path_;
};

/// Whether either tree of a media store holds any file.
bool has_media_files(const std::filesystem::path& media_root);

}  // namespace pinhole::storage
