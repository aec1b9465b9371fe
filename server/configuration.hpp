// Everything that an operator can set, in one table: flag, environment variable, default, help.
//
// `--help`, the parsing and the documentation derive from that table. A flag beats its environment
// variable, which beats the default. The secret key is taken from the environment only, where other
// users of the machine can't read it.
// Thread-safety: pure functions. Blocking: never.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/client_address.hpp"
#include "server/log.hpp"

namespace pinhole::http {

struct configuration {
    std::filesystem::path data_dir = "./data";
    std::string listen = "127.0.0.1:8080";
    std::string admin_listen;  ///< empty: nowhere
    unsigned io_threads = 0;   ///< 0: one for each core
    http::log_level log_level = http::log_level::info;
    bool sync = true;  ///< off: acknowledged writes can be lost; for bulk loading only
    bool truncate_damaged_wal = false;  ///< loses acknowledged writes behind the damage
    std::uint64_t block_cache_bytes = 256ULL * 1024 * 1024;
    std::uint64_t disk_reserve_bytes = 128ULL * 1024 * 1024;
    std::string secret_key;  ///< empty: made and kept in the data directory

    std::uint64_t header_bytes_max = 16ULL * 1024;
    std::uint64_t json_bytes_max = 64ULL * 1024;
    std::uint64_t image_bytes_max = 20ULL * 1024 * 1024;
    std::uint64_t video_bytes_max = 200ULL * 1024 * 1024;
    std::uint64_t upload_bytes_max = 512ULL * 1024 * 1024;
    std::uint64_t connections_max = 20'000;
    std::uint64_t connections_per_address_max = 0;
    http::trusted_proxies trusted_proxies;

    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};
    std::chrono::milliseconds handler_timeout{60'000};
    std::chrono::milliseconds drain_timeout{8'000};
    std::uint64_t bytes_per_second_min = 8ULL * 1024;

    std::chrono::seconds token_life{30LL * 86'400};
    std::chrono::seconds restore_retention{30LL * 86'400};

    unsigned hash_threads = 2;
    std::uint64_t hash_queue_max = 128;
    unsigned media_threads = 2;
    std::uint64_t media_queue_max = 256;
    unsigned read_threads = 4;
    std::uint64_t read_queue_max = 1024;

    std::uint64_t rows_read_max = 100'000;
    std::chrono::milliseconds query_time_max{150};
    bool rate_limits = true;
    std::vector<std::string> cors_origins;
};

/// Why there is no configuration: print `text` (to stdout if `code` is 0, else to stderr), exit.
struct configuration_exit {
    int code = 0;  ///< 0: help or the table was asked for; 2: usage error
    std::string text;
};

/// Looks a name up in the environment. A parameter so that tests need not change the process's.
using environment = std::function<std::optional<std::string>(const std::string& name)>;
environment process_environment();

std::expected<configuration, configuration_exit> parse_configuration(int argc,
                                                                     const char* const* argv,
                                                                     const environment& lookup);

/// The table of settings for the documentation, in Markdown.
std::string configuration_markdown();

/// "65536", "64KiB", "20MiB", "1GiB", "64kB".
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "250ms", "10s", "5m", "12h", "30d"; at most ten years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace pinhole::http
