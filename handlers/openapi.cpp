// The OpenAPI 3.1 document, derived from the route table and the entities' declarations, so that it
// cannot say anything else than the server does. Made once, at the first request.
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/openapi_schemas.hpp"
#include "storage/query/predicate.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::handlers {

namespace {

using namespace openapi;

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

json query_schema(query_value value) {
    switch (value) {
        case query_value::page_size:
            return {{"type", "integer"}, {"minimum", 1}, {"maximum", 100}, {"default", 20}};
        case query_value::id:
            return id_schema();
        case query_value::user:
            return {{"type", "string"}, {"pattern", "^(me|[1-9][0-9]{0,18})$"}};
        case query_value::boolean:
            return {{"type", "boolean"}};
        case query_value::text:
            break;
    }
    return {{"type", "string"}};
}

/// An id of a row of `of`; of a user, `me` is one, too.
json reference_schema(storage::query::entity of) {
    return query_schema(of == storage::query::entity::user ? query_value::user : query_value::id);
}

json filter_schema(storage::query::field_kind kind, storage::query::entity of) {
    using storage::query::field_kind;
    switch (kind) {
        case field_kind::id:
            return reference_schema(of);
        case field_kind::integer:
            return {{"type", "integer"}};
        case field_kind::boolean:
            return {{"type", "boolean"}};
        case field_kind::time:
            return {{"type", "string"}, {"format", "date-time"}};
        case field_kind::text:
            break;
    }
    return {{"type", "string"}};
}

std::string about_filter(const storage::query::field_entry& field) {
    std::string about = "also " + std::string{field.name} + "__LOOKUP with ";
    for (const std::string_view lookup : storage::query::allowed_lookups(field.kind)) {
        about.append(lookup).append(", ");
    }
    about.resize(about.size() - 2);
    about += "; `!=` for `=` negates";
    if (field.name == "is_deleted") {
        about += "; of posts, `true` with `author=me` lists your own deleted ones, newest first";
    }
    return about;
}

/// Filters on the entity's own fields and relations; paths go on from there (docs/queries.md).
void append_filters(json& made, std::string_view singular) {
    for (const auto& entity : storage::query::all_entities()) {
        if (entity.singular != singular) {
            continue;
        }
        for (const auto& field : entity.fields) {
            made.push_back(parameter("query", field.name, filter_schema(field.kind, entity.self),
                                     about_filter(field)));
        }
        for (const auto& relation : entity.relations) {
            const std::string name{relation.name};
            made.push_back(parameter(
                "query", relation.name, reference_schema(relation.target),
                "an id; also " + name + "__in, " + name + "__isnull, " + name + "__FIELD of " +
                    std::string{storage::query::describe(relation.target).name} +
                    "; `!=` for `=` negates"));
        }
    }
}

bool is_reading(const route_spec& spec) {
    return spec.method == http::verb::get;
}

bool is_media(const route_spec& spec) {
    return spec.answer == "media";
}

/// Editing and deleting one entity, on condition.
bool honours_if_match(const route_spec& spec) {
    return spec.has_etag &&
           (spec.method == http::verb::patch || spec.method == http::verb::delete_);
}

/// The request's header fields beyond those that every HTTP request may have.
json header_parameters_of(const route_spec& spec) {
    const json text{{"type", "string"}};
    json made = json::array();
    const auto add = [&](std::string_view name, std::string_view about) {
        made.push_back(parameter("header", name, text, about));
    };
    add("X-Request-Id", "comes back with the answer; made where absent");
    if (spec.takes_idempotency_key) {
        made.push_back(parameter("header", "Idempotency-Key",
                                 {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}},
                                 "the same key and body gives the first answer again, for 24 h"));
    }
    if (spec.has_etag && is_reading(spec)) {
        add("If-None-Match", "an ETag that the client has: 304 if it is still the right one");
    }
    if (honours_if_match(spec) || is_media(spec)) {
        add("If-Match", "the ETag of the version that is meant: 412 if it is another by now");
    }
    if (is_media(spec)) {
        add("Range", "one range of bytes");
        add("If-Range", "the ETag of the version that the range is of");
    }
    return made;
}

