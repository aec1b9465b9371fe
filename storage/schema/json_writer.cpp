#include "storage/schema/json_writer.hpp"

#include <charconv>

namespace pinhole::storage {

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t plain_from = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        out += text.substr(plain_from, at - plain_from);
        plain_from = at + 1;
        switch (byte) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                out += "\\u00";
                out += digits[byte >> 4];
                out += digits[byte & 0xF];
        }
    }
    out += text.substr(plain_from);
    out += '"';
}

void append_json_integer(std::string& out, std::int64_t value) {
    char digits[20];
    const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end);
}

void append_json(std::string& out, const user_brief& brief) {
    out += "{\"id\":";
    json_detail::append_id(out, brief.id);
    out += ",\"username\":";
    append_json_string(out, brief.username);
    out += ",\"name\":";
    append_json_string(out, brief.name);
    out += '}';
}

}  // namespace pinhole::storage
