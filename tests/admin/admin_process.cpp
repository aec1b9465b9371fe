#include "tests/admin/admin_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace pinhole::test {

namespace {

constexpr const char* program = PINHOLE_ADMIN_PROGRAM;
constexpr int patience_ms = 120'000;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

unique_fd make_file(std::string_view text) {
    unique_fd file(::memfd_create("pinhole-test", MFD_CLOEXEC));
    if (!file ||
        ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        fail("memfd_create");
    }
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

std::string read_all(int file) {
    std::string text(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
    if (::pread(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        fail("reading what it said");
    }
    return text;
}

void wait_readable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    int ready = 0;
    while ((ready = ::poll(&waiting, 1, patience_ms)) < 0 && errno == EINTR) {
    }
    if (ready <= 0) {
        throw std::runtime_error("pinhole-admin did nothing for two minutes");
    }
}

}  // namespace

admin_process::admin_process(const std::vector<std::string>& arguments, std::string_view input) {
    std::vector<std::string> texts{program};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    const unique_fd in = make_file(input);
    out_ = make_file({});
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("pipe2");
    }
    err_.reset(ends[0]);
    const unique_fd err_end(ends[1]);
    pid_ = ::fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::dup2(in.get(), STDIN_FILENO) >= 0 && ::dup2(out_.get(), STDOUT_FILENO) >= 0 &&
            ::dup2(err_end.get(), STDERR_FILENO) >= 0) {
            ::execv(program, pointers.data());
        }
        ::_exit(127);
    }
    process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!process_) {
        fail("pidfd_open");
    }
}

admin_process::~admin_process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

/// False at its end.
bool admin_process::read_error_output() {
    wait_readable(err_.get());
    std::array<char, 4096> buffer{};
    const auto bytes = ::read(err_.get(), buffer.data(), buffer.size());
    if (bytes < 0) {
        fail("read");
    }
    said_.append(buffer.data(), static_cast<std::size_t>(bytes));
    return bytes > 0;
}

bool admin_process::wait_until_it_says(std::string_view text) {
    while (!said_.contains(text)) {
        if (!read_error_output()) {
            return false;
        }
    }
    return true;
}

void admin_process::send_signal(int number) const {
    if (::kill(pid_, number) != 0) {
        fail("kill");
    }
}

admin_end admin_process::wait() {
    while (read_error_output()) {
    }
    wait_readable(process_.get());
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) {
        fail("waitpid");
    }
    pid_ = -1;
    return {.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .out = read_all(out_.get()),
            .err = said_};
}

admin_end run_admin(const std::vector<std::string>& arguments, std::string_view input) {
    return admin_process(arguments, input).wait();
}

std::vector<std::string> on(const std::filesystem::path& data, std::vector<std::string> word) {
    word.insert(word.begin(), {"--data-dir", data.string()});
    return word;
}

std::filesystem::path admin_program() {
    return program;
}

}  // namespace pinhole::test