json parameters_of(const route_spec& spec) {
    json made = json::array();
    if (const auto open = spec.pattern.find('{'); open != std::string_view::npos) {
        const std::string path = openapi_path(spec.pattern);
        const std::string name = path.substr(open + 1, path.find('}') - open - 1);
        const bool is_id = name == "id" && spec.handle != get_user;
        made.push_back(parameter("path", name, is_id ? id_schema() : json{{"type", "string"}}, {}));
    }
    for (const query_parameter& query : spec.query) {
        made.push_back(
            parameter("query", query.name, query_schema(query.value), query.description));
    }
    if (spec.takes_filters) {
        append_filters(made, spec.answer);
    }
    for (json& header : header_parameters_of(spec)) {
        made.push_back(std::move(header));
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

/// Header fields of answers, by the name under which `components` describes them.
json headers(std::initializer_list<std::string_view> names) {
    json made = json::object();
    for (const std::string_view name : names) {
        made[std::string{name}] = {{"$ref", "#/components/headers/" + std::string{name}}};
    }
    return made;
}

json header_components() {
    constexpr std::pair<std::string_view, std::string_view> described[] = {
        {"X-Request-Id", "the request's, or one made for it; the log has it too"},
        {"ETag", "of this representation"},
        {"Location", "where what was created can be read"},
        {"Cache-Control", "who may keep the answer, and for how long"},
        {"WWW-Authenticate", "Bearer"},
        {"Retry-After", "seconds to wait"},
        {"Accept-Ranges", "bytes"},
        {"Content-Range", "which bytes of how many"},
        {"Last-Modified", "when the file was uploaded"}};
    json made = json::object();
    for (const auto& [name, about] : described) {
        made[std::string{name}] = {{"description", about}, {"schema", {{"type", "string"}}}};
    }
    return made;
}

json problem_answer(unsigned status) {
    const std::string_view reason =
        boost::beast::http::obsolete_reason(static_cast<http::status>(status));
    json answer{{"description", reason},
                {"headers", headers({"X-Request-Id", "Cache-Control"})},
                {"content", {{"application/problem+json", {{"schema", reference("problem")}}}}}};
    if (status == 401) {
        answer["headers"].update(headers({"WWW-Authenticate"}));
    }
    if (status == 429 || status == 503) {
        answer["headers"].update(headers({"Retry-After"}));
    }
    if (status == 416) {
        answer["headers"].update(
            headers({"Content-Range", "Accept-Ranges", "ETag", "Last-Modified"}));
    }
    return answer;
}

/// The error statuses that a route can answer with. Those that any request may earn before its
/// route is known (408, 414, 417, 431, 501, 505) are under `default`.
std::set<unsigned> errors_of(const route_spec& spec) {
    std::set<unsigned> errors{400};
    const auto add_if = [&](bool condition, std::initializer_list<unsigned> statuses) {
        if (condition) {
            errors.insert(statuses);
        }
    };
    add_if(spec.who == access::user, {401});
    add_if(spec.cost != cost::free, {429});
    add_if(spec.body != body_kind::none, {411, 413, 415, 422});
    add_if(spec.takes_idempotency_key, {409, 422});
    add_if(spec.pattern.contains('{'), {404});
    add_if(honours_if_match(spec), {412});
    add_if(!is_reading(spec), {507});
    // All that asks the database can find its queue full.
    add_if(spec.handle != get_health && spec.handle != get_openapi, {503});
    for (const unsigned status : spec.errors) {
        add_if(status != 0, {status});
    }
    return errors;
}

json success_of(const route_spec& spec) {
    json success{{"description", spec.success == 204 ? "Done" : "Success"},
                 {"headers", headers({"X-Request-Id"})}};
    if (is_media(spec)) {
        success["headers"].update(
            headers({"ETag", "Cache-Control", "Accept-Ranges", "Last-Modified"}));
        success["content"] = {{"*/*", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}};
        return success;
    }
    if (spec.success == 204) {
        return success;
    }
    success["headers"].update(headers({"Cache-Control"}));
    if (spec.has_etag) {
        success["headers"].update(headers({"ETag"}));
    }
    const json schema = spec.is_list ? page_schema(spec.answer) : reference(spec.answer);
    success["content"] = {{"application/json", {{"schema", schema}}}};
    return success;
}

json answers_of(const route_spec& spec) {
    const json success = success_of(spec);
    json answers;
    answers[std::to_string(spec.success)] = success;
    if (spec.success == 201) {
        if (spec.has_etag) {
            answers["201"]["headers"].update(headers({"Location"}));
        }
        if (spec.handle == put_like) {
            answers["200"] = success;
        }
    }
    if (is_media(spec)) {
        answers["206"] = success;
        answers["206"]["description"] = "Part of it";
        answers["206"]["headers"].update(headers({"Content-Range"}));
    }
    if (spec.has_etag && is_reading(spec)) {
        answers["304"] = {{"description", "Not changed"},
                          {"headers", headers({"X-Request-Id", "ETag", "Cache-Control"})}};
        if (is_media(spec)) {
            answers["304"]["headers"].update(headers({"Accept-Ranges", "Last-Modified"}));
        }
    }
    for (const unsigned status : errors_of(spec)) {
        const std::string name = std::to_string(status);
        answers[name] = {{"$ref", "#/components/responses/" + name}};
    }
    answers["default"] = {
        {"description", "Error"},
        {"content", {{"application/problem+json", {{"schema", reference("problem")}}}}}};
    return answers;
}

json response_components() {
    std::set<unsigned> statuses;
    for (const route_spec& spec : route_table()) {
        statuses.merge(errors_of(spec));
    }
    json made = json::object();
    for (const unsigned status : statuses) {
        made[std::to_string(status)] = problem_answer(status);
    }
    return made;
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
          {"headers", header_components()},
          {"responses", response_components()},
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
