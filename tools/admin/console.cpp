#include "tools/admin/console.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <system_error>
#include <utility>

#include "storage/schema/json_writer.hpp"

namespace pinhole::admin {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds bar_interval{100};
constexpr std::chrono::seconds json_interval{1};
constexpr std::chrono::seconds line_interval{10};
/// Before so long a rate says nothing.
constexpr double rate_seconds_min = 0.2;
constexpr std::size_t bar_columns_max = 40;
/// What took less needs no line of its own.
constexpr double told_seconds_min = 1;

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EPIPE) {
            throw output_closed{};
        } else if (errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), "writing to standard output"};
        }
    }
}

/// Where not even that can be said, there is nobody to say it to.
void write_what_goes(int fd, std::string_view text) {
    try {
        write_all(fd, text);
    } catch (const std::exception&) {
        return;
    }
}

unsigned columns_of_terminal() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80U;
}

steady_clock::duration interval_of(progress_form form) {
    switch (form) {
        case progress_form::bar:
            return bar_interval;
        case progress_form::json:
            return json_interval;
        case progress_form::lines:
        case progress_form::none:
            return line_interval;
    }
    std::unreachable();
}

std::string to_duration_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole < 120) {
        return fmt::format("{} s", whole);
    }
    if (whole < 7200) {
        return fmt::format("{} min", (whole + 30) / 60);
    }
    return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

double seconds_between(steady_clock::time_point from, steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string with_separators(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, ",");
    }
    return digits;
}

std::string to_size_text(std::uint64_t bytes) {
    static constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, units[unit]);
}

console_options make_console_options(bool json, bool quiet) {
    console_options options;
    options.json = json;
    options.quiet = quiet;
    options.progress = quiet                          ? progress_form::none
                       : json                         ? progress_form::json
                       : ::isatty(STDERR_FILENO) == 1 ? progress_form::bar
                                                      : progress_form::lines;
    options.write_result = [](std::string_view text) { write_all(STDOUT_FILENO, text); };
    options.write_note = [](std::string_view text) { write_what_goes(STDERR_FILENO, text); };
    options.columns = columns_of_terminal;
    return options;
}

console::console(console_options options) : options_(std::move(options)) {}

console::~console() {
    finish_progress();
}

void console::result(std::string_view text) {
    const std::lock_guard lock{mutex_};
    end_phase();
    options_.write_result(text);
}

void console::note(std::string_view line) {
    const std::lock_guard lock{mutex_};
    if (!options_.quiet) {
        write_note_line("note", line);
    }
}

void console::error(std::string_view line) {
    const std::lock_guard lock{mutex_};
    write_note_line("error", line);
}

void console::write_note_line(std::string_view kind, std::string_view line) {
    end_phase();
    std::string out;
    if (options_.json) {
        out = fmt::format("{{\"{}\":", kind);
        storage::append_json_string(out, line);
        out += '}';
    } else {
        out = line;
    }
    options_.write_note(out + '\n');
}

storage::work_watch console::watch(std::stop_token stop) {
    return {.report = [this](const storage::work_progress& progress) { report(progress); },
            .stop = std::move(stop)};
}

void console::report(const storage::work_progress& progress) {
    if (options_.progress == progress_form::none) {
        return;
    }
    const std::lock_guard lock{mutex_};
    const auto now = options_.now();
    if (!in_phase_ || phase_.name != progress.phase) {
        end_phase();
        phase_ = {.name = std::string{progress.phase},
                  .first = progress.done,
                  .counts_bytes = progress.counts_bytes,
                  .begun = now};
        in_phase_ = true;
        due_ = options_.progress == progress_form::bar ? now : now + interval_of(options_.progress);
    }
    phase_.done = progress.done;
    phase_.total = progress.total;
    if (now >= due_) {
        due_ = now + interval_of(options_.progress);
        show();
    }
}

double console::rate() const {
    const double seconds = seconds_between(phase_.begun, options_.now());
    const std::uint64_t done = phase_.done < phase_.first ? 0 : phase_.done - phase_.first;
    return seconds < rate_seconds_min ? 0 : static_cast<double>(done) / seconds;
}

/// `12,345 of 27,000, 3,200/s, 5 s left`.
std::string console::amounts() const {
    const auto amount = [&](std::uint64_t number) {
        return phase_.counts_bytes ? to_size_text(number) : with_separators(number);
    };
    std::string text = amount(phase_.done);
    if (phase_.total != 0) {
        text += " of " + amount(phase_.total);
    }
    const double each_second = rate();
    if (each_second >= 1) {
        text += fmt::format(", {}/s", amount(static_cast<std::uint64_t>(each_second)));
        if (phase_.total > phase_.done) {
            const auto left = static_cast<double>(phase_.total - phase_.done);
            text += fmt::format(", {} left", to_duration_text(left / each_second));
        }
    }
    return text;
}

void console::show() {
    const double part =
        phase_.total == 0
            ? 0
            : std::min(1.0, static_cast<double>(phase_.done) / static_cast<double>(phase_.total));
    if (options_.progress == progress_form::json) {
        std::string out = "{\"progress\":{\"phase\":";
        storage::append_json_string(out, phase_.name);
        out +=
            fmt::format(R"(,"done":{},"total":{},"unit":"{}","per_second":{:.1f}}}}})", phase_.done,
                        phase_.total, phase_.counts_bytes ? "bytes" : "items", rate());
        options_.write_note(out + '\n');
        return;
    }
    const std::string percent =
        phase_.total == 0 ? std::string{} : fmt::format("{:3.0f} %  ", part * 100);
    if (options_.progress == progress_form::lines) {
        options_.write_note(fmt::format("{}: {}{}\n", phase_.name, percent, amounts()));
        return;
    }
    std::string line = fmt::format("{:<10} {}{}", phase_.name, percent, amounts());
    const std::size_t columns = options_.columns();
    if (phase_.total != 0 && line.size() + 15 < columns) {
        const std::size_t width = std::min(bar_columns_max, columns - line.size() - 5);
        const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
        line = fmt::format("{:<10} [{:-<{}}] {}{}", phase_.name, std::string(full, '#'), width,
                           percent, amounts());
    }
    line.resize(std::min(line.size(), columns - 1));
    options_.write_note("\r" + line + "\x1b[K");
}

void console::finish_progress() {
    const std::lock_guard lock{mutex_};
    end_phase();
}

void console::end_phase() {
    if (!in_phase_) {
        return;
    }
    in_phase_ = false;
    const double seconds = seconds_between(phase_.begun, options_.now());
    if (options_.progress == progress_form::json) {
        show();
        return;
    }
    if (seconds < told_seconds_min) {
        if (options_.progress == progress_form::bar) {
            options_.write_note("\r\x1b[K");
        }
        return;
    }
    const std::string amount =
        phase_.counts_bytes ? to_size_text(phase_.done) : with_separators(phase_.done);
    const std::string line = fmt::format("{}: {} in {:.1f} s", phase_.name, amount, seconds);
    options_.write_note(options_.progress == progress_form::bar ? "\r" + line + "\x1b[K\n"
                                                                : line + '\n');
}

}  // namespace pinhole::admin
