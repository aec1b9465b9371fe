// A video as libavformat reads it: through callbacks on one descriptor, up to a deadline. Only for
// video_probe.cpp.
//
// Thread-safety: one thread at a time. Blocking: reads the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>

struct AVIOContext;  // NOLINT(readability-identifier-naming): the library's

namespace pinhole::media {

struct byte_source {
    int fd;
    std::chrono::steady_clock::time_point deadline;
    std::int64_t position = 0;
    std::int64_t size_bytes = 0;
    int read_error = 0;  ///< the errno of a failed read: the library's own error names any cause

    bool expired() const { return std::chrono::steady_clock::now() > deadline; }
};

struct io_free {
    void operator()(AVIOContext* io) const;
};
using io_ptr = std::unique_ptr<AVIOContext, io_free>;

/// A source of the whole file. Errors: std::system_error.
byte_source make_byte_source(int fd, std::chrono::milliseconds time_max);

/// The source must outlive what this gives. Errors: std::bad_alloc.
io_ptr make_io(byte_source& source);

template <typename T>
T* or_bad_alloc(T* made) {
    if (made == nullptr) {
        throw std::bad_alloc();
    }
    return made;
}

}  // namespace pinhole::media
