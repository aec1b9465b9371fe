#include "tests/http/reference_reading.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace pinhole::test {

namespace {

/// None: it is doubtful. A reader that has run out of bytes says so by `short_of_bytes`.
struct reader {
    std::string_view left;
    bool short_of_bytes = false;

    /// Up to CRLF, which is not part of it and is taken too.
    std::optional<std::string_view> take_line() {
        const auto end = left.find('\n');
        if (end == std::string_view::npos) {
            short_of_bytes = true;
            return std::nullopt;
        }
        const auto line = left.substr(0, end);
        left.remove_prefix(end + 1);
        const bool clean = line.ends_with('\r') && std::ranges::all_of(line, [](unsigned char c) {
                               return (c >= ' ' && c != 0x7f) || c == '\t' || c == '\r';
                           });
        if (!clean || line.find('\r') + 1 != line.size()) {
            return std::nullopt;
        }
        return line.substr(0, line.size() - 1);
    }

    std::optional<std::string_view> take(std::uint64_t bytes) {
        if (left.size() < bytes) {
            short_of_bytes = true;
            return std::nullopt;
        }
        const auto taken = left.substr(0, bytes);
        left.remove_prefix(taken.size());
        return taken;
    }
};

struct header_fields {
    int hosts = 0;
    int lengths = 0;
    int codings = 0;
    std::string length;
    std::string coding;
    bool close = false;
    bool keep_alive = false;
};

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::ranges::transform(lowered, lowered.begin(), [](unsigned char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    return lowered;
}

std::string_view without_blanks(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

bool is_token_text(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) ||
               std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
    });
}

bool is_digits(std::string_view text, std::string_view digits) {
    return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

/// None if it is more than 64 bits hold.
std::optional<std::uint64_t> to_number(std::string_view text, int base) {
    std::uint64_t value = 0;
    for (const char c : text) {
        const auto digit = static_cast<std::uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return std::nullopt;
        }
    }
    return value;
}

bool read_field(std::string_view line, header_fields& fields) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token_text(line.substr(0, colon))) {
        return false;
    }
    const std::string name = lower(line.substr(0, colon));
    const std::string value = lower(without_blanks(line.substr(colon + 1)));
    if (name == "host") {
        ++fields.hosts;
        return !value.empty();
    }
    if (name == "content-length") {
        ++fields.lengths;
        fields.length = value;
    } else if (name == "transfer-encoding") {
        ++fields.codings;
        fields.coding = value;
    } else if (name == "connection") {
        std::string_view list = value;
        while (!list.empty()) {
            const auto item = without_blanks(list.substr(0, list.find(',')));
            fields.close = fields.close || item == "close";
            fields.keep_alive = fields.keep_alive || item == "keep-alive";
            list.remove_prefix(std::min(list.find(','), list.size() - 1) + 1);
        }
    }
    return true;
}

/// Of a chunk, behind its size.
bool are_chunk_extensions(std::string_view text) {
    while (!text.empty()) {
        text = without_blanks(text);
        if (!text.starts_with(';')) {
            return false;
        }
        text = without_blanks(text.substr(1));
        const auto name_end = std::min(text.find_first_of(" \t;=\""), text.size());
        if (!is_token_text(text.substr(0, name_end))) {
            return false;
        }
        text.remove_prefix(name_end);
        const auto after_blanks = without_blanks(text);
        if (!after_blanks.starts_with('=')) {
            if (after_blanks.empty() && !text.empty()) {
                return false;
            }
            continue;
        }
        text = without_blanks(after_blanks.substr(1));
        std::size_t value_end = 0;
        if (text.starts_with('"')) {
            value_end = 1;
            while (value_end < text.size() && text[value_end] != '"') {
                value_end += text[value_end] == '\\' ? 2 : 1;
            }
            if (value_end >= text.size()) {
                return false;
            }
            ++value_end;
        } else {
            value_end = std::min(text.find_first_of(" \t;=\""), text.size());
            if (!is_token_text(text.substr(0, value_end))) {
                return false;
            }
        }
        text.remove_prefix(value_end);
    }
    return true;
}

