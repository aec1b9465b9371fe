#include "server/configuration.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <span>
#include <utility>

#include "server/server.hpp"
#include "server/text.hpp"

namespace pinhole::http {
namespace {

/// One row of the table. `assign` takes the text given and reports what is wrong with it.
struct setting {
    std::string_view name;  ///< "data-dir": the flag without dashes; PINHOLE_DATA_DIR derives
    std::string_view default_text;
    std::string_view help;
    std::function<std::optional<std::string>(configuration&, const std::string&)> assign;
    bool environment_only = false;
};

using assignment = std::function<std::optional<std::string>(configuration&, const std::string&)>;

assignment text(std::string configuration::* member) {
    return [member](configuration& target, const std::string& value) {
        target.*member = value;
        return std::optional<std::string>();
    };
}

assignment bytes(std::uint64_t configuration::* member) {
    return [member](configuration& target, const std::string& value) -> std::optional<std::string> {
        const auto parsed = parse_bytes(value);
        if (!parsed || *parsed == 0) {
            return "needs a size such as 65536, 64KiB or 20MiB";
        }
        target.*member = *parsed;
        return std::nullopt;
    };
}

template <class Duration>
assignment duration(Duration configuration::* member) {
    return [member](configuration& target, const std::string& value) -> std::optional<std::string> {
        const auto parsed = parse_duration(value);
        // What is shorter than the unit that it is kept in would be cut to nothing.
        if (!parsed || *parsed < Duration(1)) {
            return fmt::format("needs a duration such as {}10s, 5m, 12h or 30d, at most 3650d",
                               Duration(1) < std::chrono::seconds(1) ? "250ms, " : "");
        }
        target.*member = std::chrono::duration_cast<Duration>(*parsed);
        return std::nullopt;
    };
}

template <class Number>
assignment number(Number configuration::* member, Number least, Number most) {
    return [=](configuration& target, const std::string& value) -> std::optional<std::string> {
        Number parsed{};
        const auto* end = value.data() + value.size();
        const auto [last, error] = std::from_chars(value.data(), end, parsed);
        if (error != std::errc() || last != end || parsed < least || parsed > most) {
            return fmt::format("needs a whole number from {} to {}", least, most);
        }
        target.*member = parsed;
        return std::nullopt;
    };
}

std::optional<std::string> assign_data_dir(configuration& target, const std::string& value) {
    if (value.empty()) {
        return "needs a folder";
    }
    target.data_dir = value;
    return std::nullopt;
}

enum class may_be_empty : std::uint8_t { no, yes };

assignment endpoint(std::string configuration::* member, may_be_empty none) {
    return [=](configuration& target, const std::string& value) -> std::optional<std::string> {
        const auto parsed = parse_endpoint(value);
        if (!parsed && !(value.empty() && none == may_be_empty::yes)) {
            return parsed.error();
        }
        target.*member = value;
        return std::nullopt;
    };
}

std::optional<std::string> assign_log_level(configuration& target, const std::string& value) {
    const auto parsed = parse_log_level(value);
    if (!parsed) {
        return "needs debug, info, warning, error or off";
    }
    target.log_level = *parsed;
    return std::nullopt;
}

assignment on_or_off(bool configuration::* member) {
    return [=](configuration& target, const std::string& value) -> std::optional<std::string> {
        if (value != "on" && value != "off") {
            return "needs on or off";
        }
        target.*member = value == "on";
        return std::nullopt;
    };
}

std::optional<std::string> assign_damaged_wal(configuration& target, const std::string& value) {
    if (value != "refuse" && value != "truncate") {
        return "needs refuse or truncate";
    }
    target.truncate_damaged_wal = value == "truncate";
    return std::nullopt;
}

std::optional<std::string> assign_cors_origins(configuration& target, const std::string& value) {
    target.cors_origins.clear();
    for_each_list_item(
        value, [&target](std::string_view origin) { target.cors_origins.emplace_back(origin); });
    for (const auto& origin : target.cors_origins) {
        const bool has_scheme = origin.starts_with("http://") || origin.starts_with("https://");
        if (origin != "*" && (!has_scheme || origin.ends_with('/'))) {
            return "needs origins such as https://app.example, separated by commas";
        }
    }
    return std::nullopt;
}

std::optional<std::string> assign_trusted_proxies(configuration& target, const std::string& value) {
    auto parsed = trusted_proxies::parse(value);
    if (!parsed) {
        return fmt::format(
            "needs addresses or networks such as 10.0.0.0/8, separated by commas; '{}' is neither",
            parsed.error());
    }
    target.trusted_proxies = std::move(*parsed);
    return std::nullopt;
}

constexpr std::uint64_t many = 1'000'000;
/// Ten years: longer than anything waits, and small enough to be counted in nanoseconds from now.
constexpr std::uint64_t duration_ms_max = 3650ULL * 86'400'000;

/// Where the server stands and what it stores there.
std::vector<setting> place_settings() {
    using c = configuration;
    return {
        {"data-dir", "./data", "Folder of the database and the media files", assign_data_dir},
        {"listen", "127.0.0.1:8080", "Address and port: ADDR:PORT or [V6]:PORT; port 0 picks one",
         endpoint(&c::listen, may_be_empty::no)},
        {"admin-listen", "",
         "Address and port of /metrics, /healthz and /readyz, for your own eyes: keep clients and "
         "proxies away from it. Without one there are no metrics",
         endpoint(&c::admin_listen, may_be_empty::yes)},
        {"log-level", "info", "Least severe log lines written: debug, info, warning, error, off",
         assign_log_level},
        {"secret-key", "",
         "Key under which tokens are stored; made and kept in the data folder "
         "where none is given",
         text(&c::secret_key), true},
        {"sync", "on", "off: acknowledged writes can be lost in a crash; for bulk loading only",
         on_or_off(&c::sync)},
        {"damaged-wal", "refuse",
         "truncate: open a database whose write-ahead log is damaged; acknowledged writes behind "
         "the damage are lost",
         assign_damaged_wal},
        {"block-cache", "256MiB", "Memory for database blocks", bytes(&c::block_cache_bytes)},
        {"disk-reserve", "128MiB",
         "Free disk space below which writes answer 507; uploads, below twice that. Least: 32MiB",
         bytes(&c::disk_reserve_bytes)},
        {"io-threads", "0", "Threads that serve connections; 0: one for each core",
         number<unsigned>(&c::io_threads, 0, 1024)},
    };
}

/// What a client may send, and how long it may take.
std::vector<setting> connection_settings() {
    using c = configuration;
    return {
        {"header-bytes-max", "16KiB", "Largest request header", bytes(&c::header_bytes_max)},
        {"json-bytes-max", "64KiB", "Largest JSON body", bytes(&c::json_bytes_max)},
        {"image-bytes-max", "20MiB", "Largest image", bytes(&c::image_bytes_max)},
        {"video-bytes-max", "200MiB", "Largest video", bytes(&c::video_bytes_max)},
        {"upload-bytes-max", "512MiB", "Largest upload as a whole", bytes(&c::upload_bytes_max)},
        {"connections-max", "20000",
         "Open connections; beyond them the one that idles longest, for a second at least, is "
         "closed "
         "for the newcomer, and where none does that one is answered 503",
         number<std::uint64_t>(&c::connections_max, 1, many)},
        {"connections-per-address-max", "0",
         "Open connections from one address (of IPv6, one /64), loopback excepted; 0: no limit. "
         "Leave it at 0 behind a proxy on another machine",
         number<std::uint64_t>(&c::connections_per_address_max, 0, many)},
        {"trusted-proxies", "",
         "Proxies that are believed when X-Forwarded-For names a client: addresses or networks "
         "such "
         "as 10.0.0.0/8, separated by commas",
         assign_trusted_proxies},
        {"header-timeout", "10s", "Time for a client to send a whole request header",
         duration(&c::header_timeout)},
        {"idle-timeout", "60s", "Time that a connection may stay open between requests",
         duration(&c::idle_timeout)},
        {"handler-timeout", "60s", "Time for the server to answer before it gives the client up",
         duration(&c::handler_timeout)},
        {"bytes-per-second-min", "8KiB", "Clients that send or receive more slowly are cut off",
         bytes(&c::bytes_per_second_min)},
        {"drain-timeout", "8s", "Time for requests in flight to finish when the server stops",
         duration(&c::drain_timeout)},
    };
}

/// What the API does.
std::vector<setting> service_settings() {
    using c = configuration;
    return {
        {"token-life", "30d", "Life of a login since its last use", duration(&c::token_life)},
        {"restore-retention", "30d", "Time in which what was deleted can be restored",
         duration(&c::restore_retention)},
        {"hash-threads", "2", "Threads for password hashing",
         number<unsigned>(&c::hash_threads, 1, 1024)},
        {"hash-queue-max", "128", "Waiting password hashes; more are answered 503",
         number<std::uint64_t>(&c::hash_queue_max, 1, many)},
        {"media-threads", "2", "Threads for checking photos and videos",
         number<unsigned>(&c::media_threads, 1, 1024)},
        {"media-queue-max", "256", "Waiting media checks; more are answered 503",
         number<std::uint64_t>(&c::media_queue_max, 1, many)},
        {"read-threads", "4", "Threads for reads that the cache can't answer",
         number<unsigned>(&c::read_threads, 1, 1024)},
        {"read-queue-max", "1024", "Waiting reads; more are answered 503",
         number<std::uint64_t>(&c::read_queue_max, 1, many)},
        {"rows-read-max", "100000", "Rows that one list may read; past it, 422",
         number<std::uint64_t>(&c::rows_read_max, 1000, many * 1000)},
        {"query-time-max", "150ms", "Processor time that one list may take; past it, 422",
         duration(&c::query_time_max)},
        {"rate-limits", "on", "off: no limit on logins, signups and writes; for tests and benches",
         on_or_off(&c::rate_limits)},
        {"cors-origins", "", "Origins that browsers may call from, separated by commas; * for any",
         assign_cors_origins},
    };
}

/// The one table. Defaults are applied from here, so that this text and the program agree.
const std::vector<setting>& settings() {
    static const std::vector<setting> table = [] {
        std::vector<setting> all = place_settings();
        for (auto&& group : {connection_settings(), service_settings()}) {
            all.insert(all.end(), group.begin(), group.end());
        }
        return all;
    }();
    return table;
}

std::string environment_name(const setting& setting) {
    std::string name = "PINHOLE_";
    for (const char c : setting.name) {
        name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return name;
}

configuration_exit usage_error(std::string_view source, std::string_view why) {
    return {.code = 2, .text = fmt::format("{}: {}\nTry --help.\n", source, why)};
}

}  // namespace

environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
}

std::expected<configuration, configuration_exit> parse_configuration(int argc,
                                                                     const char* const* argv,
                                                                     const environment& lookup) {
    configuration parsed;
    std::vector<std::optional<std::string>> flags(settings().size());
    bool print_markdown = false;
    CLI::App app("Pinhole: a photo and video sharing server");
    app.add_flag("--print-configuration-markdown", print_markdown)->group("");
    for (std::size_t i = 0; i < settings().size(); ++i) {
        const auto& setting = settings()[i];
        if (setting.environment_only) {
            continue;
        }
        app.add_option_function<std::string>(
               "--" + std::string(setting.name),
               [&flags, i](const std::string& value) { flags[i] = value; },
               fmt::format("{} [{}]", setting.help, environment_name(setting)))
            ->type_name(setting.default_text.empty()
                            ? "TEXT"
                            : fmt::format("TEXT ({})", setting.default_text));
    }
    app.footer("PINHOLE_SECRET_KEY is taken from the environment only.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return std::unexpected(configuration_exit{.code = 0, .text = app.help()});
    } catch (const CLI::ParseError& error) {
        return std::unexpected(
            configuration_exit{.code = 2, .text = std::string(error.what()) + "\nTry --help.\n"});
    }
    if (print_markdown) {
        return std::unexpected(configuration_exit{.code = 0, .text = configuration_markdown()});
    }
    for (std::size_t i = 0; i < settings().size(); ++i) {
        const auto& setting = settings()[i];
        const auto name = environment_name(setting);
        const auto from_environment = flags[i] ? std::nullopt : lookup(name);
        const auto value = flags[i] ? flags[i] : from_environment;
        const auto wrong =
            setting.assign(parsed, value.value_or(std::string(setting.default_text)));
        if (wrong) {
            const auto source = flags[i] ? "--" + std::string(setting.name) : name;
            return std::unexpected(usage_error(source, *wrong));
        }
    }
    return parsed;
}

std::string configuration_markdown() {
    std::string out =
        "| flag | environment variable | default | meaning |\n"
        "| --- | --- | --- | --- |\n";
    for (const auto& setting : settings()) {
        const auto flag =
            setting.environment_only ? std::string("none") : fmt::format("`--{}`", setting.name);
        const auto shown = setting.default_text.empty() ? std::string("none")
                                                        : fmt::format("`{}`", setting.default_text);
        out += fmt::format("| {} | `{}` | {} | {} |\n", flag, environment_name(setting), shown,
                           setting.help);
    }
    return out;
}

namespace {

template <class Factor>
std::optional<std::uint64_t> parse_with_unit(
    std::string_view text, std::span<const std::pair<std::string_view, Factor>> units) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc()) {
        return std::nullopt;
    }
    const std::string_view unit(last, static_cast<std::size_t>(end - last));
    for (const auto& [name, factor] : units) {
        // Half of the range is plenty, and leaves durations their sign.
        if (name == unit && value <= std::numeric_limits<std::int64_t>::max() / factor) {
            return value * factor;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    static constexpr std::pair<std::string_view, std::uint64_t> units[] = {
        {"", 1},
        {"B", 1},
        {"kB", 1000},
        {"MB", 1'000'000},
        {"GB", 1'000'000'000},
        {"KiB", 1024},
        {"MiB", 1024 * 1024},
        {"GiB", 1024 * 1024 * 1024}};
    return parse_with_unit<std::uint64_t>(text, units);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    static constexpr std::pair<std::string_view, std::uint64_t> units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    const auto parsed = parse_with_unit<std::uint64_t>(text, units);
    if (!parsed || *parsed > duration_ms_max) {
        return std::nullopt;
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(*parsed));
}

}  // namespace pinhole::http
