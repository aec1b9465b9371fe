// Idempotency keys and the records sealed under them. Input: the header's value in the first line,
// what is sealed behind it.
//
// A key is held by one request at a time; a record opens under its own key alone, and not at all
// once a bit of it is another.
#include <algorithm>

#include "handlers/idempotency.hpp"
#include "tests/fuzz/api_context.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

void check_holding(std::string_view key) {
    const http::header_view field{.name = "Idempotency-Key", .value = key};
    shared_call call(7);
    call.request().headers = {&field, 1};
    const auto held = handlers::hold_key(call.call(), "comment");
    const bool printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; });
    require(held.has_value() == (printable && !key.empty() && key.size() <= 255),
            "a key is some printable characters");
    if (!held) {
        require(held.error().code == storage::error_code::malformed, "no other text is a key");
        return;
    }
    require(!handlers::hold_key(call.call(), "comment"), "one request holds it");
    require(handlers::hold_key(call.call(), "post").has_value(), "another action has its own");
    shared_call other(8);
    other.request().headers = {&field, 1};
    require(handlers::hold_key(other.call(), "comment").has_value(), "another user has its own");
}

void check_sealing(std::string_view key, std::string_view record, choices& random) {
    const storage::secrets& keys = shared_api().database().keys();
    const std::string sealed = keys.seal("7 comment", key, record);
    require(keys.open("7 comment", key, sealed) == record, "a record opens under its key");
    require(!keys.open("8 comment", key, sealed), "another user's key opens nothing");
    require(!keys.open("7 comment", std::string(key) + "x", sealed), "another key opens nothing");
    std::string damaged = sealed;
    const auto at = random.pick(damaged.size());
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.pick(8)));
    require(!keys.open("7 comment", key, damaged), "a damaged record does not open");
    require(!keys.open("7 comment", key, record), "what nobody sealed does not open");
}

}  // namespace

void check_input(std::string_view input) {
    choices random(input);
    const auto key = take_line(input);
    check_holding(key);
    check_sealing(key, input, random);
}

}  // namespace pinhole::fuzz
