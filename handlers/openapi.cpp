// The OpenAPI 3.1 document, derived from the route table and the entities' declarations, so that it
// cannot say anything else than the server does. Made once, at the first request.
#include <boost/beast/http/verb.hpp>
#include <nlohmann/json.hpp>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::handlers {

namespace {

using json = nlohmann::ordered_json;
using storage::exposure;

json reference(std::string_view schema) {
    return {{"$ref", "#/components/schemas/" + std::string{schema}}};
}

json id_schema() {
    return {{"type", "string"},
            {"pattern", "^[1-9][0-9]{0,18}$"},
            {"description", "a 63-bit integer in decimal"}};
}

json text_schema(const storage::text_rule& rule) {
    json schema{{"type", "string"}};
    if (rule.chars_min > 0) {
        schema["minLength"] = rule.chars_min;
    }
    if (rule.chars_max > 0) {
        schema["maxLength"] = rule.chars_max;
    }
    switch (rule.format) {
        case storage::text_format::username:
            schema["pattern"] = "^[A-Za-z0-9_]+([.][A-Za-z0-9_]+)*$";
            break;
        case storage::text_format::http_url:
            schema["description"] = "an http:// or https:// URL, or empty";
            break;
        case storage::text_format::secret:
            schema["format"] = "password";
            break;
        case storage::text_format::plain:
            break;
    }
    return schema;
}

template <class Value>
json value_schema(std::string_view name, const storage::text_rule& rule) {
    if constexpr (std::is_same_v<Value, std::string>) {
        if (name == "url") {
            return {{"type", "string"}, {"format", "uri-reference"}};
        }
        if (name == "type") {
            return {{"type", "string"}, {"enum", {"image", "video"}}};
        }
        return text_schema(rule);
    } else if constexpr (std::is_same_v<Value, bool>) {
        return {{"type", "boolean"}};
    } else if constexpr (std::is_same_v<Value, storage::timestamp>) {
        return {{"type", "string"}, {"format", "date-time"}};
    } else if constexpr (std::is_same_v<Value, storage::reference_to<storage::user>>) {
        return reference("user_brief");
    } else if constexpr (storage::is_reference<Value>) {
        return id_schema();
    } else if constexpr (std::is_same_v<Value, std::vector<storage::file>>) {
        return {{"type", "array"}, {"items", reference("file")}, {"minItems", 1}, {"maxItems", 10}};
    } else {
        static_assert(std::is_same_v<Value, std::int64_t>);
        return name == "id" ? id_schema() : json{{"type", "integer"}, {"minimum", 0}};
    }
}

template <class Row>
json entity_schema() {
    json properties = json::object();
    json required = json::array();
    storage::for_each_field<Row>([&](const auto& f) {
        using field_type = std::remove_cvref_t<decltype(f)>;
        if (!storage::is_shown(f)) {
            return;
        }
        storage::text_rule rule{};
        if constexpr (storage::is_stored_field<field_type>) {
            rule = f.rule;
        }
        properties[std::string{f.name}] =
            value_schema<typename field_type::value_type>(f.name, rule);
        required.push_back(f.name);
    });
    return {{"type", "object"}, {"properties", properties}, {"required", required}};
}

json page_schema(std::string_view of) {
    const json url{{"type", {"string", "null"}}, {"format", "uri-reference"}};
    return {{"type", "object"},
            {"properties",
             {{"next", url},
              {"previous", url},
              {"results", {{"type", "array"}, {"items", reference(of)}}}}},
            {"required", {"next", "previous", "results"}}};
}

json problem_schema() {
    const json text{{"type", "string"}};
    const json fault{{"type", "object"},
                     {"properties", {{"field", text}, {"code", text}, {"message", text}}},
                     {"required", {"field", "code", "message"}}};
    return {{"type", "object"},
            {"description", "RFC 9457; `error` is the same text as `detail`"},
            {"properties",
             {{"type", text},
              {"title", text},
              {"status", {{"type", "integer"}}},
              {"detail", text},
              {"error", text},
              {"errors", {{"type", "array"}, {"items", fault}}}}},
            {"required", {"type", "title", "status", "detail"}}};
}

json schemas() {
    const json text{{"type", "string"}};
    json made;
    made["user"] = entity_schema<storage::user>();
    made["user_brief"] = {{"type", "object"},
                          {"properties", {{"id", id_schema()}, {"username", text}, {"name", text}}},
                          {"required", {"id", "username", "name"}}};
    made["post"] = entity_schema<storage::post>();
    made["file"] = entity_schema<storage::file>();
    made["comment"] = entity_schema<storage::comment>();
    made["like"] = entity_schema<storage::like>();
    made["session"] = entity_schema<storage::session>();
    made["login"] = {{"type", "object"},
                     {"properties",
                      {{"user", reference("user")},
                       {"token", text},
                       {"expires_at", {{"type", "string"}, {"format", "date-time"}}}}},
                     {"required", {"user", "token", "expires_at"}}};
    made["status"] = {{"type", "object"}, {"properties", {{"status", text}}}};
    made["openapi"] = {{"type", "object"}};
    made["problem"] = problem_schema();
    return made;
}

json parameter(std::string_view in, std::string_view name, json schema, std::string_view about) {
    json made{
        {"in", in}, {"name", name}, {"required", in == "path"}, {"schema", std::move(schema)}};
    if (!about.empty()) {
        made["description"] = about;
    }
    return made;
}

/// "/media/{path...}" is "/media/{path}" in OpenAPI.
std::string openapi_path(std::string_view pattern) {
    std::string path{pattern};
    if (const auto rest = path.find("...}"); rest != std::string::npos) {
        path.erase(rest, 3);
    }
    return path;
}

json parameters_of(const route_spec& spec) {
    json made = json::array();
    const json text{{"type", "string"}};
    if (const auto open = spec.pattern.find('{'); open != std::string_view::npos) {
        const std::string path = openapi_path(spec.pattern);
        made.push_back(
            parameter("path", path.substr(open + 1, path.find('}') - open - 1), text, {}));
    }
    for (const query_parameter& query : spec.query) {
        made.push_back(parameter("query", query.name, text, query.description));
    }
    if (spec.takes_idempotency_key) {
        made.push_back(parameter("header", "Idempotency-Key",
                                 {{"type", "string"}, {"maxLength", 255}},
                                 "the same key and body gives the first answer again, for 24 h"));
    }
    return made;
}

json body_of(const route_spec& spec) {
    json properties = json::object();
    json required = json::array();
    std::string media_type = "application/json";
    for (const body_field& field : spec.fields) {
        properties[std::string{field.name}] = text_schema(field.rule);
        if (field.required) {
            required.push_back(field.name);
        }
    }
    if (spec.body == body_kind::multipart) {
        media_type = "multipart/form-data";
        properties["content"] = text_schema(storage::rule_of<storage::post>("content"));
        properties["files"] = {{"type", "array"},
                               {"items", {{"type", "string"}, {"format", "binary"}}},
                               {"minItems", 1},
                               {"maxItems", 10},
                               {"description", media::accepted_content_types()}};
        required.push_back("files");
    }
    json schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
    if (!required.empty()) {
        schema["required"] = required;
    }
    return {{"required", true}, {"content", {{media_type, {{"schema", schema}}}}}};
}

json answers_of(const route_spec& spec) {
    json success{{"description", spec.success == 204 ? "Done" : "Success"}};
    if (spec.answer == "media") {
        success["content"] = {{"*/*", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
    } else if (!spec.answer.empty()) {
        const json schema = spec.is_list ? page_schema(spec.answer) : reference(spec.answer);
        success["content"] = {{"application/json", {{"schema", schema}}}};
    }
    json answers;
    answers[std::to_string(spec.success)] = std::move(success);
    if (spec.pattern.ends_with("/like") && spec.success == 201) {
        answers["200"] = answers["201"];
    }
    answers["default"] = {
        {"description", "Error"},
        {"content", {{"application/problem+json", {{"schema", reference("problem")}}}}}};
    return answers;
}

json operation_of(const route_spec& spec) {
    json operation{{"summary", spec.summary}};
    if (json parameters = parameters_of(spec); !parameters.empty()) {
        operation["parameters"] = std::move(parameters);
    }
    if (spec.body != body_kind::none) {
        operation["requestBody"] = body_of(spec);
    }
    operation["responses"] = answers_of(spec);
    if (spec.who == access::anyone) {
        operation["security"] = json::array();
    }
    return operation;
}

std::string make_document() {
    json paths = json::object();
    for (const route_spec& spec : route_table()) {
        std::string method{boost::beast::http::to_string(spec.method)};
        std::ranges::transform(method, method.begin(),
                               [](char c) { return static_cast<char>(c - 'A' + 'a'); });
        paths[openapi_path(spec.pattern)][method] = operation_of(spec);
    }
    const json document{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "Pinhole"},
          {"version", "1"},
          {"description", "Photo and video sharing over HTTP and JSON."}}},
        {"paths", paths},
        {"security", json::array({{{"bearer", json::array()}}})},
        {"components",
         {{"schemas", schemas()},
          {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
    return document.dump(2);
}

}  // namespace

awaitable<http::response> get_openapi(call& c) {
    static const std::string document = make_document();
    http::response answer = entity_answer(c.request, document);
    answer.set("Cache-Control", "public, no-cache");
    co_return answer;
}

}  // namespace pinhole::handlers
