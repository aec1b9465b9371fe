// What the RocksDB backend makes of the disk's errors.
#include "storage/kv/rocksdb_disk_guard.hpp"

#include <rocksdb/db.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace pinhole::kv::test {
namespace {

using pinhole::test::temporary_directory;

/// What its writable files fail with while it is not zero.
using error_number = std::shared_ptr<std::atomic<int>>;

/// As RocksDB words it.
rocksdb::IOStatus to_status(int number) {
    return rocksdb::IOStatus::IOError("While appending to file: /a/file", std::strerror(number));
}

class failing_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    failing_file(std::unique_ptr<rocksdb::FSWritableFile> file, error_number number)
        : FSWritableFileOwnerWrapper(std::move(file)), number_(std::move(number)) {}

    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override {
        return *number_ != 0 ? to_status(*number_)
                             : FSWritableFileOwnerWrapper::Append(data, options, context);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
        return *number_ != 0 ? to_status(*number_)
                             : FSWritableFileOwnerWrapper::Sync(options, context);
    }

private:
    error_number number_;
};

class failing_file_system final : public rocksdb::FileSystemWrapper {
public:
    explicit failing_file_system(error_number number)
        : FileSystemWrapper(rocksdb::FileSystem::Default()), number_(std::move(number)) {}

    const char* Name() const override { return "failing"; }

    rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* context) override {
        if (*number_ != 0) {
            return to_status(*number_);
        }
        std::unique_ptr<rocksdb::FSWritableFile> opened;
        auto status = FileSystemWrapper::NewWritableFile(path, options, &opened, context);
        if (status.ok()) {
            *file = std::make_unique<failing_file>(std::move(opened), number_);
        }
        return status;
    }

private:
    error_number number_;
};

struct failing_disk {
    std::string path(const char* name) const { return (directory.path() / name).string(); }

    temporary_directory directory;
    error_number number = std::make_shared<std::atomic<int>>(0);
    std::unique_ptr<rocksdb::Env> environment =
        make_guarded_environment(std::make_shared<failing_file_system>(number));
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(rocksdb_disk_guard, failing_disk)

BOOST_AUTO_TEST_CASE(a_used_up_quota_is_a_full_disk) {
    std::unique_ptr<rocksdb::WritableFile> file;
    BOOST_REQUIRE(environment->NewWritableFile(path("file"), &file, {}).ok());
    BOOST_TEST(file->Append("a").ok());
    *number = EDQUOT;
    BOOST_TEST(file->Append("b").IsNoSpace());
    BOOST_TEST(file->Sync().IsNoSpace());
    std::unique_ptr<rocksdb::WritableFile> another;
    BOOST_TEST(environment->NewWritableFile(path("another"), &another, {}).IsNoSpace());
    *number = 0;
    BOOST_TEST(file->Append("c").ok());
    BOOST_TEST(file->Close().ok());
}

BOOST_AUTO_TEST_CASE(any_other_error_stays_what_it_is) {
    std::unique_ptr<rocksdb::WritableFile> file;
    BOOST_REQUIRE(environment->NewWritableFile(path("file"), &file, {}).ok());
    *number = EIO;
    const auto status = file->Append("a");
    BOOST_TEST(status.IsIOError());
    BOOST_TEST(!status.IsNoSpace());
    BOOST_TEST(status.ToString().ends_with(std::strerror(EIO)));
}

// The text is all that is left of the error's number; this is where a new RocksDB would show.
BOOST_AUTO_TEST_CASE(rocksdb_ends_its_messages_with_the_text_of_the_error) {
    std::unique_ptr<rocksdb::WritableFile> file;
    const auto status = environment->NewWritableFile(directory.path().string(), &file, {});
    BOOST_TEST(status.IsIOError());
    BOOST_TEST(status.ToString().ends_with(std::strerror(EISDIR)), status.ToString());
}

BOOST_AUTO_TEST_CASE(a_database_heals_from_a_used_up_quota) {
    rocksdb::Options options;
    options.env = environment.get();
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    BOOST_REQUIRE(rocksdb::DB::Open(options, path("db"), &opened).ok());
    const std::unique_ptr<rocksdb::DB> database(opened);
    rocksdb::WriteOptions synced;
    synced.sync = true;
    BOOST_TEST(database->Put(synced, "before", "").ok());
    *number = EDQUOT;
    BOOST_TEST(database->Put(synced, "during", "").IsNoSpace());
    *number = 0;
    rocksdb::Status resumed;
    do {
        resumed = database->Resume();
    } while (resumed.IsBusy());
    BOOST_TEST(resumed.ok(), resumed.ToString());
    BOOST_TEST(database->Put(synced, "after", "").ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
