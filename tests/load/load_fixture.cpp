#include "tests/load/load_fixture.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "tests/support/sanitizers.hpp"

namespace pinhole::test {

load_server::load_server(const std::vector<std::string>& arguments, const std::string& listen) {
    std::vector<std::string> all{"--data-dir", (directory_.path() / "data").string(), "--listen",
                                 listen};
    const auto add_unless_given = [&](const std::string& flag, const std::string& value) {
        if (std::ranges::find(arguments, flag) == arguments.end()) {
            all.insert(all.end(), {flag, value});
        }
    };
    add_unless_given("--rate-limits", "off");
    add_unless_given("--log-level", "warning");
    all.insert(all.end(), arguments.begin(), arguments.end());
    process_.emplace(all, log_);
    port_ = process_->wait_until_serving();
}

std::string load_server::log_text() const {
    return read_file(log_.string());
}

void load_server::check_stops() {
    const process_end end = process_->stop(SIGTERM);
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.exit_status == 0);
}

std::size_t raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        throw std::system_error(errno, std::generic_category(), "getrlimit");
    }
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        throw std::system_error(errno, std::generic_category(), "setrlimit");
    }
    return limit.rlim_cur;
}

std::size_t open_sockets(pid_t process) {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
        std::error_code gone;  // descriptors come and go; gone is not open
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        count += target.string().starts_with("socket:") ? 1 : 0;
    }
    return count;
}

std::chrono::milliseconds time_of_plain_request(std::uint16_t port, const std::string& target) {
    const auto begun = std::chrono::steady_clock::now();
    http_client client(port);
    const auto answer = client.request("GET", target);
    const auto taken = std::chrono::steady_clock::now() - begun;
    BOOST_TEST(answer.status == 200U);
    return std::chrono::duration_cast<std::chrono::milliseconds>(taken);
}

std::string own_address() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return {};
    }
    std::string found;
    for (const ifaddrs* entry = list; entry != nullptr && found.empty(); entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET ||
            (entry->ifa_flags & IFF_LOOPBACK) != 0 || (entry->ifa_flags & IFF_UP) == 0) {
            continue;
        }
        std::array<char, INET_ADDRSTRLEN> text{};
        const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
        if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) {
            found = text.data();
        }
    }
    ::freeifaddrs(list);
    return found;
}

void check_memory(std::uint64_t bytes, std::uint64_t bytes_max) {
    if (costs_are_real) {
        BOOST_TEST(bytes <= bytes_max);
    } else {
        BOOST_TEST_MESSAGE("memory is not checked: the sanitizer's is among it");
    }
}

std::size_t count_of(const std::string& text, const std::string& in) {
    std::size_t count = 0;
    for (auto at = in.find(text); at != std::string::npos; at = in.find(text, at + text.size())) {
        ++count;
    }
    return count;
}

}  // namespace pinhole::test
