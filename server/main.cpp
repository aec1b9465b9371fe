// The server program: reads the configuration, opens the database, serves the API, and metrics
// where they are asked for, until it is told to stop. The one place that knows all layers.
#include <fmt/format.h>

#include <boost/system/system_error.hpp>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "handlers/api.hpp"
#include "handlers/metrics.hpp"
#include "server/configuration.hpp"
#include "server/log.hpp"
#include "server/server.hpp"
#include "server/signals.hpp"
#include "storage/base/standard_descriptors.hpp"
#include "storage/database.hpp"

namespace {

using namespace pinhole;

constexpr int exit_stopped = 0;
constexpr int exit_failed = 1;

/// Of the address for metrics: one scraper needs one, and a person with curl another.
constexpr std::size_t admin_connections_max = 32;
/// A scrape that is under way when all else has ended may finish.
constexpr std::chrono::seconds admin_drain_timeout{1};

kv::log_function to_log_function(http::logger& log) {
    return [&log](kv::log_level level, std::string_view text) {
        switch (level) {
            case kv::log_level::debug:
                log.debug(text);
                break;
            case kv::log_level::info:
                log.info(text);
                break;
            case kv::log_level::warning:
                log.warning(text);
                break;
            case kv::log_level::error:
                log.error(text);
                break;
        }
    };
}

boost::asio::ip::tcp::endpoint to_endpoint(const std::string& listen) {
    const auto endpoint = http::parse_endpoint(listen);
    if (!endpoint) {
        throw std::runtime_error{endpoint.error()};
    }
    return *endpoint;
}

/// Its one thread may wait for the disk, and the API's never wait for it.
http::server_options to_admin_options(const http::configuration& settings) {
    http::server_options options;
    options.listen = to_endpoint(settings.admin_listen);
    options.io_threads = 1;
    options.connections_max = admin_connections_max;
    options.file_threads = 1;
    return options;
}

http::server_options to_server_options(const http::configuration& settings) {
    http::server_options options;
    options.listen = to_endpoint(settings.listen);
    options.io_threads = settings.io_threads;
    options.header_bytes_max = settings.header_bytes_max;
    options.body_bytes_max = settings.json_bytes_max;
    options.connections_max = settings.connections_max;
    options.connections_per_address_max = settings.connections_per_address_max;
    options.trusted_proxies = settings.trusted_proxies;
    options.header_timeout = settings.header_timeout;
    options.idle_timeout = settings.idle_timeout;
    options.handler_timeout = settings.handler_timeout;
    options.bytes_per_second_min = settings.bytes_per_second_min;
    options.translate_exception = [](std::exception_ptr failure) {
        return handlers::to_response(failure);
    };
    return options;
}

handlers::api_options to_api_options(const http::configuration& settings) {
    handlers::api_options options;
    options.token_life = settings.token_life;
    options.restore_retention = settings.restore_retention;
    options.json_bytes_max = settings.json_bytes_max;
    options.upload_bytes_max = settings.upload_bytes_max;
    options.media_limits.image_bytes_max = settings.image_bytes_max;
    options.media_limits.video_bytes_max = settings.video_bytes_max;
    options.rows_read_max = settings.rows_read_max;
    options.query_time_max = settings.query_time_max;
    options.rate_limits = settings.rate_limits;
    options.upload_reserve_bytes = settings.disk_reserve_bytes * 2;
    options.hash_threads = settings.hash_threads;
    options.hash_queue_max = settings.hash_queue_max;
    options.media_threads = settings.media_threads;
    options.media_queue_max = settings.media_queue_max;
    options.read_threads = settings.read_threads;
    options.read_queue_max = settings.read_queue_max;
    return options;
}

storage::database_options to_database_options(const http::configuration& settings,
                                              http::logger& log, http::stop_signals& signals) {
    storage::database_options options;
    options.data_dir = settings.data_dir;
    options.secret_key = settings.secret_key;
    options.sync = settings.sync;
    options.token_life = settings.token_life;
    options.purge_after = settings.restore_retention;
    options.truncate_damaged_log = settings.truncate_damaged_wal;
    options.block_cache_bytes = settings.block_cache_bytes;
    options.disk_reserve_bytes = settings.disk_reserve_bytes;
    options.log = to_log_function(log);
    options.on_failure = [&signals] { signals.request_stop(); };
    return options;
}

/// Requests that were cut off still stand in the middle of their handlers, and a store that failed
/// may not close. Ending like a crash, which loses nothing acknowledged, is the safe way out.
[[noreturn]] void end_at_once(http::logger& log, int status) {
    log.flush();
    std::_Exit(status);
}

std::function<void(http::stop_signals::reason)> end_on_signal(http::logger& log,
                                                              std::string_view what) {
    return [&log, what](http::stop_signals::reason why) {
        if (why == http::stop_signals::reason::requested) {
            log.error("storage has failed, stopping");
            end_at_once(log, exit_failed);
        }
        log.info(what);
        end_at_once(log, exit_stopped);
    };
}

/// Errors: throws std::runtime_error that says which address could not be had.
void start(http::server& server, const std::string& listen, http::router routes) {
    try {
        server.start(std::move(routes));
    } catch (const boost::system::system_error& failure) {
        throw std::runtime_error{"cannot listen on " + listen + ": " + failure.code().message()};
    }
}

/// What serves: the API, and where it is wanted the metrics, which are there for longer, so that
/// the end of the other can be watched.
struct servers {
    http::server& api;
    std::optional<http::server>& admin;
};

void start_all(const http::configuration& settings, const servers& servers, handlers::api& api,
               handlers::metrics& metrics) {
    if (servers.admin) {
        start(*servers.admin, settings.admin_listen,
              http::router{handlers::make_admin_routes(api, metrics)});
    }
    start(servers.api, settings.listen,
          http::router{handlers::make_routes(api), {.origins = settings.cors_origins}});
    fmt::print("Pinhole is serving on http://{}\n", http::to_string(servers.api.local_endpoint()));
    if (servers.admin) {
        fmt::print("Metrics are on http://{}/metrics\n",
                   http::to_string(servers.admin->local_endpoint()));
    }
    std::fflush(stdout);
}

/// Serves until a signal, or a failure of the store. The exit status.
int serve_until_stopped(const http::configuration& settings, const servers& servers,
                        storage::database& database, handlers::api& api, handlers::metrics& metrics,
                        std::optional<http::stop_watch>& watch, http::stop_signals& signals,
                        http::logger& log) {
    const auto exit_status = [&database] {
        return database.health() == kv::health::failed ? exit_failed : exit_stopped;
    };
    start_all(settings, servers, api, metrics);
    watch.reset();

    if (signals.wait() == http::stop_signals::reason::requested) {
        log.error("storage has failed, stopping");
        end_at_once(log, exit_failed);
    }
    log.info("stopping");
    watch.emplace(signals, end_on_signal(log, "stopping at once"));
    if (!servers.api.drain(settings.drain_timeout)) {
        log.warning("some requests were cut off");
        end_at_once(log, exit_status());
    }
    api.close();
    if (servers.admin) {
        // Nothing is lost with a scrape that is cut off.
        static_cast<void>(servers.admin->drain(admin_drain_timeout));
    }
    if (exit_status() != exit_stopped) {
        end_at_once(log, exit_failed);
    }
    return exit_stopped;
}

/// Puts the layers together. The exit status.
int serve(const http::configuration& settings, http::stop_signals& signals, http::logger& log) {
    // Opening the database may take long. Until it is served nothing is acknowledged, so the first
    // signal ends the process; of a stop, the second one does. It outlives all else for that.
    std::optional<http::stop_watch> watch;
    watch.emplace(signals, end_on_signal(log, "stopped while starting"));
    media::start_decoders();
    http::server server{to_server_options(settings), log};
    std::optional<http::server> admin;
    if (!settings.admin_listen.empty()) {
        admin.emplace(to_admin_options(settings), log);
    }
    storage::database database{to_database_options(settings, log, signals)};
    handlers::api api{database, log, to_api_options(settings)};
    handlers::metrics metrics{api, server};
    database.serve_control(api.commit_watcher());
    try {
        return serve_until_stopped(settings, {server, admin}, database, api, metrics, watch,
                                   signals, log);
    } catch (const std::exception& failure) {
        // Handlers may be running: nothing that they use may go.
        log.error(failure.what());
        end_at_once(log, exit_failed);
    }
}

}  // namespace

int main(int argc, char** argv) {
    storage::occupy_standard_descriptors();
    http::stop_signals signals;
    const auto settings = http::parse_configuration(argc, argv, http::process_environment());
    if (!settings) {
        std::FILE* const out = settings.error().code == 0 ? stdout : stderr;
        fmt::print(out, "{}", settings.error().text);
        return settings.error().code;
    }
    http::logger log{settings->log_level};
    try {
        return serve(*settings, signals, log);
    } catch (const std::exception& failure) {
        log.error(failure.what());
        return exit_failed;
    }
}
