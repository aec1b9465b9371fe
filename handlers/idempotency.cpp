#include "handlers/idempotency.hpp"

#include <sodium.h>

#include <algorithm>

#include "handlers/answers.hpp"

namespace pinhole::handlers {

using storage::error_code;

result<held_key> hold_key(call& c, std::string_view action) {
    constexpr std::string_view name_of_header = "idempotency-key";
    if (!c.request.has_header(name_of_header)) {
        return held_key{};
    }
    const std::string_view key = c.request.header(name_of_header);
    const bool usable = !key.empty() && key.size() <= storage::idempotency_key_bytes_max &&
                        std::ranges::all_of(key, [](char b) { return b >= 0x20 && b < 0x7F; });
    if (!usable) {
        return storage::fail(error_code::malformed,
                             "Idempotency-Key must be 1 to 255 printable ASCII characters.");
    }
    storage::idempotency_key scoped{std::to_string(c.who.user) + ' ' + std::string{action},
                                    std::string{key}};
    std::string name = c.api.database().keys().name_of_idempotency_key(scoped.scope, scoped.key);
    if (!c.api.keys().enter(name)) {
        return storage::fail(error_code::key_in_flight,
                             "A request with this Idempotency-Key is still being worked on.");
    }
    return held_key{c.api.keys(), std::move(name), std::move(scoped)};
}

std::string fingerprint_of(std::string_view content) {
    std::string hash(32, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                       reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                       nullptr, 0);
    return hash;
}

http::response to_response(const storage::idempotent_answer& answer) {
    http::response response = created_answer(answer.body, answer.location);
    response.code = static_cast<http::status>(answer.status);
    return response;
}

result<std::optional<storage::idempotent_answer>> find_earlier_answer(
    const kv::reader& reader, const call& c, const held_key& key, std::string_view fingerprint) {
    if (!key) {
        return std::nullopt;
    }
    auto earlier = storage::find_answer(reader, c.api.database().keys(), key.key(), c.at);
    if (earlier && earlier->fingerprint != fingerprint) {
        return storage::fail(error_code::key_reused,
                             "This Idempotency-Key was used for another request.",
                             {{"Idempotency-Key", "reused", "was used with another body"}});
    }
    return earlier;
}

}  // namespace pinhole::handlers
