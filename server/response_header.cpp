#include "server/response_header.hpp"

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdint>

namespace pinhole::http {
namespace {

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

}  // namespace pinhole::http
