#include "handlers/json_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "handlers/answers.hpp"

namespace pinhole::handlers {

namespace {

using nlohmann::json;
using storage::error_code;
using storage::field_fault;

constexpr std::size_t depth_max = 32;
constexpr std::size_t members_max = 64;

/// Names that exist on entities but never come from a client.
constexpr std::string_view read_only_names[] = {
    "id",         "author",     "user",       "post",          "files",      "is_deleted",
    "created_at", "updated_at", "like_count", "comment_count", "post_count", "liked",
    "is_staff",   "deleted_at", "url",        "size",          "sha256",     "is_counted"};

/// Collects the members of one flat object; what is nested is skipped, and counts as "no text".
/// The parser that drives it keeps its stack on the heap, so depth costs no stack here.
class flat_object_reader : public nlohmann::json_sax<json> {
public:
    struct member {
        std::string name;
        std::optional<std::string> text;  ///< none: some other type
    };
    std::vector<member> members;
    std::string problem;

    bool null() override { return add(std::nullopt); }
    bool boolean(bool) override { return add(std::nullopt); }
    bool number_integer(number_integer_t) override { return add(std::nullopt); }
    bool number_unsigned(number_unsigned_t) override { return add(std::nullopt); }
    bool number_float(number_float_t, const string_t&) override { return add(std::nullopt); }
    bool binary(binary_t&) override { return refuse("The body must be a JSON object."); }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool start_object(std::size_t) override { return enter(true); }
    bool end_object() override { return leave(); }
    bool start_array(std::size_t) override { return enter(false); }
    bool end_array() override { return leave(); }

    bool key(string_t& name) override {
        if (depth_ != 1) {
            return true;
        }
        const auto same = [&](const member& m) { return m.name == name; };
        if (std::ranges::any_of(members, same)) {
            return refuse("The body names a member twice: " + name.substr(0, 64));
        }
        if (members.size() == members_max) {
            return refuse("The body has too many members.");
        }
        members.push_back({std::move(name), std::nullopt});
        return true;
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse("The body is not valid JSON, at byte " + std::to_string(position) + ".");
    }

private:
    bool refuse(std::string why) {
        if (problem.empty()) {
            problem = std::move(why);
        }
        return false;
    }

    bool add(std::optional<std::string> text) {
        if (depth_ == 0) {
            return refuse("The body must be a JSON object.");
        }
        if (depth_ == 1) {
            members.back().text = std::move(text);
        }
        return true;
    }

    bool enter(bool object) {
        if (depth_ == 0 && !object) {
            return refuse("The body must be a JSON object.");
        }
        if (++depth_ > depth_max) {
            return refuse("The body is nested too deeply.");
        }
        return true;
    }

    bool leave() {
        --depth_;
        return true;
    }

    std::size_t depth_ = 0;
};

std::string names_of(std::span<const body_field> declared) {
    std::string names;
    for (const body_field& field : declared) {
        names += names.empty() ? "" : ", ";
        names += field.name;
    }
    return names;
}

std::optional<field_fault> fault_of(const flat_object_reader::member& member,
                                    std::span<const body_field> declared) {
    const auto field = std::ranges::find(declared, member.name, &body_field::name);
    if (field == declared.end()) {
        const bool read_only =
            std::ranges::find(read_only_names, member.name) != std::end(read_only_names);
        return read_only ? field_fault{member.name, "read_only", "cannot be set"}
                         : field_fault{member.name, "unknown_field",
                                       "is unknown; allowed are: " + names_of(declared)};
    }
    if (!member.text) {
        return field_fault{member.name, "not_a_string", "must be a string"};
    }
    const std::string value = field->rule.format == storage::text_format::username
                                  ? storage::to_canonical_username(*member.text)
                                  : *member.text;
    return storage::find_fault(member.name, field->rule, value);
}

bool is_json(std::string_view content_type) {
    std::string media_type{content_type.substr(0, content_type.find(';'))};
    std::erase_if(media_type, [](char c) { return c == ' ' || c == '\t'; });
    std::ranges::transform(media_type, media_type.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return media_type == "application/json";
}

}  // namespace

std::string text_fields::take(std::string_view name) {
    const auto found = values_.find(name);
    assert(found != values_.end());
    return std::move(found->second);
}

std::optional<std::string> text_fields::take_optional(std::string_view name) {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional{std::move(found->second)};
}

result<text_fields> parse_text_fields(std::string_view body, std::span<const body_field> declared) {
    flat_object_reader reader;
    // The parser takes a NUL for the end, and would not look at what follows.
    if (body.contains('\0') || !json::sax_parse(body, &reader)) {
        return storage::fail(error_code::malformed, reader.problem.empty()
                                                        ? "The body is not valid JSON."
                                                        : reader.problem);
    }
    std::vector<field_fault> faults;
    text_fields fields;
    for (const body_field& field : declared) {
        const auto same = [&](const auto& member) { return member.name == field.name; };
        if (field.required && std::ranges::none_of(reader.members, same)) {
            faults.push_back({std::string{field.name}, "required", "is required"});
        }
    }
    for (auto& member : reader.members) {
        if (auto fault = fault_of(member, declared)) {
            faults.push_back(std::move(*fault));
        } else {
            fields.values_.emplace(std::move(member.name), std::move(*member.text));
        }
    }
    if (!faults.empty()) {
        std::string message = "The body has a field that is not valid: " + faults.front().field;
        return storage::fail(error_code::invalid, std::move(message), std::move(faults));
    }
    return fields;
}

awaitable<std::expected<json_body, http::response>> read_json(
    call& c, std::span<const body_field> declared) {
    const std::string_view content_type = c.request.header("content-type");
    if (!content_type.empty() && !is_json(content_type)) {
        co_return std::unexpected{http::problem_with(http::status::unsupported_media_type,
                                                     "The body must be application/json.",
                                                     "accepted", R"(["application/json"])")};
    }
    auto bytes = co_await c.request.body().read_all(c.api.options().json_bytes_max);
    if (!bytes) {
        co_return std::unexpected{http::to_response(bytes.error())};
    }
    auto fields = parse_text_fields(*bytes, declared);
    if (!fields) {
        co_return std::unexpected{to_response(fields.error())};
    }
    co_return json_body{std::move(*bytes), std::move(*fields)};
}

}  // namespace pinhole::handlers
