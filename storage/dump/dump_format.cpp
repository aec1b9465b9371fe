#include "storage/dump/dump_format.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "storage/base/text.hpp"
#include "storage/query/time_text.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage::dump {

namespace {

using nlohmann::json;

/// The manifest, its entities, and one of these.
constexpr int manifest_depth_max = 3;
constexpr std::size_t version_bytes_max = 100;
constexpr std::size_t sha256_digits = 64;

const timestamp first_time = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
const timestamp end_of_times = std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1};

/// RFC 3339 has four digits for a year.
bool is_writable(timestamp instant) {
    return instant >= first_time && instant < end_of_times;
}

std::unexpected<error> malformed(std::string why) {
    return fail(error_code::malformed, "the manifest " + std::move(why));
}

std::unexpected<error> invalid(std::string_view member, std::string_view why) {
    std::string message = "the manifest's ";
    message += member;
    message += ' ';
    message += why;
    return fail(error_code::invalid, std::move(message),
                {{std::string{member}, "invalid", std::string{why}}});
}

std::string path_of(std::string_view parent, std::string_view name) {
    std::string path{parent};
    path += parent.empty() ? "" : ".";
    return path += name;
}

/// A tree of it is built only if it is not deep and names nothing twice, which the tree would hide.
result<json> parse_tree(std::string_view text) {
    if (text.size() > manifest_bytes_max) {
        return malformed("is too long");
    }
    // The parser takes a NUL for the end, and would not look at what follows.
    if (text.contains('\0')) {
        return malformed("is not valid JSON");
    }
    std::vector<std::set<std::string>> names;
    std::string problem;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::object_start ||
            event == json::parse_event_t::array_start) {
            names.emplace_back();
            problem = depth >= manifest_depth_max ? "is nested too deeply" : problem;
        } else if (event == json::parse_event_t::object_end ||
                   event == json::parse_event_t::array_end) {
            names.pop_back();
        } else if (event == json::parse_event_t::key &&
                   !names.back().insert(parsed.get<std::string>()).second) {
            problem = "has a member twice: " + parsed.get<std::string>();
        }
        return problem.empty();
    };
    constexpr bool throws = false;
    json tree = json::parse(text, watch, throws);
    if (!problem.empty()) {
        return malformed(std::move(problem));
    }
    if (!tree.is_object()) {
        return malformed(tree.is_discarded() ? "is not valid JSON" : "is not a JSON object");
    }
    return tree;
}

/// Reads an object's members one by one; the first fault is kept.
class member_reader {
public:
    member_reader(const json& object, std::string_view path, std::optional<error>& fault)
        : object_(object), path_(path), fault_(fault) {}

    const json* find(std::string_view name) {
        known_.emplace(name);
        const auto at = object_.find(name);
        return at == object_.end() ? nullptr : &*at;
    }

    std::string text(std::string_view name) {
        const json* at = require(name);
        if (at == nullptr) {
            return {};
        }
        if (!at->is_string()) {
            report(name, "is not a text");
            return {};
        }
        return at->get<std::string>();
    }

    std::uint64_t count(std::string_view name) {
        const json* at = require(name);
        if (at == nullptr) {
            return 0;
        }
        if (!at->is_number_unsigned() || at->get<std::uint64_t>() > INT64_MAX) {
            report(name, "is not a count");
            return 0;
        }
        return at->get<std::uint64_t>();
    }

    const json* object(std::string_view name) {
        const json* at = require(name);
        if (at != nullptr && !at->is_object()) {
            report(name, "is not an object");
            return nullptr;
        }
        return at;
    }

    void report(std::string_view name, std::string_view why) {
        if (!fault_) {
            fault_ = invalid(path_of(path_, name), why).error();
        }
    }

    /// Call once all members that are known have been asked for.
    void refuse_others() {
        for (const auto& [name, ignored] : object_.items()) {
            if (!known_.contains(name)) {
                report(name, "is unknown");
            }
        }
    }

private:
    const json* require(std::string_view name) {
        const json* at = find(name);
        if (at == nullptr) {
            report(name, "is missing");
        }
        return at;
    }

    const json& object_;
    std::string path_;
    std::optional<error>& fault_;
    std::set<std::string, std::less<>> known_;
};

bool is_sha256(std::string_view text) {
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == sha256_digits && std::ranges::all_of(text, is_digit);
}

entity_sums read_entity(const json& object, const std::string& path, unknown_members unknown,
                        std::optional<error>& fault) {
    member_reader members{object, path, fault};
    entity_sums sums{.rows = members.count("rows"), .sha256 = members.text("sha256")};
    if (!is_sha256(sums.sha256)) {
        members.report("sha256", "is not 64 lower-case hexadecimal digits");
    }
    if (unknown == unknown_members::refuse) {
        members.refuse_others();
    }
    return sums;
}

