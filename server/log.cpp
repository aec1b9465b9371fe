#include "server/log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

constexpr std::chrono::milliseconds flush_interval{100};
/// How long the end of the process, or whoever flushes, waits for the reader.
constexpr std::chrono::milliseconds reader_patience{1000};
/// The name of the spdlog logger whose payload is JSON members, not text.
constexpr std::string_view members_logger = "members";

using text_buffer = fmt::memory_buffer;

void append(text_buffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

/// RFC 8259 §7 and §8.1. What is no UTF-8, as a damaged file's bytes may be, has its bytes beyond
/// ASCII written as `\x9d`: whoever reads the log still gets JSON, and sees what was there.
void append_json_string(text_buffer& out, std::string_view text) {
    const bool is_unicode = is_utf8(text);
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else if (!is_unicode && static_cast<unsigned char>(c) > 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void append_member(text_buffer& out, std::string_view name, std::string_view value) {
    append(out, ",\"");
    append(out, name);
    append(out, "\":");
    append_json_string(out, value);
}

void append_time(text_buffer& out, std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    // The calendar part changes once a second; each thread keeps the last one.
    thread_local std::chrono::sys_seconds formatted_for{std::chrono::seconds(-1)};
    thread_local std::string formatted;
    if (formatted_for != seconds) {
        formatted = fmt::format("{:%Y-%m-%dT%H:%M:%S}",
                                fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
        formatted_for = seconds;
    }
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds);
    append(out, formatted);
    fmt::format_to(std::back_inserter(out), ".{:06}Z", micros.count());
}

std::string_view level_name(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::trace:
        case spdlog::level::debug:
            return "debug";
        case spdlog::level::info:
            return "info";
        case spdlog::level::warn:
            return "warning";
        default:
            return "error";
    }
}

spdlog::level::level_enum to_spdlog(log_level level) {
    switch (level) {
        case log_level::debug:
            return spdlog::level::debug;
        case log_level::info:
            return spdlog::level::info;
        case log_level::warning:
            return spdlog::level::warn;
        case log_level::error:
            return spdlog::level::err;
        case log_level::off:
            break;
    }
    return spdlog::level::off;
}

/// As many whole lines as a pipe that reports room takes without making the writer wait, and
/// without mixing them with those of another process (pipe(7)).
std::string_view next_piece(std::string_view bytes) {
    if (bytes.size() <= PIPE_BUF) {
        return bytes;
    }
    const auto line_end = bytes.rfind('\n', PIPE_BUF - 1);
    return bytes.substr(0, line_end == std::string_view::npos ? PIPE_BUF : line_end + 1);
}

}  // namespace

class logger::sink final : public spdlog::sinks::sink {
public:
    explicit sink(int fd) : fd_(fd), writer_([this] { write_until_closed(); }) {
        pthread_setname_np(writer_.native_handle(), "log");
    }

    ~sink() override {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            give_up_at_ = std::chrono::steady_clock::now() + reader_patience;
        }
        wake_.notify_one();
        writer_.join();
    }

    void log(const spdlog::details::log_msg& message) override {
        text_buffer line;
        append(line, R"({"time":")");
        append_time(line, message.time);
        append(line, R"(","level":")");
        append(line, level_name(message.level));
        append(line, "\"");
        const std::string_view payload(message.payload.data(), message.payload.size());
        if (std::string_view(message.logger_name.data(), message.logger_name.size()) ==
            members_logger) {
            append(line, payload);
        } else {
            append_member(line, "message", payload);
        }
        append(line, "}\n");
        const bool urgent = message.level >= spdlog::level::warn;
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.size() + line.size() > buffer_bytes_max) {
                ++dropped_;
                return;
            }
            waiting_.append(line.data(), line.size());
            urgent_ = urgent_ || urgent;
        }
        if (urgent) {
            wake_.notify_one();
        }
    }

    void flush() override {
        std::unique_lock lock(mutex_);
        urgent_ = true;
        wake_.notify_one();
        written_.wait_for(lock, reader_patience,
                          [this] { return waiting_.empty() && !writing_ && dropped_ == 0; });
    }

    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

