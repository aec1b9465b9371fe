#include "tools/admin/passwords.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>

#include "storage/base/unique_fd.hpp"
#include "storage/base/work.hpp"
#include "storage/schema/entities.hpp"
#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

namespace {

/// Far beyond the longest password: what is longer is something else.
constexpr std::size_t line_bytes_max = 4096;

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

/// The terminal says nothing of what is typed while this lives.
class silent_terminal {
public:
    silent_terminal() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) {
            fail("tcgetattr");
        }
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) {
            fail("tcsetattr");
        }
    }
    silent_terminal(const silent_terminal&) = delete;
    silent_terminal& operator=(const silent_terminal&) = delete;
    ~silent_terminal() {
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::fputc('\n', stderr);
    }

private:
    termios before_{};
};

/// Waits until there is something to read. Errors: work_interrupted.
void wait_for_input(const std::stop_token& stop) {
    const unique_fd stopped{::eventfd(0, EFD_CLOEXEC)};
    if (!stopped) {
        fail("eventfd");
    }
    const std::stop_callback wake{stop, [&stopped] {
                                      const std::uint64_t one = 1;
                                      // Can't fail: the counter is 0 until here.
                                      [[maybe_unused]] const auto written =
                                          ::write(stopped.get(), &one, sizeof one);
                                  }};
    std::array<pollfd, 2> waiting{{{.fd = stopped.get(), .events = POLLIN, .revents = 0},
                                   {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno != EINTR) {
            fail("poll");
        }
    }
    if (waiting[0].revents != 0) {
        throw storage::work_interrupted{};
    }
}

/// Byte by byte: what stands behind the line is not ours.
std::string read_line(const std::stop_token& stop) {
    std::string line;
    while (line.size() < line_bytes_max) {
        wait_for_input(stop);
        char byte = 0;
        const auto got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno != EINTR) {
            fail("reading the password");
        }
        if (got == 0 || (got == 1 && byte == '\n')) {
            break;
        }
        if (got == 1) {
            line += byte;
        }
    }
    return line;
}

std::string prompt(const char* text, const std::stop_token& stop) {
    // Silent first: whoever answers at once is neither shown nor lost.
    const silent_terminal silent;
    std::fputs(text, stderr);
    std::fflush(stderr);
    return read_line(stop);
}

std::string type_twice(const std::stop_token& stop) {
    std::string password = prompt("Password: ", stop);
    if (prompt("The same again: ", stop) != password) {
        throw refusal{"the two passwords differ"};
    }
    return password;
}

}  // namespace

std::string read_password(bool from_standard_input, const std::stop_token& stop) {
    if (!from_standard_input && ::isatty(STDIN_FILENO) != 1) {
        throw usage_error{"there is no terminal to ask for the password: give --password-stdin"};
    }
    std::string password = from_standard_input ? read_line(stop) : type_twice(stop);
    if (from_standard_input && password.ends_with('\r')) {
        password.pop_back();  // of a line that ends as in Windows
    }
    constexpr auto rule = storage::rule_of<storage::user>("password");
    if (const auto fault = storage::find_fault("password", rule, password)) {
        throw refusal{"the password " + fault->message};
    }
    return password;
}

}  // namespace pinhole::admin
