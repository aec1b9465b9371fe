// The query language. Input: a byte of choices, a line with a parameter's name, then its value,
// which is read as an expression and as an ordering, too.
//
// Whatever is refused is refused with one fault that says why; whatever is read has its operands,
// and asking it of a row ends.
#include <cstdint>

#include "storage/query/parse.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

using namespace storage::query;

value_view sample(field_kind kind, std::string_view text) {
    switch (kind) {
        case field_kind::boolean:
            return true;
        case field_kind::text:
            return text;
        case field_kind::time:
            return storage::timestamp{};
        default:
            return std::int64_t{1};
    }
}

void ask_all(const condition& of, std::string_view text, std::size_t depth) {
    require(depth <= 2 * expression_depth_max + 4, "a condition is no deeper than its text may be");
    if (of.what == condition::kind::test) {
        require(of.leaf->path.field != nullptr, "a test asks something of a field");
        require(of.leaf->path.relations.size() <= relations_max, "paths end");
        if (of.leaf->predicate) {
            of.leaf->predicate->holds(sample(of.leaf->path.field->kind, text));
        }
        return;
    }
    require(!of.parts.empty(), "what joins joins something");
    for (const condition& part : of.parts) {
        ask_all(part, text, depth + 1);
    }
}

template <class Parsed>
bool is_fine(const Parsed& parsed) {
    if (!parsed) {
        require(parsed.error().fields.size() == 1 && !parsed.error().message.empty(),
                "a refusal says why");
    }
    return parsed.has_value();
}

}  // namespace

void check_input(std::string_view input) {
    const parse_context context{static_cast<entity>(take_byte(input) % 5), 1};
    const std::string_view name = take_line(input);
    if (const auto parsed = parse_parameter(context, name, input); is_fine(parsed)) {
        ask_all(*parsed, input, 0);
    }
    if (const auto parsed = parse_expression(context, input); is_fine(parsed)) {
        ask_all(*parsed, name, 0);
    }
    if (const auto parsed = parse_ordering(context, input); is_fine(parsed)) {
        require(!parsed->empty() && parsed->back().path.field->kind == field_kind::id,
                "an order tells every two rows apart");
    }
}

}  // namespace pinhole::fuzz
