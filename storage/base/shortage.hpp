// Which errors of the system say that this process, not the disk, is at its limit.
#pragma once

#include <system_error>

namespace pinhole {

/// Too many open files or too little memory: it passes, and what is on disk is as good as before.
inline bool is_shortage(const std::error_code& error) {
    return error == std::errc::too_many_files_open ||
           error == std::errc::too_many_files_open_in_system ||
           error == std::errc::not_enough_memory;
}

}  // namespace pinhole
