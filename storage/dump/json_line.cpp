#include "storage/dump/json_line.hpp"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace pinhole::storage::dump {

using nlohmann::json;

/// Values inside a value (only a field that is not known can have some) are checked as JSON and
/// forgotten.
class json_line::handler final : public nlohmann::json_sax<json> {
public:
    explicit handler(json_line& line) : line_(line) {}

    std::string problem;

    bool null() override { return set(json_kind::null, 0); }
    bool boolean(bool value) override { return set(json_kind::boolean, value ? 1 : 0); }
    bool number_integer(number_integer_t value) override { return set(json_kind::integer, value); }
    bool number_unsigned(number_unsigned_t value) override {
        constexpr auto integer_max =
            static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
        return value <= integer_max ? set(json_kind::integer, static_cast<std::int64_t>(value))
                                    : set(json_kind::other, 0);
    }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
        return set(json_kind::other, 0);
    }
    bool string(string_t& value) override {
        if (depth_ == 1) {
            line_.members_[line_.count_ - 1].text.swap(value);
        }
        return set(json_kind::text, 0);
    }
    bool binary(binary_t& /*value*/) override { return set(json_kind::other, 0); }

    bool start_object(std::size_t /*count*/) override { return begin(true); }
    bool start_array(std::size_t /*count*/) override { return begin(false); }
    bool end_object() override { return end(); }
    bool end_array() override { return end(); }

    bool key(string_t& name) override {
        if (depth_ != 1) {
            return true;
        }
        if (line_.find_member(name) != nullptr) {
            return refuse("the field " + name + " comes twice");
        }
        if (line_.count_ == members_per_line_max) {
            return refuse("has more fields than any row");
        }
        line_.add_member().name.swap(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return refuse("is not JSON at byte " + std::to_string(position));
    }

private:
    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    bool set(json_kind kind, std::int64_t integer) {
        if (depth_ == 0) {
            return refuse("is not a JSON object");
        }
        if (depth_ == 1) {
            json_member& member = line_.members_[line_.count_ - 1];
            member.kind = kind;
            member.integer = integer;
        }
        return true;
    }
    bool begin(bool is_object) {
        if (depth_ == 0 && !is_object) {
            return refuse("is not a JSON object");
        }
        if (depth_ == 1) {
            set(json_kind::other, 0);
        }
        ++depth_;
        return true;
    }
    bool end() {
        --depth_;
        return true;
    }

    json_line& line_;
    std::size_t depth_ = 0;
};

class json_line::fast_parser {
public:
    simdjson::dom::parser parser;
};

namespace {

void read_value(const simdjson::dom::element& value, json_member& member) {
    using simdjson::dom::element_type;
    switch (value.type()) {
        case element_type::STRING:
            member.kind = json_kind::text;
            member.text = std::string_view{value};
            break;
        case element_type::INT64:
            member.kind = json_kind::integer;
            member.integer = std::int64_t{value};
            break;
        case element_type::BOOL:
            member.kind = json_kind::boolean;
            member.integer = bool{value} ? 1 : 0;
            break;
        case element_type::NULL_VALUE:
            member.kind = json_kind::null;
            break;
        default:  // an unsigned one is beyond the signed ones
            member.kind = json_kind::other;
            break;
    }
}

}  // namespace

json_line::json_line() : fast_(std::make_unique<fast_parser>()) {}
json_line::~json_line() = default;

json_member* json_line::find_member(std::string_view name) {
    const auto all = members();
    const auto found = std::ranges::find(all, name, &json_member::name);
    return found != all.end() ? &*found : nullptr;
}

json_member& json_line::add_member() {
    if (count_ == members_.size()) {
        members_.emplace_back();
    }
    json_member& member = members_[count_++];
    member.is_known = false;
    return member;
}

/// False for whatever there may be to say of the line.
bool json_line::parse_fast(std::string_view line) {
    simdjson::dom::object object;
    if (fast_->parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
        return false;
    }
    for (const auto& [name, value] : object) {
        if (count_ == members_per_line_max || find_member(name) != nullptr) {
            return false;
        }
        json_member& member = add_member();
        member.name = name;
        read_value(value, member);
    }
    return true;
}

std::string json_line::parse(std::string_view line) {
    count_ = 0;
    // The parser takes a NUL for the end, and would not look at what follows.
    if (line.contains('\0')) {
        return "has a NUL character";
    }
    if (parse_fast(line)) {
        return {};
    }
    count_ = 0;
    handler events{*this};
    if (!json::sax_parse(line.begin(), line.end(), &events)) {
        return events.problem.empty() ? "is not JSON" : events.problem;
    }
    return {};
}

json_member* json_line::find(std::string_view name, std::size_t place) {
    if (place < count_ && members_[place].name == name) {
        return &members_[place];
    }
    return find_member(name);
}

}  // namespace pinhole::storage::dump