void read_entities(const json& object, unknown_members unknown, manifest& read,
                   std::optional<error>& fault) {
    constexpr std::string_view path = "entities";
    member_reader members{object, path, fault};
    for_each_dumped([&]<class Row>() {
        const std::string name{schema<Row>::name};
        if (members.find(name) == nullptr) {
            return;
        }
        if (const json* entity = members.object(name)) {
            read.entities.emplace(name, read_entity(*entity, path_of(path, name), unknown, fault));
        }
    });
    if (unknown == unknown_members::refuse) {
        members.refuse_others();
    }
}

media_sums read_media(const json& object, unknown_members unknown, std::optional<error>& fault) {
    member_reader members{object, "media", fault};
    const media_sums sums{.files = members.count("files"), .bytes = members.count("bytes")};
    if (unknown == unknown_members::refuse) {
        members.refuse_others();
    }
    return sums;
}

/// What is not a dump, or one of a later version, is said before anything else about it.
std::optional<error> find_foreign(const json& tree) {
    const auto format = tree.find("format");
    if (format == tree.end() || *format != format_name) {
        return invalid("format", "is not " + std::string{format_name}).error();
    }
    const auto version = tree.find("version");
    if (version == tree.end() || !version->is_number_unsigned() ||
        version->get<std::uint64_t>() == 0) {
        return invalid("version", "is not a version").error();
    }
    if (*version != format_version) {
        return invalid("version", "is " + version->dump() + "; this program reads version " +
                                      std::to_string(format_version))
            .error();
    }
    return std::nullopt;
}

}  // namespace

namespace detail {

void append_text(std::string& out, std::string_view text) {
    if (!count_code_points(text)) {
        throw corrupt_row{"a text of it is not UTF-8"};
    }
    append_json_string(out, text);
}

void append_time(std::string& out, timestamp instant) {
    if (!is_writable(instant)) {
        throw corrupt_row{"a time of it is out of range"};
    }
    out += '"';
    append_rfc3339(out, instant);
    out += '"';
}

void append_id(std::string& out, entity_id id) {
    out += '"';
    append_json_integer(out, id);
    out += '"';
}

}  // namespace detail

std::string file_name_of(std::string_view entity) {
    return std::string{entity} + ".jsonl";
}

bool is_dumped_entity(std::string_view entity) {
    bool found = false;
    for_each_dumped([&]<class Row>() { found = found || schema<Row>::name == entity; });
    return found;
}

std::string to_json(const manifest& m) {
    std::string out = "{\"format\":";
    append_json_string(out, format_name);
    out += ",\"version\":";
    append_json_integer(out, format_version);
    out += ",\"created_at\":";
    detail::append_time(out, m.created_at);
    out += ",\"server_version\":";
    append_json_string(out, m.server_version);
    out += ",\"entities\":";
    char before = '{';
    for_each_dumped([&]<class Row>() {
        const auto sums = m.entities.find(schema<Row>::name);
        if (sums == m.entities.end()) {
            return;
        }
        out += before;
        before = ',';
        append_json_string(out, schema<Row>::name);
        out += ":{\"rows\":" + std::to_string(sums->second.rows) + ",\"sha256\":";
        append_json_string(out, sums->second.sha256);
        out += '}';
    });
    out += before == '{' ? "{}" : "}";
    out += ",\"media\":{\"files\":" + std::to_string(m.media.files) +
           ",\"bytes\":" + std::to_string(m.media.bytes) + "}}\n";
    return out;
}

result<manifest> parse_manifest(std::string_view text, unknown_members unknown) {
    const auto tree = parse_tree(text);
    if (!tree) {
        return std::unexpected{tree.error()};
    }
    if (auto foreign = find_foreign(*tree)) {
        return std::unexpected{std::move(*foreign)};
    }
    manifest read;
    std::optional<error> fault;
    member_reader members{*tree, "", fault};
    members.find("format");
    members.find("version");
    const auto created_at = query::parse_time(members.text("created_at"));
    if (!created_at || !is_writable(*created_at)) {
        members.report("created_at", "is not a time");
    }
    read.created_at = created_at.value_or(timestamp{});
    read.server_version = members.text("server_version");
    if (read.server_version.size() > version_bytes_max) {
        members.report("server_version", "is too long");
    }
    if (const json* entities = members.object("entities")) {
        read_entities(*entities, unknown, read, fault);
    }
    if (members.find("media") != nullptr) {
        if (const json* media = members.object("media")) {
            read.media = read_media(*media, unknown, fault);
        }
    }
    if (unknown == unknown_members::refuse) {
        members.refuse_others();
    }
    return fault ? result<manifest>{std::unexpected{std::move(*fault)}} : read;
}

}  // namespace pinhole::storage::dump
