#include "tests/program/server_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace pinhole::test {

namespace {

constexpr const char* program = PINHOLE_SERVER_PROGRAM;
constexpr auto start_patience = std::chrono::seconds(60);

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// False if the deadline came first.
bool wait_readable(int fd, std::chrono::steady_clock::time_point deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
        const int ready =
            ::poll(&waiting, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
        if (ready >= 0) {
            return ready > 0;
        }
        if (errno != EINTR) {
            fail("poll");
        }
    }
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// In the child: only what is safe between fork and exec.
[[noreturn]] void become_server(char* const* arguments, char* const* environment, int output,
                                int log) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(log, STDERR_FILENO) >= 0) {
        ::execvpe(arguments[0], arguments, environment);
    }
    ::_exit(127);
}

/// A field of /proc/PID/status that is in kB.
std::uint64_t status_bytes(pid_t pid, std::string_view field) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(field)) {
            return std::stoull(line.substr(field.size())) * 1024;
        }
    }
    throw std::runtime_error("the server's process has no " + std::string(field));
}

}  // namespace

server_process::server_process(const std::vector<std::string>& arguments,
                               const std::filesystem::path& log, const launch_options& options) {
    std::vector<std::string> texts = options.wrapper;
    texts.emplace_back(program);
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    const std::vector<char*> pointers = pointers_to(texts);
    // The new ones first: getenv takes the first of a name.
    std::vector<std::string> variables = options.environment;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        variables.emplace_back(*variable);
    }
    const std::vector<char*> environment = pointers_to(variables);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe2");
    }
    output_.reset(ends[0]);
    const unique_fd output(ends[1]);
    const unique_fd log_file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log_file) {
        fail("open the log");
    }
    pid_ = ::fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        become_server(pointers.data(), environment.data(), output.get(), log_file.get());
    }
    // By number: the C library's declaration (2.36) lacks C linkage for C++.
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!process_) {
        fail("pidfd_open");
    }
}

server_process::~server_process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

/// False when the program has closed its output.
bool server_process::read_output(std::chrono::steady_clock::time_point deadline) {
    if (!wait_readable(output_.get(), deadline)) {
        throw std::runtime_error("the server said nothing in time");
    }
    std::array<char, 4096> buffer;
    const auto bytes = ::read(output_.get(), buffer.data(), buffer.size());
    if (bytes < 0) {
        fail("read");
    }
    received_.append(buffer.data(), static_cast<std::size_t>(bytes));
    return bytes > 0;
}

std::uint16_t server_process::wait_until_serving() {
    return read_port();
}

std::uint16_t server_process::wait_until_watched() {
    return read_port();
}

/// That of the address in the next line.
std::uint16_t server_process::read_port() {
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    std::size_t end = 0;
    while ((end = received_.find('\n')) == std::string::npos) {
        if (!read_output(deadline)) {
            throw std::runtime_error("the server ended before it served");
        }
    }
    const std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
}

void server_process::send_signal(int number) const {
    if (::kill(pid_, number) != 0) {
        fail("kill");
    }
}

void server_process::freeze() const {
    send_signal(SIGSTOP);
    int status = 0;
    if (::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) {
        fail("waiting until the server stands still");
    }
}

process_end server_process::wait(std::chrono::seconds patience) {
    if (!wait_readable(process_.get(), std::chrono::steady_clock::now() + patience)) {
        throw std::runtime_error("the server did not end in time");
    }
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) {
        fail("waitpid");
    }
    pid_ = -1;
    return {.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

process_end server_process::stop(int signal) {
    send_signal(signal);
    return wait();
}

std::uint64_t server_process::resident_bytes() const {
    return status_bytes(pid_, "VmRSS:");
}

std::uint64_t server_process::resident_bytes_max() const {
    return status_bytes(pid_, "VmHWM:");
}

std::size_t server_process::open_descriptors() const {
    const std::filesystem::directory_iterator entries("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::size_t server_process::open_files(std::string_view extension) const {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/fd")) {
        std::error_code gone;  // descriptors come and go; gone is not open
        count += std::filesystem::read_symlink(entry.path(), gone).extension() == extension ? 1 : 0;
    }
    return count;
}

std::chrono::milliseconds server_process::cpu_time() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    std::string line;
    std::getline(file, line);
    // Behind the program's name, which may hold spaces, user and system time are 12th and 13th.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) {
        fields >> skipped;
    }
    std::int64_t user = 0;
    std::int64_t system = 0;
    if (!(fields >> user >> system)) {
        throw std::runtime_error("the server's process tells no CPU time");
    }
    return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::string server_process::rest_of_output() {
    while (read_output(std::chrono::steady_clock::now() + start_patience)) {
    }
    return received_;
}

std::vector<std::string> serve_arguments(const std::filesystem::path& data_dir) {
    return {"--data-dir", data_dir.string(), "--listen", "127.0.0.1:0", "--rate-limits", "off"};
}

}  // namespace pinhole::test
