// A backup or a restore as a process of its own, so that it can be killed.
//   backup_child backup DIR CHECKPOINT DEST KEEP     DIR has the media, CHECKPOINT the rows
//   backup_child restore DEST DIR
// Exit: 0 done, 1 refused.
#include <sodium.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "storage/backup/backup.hpp"
#include "storage/backup/restore_backup.hpp"
#include "storage/read_only_database.hpp"

namespace {

using namespace pinhole::storage;

int back_up(const std::vector<std::string>& arguments) {
    auto folder = backup::backup_folder::open_to_write(arguments.at(3), arguments.at(1));
    if (!folder) {
        std::fprintf(stderr, "%s\n", folder.error().message.c_str());
        return 1;
    }
    const work_watch watch;
    backup::backup_writer writer{
        *folder, {.data_dir = arguments.at(1), .keep = std::stoul(arguments.at(4))}, watch};
    writer.add_rows(*open_read_only(arguments.at(2)));
    writer.finish();
    return 0;
}

int restore(const std::vector<std::string>& arguments) {
    const auto folder = backup::backup_folder::open_to_read(arguments.at(1));
    const auto done = backup::restore_backup(*folder, folder->ids().back(), arguments.at(2));
    if (!done || !done->is_done) {
        std::fprintf(stderr, "%s\n", done ? "a fault" : done.error().message.c_str());
        return 1;
    }
    return 0;
}

}  // namespace

int main(int count, char** texts) {
    try {
        const std::vector<std::string> arguments{texts + 1, texts + count};
        if (sodium_init() < 0) {
            return 1;
        }
        return arguments.at(0) == "backup" ? back_up(arguments) : restore(arguments);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
