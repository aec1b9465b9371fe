#include "handlers/openapi_schemas.hpp"

#include <utility>

#include "storage/schema/json_writer.hpp"

namespace pinhole::handlers::openapi {

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

namespace {

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

json plan_schema() {
    const json text{{"type", "string"}};
    const json texts{{"type", "array"}, {"items", text}};
    const json number{{"type", "integer"}, {"minimum", 0}};
    return {{"type", "object"},
            {"description", "how a list was found: docs/queries.md"},
            {"properties",
             {{"index", text},
              {"bounds", text},
              {"drives", texts},
              {"probes", texts},
              {"sort", {{"type", "boolean"}}},
              {"rows_read", number},
              {"rows_returned", number},
              {"micros", number}}},
            {"required",
             {"index", "bounds", "drives", "probes", "sort", "rows_read", "rows_returned"}}};
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
              {"errors", {{"type", "array"}, {"items", fault}}},
              {"plan", reference("plan")},
              {"accepted",
               {{"type", "array"},
                {"items", text},
                {"description", "of a 415: the media types that are accepted"}}}}},
            {"required", {"type", "title", "status", "detail", "error", "errors"}}};
}

}  // namespace

json page_schema(std::string_view of) {
    const json url{{"type", {"string", "null"}}, {"format", "uri-reference"}};
    return {{"type", "object"},
            {"properties",
             {{"next", url},
              {"previous", url},
              {"results", {{"type", "array"}, {"items", reference(of)}}},
              {"count", {{"type", "integer"}, {"minimum", 0}}},
              {"plan", reference("plan")}}},
            {"required", {"next", "previous", "results"}}};
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
    made["plan"] = plan_schema();
    made["problem"] = problem_schema();
    return made;
}

}  // namespace pinhole::handlers::openapi
