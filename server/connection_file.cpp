// The part of a connection that sends files; see connection.hpp.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <memory>

#include "server/blocking_pool.hpp"
#include "server/connection.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

/// After so much of a file the other connections of the thread get their turn. It is also what a
/// thread of the file pool reads at once.
constexpr std::uint64_t window_bytes_max = 512 * 1024;
constexpr std::size_t read_buffer_bytes = 64 * 1024;

/// Whether reading this byte would wait for the disk. Where the file system can't tell, no.
bool is_cold(int file, off_t offset) {
    char byte = 0;
    const iovec to{.iov_base = &byte, .iov_len = 1};
    return ::preadv2(file, &to, 1, offset, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

/// What was cached long ago leaves the cache in the order it came, so a window's ends tell enough.
bool is_window_cold(int file, off_t offset, std::uint64_t bytes) {
    return is_cold(file, offset) || is_cold(file, offset + static_cast<off_t>(bytes) - 1);
}

/// Brings the bytes into the page cache. Blocks. False if they can't be read.
bool read_into_cache(int file, off_t offset, std::uint64_t bytes) {
    // One request to the disk for all of it; where that is not possible, the reads ask themselves.
    static_cast<void>(::readahead(file, offset, bytes));
    const auto buffer = std::make_unique_for_overwrite<char[]>(read_buffer_bytes);
    while (bytes > 0) {
        const ssize_t read =
            ::pread(file, buffer.get(), std::min<std::uint64_t>(bytes, read_buffer_bytes), offset);
        if (read < 0 && errno == EINTR) {
            continue;
        }
        if (read <= 0) {
            return false;
        }
        offset += read;
        bytes -= static_cast<std::uint64_t>(read);
    }
    return true;
}

}  // namespace

/// Has the file pool wait for the disk in place of this thread.
asio::awaitable<bool> connection::fetch_window(int file, off_t offset, std::uint64_t bytes) {
    // The disk is the server's own: the client's time does not run.
    enter(phase::disk, clock::time_point::max());
    const auto read = co_await shard_.file_pool().run(
        [file, offset, bytes] { return read_into_cache(file, offset, bytes); });
    begin_write();
    if (!read) {
        // The header is gone already: the end of the connection is all that can be said.
        shard_.log().warning("a download was cut off: too many wait for the disk",
                             {{"request_id", request_id_}});
        co_return false;
    }
    co_return *read && !aborted_;
}

asio::awaitable<bool> connection::send_file(const file_slice& slice) {
    auto offset = static_cast<off_t>(slice.offset);
    std::uint64_t left = slice.length;
    while (left > 0) {
        const auto wanted = std::min(left, window_bytes_max);
        if (is_window_cold(slice.file.get(), offset, wanted)) {
            const bool fetched = co_await fetch_window(slice.file.get(), offset, wanted);
            if (!fetched) {
                co_return false;
            }
        }
        const ssize_t sent = ::sendfile(socket_.native_handle(), slice.file.get(), &offset, wanted);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            const bool writable = co_await wait_writable();
            if (!writable) {
                co_return false;
            }
            continue;
        }
        if (sent <= 0) {
            co_return false;  // the client left, or the file is shorter than it was
        }
        left -= static_cast<std::uint64_t>(sent);
        bytes_sent_ += static_cast<std::uint64_t>(sent);
        unacknowledged_bytes_ += static_cast<std::uint64_t>(sent);
        shard_.metrics().sent_bytes.add(static_cast<std::uint64_t>(sent));
        if (left > 0 && static_cast<std::uint64_t>(sent) == wanted) {
            co_await asio::post(socket_.get_executor(), asio::use_awaitable);
        }
    }
    co_return true;
}

}  // namespace pinhole::http
