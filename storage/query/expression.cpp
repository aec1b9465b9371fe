// The parser of `filter=`: recursive descent over the grammar in parse.hpp.
#include <nlohmann/json.hpp>
#include <utility>

#include "storage/base/text.hpp"
#include "storage/query/parse.hpp"
#include "storage/query/resolve.hpp"

namespace pinhole::storage::query {

namespace {

using nlohmann::json;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// An operand from JSON: text for what has no literal of its own; ids as text or numbers.
parsed<value> to_operand(const resolved_name& name, const json& literal, entity_id me) {
    const operand_kind wanted = operand_kind_of(name.kind, name.part);
    if (name.which == lookup::isnull || wanted == operand_kind::boolean) {
        return literal.is_boolean() ? parsed<value>{value{literal.get<bool>()}}
                                    : std::unexpected{std::string{"must be true or false"}};
    }
    if (wanted == operand_kind::integer) {
        return literal.is_number_integer() &&
                       (!literal.is_number_unsigned() || literal.get<std::uint64_t>() <= INT64_MAX)
                   ? parsed<value>{value{literal.get<std::int64_t>()}}
                   : std::unexpected{std::string{"must be a whole number"}};
    }
    if (wanted == operand_kind::id && literal.is_number_integer()) {
        return parse_operand(name, literal.dump(), me);
    }
    if (!literal.is_string()) {
        return std::unexpected{
            std::string{wanted == operand_kind::id ? "must be an id" : "must be a string"}};
    }
    return parse_operand(name, literal.get_ref<const std::string&>(), me);
}

class expression_parser {
public:
    expression_parser(const parse_context& context, std::string_view text)
        : context_(context), text_(text) {}

    std::optional<condition> run() {
        auto whole = parse_alternatives(0);
        skip_space();
        if (whole && at_ < text_.size()) {
            return fail_at(at_, "expected `&`, `|` or the end");
        }
        return whole;
    }

    /// Requires: `run` gave nothing.
    const std::string& message() const { return message_; }

private:
    using parsed_condition = std::optional<condition>;

    std::nullopt_t fail_at(std::size_t at, std::string what) {
        // Columns count characters, from 1.
        const auto before = count_code_points(text_.substr(0, at)).value_or(at);
        message_ = "column " + std::to_string(before + 1) + ": " + std::move(what);
        return std::nullopt;
    }

    void skip_space() {
        while (at_ < text_.size() && std::string_view{" \t\r\n"}.contains(text_[at_])) {
            ++at_;
        }
    }
    bool take(char wanted) {
        skip_space();
        const bool there = at_ < text_.size() && text_[at_] == wanted;
        at_ += there ? 1 : 0;
        return there;
    }

    parsed_condition parse_alternatives(std::size_t depth) {
        return parse_joined(condition::kind::any, '|', depth);
    }

    /// What is joined by `|`, or by `&`; one part alone is itself.
    parsed_condition parse_joined(condition::kind kind, char joint, std::size_t depth) {
        condition all{.what = kind};
        do {
            auto part = kind == condition::kind::any
                            ? parse_joined(condition::kind::all, '&', depth)
                            : parse_negation(depth);
            if (!part) {
                return std::nullopt;
            }
            all.parts.push_back(std::move(*part));
        } while (take(joint));
        return all.parts.size() == 1 ? std::move(all.parts.front()) : std::move(all);
    }

    parsed_condition parse_negation(std::size_t depth) {
        if (depth > expression_depth_max) {
            return fail_at(at_, "too deep: `(` and `~` may stand in each other " +
                                    std::to_string(expression_depth_max) + " times");
        }
        if (take('~')) {
            auto inner = parse_negation(depth + 1);
            if (!inner) {
                return std::nullopt;
            }
            condition outer{.what = condition::kind::negation};
            outer.parts.push_back(std::move(*inner));
            return outer;
        }
        if (take('(')) {
            auto inner = parse_alternatives(depth + 1);
            if (inner && !take(')')) {
                return fail_at(at_, "expected `&`, `|` or `)`");
            }
            return inner;
        }
        return parse_test();
    }

