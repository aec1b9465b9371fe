#include "tools/admin/admin_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include "storage/base/text.hpp"
#include "storage/base/time.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/control/socket.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::admin {

namespace {

constexpr std::size_t block_cache_bytes = std::size_t{64} << 20U;

/// No token is made or tested here, so where the server's key lies elsewhere, none need be made.
std::string make_throwaway_key() {
    std::array<std::uint8_t, 32> bytes{};
    if (::getentropy(bytes.data(), bytes.size()) != 0) {
        throw std::system_error{errno, std::generic_category(), "getentropy"};
    }
    return storage::to_hex(bytes);
}

class local_store final : public admin_store {
public:
    explicit local_store(storage::database_options options) : database_(std::move(options)) {}

    kv::store& store() override { return database_.store(); }
    storage::database* local() override { return &database_; }
    storage::control::remote_store* remote() override { return nullptr; }
    storage::dated_id make_id() override {
        const auto made = database_.ids().next_dated(storage::now());
        if (!made) {
            throw std::runtime_error{"no id can be made: is the disk full, or the clock wrong?"};
        }
        return *made;
    }

private:
    storage::database database_;
};

class served_store final : public admin_store {
public:
    explicit served_store(std::unique_ptr<storage::control::remote_store> store)
        : store_(std::move(store)) {}

    kv::store& store() override { return *store_; }
    storage::database* local() override { return nullptr; }
    storage::control::remote_store* remote() override { return store_.get(); }
    storage::dated_id make_id() override { return store_->make_id(); }

private:
    std::unique_ptr<storage::control::remote_store> store_;
};

/// What root writes there the server could not touch any more.
void require_owner(const std::filesystem::path& data_dir) {
    struct stat folder{};
    if (::stat(data_dir.c_str(), &folder) == 0 && ::geteuid() == 0 && folder.st_uid != 0) {
        throw std::runtime_error{fmt::format(
            "{} belongs to user {}: run this as that user (sudo -u '#{}'), or its files would "
            "become root's",
            data_dir.string(), folder.st_uid, folder.st_uid)};
    }
}

/// The process that has the database open; 0 if there is none.
pid_t find_owner(const std::filesystem::path& data_dir) {
    const unique_fd lock{::open((data_dir / "db" / "LOCK").c_str(), O_RDWR | O_CLOEXEC)};
    struct flock wanted{};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    if (!lock || ::fcntl(lock.get(), F_GETLK, &wanted) != 0 || wanted.l_type == F_UNLCK) {
        return 0;
    }
    return wanted.l_pid;
}

}  // namespace

std::unique_ptr<storage::control::remote_store> connect_to_server(
    const std::filesystem::path& data_dir) {
    auto remote = storage::control::remote_store::connect(data_dir, storage::schema_version);
    if (remote) {
        return remote;
    }
    if (const pid_t owner = find_owner(data_dir); owner != 0) {
        throw std::runtime_error{fmt::format(
            "process {} has the database in {} open and does not answer on {}: it may still be "
            "starting, be a version without a control socket, or be another pinhole-admin",
            owner, data_dir.string(), (data_dir / storage::control::socket_name).string())};
    }
    return nullptr;
}

kv::log_function to_log(console& out) {
    return [&out](kv::log_level level, std::string_view line) {
        if (level >= kv::log_level::warning) {
            out.note(line);
        }
    };
}

std::unique_ptr<admin_store> open_local(
    word_context& context, missing_database missing,
    const std::function<void(storage::database_options&)>& change) {
    if (connect_to_server(context.data_dir)) {
        throw std::runtime_error{"a server has the database in " + context.data_dir.string() +
                                 " open: stop it first"};
    }
    const bool is_there = std::filesystem::exists(context.data_dir / "db" / "CURRENT");
    if (!is_there && missing == missing_database::refuse) {
        throw refusal{"there is no database in " + context.data_dir.string()};
    }
    require_owner(context.data_dir);
    storage::database_options options;
    options.data_dir = context.data_dir;
    if (is_there || std::getenv("PINHOLE_SECRET_KEY") != nullptr) {
        options.secret_key = make_throwaway_key();
    }
    options.block_cache_bytes = block_cache_bytes;
    options.log = to_log(context.out);
    if (change) {
        change(options);
    }
    return std::make_unique<local_store>(std::move(options));
}

std::unique_ptr<admin_store> open_local_or_remote(word_context& context, missing_database missing) {
    if (auto remote = connect_to_server(context.data_dir)) {
        return std::make_unique<served_store>(std::move(remote));
    }
    return open_local(context, missing);
}

}  // namespace pinhole::admin
