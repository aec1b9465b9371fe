// JSON bodies as the handlers read them. Input: a byte that picks the route's fields, the body.
//
// A general JSON parser is the second opinion: what is taken is one flat object of texts that it
// reads alike; and whatever is refused can be answered.
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/json_body.hpp"
#include "storage/schema/text_rule.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

using handlers::body_field;
using nlohmann::json;
using storage::error_code;

std::span<const body_field> fields_of(std::uint8_t route) {
    const std::span<const body_field> all[] = {handlers::signup_fields,   handlers::login_fields,
                                               handlers::password_fields, handlers::profile_fields,
                                               handlers::post_fields,     handlers::comment_fields};
    return all[route % std::size(all)];
}

/// Requires: fields of this kind are there to be taken.
void check_taken(handlers::text_fields& taken, std::string_view body,
                 std::span<const body_field> declared) {
    const json read = json::parse(body);
    require(read.is_object(), "what is taken is an object");
    std::size_t expected = 0;
    for (const body_field& field : declared) {
        auto value = field.required ? std::optional(taken.take(field.name))
                                    : taken.take_optional(field.name);
        require(value.has_value() == read.contains(field.name), "a field is there if it was sent");
        if (!value) {
            continue;
        }
        ++expected;
        require(read.at(std::string(field.name)) == *value, "the value is the one that was sent");
        const bool is_username = field.rule.format == storage::text_format::username;
        const std::string kept = is_username ? storage::to_canonical_username(*value) : *value;
        require(!storage::find_fault(field.name, field.rule, kept), "the value keeps its rule");
        require(!kept.contains('\0'), "no NUL gets in");
    }
    require(read.size() == expected, "nothing undeclared gets in");
}

void check_refusal(const storage::error& error, std::string_view body) {
    require(error.code == error_code::malformed || error.code == error_code::invalid,
            "a body is malformed or invalid");
    const http::response answer = handlers::to_response(error);
    const auto status = static_cast<unsigned>(answer.code);
    require(status == 400 || status == 422, "the client is told of its fault");
    const auto& text = std::get<std::string>(answer.body);
    const json problem = json::parse(text, nullptr, false);
    require(!problem.is_discarded(), "the answer is JSON");
    require(problem.at("errors").size() == error.fields.size(), "all faults are told");
    if (error.code == error_code::invalid) {
        require(!error.fields.empty(), "what is invalid is named");
        require(json::parse(body, nullptr, false).is_object(), "only an object can be invalid");
    }
}

}  // namespace

void check_input(std::string_view input) {
    const auto declared = fields_of(take_byte(input));
    auto taken = handlers::parse_text_fields(input, declared);
    if (taken) {
        check_taken(*taken, input, declared);
    } else {
        check_refusal(taken.error(), input);
    }
}

}  // namespace pinhole::fuzz
