// Who may be in a data directory, and how all that a restore has built takes its place in it at
// once, so that a kill at any instant leaves either what was there or all that is new.
//
//   DIR/restore.building/        what a restore builds: db/, perhaps secret.key, temporary files
//   DIR/media/restore.building/  media that it brings: public/ and hidden/
//   DIR/restore.journal          all is built and durable: the switch is under way. ON DISK, text:
//                                    pinhole-restore 1
//                                    db                  what is switched, a line for each
//                                    media
//                                    key
//
// The switch moves what was there aside and the new to its place, by renames: db/, media/public/
// and media/hidden/, secret.key. Without the journal the directory is as it was before, and what a
// restore has left is removed; with it the switch is finished. Both happen whenever somebody enters
// the directory, the server too. Nothing is ever renamed that may be a mount point: not DIR, not
// DIR/media.
//
// A lock (flock) on the directory itself keeps a restore and whoever has the directory open apart;
// RocksDB's own lock keeps out programs that do not know it. It ends with the process.
//
// Thread-safety: one thread at a time for a directory. Blocks: on the disk.
// Errors: std::system_error; std::runtime_error with a message for the operator.
#pragma once

#include <filesystem>
#include <string>

#include "storage/base/unique_fd.hpp"

namespace pinhole::storage {

/// Finishes or removes what a restore has left, and keeps restores out while the descriptor lives.
/// Errors: also if one is under way.
unique_fd enter_data_directory(const std::filesystem::path& data_dir);

/// The same, and keeps everybody out. Errors: also if somebody has the directory open.
unique_fd enter_data_directory_alone(const std::filesystem::path& data_dir);

/// Where a restore builds.
std::filesystem::path restore_folder(const std::filesystem::path& data_dir);
std::filesystem::path media_restore_folder(const std::filesystem::path& data_dir);

/// What is switched beside db/.
struct switched_parts {
    bool media = false;
    bool key = false;
};

/// Why what is there cannot be switched, since it cannot be renamed: a mount point, a link. Empty:
/// it can.
std::string find_unswitchable(const std::filesystem::path& data_dir, switched_parts parts);

/// Puts what is built, and durable, in the place of what is there. Once it has thrown, entering the
/// directory the next time finishes it, if the journal was written: see `is_switching`.
/// Requires: the directory entered alone; db/ in the folder for it, with media the two trees, and
/// with the key secret.key, are whole.
void switch_to_restored(const std::filesystem::path& data_dir, switched_parts parts);

/// Whether a switch has begun and not come to its end.
bool is_switching(const std::filesystem::path& data_dir);

/// Removes what a restore has built. Requires: no switch is under way.
void remove_restore_folders(const std::filesystem::path& data_dir);

void sync_folder(const std::filesystem::path& folder);

}  // namespace pinhole::storage
