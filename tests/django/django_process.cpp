#include "tests/django/django_process.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

using nlohmann::json;

/// Debian's, which sees Debian's Django; it writes no __pycache__ into the sources.
constexpr const char* python = "/usr/bin/python3";
constexpr const char* script = PINHOLE_DJANGO_SCRIPT;
constexpr timeval patience{.tv_sec = 120, .tv_usec = 0};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// In the child: only what is safe between fork and exec.
[[noreturn]] void become_script(int channel, const char* rows) {
    if (::dup2(channel, STDIN_FILENO) >= 0 && ::dup2(channel, STDOUT_FILENO) >= 0) {
        ::execl(python, python, "-B", script, rows, static_cast<char*>(nullptr));
    }
    ::_exit(127);
}

json to_json(const storage::test::naive_row& row, storage::entity_id id) {
    json values{{"id", id}, {"is_deleted", row.is_deleted}};
    for (const auto& [name, number] : row.numbers) {
        values[name] = number;
    }
    values["created_at"] =
        storage::to_rfc3339(storage::from_microseconds(row.numbers.at("created_at")));
    for (const auto& [name, text] : row.texts) {
        values[name] = text;
    }
    for (const auto& [name, target] : row.references) {
        values[name + "_id"] = target;
    }
    return {{"list", row.list}, {"values", std::move(values)}};
}

void write_rows(const storage::test::world& in, const std::filesystem::path& path) {
    std::ofstream out(path);
    for (const auto& [id, row] : in.rows()) {
        out << to_json(row, id) << '\n';
    }
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + path.string());
    }
}

}  // namespace

boost::test_tools::assertion_result has_django(boost::unit_test::test_unit_id /*unit*/) {
    const std::string command = std::string{python} + " -B '" + script + "' --check 2>&1";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"),
                                                               ::pclose);
    std::string said;
    for (int c = pipe ? std::fgetc(pipe.get()) : EOF; c != EOF; c = std::fgetc(pipe.get())) {
        said += static_cast<char>(c);
    }
    boost::test_tools::assertion_result can(pipe && said.empty());
    can.message() << "Django on PostgreSQL can't run here: " << said;
    return can;
}

django_process::django_process(const storage::test::world& in) {
    const temporary_directory directory;
    const std::string rows = directory.path() / "rows.jsonl";
    write_rows(in, rows);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        fail("socketpair");
    }
    channel_.reset(ends[0]);
    unique_fd other(ends[1]);
    ::setsockopt(channel_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    pid_ = ::fork();
    if (pid_ < 0) {
        fail("fork");
    }
    if (pid_ == 0) {
        become_script(other.get(), rows.c_str());
    }
    other.reset();  // or the end of the script would not be seen
    try {
        versions_ = read_line();
    } catch (...) {
        stop();
        throw;
    }
}

django_process::~django_process() {
    stop();
}

void django_process::stop() {
    channel_.reset();
    ::waitpid(pid_, nullptr, 0);
}

std::vector<storage::entity_id> django_process::find(const storage::test::naive_query& query) {
    json parameters = json::array();
    for (const auto& [name, value] : to_parameters(query)) {
        parameters.push_back({name, value});
    }
    write_line(json{{"list", query.list}, {"parameters", std::move(parameters)}}.dump());
    const json answer = json::parse(read_line());
    if (answer.contains("fault")) {
        throw std::runtime_error(to_text(query) + "\n" + answer.at("fault").get<std::string>());
    }
    return answer.at("ids").get<std::vector<storage::entity_id>>();
}

std::string django_process::read_line() {
    for (;;) {
        const std::size_t end = received_.find('\n');
        if (end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            return line;
        }
        std::array<char, 65'536> buffer;
        const auto bytes = ::recv(channel_.get(), buffer.data(), buffer.size(), 0);
        if (bytes < 0) {
            // What it says later would be taken for the answer to something else.
            ::shutdown(channel_.get(), SHUT_RDWR);
            fail("Django says nothing");
        }
        if (bytes == 0) {
            throw std::runtime_error("Django has ended");
        }
        received_.append(buffer.data(), static_cast<std::size_t>(bytes));
    }
}

void django_process::write_line(std::string line) {
    line += '\n';
    for (std::size_t sent = 0; sent < line.size();) {
        const auto bytes =
            ::send(channel_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (bytes < 0) {
            fail("Django takes nothing");
        }
        sent += static_cast<std::size_t>(bytes);
    }
}

}  // namespace pinhole::test