private:
    void write_until_closed() {
        std::string batch;
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait_for(lock, flush_interval, [this] { return urgent_ || closed_; });
            batch.swap(waiting_);
            const auto dropped = std::exchange(dropped_, 0);
            urgent_ = false;
            const bool last = closed_;
            writing_ = true;
            lock.unlock();
            if (dropped > 0) {
                text_buffer line;
                append(line, R"({"time":")");
                append_time(line, std::chrono::system_clock::now());
                fmt::format_to(std::back_inserter(line),
                               "\",\"level\":\"warning\",\"message\":\"log lines were "
                               "dropped\",\"count\":{}}}\n",
                               dropped);
                batch.append(line.data(), line.size());
            }
            write_all(batch);
            batch.clear();
            lock.lock();
            writing_ = false;
            written_.notify_all();
            if (last) {
                return;
            }
        }
    }

    /// Waits for a slow reader: only the writing thread may do that, and not once it must end.
    void write_all(std::string_view bytes) {
        while (!bytes.empty() && !must_give_up()) {
            pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
            // The descriptor may be a blocking one, so nothing is written before there is room.
            if (::poll(&waiting, 1, static_cast<int>(flush_interval.count())) <= 0) {
                continue;
            }
            const auto piece = next_piece(bytes);
            const auto written = ::write(fd_, piece.data(), piece.size());
            if (written >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(written));
            } else if (errno != EINTR && errno != EAGAIN) {
                return;  // nobody can be told that the log itself is gone
            }
        }
    }

    bool must_give_up() {
        const std::lock_guard lock(mutex_);
        return closed_ && std::chrono::steady_clock::now() >= give_up_at_;
    }

    const int fd_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable written_;
    std::string waiting_;
    std::uint64_t dropped_ = 0;
    bool urgent_ = false;
    bool writing_ = false;
    bool closed_ = false;
    std::chrono::steady_clock::time_point give_up_at_;  ///< counts once it is closed
    std::thread writer_;
};

std::optional<log_level> parse_log_level(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, log_level>, 5> levels{
        {{"debug", log_level::debug},
         {"info", log_level::info},
         {"warning", log_level::warning},
         {"error", log_level::error},
         {"off", log_level::off}}};
    for (const auto& [known, level] : levels) {
        if (known == name) {
            return level;
        }
    }
    return std::nullopt;
}

logger::logger(log_level level, int fd)
    : sink_(std::make_shared<sink>(fd)),
      spdlog_(std::make_shared<spdlog::logger>(std::string(members_logger), sink_)),
      level_(level) {
    spdlog_->set_level(to_spdlog(level));
}

logger::~logger() = default;

void logger::debug(std::string_view text, std::initializer_list<log_member> members) {
    write(log_level::debug, text, members);
}
void logger::info(std::string_view text, std::initializer_list<log_member> members) {
    write(log_level::info, text, members);
}
void logger::warning(std::string_view text, std::initializer_list<log_member> members) {
    write(log_level::warning, text, members);
}
void logger::error(std::string_view text, std::initializer_list<log_member> members) {
    write(log_level::error, text, members);
}

void logger::write(log_level level, std::string_view text,
                   std::initializer_list<log_member> members) {
    if (!enabled(level)) {
        return;
    }
    text_buffer line;
    append_member(line, "message", text);
    for (const auto& [name, value] : members) {
        append_member(line, name, value);
    }
    spdlog_->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void logger::request(const request_line& line) {
    const auto level = line.status >= 500 ? log_level::error : log_level::info;
    if (!enabled(level)) {
        return;
    }
    text_buffer out;
    append_member(out, "request_id", line.request_id);
    append_member(out, "method", line.method);
    append_member(out, "route", line.route);
    fmt::format_to(std::back_inserter(out), ",\"status\":{},\"bytes\":{},\"microseconds\":{}",
                   line.status, line.bytes, line.time_taken.count());
    if (!line.user_id.empty()) {
        append_member(out, "user_id", line.user_id);
    }
    spdlog_->log(to_spdlog(level), spdlog::string_view_t(out.data(), out.size()));
}

bool logger::enabled(log_level level) const {
    return level >= level_ && level_ != log_level::off;
}

void logger::flush() {
    sink_->flush();
}

}  // namespace pinhole::http
