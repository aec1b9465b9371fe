#include "storage/kv/rocksdb_disk_guard.hpp"

#include <rocksdb/file_system.h>

#include <string>
#include <utility>

namespace pinhole::kv {
namespace {

thread_local bool reads_forbidden = false;

rocksdb::IOStatus refusal() {
    return rocksdb::status_to_io_status(
        rocksdb::Status::Incomplete("this thread must not wait for the disk"));
}

/// A table file.
class guarded_file final : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
    using FSRandomAccessFileOwnerWrapper::FSRandomAccessFileOwnerWrapper;

    rocksdb::IOStatus Read(std::uint64_t offset, std::size_t bytes,
                           const rocksdb::IOOptions& options, rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* context) const override {
        if (reads_forbidden) {
            *result = {};
            return refusal();
        }
        return FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch,
                                                    context);
    }

    rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, std::size_t count,
                                const rocksdb::IOOptions& options,
                                rocksdb::IODebugContext* context) override {
        if (reads_forbidden) {
            for (std::size_t at = 0; at < count; ++at) {
                requests[at].result = {};
                requests[at].status = refusal();
            }
            return refusal();
        }
        return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, context);
    }
};

class guarded_file_system final : public rocksdb::FileSystemWrapper {
public:
    guarded_file_system() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

    const char* Name() const override { return "pinhole.guarded"; }

    rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                          rocksdb::IODebugContext* context) override {
        if (reads_forbidden) {
            return refusal();
        }
        std::unique_ptr<rocksdb::FSRandomAccessFile> opened;
        auto status = FileSystemWrapper::NewRandomAccessFile(path, options, &opened, context);
        if (status.ok()) {
            *file = std::make_unique<guarded_file>(std::move(opened));
        }
        return status;
    }
};

}  // namespace

disk_guard::disk_guard() noexcept : before_(std::exchange(reads_forbidden, true)) {}

disk_guard::~disk_guard() {
    reads_forbidden = before_;
}

std::unique_ptr<rocksdb::Env> make_guarded_environment() {
    return rocksdb::NewCompositeEnv(std::make_shared<guarded_file_system>());
}

}  // namespace pinhole::kv
