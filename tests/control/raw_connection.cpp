#include "tests/control/raw_connection.hpp"

#include <chrono>
#include <stdexcept>

#include "storage/control/socket.hpp"
#include "tests/control/served_store.hpp"

namespace pinhole::test {

namespace {

unique_fd connect_to(const std::filesystem::path& data_dir) {
    auto socket = control::connect_in(data_dir);
    if (!socket) {
        throw std::runtime_error{"nobody listens"};
    }
    control::set_patience(socket->get(), std::chrono::seconds{60});
    return std::move(*socket);
}

}  // namespace

raw_connection::raw_connection(const std::filesystem::path& data_dir)
    : socket_(connect_to(data_dir)) {}

control::greeting raw_connection::greet() {
    send(control::encode_greeting({.schema = test_schema}));
    const auto answer = control::receive(socket_.get(), control::greeting_bytes);
    return control::decode_greeting(answer.value());
}

void raw_connection::send(std::string_view bytes) {
    try {
        control::send_all(socket_.get(), bytes);
    } catch (const control::connection_lost&) {
        return;  // the server may have had enough already; what it says is looked at later
    }
}

void raw_connection::send_frame(const control::frame_writer& frame) {
    control::send_frame(socket_.get(), frame.bytes());
}

std::string raw_connection::receive_frame() {
    return control::receive_frame(socket_.get()).value_or(std::string{});
}

bool raw_connection::is_closed_by_server() {
    try {
        while (control::receive(socket_.get(), 1)) {
        }
        return true;
    } catch (const control::connection_lost&) {
        // Closed with bytes of ours unread, or no end in a minute.
        char byte = 0;
        return ::read(socket_.get(), &byte, 1) == 0;
    }
}

}  // namespace pinhole::test
