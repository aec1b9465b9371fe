#include "storage/control/client.hpp"

#include <chrono>
#include <system_error>
#include <utility>

#include "storage/control/socket.hpp"

namespace pinhole::storage::control {

namespace {

/// A server answers a greeting at once, unless it is stopped or stuck.
constexpr std::chrono::seconds greeting_patience{10};

constexpr const char* server_is_gone = "the connection to the server is lost: has it ended?";

[[noreturn]] void refuse_version(const greeting& theirs, std::int64_t schema_version) {
    throw server_unusable{
        "the running server is of another version (it has schema " + std::to_string(theirs.schema) +
        " and protocol " + std::to_string(theirs.protocol) + ", this program " +
        std::to_string(schema_version) + " and " + std::to_string(protocol_version) +
        "): use the pinhole-admin of the server's version"};
}

/// False if the server has closed already: it may have said why.
bool send_greeting(int socket, std::int64_t schema_version) {
    try {
        send_all(socket, encode_greeting({.schema = schema_version}));
        return true;
    } catch (const connection_lost&) {
        return false;
    }
}

std::optional<std::string> receive_greeting(int socket) {
    try {
        return receive(socket, greeting_bytes);
    } catch (const connection_lost&) {
        return std::nullopt;
    }
}

void exchange_greetings(int socket, std::int64_t schema_version) {
    set_patience(socket, greeting_patience);
    [[maybe_unused]] const bool is_heard = send_greeting(socket, schema_version);
    const auto received = receive_greeting(socket);
    if (!received) {
        throw server_unusable{
            "a server has the database, but does not answer on its control socket"};
    }
    const greeting theirs = decode_greeting(*received);
    switch (theirs.welcome) {
        case welcome::yes:
            break;
        case welcome::other_version:
            refuse_version(theirs, schema_version);
        case welcome::not_allowed:
            throw server_unusable{"only root and the user that runs the server may do this"};
        case welcome::busy:
            throw server_unusable{"the server has too many control connections: try again later"};
    }
    if (theirs.protocol != protocol_version || theirs.schema != schema_version) {
        refuse_version(theirs, schema_version);
    }
    set_patience(socket, std::chrono::seconds{0});
}

}  // namespace

std::shared_ptr<client> client::connect(const std::filesystem::path& data_dir,
                                        std::int64_t schema_version) {
    try {
        auto socket = connect_in(data_dir);
        if (!socket) {
            return nullptr;
        }
        exchange_greetings(socket->get(), schema_version);
        return std::make_shared<client>(std::move(*socket));
    } catch (const malformed_frame& malformed) {
        throw server_unusable{malformed.what()};
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::permission_denied) {
            throw server_unusable{"only root and the user that runs the server may do this (" +
                                  std::string{error.what()} + ")"};
        }
        throw;
    }
}

std::string client::ask(const frame_writer& request) {
    const std::lock_guard lock{mutex_};
    if (is_lost_) {
        throw kv::storage_failure{server_is_gone};
    }
    std::optional<std::string> received;
    try {
        send_frame(socket_.get(), request.bytes());
        received = receive_frame(socket_.get());
    } catch (const std::exception&) {
        received.reset();
    }
    if (!received) {
        is_lost_ = true;
        throw kv::storage_failure{server_is_gone};
    }
    frame_reader in{*received};
    switch (static_cast<answer>(in.read_u8())) {
        case answer::ok:
            return received->substr(1);
        case answer::failed:
            throw kv::storage_failure{std::string{in.read_string()}};
        case answer::refused:
            throw server_unusable{std::string{in.read_string()}};
    }
    throw kv::storage_failure{"the server answers what nobody understands"};
}

bool client::is_lost() const {
    const std::lock_guard lock{mutex_};
    return is_lost_;
}

frame_writer make_request(request what) {
    frame_writer out;
    out.append_u8(static_cast<std::uint8_t>(what));
    return out;
}

}  // namespace pinhole::storage::control
