// Idempotency-Key on creating requests: the same key and content gives the first answer again, also
// after a crash; the same key with other content is refused; a request that fails uses no key up.
//
// Thread-safe. Never blocks the calling thread.
#pragma once

#include <optional>
#include <string>

#include "handlers/dispatch.hpp"
#include "storage/idempotency.hpp"

namespace pinhole::handlers {

/// The request's key while it is being worked on; gives the key free when destroyed.
class held_key {
public:
    held_key() = default;
    held_key(keys_in_flight& keys, std::string name, storage::idempotency_key key)
        : keys_(&keys), name_(std::move(name)), key_(std::move(key)) {}
    held_key(held_key&& other) noexcept
        : keys_(std::exchange(other.keys_, nullptr)),
          name_(std::move(other.name_)),
          key_(std::move(other.key_)) {}
    held_key& operator=(held_key&&) = delete;
    ~held_key() {
        if (keys_ != nullptr) {
            keys_->leave(name_);
        }
    }

    /// Whether the request has a key at all.
    explicit operator bool() const { return keys_ != nullptr; }
    const storage::idempotency_key& key() const { return key_; }

private:
    keys_in_flight* keys_ = nullptr;
    std::string name_;
    storage::idempotency_key key_;
};

/// Takes hold of the request's Idempotency-Key, if it has one. `action` names what is created, so
/// that one key may serve for a post and a comment.
/// Errors: malformed (no usable key), key_in_flight.
result<held_key> hold_key(call& c, std::string_view action);

/// Tells whether two requests are the same. It may be a hash of a password, so it is only ever kept
/// inside a sealed record.
std::string fingerprint_of(std::string_view content);

http::response to_response(const storage::idempotent_answer& answer);

/// The answer that this key has had, if any.
/// Errors: key_reused if it was for other content.
result<std::optional<storage::idempotent_answer>> find_earlier_answer(const kv::reader& reader,
                                                                      const call& c,
                                                                      const held_key& key,
                                                                      std::string_view fingerprint);

/// Plans a creation together with the record of its answer.
/// `plan(reader)` gives result<planned<T>>, `render(const T&)` the answer to keep and send.
template <class Plan, class Render>
result<storage::planned<storage::idempotent_answer>> plan_once(const kv::reader& reader,
                                                               const call& c, const held_key& key,
                                                               const std::string& fingerprint,
                                                               Plan& plan, Render& render) {
    auto earlier = find_earlier_answer(reader, c, key, fingerprint);
    if (!earlier) {
        return std::unexpected{std::move(earlier.error())};
    }
    if (*earlier) {
        return storage::planned<storage::idempotent_answer>{.commit = {},
                                                            .value = std::move(**earlier)};
    }
    auto created = plan(reader);
    if (!created) {
        return std::unexpected{std::move(created.error())};
    }
    storage::idempotent_answer answer = render(created->value);
    answer.fingerprint = fingerprint;
    if (key) {
        storage::append_answer(created->commit, reader, c.api.database().keys(), key.key(), answer,
                               c.at);
    }
    return storage::planned<storage::idempotent_answer>{.commit = std::move(created->commit),
                                                        .value = std::move(answer)};
}

}  // namespace pinhole::handlers
