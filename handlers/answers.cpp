#include "handlers/answers.hpp"

#include <sodium.h>

#include <array>

#include "storage/base/text.hpp"
#include "storage/media/sniff.hpp"

namespace pinhole::handlers {

using http::status;
using storage::error_code;

status to_status(error_code code) {
    switch (code) {
        case error_code::malformed:
            return status::bad_request;
        case error_code::invalid:
        case error_code::key_reused:
            return status::unprocessable_entity;
        case error_code::unauthenticated:
        case error_code::bad_credentials:
            return status::unauthorized;
        case error_code::forbidden:
            return status::forbidden;
        case error_code::not_found:
            return status::not_found;
        case error_code::conflict:
        case error_code::key_in_flight:
            return status::conflict;
        case error_code::precondition_failed:
            return status::precondition_failed;
        case error_code::too_large:
            return status::payload_too_large;
        case error_code::unsupported_media:
            return status::unsupported_media_type;
        case error_code::rate_limited:
            return status::too_many_requests;
        case error_code::overloaded:
        case error_code::unavailable:
            return status::service_unavailable;
        case error_code::storage_full:
            return status::insufficient_storage;
        case error_code::too_expensive:
            return status::unprocessable_entity;
    }
    return status::internal_server_error;
}

http::response to_response(const storage::error& error) {
    std::vector<http::field_error> fields;
    fields.reserve(error.fields.size());
    for (const storage::field_fault& fault : error.fields) {
        fields.push_back({fault.field, fault.code, fault.message});
    }
    if (error.code == error_code::unsupported_media) {
        std::string accepted = "[";
        for (const media::format format : media::all_formats) {
            accepted += accepted.size() == 1 ? "" : ",";
            storage::append_json_string(accepted, media::content_type(format));
        }
        return http::problem_with(to_status(error.code), error.message, "accepted", accepted + ']',
                                  std::move(fields));
    }
    if (error.code == error_code::too_expensive) {
        return http::problem_with(to_status(error.code), error.message, "plan", error.plan,
                                  std::move(fields));
    }
    return http::problem(to_status(error.code), error.message, std::move(fields));
}

std::string etag_of(std::string_view json) {
    std::array<std::uint8_t, 16> hash{};
    crypto_generichash(hash.data(), hash.size(),
                       reinterpret_cast<const unsigned char*>(json.data()), json.size(), nullptr,
                       0);
    return '"' + storage::to_base64url(hash) + '"';
}

namespace {

http::response with_etag(status code, std::string json, std::string etag) {
    http::response answer = http::response::json(code, std::move(json));
    answer.set("ETag", std::move(etag));
    answer.set("Cache-Control", "private, no-cache");
    return answer;
}

}  // namespace

http::response entity_answer(const http::request& request, std::string json) {
    std::string etag = etag_of(json);
    const std::string_view known = request.header("if-none-match");
    if (!known.empty() && http::etag_matches_weakly(known, etag)) {
        http::response answer = http::response::not_modified();
        answer.set("ETag", std::move(etag));
        answer.set("Cache-Control", "private, no-cache");
        return answer;
    }
    return with_etag(status::ok, std::move(json), std::move(etag));
}

http::response created_answer(std::string json, std::string location) {
    std::string etag = etag_of(json);
    http::response answer = with_etag(status::created, std::move(json), std::move(etag));
    if (!location.empty()) {
        answer.set("Location", std::move(location));
    }
    return answer;
}

http::response updated_answer(std::string json) {
    std::string etag = etag_of(json);
    return with_etag(status::ok, std::move(json), std::move(etag));
}

}  // namespace pinhole::handlers
