#include "storage/dump/row_parser.hpp"

#include <algorithm>
#include <type_traits>

#include "storage/media/media_path.hpp"
#include "storage/query/time_text.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::size_t content_type_bytes_max = 127;
constexpr std::size_t password_bytes_max = 512;
constexpr std::string_view media_url_front = "/media/";

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_sha256(std::string_view text) {
    return text.size() == sha256_digits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

/// A hash that is never logged in with may be anything behind its '!'; none at all is as good.
bool is_password_hash(std::string_view text) {
    return text.empty() || (text.size() <= password_bytes_max && is_printable(text) &&
                            (text.starts_with('!') || text.starts_with("$argon2id$") ||
                             text.starts_with("pbkdf2_sha256$")));
}

/// "2026-11-22T08:05:00Z" and whatever else is a time, but no date alone.
std::optional<timestamp> parse_instant(std::string_view text) {
    constexpr std::size_t date_bytes = 10;
    return text.size() > date_bytes ? query::parse_time(text) : std::nullopt;
}

/// What a row cannot be without: there is no default that would mean anything.
template <class Row, class Field>
constexpr bool is_required(const Field& f) {
    return kind_of(f) == field_kind::id || f.name == "created_at";
}

}  // namespace

void row_parser::report(std::string problem) {
    faults_.add(file_, line_, std::move(problem));
}

void row_parser::report_field(std::string_view name, std::string_view problem) {
    std::string text{name};
    text += ' ';
    text += problem;
    report(std::move(text));
}

bool row_parser::read(const json_member& member, field_kind kind, std::int64_t& value) {
    if (kind == field_kind::integer) {
        if (member.kind != json_kind::integer) {
            report_field(member.name, "must be an integer");
            return false;
        }
        value = member.integer;
        return true;
    }
    const auto id = member.kind == json_kind::text ? parse_id(member.text) : std::nullopt;
    if (!id) {
        report_field(member.name, "must be an id: a positive number, as text");
        return false;
    }
    if (*id >= id_limit) {
        report_field(member.name, "is beyond what any clock leads to");
        return false;
    }
    value = *id;
    return true;
}

bool row_parser::read(const json_member& member, field_kind /*kind*/, std::string& value) {
    if (member.kind != json_kind::text) {
        report_field(member.name, "must be text");
        return false;
    }
    value = member.text;
    return true;
}

bool row_parser::read(const json_member& member, field_kind /*kind*/, bool& value) {
    if (member.kind != json_kind::boolean) {
        report_field(member.name, "must be true or false");
        return false;
    }
    value = member.integer != 0;
    return true;
}

bool row_parser::read(const json_member& member, field_kind /*kind*/, timestamp& value) {
    const auto instant = member.kind == json_kind::text ? parse_instant(member.text) : std::nullopt;
    if (!instant) {
        report_field(member.name, "must be a time such as 2026-11-22T08:05:00.123456Z");
        return false;
    }
    value = *instant;
    return true;
}

void row_parser::check_text(std::string_view name, const text_rule& rule, std::string_view value) {
    if (const auto fault = find_fault(name, rule, value)) {
        report_field(fault->field, fault->message);
    }
}

template <class Row, class Field>
void row_parser::read_field(const Field& f, std::size_t place, Row& row) {
    json_member* member = json_.find(f.name, place);
    if (member == nullptr) {
        if (is_required<Row>(f)) {
            report_field(f.name, "is missing");
        } else if (f.name == "updated_at") {
            row.updated_at = row.created_at;
        }
    } else {
        member->is_known = true;
        if (!read(*member, kind_of(f), row.*f.member)) {
            return;
        }
    }
    if constexpr (std::is_same_v<typename Field::value_type, std::string>) {
        // Of those without a length `check` knows more.
        if (f.rule.chars_max != 0 && f.rule.format != text_format::secret) {
            check_text(f.name, f.rule, row.*f.member);
        }
    }
}

void row_parser::check(const user& row) {
    if (!is_password_hash(row.password)) {
        report_field(
            "password",
            "must be a hash that this version knows ($argon2id$, pbkdf2_sha256$), or begin "
            "with '!'");
    }
}

void row_parser::check(const post& /*row*/) {}

void row_parser::check(const file& row) {
    const std::string_view url{row.url};
    if (!url.starts_with(media_url_front) ||
        !media::is_media_path(url.substr(media_url_front.size()))) {
        report_field("url", "must be /media/ and a path of letters, digits, '.', '_' and '-'");
    }
    if (row.type != "image" && row.type != "video") {
        report_field("type", "must be image or video");
    }
    if (row.content_type.size() > content_type_bytes_max || !is_printable(row.content_type)) {
        report_field("content_type", "must be a media type");
    }
    if (!row.sha256.empty() && !is_sha256(row.sha256)) {
        report_field("sha256", "must be 64 hexadecimal digits in lower case");
    }
    for (const auto& [name, value] : {std::pair{"position", row.position},
                                      {"size", row.size},
                                      {"width", row.width},
                                      {"height", row.height}}) {
        if (value < 0) {
            report_field(name, "must not be negative");
        }
    }
}

void row_parser::check(const comment& /*row*/) {}
void row_parser::check(const like& /*row*/) {}

template <class Row>
Row row_parser::parse(std::string_view file, std::uint64_t line, std::string_view text) {
    file_ = file;
    line_ = line;
    Row row;
    if (std::string problem = json_.parse(text); !problem.empty()) {
        report(std::move(problem));
        return row;
    }
    std::size_t place = 0;
    for_each_dumped_field<Row>([&](const auto& f) { read_field(f, place++, row); });
    for (const json_member& member : json_.members()) {
        if (!member.is_known && unknown_ == unknown_members::refuse) {
            report_field(member.name, "is a field that this version does not know");
        }
    }
    if constexpr (requires { row.deleted_at; }) {
        row.deleted_at = row.is_deleted ? row.updated_at : timestamp{};
    }
    check(row);
    return row;
}

template user row_parser::parse(std::string_view, std::uint64_t, std::string_view);
template post row_parser::parse(std::string_view, std::uint64_t, std::string_view);
template file row_parser::parse(std::string_view, std::uint64_t, std::string_view);
template comment row_parser::parse(std::string_view, std::uint64_t, std::string_view);
template like row_parser::parse(std::string_view, std::uint64_t, std::string_view);

}  // namespace pinhole::storage::dump
