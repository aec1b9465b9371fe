#include "storage/media/video_source.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

extern "C" {
#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
}

namespace pinhole::media {
namespace {

int read_bytes(void* opaque, std::uint8_t* to, int size) {
    auto& source = *static_cast<byte_source*>(opaque);
    if (source.expired()) {
        return AVERROR_EXIT;
    }
    ssize_t got = -1;
    do {
        got = ::pread(source.fd, to, static_cast<std::size_t>(size), source.position);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        source.read_error = errno;
        return AVERROR(errno);
    }
    source.position += got;
    return got == 0 ? AVERROR_EOF : static_cast<int>(got);
}

std::int64_t seek_bytes(void* opaque, std::int64_t offset, int whence) {
    auto& source = *static_cast<byte_source*>(opaque);
    switch (whence & ~AVSEEK_FORCE) {
        case AVSEEK_SIZE:
            return source.size_bytes;
        case SEEK_SET:
            break;
        case SEEK_CUR:
            offset += source.position;
            break;
        case SEEK_END:
            offset += source.size_bytes;
            break;
        default:
            return AVERROR(EINVAL);
    }
    if (offset < 0) {
        return AVERROR(EINVAL);
    }
    source.position = offset;
    return offset;
}

}  // namespace

void io_free::operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
}

byte_source make_byte_source(int fd, std::chrono::milliseconds time_max) {
    const off_t size = ::lseek(fd, 0, SEEK_END);
    if (size < 0) {
        throw std::system_error(errno, std::generic_category(), "seek in a media file");
    }
    return {.fd = fd, .deadline = std::chrono::steady_clock::now() + time_max, .size_bytes = size};
}

io_ptr make_io(byte_source& source) {
    constexpr int buffer_bytes = 64 * 1024;
    auto* const buffer = static_cast<unsigned char*>(or_bad_alloc(av_malloc(buffer_bytes)));
    AVIOContext* const io =
        avio_alloc_context(buffer, buffer_bytes, 0, &source, read_bytes, nullptr, seek_bytes);
    if (io == nullptr) {
        av_free(buffer);
        throw std::bad_alloc();
    }
    return io_ptr(io);
}

}  // namespace pinhole::media
