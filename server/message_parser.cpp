#include "server/message_parser.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <limits>

namespace pinhole::http {
namespace {

std::string_view to_view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

message_parser::message_parser() {
    base::header_limit(std::numeric_limits<std::uint32_t>::max());
    base::body_limit(boost::none);
}

std::expected<message_line, refusal> message_parser::parse_header(std::string_view header) {
    error_code ec;
    base::put({header.data(), header.size()}, ec);
    if (too_many_fields_) {
        return std::unexpected(
            refusal{status::request_header_fields_too_large, "The header has too many fields."});
    }
    if (ec || !header_done_) {
        return std::unexpected(refusal{status::bad_request, "The header is malformed."});
    }
    return line_;
}

void message_parser::on_request_impl(boost::beast::http::verb method, beast_view, beast_view target,
                                     int version, error_code&) {
    line_ = {
        .method = method, .target = to_view(target), .version = static_cast<unsigned>(version)};
}

void message_parser::on_response_impl(int, beast_view, int, error_code&) {}

bool message_parser::join_list(boost::beast::http::field name, std::string_view value) {
    const auto list = std::ranges::find(lists_, name, &joined_field::name);
    if (list == lists_.end()) {
        return false;
    }
    if (list->first == nullptr) {
        list->first = &fields_[fields_count_];
        return false;
    }
    if (list->value.empty()) {
        list->value = list->first->value;
    }
    list->value.append(", ").append(value);
    list->first->value = list->value;
    return true;
}

void message_parser::on_field_impl(boost::beast::http::field name, beast_view name_text,
                                   beast_view value, error_code& ec) {
    if (fields_count_ == fields_.size()) {
        too_many_fields_ = true;
        ec = boost::beast::http::error::header_limit;
        return;
    }
    if (join_list(name, to_view(value))) {
        return;
    }
    fields_[fields_count_++] = {.name = to_view(name_text), .value = to_view(value)};
}

void message_parser::on_header_impl(error_code&) {
    header_done_ = true;
}

void message_parser::on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) {}

std::size_t message_parser::on_body_impl(beast_view body, error_code&) {
    return body.size();
}

void message_parser::on_chunk_header_impl(std::uint64_t, beast_view, error_code&) {}

std::size_t message_parser::on_chunk_body_impl(std::uint64_t, beast_view body, error_code&) {
    return body.size();
}

void message_parser::on_finish_impl(error_code&) {}

}  // namespace pinhole::http
