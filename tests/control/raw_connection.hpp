// The control socket as bytes, for those who do not keep to the protocol.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/control/wire.hpp"

namespace pinhole::test {

class raw_connection {
public:
    /// Connected, and nothing said yet.
    explicit raw_connection(const std::filesystem::path& data_dir);

    /// The greeting of a good client. What the server answers.
    storage::control::greeting greet();
    void send(std::string_view bytes);
    void send_frame(const storage::control::frame_writer& frame);
    /// The next frame; empty once the server has closed.
    std::string receive_frame();
    /// Whether the server closes, perhaps after saying something.
    bool is_closed_by_server();
    void close() { socket_.reset(); }

private:
    unique_fd socket_;
};

}  // namespace pinhole::test
