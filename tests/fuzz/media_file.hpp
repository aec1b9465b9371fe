// A file in memory that holds an input, for what reads and writes files by descriptor.
//
// Thread-safety: one thread. Errors: none; a machine without memory files ends the process.
#pragma once

#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"

namespace pinhole::fuzz {

class media_file {
public:
    explicit media_file(std::string_view bytes);

    int fd() const { return file_.get(); }
    std::string bytes() const;

private:
    unique_fd file_;
};

}  // namespace pinhole::fuzz