    parsed_condition parse_test() {
        skip_space();
        const std::size_t start = at_;
        while (at_ < text_.size() && is_name_character(text_[at_])) {
            ++at_;
        }
        if (at_ == start) {
            return fail_at(at_, "expected a field, `~` or `(`");
        }
        if (++tests_ > expression_tests_max) {
            return fail_at(
                start, "an expression may have " + std::to_string(expression_tests_max) + " tests");
        }
        auto name = resolve(context_.root, text_.substr(start, at_ - start));
        if (!name) {
            return fail_at(start, std::move(name.error()));
        }
        if (!take('=')) {
            return fail_at(at_, "expected `=`");
        }
        auto operands = parse_operands(*name);
        if (!operands) {
            return std::nullopt;
        }
        auto made = make_test(context_, std::move(*name), std::move(*operands),
                              std::string{text_.substr(start, at_ - start)});
        if (!made) {
            return fail_at(start, std::move(made.error()));
        }
        return condition{.what = condition::kind::test,
                         .parts = {},
                         .leaf = std::make_shared<const test>(std::move(*made))};
    }

    std::optional<std::vector<value>> parse_operands(const resolved_name& name) {
        skip_space();
        const std::size_t start = at_;
        std::vector<value> operands;
        if (name.which != lookup::in && name.which != lookup::range) {
            return append_operand(name, operands) ? std::optional{std::move(operands)}
                                                  : std::nullopt;
        }
        if (!take('[')) {
            return fail_at(at_, "expected an array");
        }
        if (!take(']')) {
            do {
                if (!append_operand(name, operands)) {
                    return std::nullopt;
                }
            } while (take(','));
            if (!take(']')) {
                return fail_at(at_, "expected `,` or `]`");
            }
        }
        if (const auto fits = check_count(name.which, operands.size()); !fits) {
            return fail_at(start, fits.error());
        }
        return operands;
    }

    bool append_operand(const resolved_name& name, std::vector<value>& operands) {
        skip_space();
        const std::size_t start = at_;
        const json literal = json::parse(take_literal(), nullptr, false);
        if (literal.is_discarded()) {
            fail_at(start,
                    "expected a JSON literal: a string in double quotes, a number, true or "
                    "false");
            return false;
        }
        auto operand = to_operand(name, literal, context_.me);
        if (!operand) {
            fail_at(start, std::move(operand.error()));
            return false;
        }
        operands.push_back(std::move(*operand));
        return true;
    }

    /// As far as a literal that is no array or object can go; whether it is one is for JSON to say.
    std::string_view take_literal() {
        const std::size_t start = at_;
        if (at_ < text_.size() && text_[at_] == '"') {
            for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
                at_ += text_[at_] == '\\' ? 1 : 0;
            }
            at_ = std::min(at_ + 1, text_.size());
        } else {
            while (at_ < text_.size() && (is_name_character(text_[at_]) ||
                                          std::string_view{"+-."}.contains(text_[at_]))) {
                ++at_;
            }
        }
        return text_.substr(start, at_ - start);
    }

    const parse_context& context_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t tests_ = 0;
    std::string message_;
};

}  // namespace

result<condition> parse_expression(const parse_context& context, std::string_view text) {
    const auto refuse = [](std::string message) {
        std::string whole = "filter: " + message;
        return fail(error_code::malformed, std::move(whole),
                    {{"filter", "invalid_expression", std::move(message)}});
    };
    if (text.size() > expression_bytes_max) {
        return refuse("may have " + std::to_string(expression_bytes_max) + " bytes");
    }
    expression_parser parser{context, text};
    auto parsed = parser.run();
    return parsed ? result<condition>{std::move(*parsed)} : refuse(parser.message());
}

}  // namespace pinhole::storage::query
