#include "storage/control/socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "storage/control/wire.hpp"

namespace pinhole::storage::control {

namespace {

constexpr int backlog = 16;
constexpr std::size_t receive_step_bytes = std::size_t{64} << 10U;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

/// The socket's address; `folder` is what it leads through where the path is too long for one.
struct address {
    explicit address(const std::filesystem::path& directory) {
        std::string path = (directory / socket_name).string();
        if (path.size() >= sizeof in.sun_path) {
            folder.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            if (!folder) {
                fail("open " + directory.string());
            }
            path = "/proc/self/fd/" + std::to_string(folder.get()) + '/' + std::string{socket_name};
        }
        in.sun_family = AF_UNIX;
        path.copy(in.sun_path, sizeof in.sun_path - 1);
    }

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&in); }

    unique_fd folder;
    sockaddr_un in{};
};

unique_fd make_socket() {
    unique_fd made{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!made) {
        fail("socket");
    }
    return made;
}

/// Only a socket is taken away: anything else there is not ours.
void remove_stale(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / socket_name;
    if (std::filesystem::is_socket(std::filesystem::symlink_status(path))) {
        std::filesystem::remove(path);
    }
}

}  // namespace

unique_fd listen_in(const std::filesystem::path& directory) {
    const address at{directory};
    remove_stale(directory);
    unique_fd listening = make_socket();
    // Before it has a name, so that there is no moment at which others could connect.
    if (::fchmod(listening.get(), S_IRUSR | S_IWUSR) != 0 ||
        ::bind(listening.get(), at.get(), sizeof at.in) != 0 ||
        ::listen(listening.get(), backlog) != 0) {
        fail("listening on " + (directory / socket_name).string());
    }
    return listening;
}

std::optional<unique_fd> connect_in(const std::filesystem::path& directory) {
    if (!std::filesystem::exists(directory)) {
        return std::nullopt;
    }
    const address at{directory};
    unique_fd connected = make_socket();
    while (::connect(connected.get(), at.get(), sizeof at.in) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            return std::nullopt;
        }
        if (errno != EINTR) {
            fail("connecting to " + (directory / socket_name).string());
        }
    }
    return connected;
}

uid_t peer_user(int socket) {
    ucred peer{};
    socklen_t bytes = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
        fail("SO_PEERCRED");
    }
    return peer.uid;
}

void set_patience(int socket, std::chrono::seconds patience) {
    const timeval time{.tv_sec = patience.count(), .tv_usec = 0};
    if (::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0 ||
        ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0) {
        fail("SO_RCVTIMEO");
    }
}

void send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (sent == 0 || errno != EINTR) {
            throw connection_lost{};
        }
    }
}

std::optional<std::string> receive(int socket, std::size_t bytes) {
    std::string received;
    while (received.size() < bytes) {
        const std::size_t before = received.size();
        const std::size_t step = std::min(bytes - before, std::max(before, receive_step_bytes));
        received.resize(before + step);
        const auto got = ::recv(socket, received.data() + before, step, 0);
        received.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
        if (got == 0 && before == 0) {
            return std::nullopt;
        }
        if (got == 0 || (got < 0 && errno != EINTR)) {
            throw connection_lost{};
        }
    }
    return received;
}

void send_frame(int socket, std::string_view payload) {
    frame_writer length;
    length.append_u32(static_cast<std::uint32_t>(payload.size()));
    send_all(socket, length.bytes());
    send_all(socket, payload);
}

std::optional<std::string> receive_frame(int socket) {
    const auto length = receive(socket, 4);
    if (!length) {
        return std::nullopt;
    }
    const std::size_t bytes = frame_reader{*length}.read_u32();
    if (bytes == 0 || bytes > frame_bytes_max) {
        throw malformed_frame{"a frame announces " + std::to_string(bytes) + " bytes"};
    }
    auto payload = receive(socket, bytes);
    if (!payload) {
        throw connection_lost{};
    }
    return payload;
}

}  // namespace pinhole::storage::control
