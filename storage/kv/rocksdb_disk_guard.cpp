#include "storage/kv/rocksdb_disk_guard.hpp"

#include <rocksdb/file_system.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace pinhole::kv {
namespace {

thread_local bool reads_forbidden = false;

rocksdb::IOStatus refusal() {
    return rocksdb::status_to_io_status(
        rocksdb::Status::Incomplete("this thread must not wait for the disk"));
}

/// EDQUOT as the NoSpace that RocksDB makes of ENOSPC alone; anything else as it is. The number is
/// gone by then: what is left of it is its text, at the end of the message.
rocksdb::IOStatus with_quota_as_no_space(rocksdb::IOStatus status) {
    if (!status.IsIOError() || status.getState() == nullptr ||
        !std::string_view(status.getState()).ends_with(std::strerror(EDQUOT))) {
        return status;
    }
    auto no_space = rocksdb::IOStatus::NoSpace(status.getState());
    no_space.SetRetryable(true);  // as RocksDB's own is
    return no_space;
}

/// A log, table or manifest being written.
class quota_aware_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    using base = FSWritableFileOwnerWrapper;
    using options = rocksdb::IOOptions;
    using context = rocksdb::IODebugContext;
    using base::base;

    rocksdb::IOStatus Append(const rocksdb::Slice& data, const options& how, context* c) override {
        return with_quota_as_no_space(base::Append(data, how, c));
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const options& how,
                             const rocksdb::DataVerificationInfo& checksum, context* c) override {
        return with_quota_as_no_space(base::Append(data, how, checksum, c));
    }
    rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset,
                                       const options& how, context* c) override {
        return with_quota_as_no_space(base::PositionedAppend(data, offset, how, c));
    }
    rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset,
                                       const options& how,
                                       const rocksdb::DataVerificationInfo& checksum,
                                       context* c) override {
        return with_quota_as_no_space(base::PositionedAppend(data, offset, how, checksum, c));
    }
    rocksdb::IOStatus Truncate(std::uint64_t bytes, const options& how, context* c) override {
        return with_quota_as_no_space(base::Truncate(bytes, how, c));
    }
    rocksdb::IOStatus Flush(const options& how, context* c) override {
        return with_quota_as_no_space(base::Flush(how, c));
    }
    rocksdb::IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes, const options& how,
                                context* c) override {
        return with_quota_as_no_space(base::RangeSync(offset, bytes, how, c));
    }
    rocksdb::IOStatus Sync(const options& how, context* c) override {
        return with_quota_as_no_space(base::Sync(how, c));
    }
    rocksdb::IOStatus Fsync(const options& how, context* c) override {
        return with_quota_as_no_space(base::Fsync(how, c));
    }
    rocksdb::IOStatus Close(const options& how, context* c) override {
        return with_quota_as_no_space(base::Close(how, c));
    }
};

/// A table file being read.
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
    using FileSystemWrapper::FileSystemWrapper;

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

    rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* context) override {
        std::unique_ptr<rocksdb::FSWritableFile> opened;
        auto status = FileSystemWrapper::NewWritableFile(path, options, &opened, context);
        if (status.ok()) {
            *file = std::make_unique<quota_aware_file>(std::move(opened));
        }
        return with_quota_as_no_space(std::move(status));
    }

    rocksdb::IOStatus ReopenWritableFile(const std::string& path,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* file,
                                         rocksdb::IODebugContext* context) override {
        std::unique_ptr<rocksdb::FSWritableFile> opened;
        auto status = FileSystemWrapper::ReopenWritableFile(path, options, &opened, context);
        if (status.ok()) {
            *file = std::make_unique<quota_aware_file>(std::move(opened));
        }
        return with_quota_as_no_space(std::move(status));
    }
};

}  // namespace

disk_guard::disk_guard() noexcept : before_(std::exchange(reads_forbidden, true)) {}

disk_guard::~disk_guard() {
    reads_forbidden = before_;
}

std::unique_ptr<rocksdb::Env> make_guarded_environment(std::shared_ptr<rocksdb::FileSystem> files) {
    return rocksdb::NewCompositeEnv(std::make_shared<guarded_file_system>(std::move(files)));
}

}  // namespace pinhole::kv
