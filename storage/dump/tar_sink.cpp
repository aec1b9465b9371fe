#include <archive.h>
#include <archive_entry.h>

#include <cassert>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "storage/dump/dump_sink.hpp"
#include "storage/dump/pending_target.hpp"

namespace pinhole::storage::dump {

namespace {

/// What one write to the target brings, but for the last.
constexpr int block_bytes = 256 * 1024;
constexpr mode_t member_mode = 0600;

struct archive_release {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct entry_release {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

class tar_sink : public dump_sink {
public:
    tar_sink(int fd, compression compressed, timestamp created_at)
        : fd_(fd),
          created_at_s_(
              std::chrono::floor<std::chrono::seconds>(created_at).time_since_epoch().count()),
          archive_(archive_write_new()),
          entry_(archive_entry_new()) {
        if (!archive_ || !entry_) {
            throw std::bad_alloc{};
        }
        // The plain format, with extensions only for members that it has no room for.
        require(archive_write_set_format_pax_restricted(archive_.get()));
        if (compressed == compression::zstd) {
            require(archive_write_add_filter_zstd(archive_.get()));
        } else {
            require(archive_write_add_filter_none(archive_.get()));
        }
        require(archive_write_set_bytes_per_block(archive_.get(), block_bytes));
        require(archive_write_set_bytes_in_last_block(archive_.get(), 1));
        require(archive_write_open(archive_.get(), this, nullptr, &tar_sink::write_block, nullptr));
    }

    tar_sink(const tar_sink&) = delete;
    tar_sink& operator=(const tar_sink&) = delete;

    /// Freeing an archive that was not closed writes its end: half a dump must not look like a
    /// whole one.
    ~tar_sink() override { is_given_up_ = true; }

    bool needs_sizes() const override { return true; }

    void begin_member(const std::string& path, std::uint64_t size_bytes) override {
        assert(left_ == 0);
        archive_entry_clear(entry_.get());
        archive_entry_set_pathname(entry_.get(), path.c_str());
        archive_entry_set_size(entry_.get(), static_cast<la_int64_t>(size_bytes));
        archive_entry_set_filetype(entry_.get(), AE_IFREG);
        archive_entry_set_perm(entry_.get(), member_mode);
        archive_entry_set_mtime(entry_.get(), created_at_s_, 0);
        require(archive_write_header(archive_.get(), entry_.get()));
        left_ = size_bytes;
    }

    void write(std::string_view bytes) override {
        if (bytes.size() > left_) {
            throw std::logic_error{"more was written of a member of the tar than its size"};
        }
        left_ -= bytes.size();
        while (!bytes.empty()) {
            const la_ssize_t taken = archive_write_data(archive_.get(), bytes.data(), bytes.size());
            require(taken < 0 ? static_cast<int>(taken) : ARCHIVE_OK);
            if (taken == 0) {
                throw std::logic_error{"the tar takes no more of a member"};
            }
            bytes.remove_prefix(static_cast<std::size_t>(taken));
        }
    }

    void end_member() override {
        if (left_ != 0) {
            throw std::logic_error{"less was written of a member of the tar than its size"};
        }
        require(archive_write_finish_entry(archive_.get()));
    }

    result<void> finish() override {
        require(archive_write_close(archive_.get()));
        return {};
    }

private:
    /// Never says that it failed: libarchive 3.6 does not free the buffers of an archive that is
    /// broken. `require` does, after the call of libarchive that led here.
    static la_ssize_t write_block(archive* /*writer*/, void* self, const void* bytes,
                                  std::size_t count) {
        auto& sink = *static_cast<tar_sink*>(self);
        if (!sink.is_given_up_ && !sink.failure_) {
            try {
                write_all(sink.fd_, {static_cast<const char*>(bytes), count}, "writing the dump");
            } catch (...) {
                sink.failure_ = std::current_exception();  // not through libarchive's C
            }
        }
        return static_cast<la_ssize_t>(count);
    }

    /// A warning means that something was left out of the tar: that is no less a failure here.
    void require(int status) {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        if (status == ARCHIVE_OK) {
            return;
        }
        const char* why = archive_error_string(archive_.get());
        throw std::runtime_error{std::string{"the tar cannot be written: "} +
                                 (why != nullptr ? why : "libarchive says no more")};
    }

    int fd_;
    std::int64_t created_at_s_;
    std::uint64_t left_ = 0;  ///< of the member that is being written
    bool is_given_up_ = false;
    std::exception_ptr failure_;
    std::unique_ptr<archive, archive_release> archive_;
    std::unique_ptr<archive_entry, entry_release> entry_;
};

/// The target comes first, so that it outlives the archive that writes to it.
class tar_file_sink final : public dump_sink {
public:
    tar_file_sink(const std::filesystem::path& target, compression compressed, timestamp created_at)
        : target_(target, target_kind::file), tar_(target_.fd(), compressed, created_at) {}

    bool needs_sizes() const override { return true; }
    void begin_member(const std::string& path, std::uint64_t size_bytes) override {
        tar_.begin_member(path, size_bytes);
    }
    void write(std::string_view bytes) override { tar_.write(bytes); }
    void end_member() override { tar_.end_member(); }
    result<void> finish() override {
        auto written = tar_.finish();
        return written ? target_.finish() : written;
    }

private:
    pending_target target_;
    tar_sink tar_;
};

}  // namespace

result<std::unique_ptr<dump_sink>> make_tar_sink(const std::filesystem::path& target,
                                                 compression compressed, timestamp created_at) {
    if (auto free = find_conflict(target); !free) {
        return std::unexpected{std::move(free.error())};
    }
    return std::make_unique<tar_file_sink>(target, compressed, created_at);
}

std::unique_ptr<dump_sink> make_stream_sink(int fd, timestamp created_at) {
    return std::make_unique<tar_sink>(fd, compression::none, created_at);
}

}  // namespace pinhole::storage::dump
