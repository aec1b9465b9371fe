#include <fcntl.h>

#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "storage/dump/dump_sink.hpp"
#include "storage/dump/pending_target.hpp"

namespace pinhole::storage::dump {

namespace {

class directory_sink final : public dump_sink {
public:
    explicit directory_sink(const std::filesystem::path& target)
        : target_(target, target_kind::directory) {}

    bool needs_sizes() const override { return false; }

    void begin_member(const std::string& path, std::uint64_t /*size_bytes*/) override {
        assert(!member_);
        make_folder_of(path);
        member_.reset(::openat(target_.fd(), path.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!member_) {
            throw std::system_error{errno, std::generic_category(), "making " + path};
        }
    }

    void write(std::string_view bytes) override {
        write_all(member_.get(), bytes, "writing the dump");
    }

    void end_member() override { member_.reset(); }

    result<void> finish() override { return target_.finish(); }

private:
    void make_folder_of(const std::string& path) {
        const auto slash = path.rfind('/');
        const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
        if (folder == last_folder_) {
            return;
        }
        std::filesystem::create_directories(target_.path() / folder);
        last_folder_ = folder;
    }

    pending_target target_;
    unique_fd member_;
    std::string last_folder_;
};

}  // namespace

result<std::unique_ptr<dump_sink>> make_directory_sink(const std::filesystem::path& target) {
    if (auto free = find_conflict(target); !free) {
        return std::unexpected{std::move(free.error())};
    }
    return std::make_unique<directory_sink>(target);
}

result<std::unique_ptr<dump_sink>> make_sink(const std::filesystem::path& target,
                                             timestamp created_at) {
    const std::string name = target.filename().string();
    if (name.ends_with(".tar")) {
        return make_tar_sink(target, compression::none, created_at);
    }
    if (name.ends_with(".tar.zst")) {
        return make_tar_sink(target, compression::zstd, created_at);
    }
    return make_directory_sink(target);
}

}  // namespace pinhole::storage::dump