std::optional<std::string> take_chunks(reader& from) {
    std::string body;
    for (;;) {
        const auto line = from.take_line();
        if (!line) {
            return std::nullopt;
        }
        const auto digits_end =
            std::min(line->find_first_not_of("0123456789abcdefABCDEF"), line->size());
        const auto size = to_number(line->substr(0, digits_end), 16);
        if (digits_end == 0 || !size || !are_chunk_extensions(line->substr(digits_end))) {
            return std::nullopt;
        }
        if (*size == 0) {
            break;
        }
        const auto data = from.take(*size);
        if (!data) {
            return std::nullopt;
        }
        body += *data;
        const auto end = from.take_line();
        if (!end || !end->empty()) {
            return std::nullopt;
        }
    }
    for (;;) {
        const auto trailer = from.take_line();
        if (!trailer) {
            return std::nullopt;
        }
        if (trailer->empty()) {
            return body;
        }
        header_fields framing;
        if (!read_field(*trailer, framing) ||
            framing.hosts + framing.lengths + framing.codings > 0) {
            return std::nullopt;
        }
    }
}

struct message_head {
    reference_message message;
    header_fields fields;
    bool is_1_0 = false;
};

std::optional<message_head> take_head(reader& from) {
    const auto line = from.take_line();
    if (!line) {
        return std::nullopt;
    }
    message_head head;
    const auto first = line->find(' ');
    const auto last = line->rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return std::nullopt;
    }
    head.message.method = line->substr(0, first);
    head.message.target = line->substr(first + 1, last - first - 1);
    const auto version = line->substr(last + 1);
    head.is_1_0 = version == "HTTP/1.0";
    if (!is_token_text(head.message.method) || !head.message.target.starts_with('/') ||
        head.message.target.find_first_of(" \t") != std::string::npos ||
        (!head.is_1_0 && version != "HTTP/1.1")) {
        return std::nullopt;
    }
    for (;;) {
        const auto field = from.take_line();
        if (!field) {
            return std::nullopt;
        }
        if (field->empty()) {
            return head;
        }
        if (!read_field(*field, head.fields)) {
            return std::nullopt;
        }
    }
}

bool is_framing_sound(const message_head& head) {
    const auto& fields = head.fields;
    if (fields.hosts > 1 || (fields.hosts == 0 && !head.is_1_0) || fields.lengths > 1 ||
        fields.codings > 1 || (fields.codings == 1 && (fields.lengths == 1 || head.is_1_0))) {
        return false;
    }
    return (fields.codings == 0 || fields.coding == "chunked") &&
           (fields.lengths == 0 ||
            (is_digits(fields.length, "0123456789") && to_number(fields.length, 10)));
}

}  // namespace

reference_reading read_by_the_letter(std::string_view stream) {
    reference_reading reading;
    reader from{.left = stream};
    for (;;) {
        while (from.left.starts_with("\r\n")) {
            from.left.remove_prefix(2);
        }
        if (from.left.empty()) {
            return reading;
        }
        const bool header_is_whole = from.left.contains("\r\n\r\n");
        auto head = take_head(from);
        if (!head || !is_framing_sound(*head)) {
            reading.end = header_is_whole && !from.short_of_bytes ? stream_end::doubtful_header
                                                                  : stream_end::inside_header;
            return reading;
        }
        const auto body =
            head->fields.codings > 0 ? take_chunks(from)
            : head->fields.lengths > 0
                ? from.take(*to_number(head->fields.length, 10)).transform([](auto bytes) {
                      return std::string(bytes);
                  })
                : std::optional(std::string());
        if (!body) {
            reading.end = from.short_of_bytes ? stream_end::inside_body : stream_end::doubtful_body;
            return reading;
        }
        head->message.body = *body;
        reading.messages.push_back(head->message);
        if (head->fields.close || (head->is_1_0 && !head->fields.keep_alive)) {
            reading.end = stream_end::closing;
            return reading;
        }
    }
}

}  // namespace pinhole::test
