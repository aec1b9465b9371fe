#include "tests/django_import/django_app.hpp"

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace pinhole::test {

namespace {

/// Debian's, which sees Debian's Django; it writes no __pycache__ into the sources.
constexpr const char* python = "/usr/bin/python3 -B '" PINHOLE_DJANGO_APP "'";

struct said {
    std::string text;
    int status = 0;
};

said run(const std::string& command) {
    std::FILE* const pipe = ::popen(command.c_str(), "re");
    if (pipe == nullptr) {
        throw std::runtime_error{"cannot run " + command};
    }
    said answer;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
        answer.text += static_cast<char>(c);
    }
    answer.status = ::pclose(pipe);
    return answer;
}

}  // namespace

boost::test_tools::assertion_result has_django_app(boost::unit_test::test_unit_id /*unit*/) {
    const said answer = run(std::string{python} + " --check 2>&1");
    boost::test_tools::assertion_result can(answer.status == 0);
    can.message() << "Django can't run here: " << answer.text;
    return can;
}

std::string run_django_app(const std::vector<std::string>& arguments) {
    std::string command = python;
    for (const std::string& each : arguments) {
        command += " '" + each + '\'';
    }
    const said answer = run(command + " 2>&1");
    if (answer.status != 0) {
        throw std::runtime_error{command + ": " + answer.text};
    }
    return answer.text;
}

}  // namespace pinhole::test
