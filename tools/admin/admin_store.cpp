#include "tools/admin/admin_store.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include "storage/base/text.hpp"
#include "storage/base/time.hpp"

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

}  // namespace

kv::log_function to_log(console& out) {
    return [&out](kv::log_level level, std::string_view line) {
        if (level >= kv::log_level::warning) {
            out.note(line);
        }
    };
}

std::unique_ptr<admin_store> open_local_or_remote(word_context& context, missing_database missing) {
    const bool is_there = std::filesystem::exists(context.data_dir / "db" / "CURRENT");
    if (!is_there && missing == missing_database::refuse) {
        throw refusal{"there is no database in " + context.data_dir.string()};
    }
    storage::database_options options;
    options.data_dir = context.data_dir;
    if (is_there || std::getenv("PINHOLE_SECRET_KEY") != nullptr) {
        options.secret_key = make_throwaway_key();
    }
    options.block_cache_bytes = block_cache_bytes;
    options.log = to_log(context.out);
    return std::make_unique<local_store>(std::move(options));
}

}  // namespace pinhole::admin
