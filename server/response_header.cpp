#include "server/response_header.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdint>

namespace pinhole::http {
namespace {

constexpr std::size_t unread_bytes_max = 1024 * 1024;

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

void append_status_line(std::string& out, status code) {
    if (code == status::ok) {
        out += "HTTP/1.1 200 OK\r\n";
        return;
    }
    const auto reason = boost::beast::http::obsolete_reason(code);
    out += "HTTP/1.1 ";
    append_number(out, static_cast<unsigned>(code));
    out += ' ';
    out.append(reason.data(), reason.size());
    out += "\r\n";
}

}  // namespace

bool may_have_body(status code) {
    return code != status::no_content && code != status::not_modified &&
           static_cast<unsigned>(code) >= 200;
}

void append_response_header(std::string& out, const response& answer, const wire_context& context) {
    append_status_line(out, answer.code);
    out += "Date: ";
    out += context.date;
    out += "\r\nX-Request-Id: ";
    out += context.request_id;
    out += "\r\n";
    for (const auto& [name, value] : answer.headers) {
        out += name;
        out += ": ";
        out += value;
        out += "\r\n";
    }
    if (may_have_body(answer.code)) {
        out += "Content-Length: ";
        append_number(out, answer.body_bytes());
        out += "\r\n";
    }
    if (!context.keep_alive) {
        out += "Connection: close\r\n";
    } else if (context.say_keep_alive) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
}

bool send_and_forget(int socket, const response& answer, const wire_context& context,
                     bool head_only) {
    std::string message;
    append_response_header(message, answer, context);
    if (const auto* text = std::get_if<std::string>(&answer.body); text != nullptr && !head_only) {
        message += *text;
    }
    // tcp(7): MSG_TRUNC discards the bytes in the kernel.
    static_cast<void>(::recv(socket, nullptr, unread_bytes_max, MSG_TRUNC | MSG_DONTWAIT));
    const ssize_t sent =
        ::send(socket, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    static_cast<void>(::shutdown(socket, SHUT_WR));
    return sent >= 0 && static_cast<std::size_t>(sent) == message.size();
}

}  // namespace pinhole::http
