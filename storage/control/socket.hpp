// The Unix socket DIR/control.sock, and frames over it. Knows nothing of what is in a frame.
//
// A path longer than a socket's address is reached through /proc/self/fd.
// Thread-safety: each descriptor from one thread at a time. Blocks: all of it.
// Errors: std::system_error but where said otherwise.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::control {

inline constexpr std::string_view socket_name = "control.sock";

/// Listens for this user alone (mode 0600 from the first moment on). A socket that is there already
/// is replaced. Requires: no other process serves the directory.
unique_fd listen_in(const std::filesystem::path& directory);

/// None if nobody listens there.
std::optional<unique_fd> connect_in(const std::filesystem::path& directory);

/// The user at the other end.
uid_t peer_user(int socket);

/// Reading and writing beyond this long at one piece fails with EAGAIN; 0: for ever.
void set_patience(int socket, std::chrono::seconds patience);

/// The other end is gone, or was given up.
struct connection_lost : std::exception {
    const char* what() const noexcept override { return "the connection is lost"; }
};

/// Errors: throws connection_lost, whatever the reason.
void send_all(int socket, std::string_view bytes);
/// None if the other end has closed before the first byte. Memory grows with what really comes.
/// Errors: throws connection_lost.
std::optional<std::string> receive(int socket, std::size_t bytes);

/// One frame, length first. Requires: frame_bytes_max at most.
void send_frame(int socket, std::string_view payload);
/// None at the end of the connection.
/// Errors: throws connection_lost; malformed_frame for one that announces too much.
std::optional<std::string> receive_frame(int socket);

}  // namespace pinhole::storage::control
