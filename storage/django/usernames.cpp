#include "storage/django/usernames.hpp"

#include <unicode/translit.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "storage/schema/text_rule.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::size_t name_bytes_max = username_rule.chars_max;
constexpr std::size_t suffix_bytes_max = 20;
/// Of a text that may be long: no name needs more of it.
constexpr std::int32_t units_max = 200;

bool is_allowed(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
}

/// Dear to make, and not promised to be thread-safe.
const icu::Transliterator& latin_letters() {
    thread_local const std::unique_ptr<icu::Transliterator> made = [] {
        UErrorCode status = U_ZERO_ERROR;
        std::unique_ptr<icu::Transliterator> latin{icu::Transliterator::createInstance(
            "Any-Latin; Latin-ASCII; Lower", UTRANS_FORWARD, status)};
        if (U_FAILURE(status) != 0 || latin == nullptr) {
            throw std::runtime_error{"ICU has no transliteration to Latin letters"};
        }
        return latin;
    }();
    return *made;
}

std::string to_latin(std::string_view name) {
    icu::UnicodeString text =
        icu::UnicodeString::fromUTF8({name.data(), static_cast<std::int32_t>(name.size())});
    text.truncate(units_max);
    latin_letters().transliterate(text);
    std::string written;
    return text.toUTF8String(written);
}

/// No dot at an end or beside another, and no more characters than there may be.
std::string to_sound(std::string_view allowed, std::size_t bytes_max) {
    std::string sound;
    for (const char c : allowed) {
        if (sound.size() < bytes_max && !(c == '.' && (sound.empty() || sound.back() == '.'))) {
            sound += c;
        }
    }
    while (sound.ends_with('.')) {
        sound.pop_back();
    }
    return sound;
}

}  // namespace

std::string to_valid_username(std::string_view name) {
    std::string valid = to_latin(name);
    std::ranges::replace_if(valid, [](char c) { return !is_allowed(c); }, '_');
    valid = to_sound(valid, name_bytes_max);
    const bool says_something =
        std::ranges::any_of(valid, [](char c) { return c != '_' && c != '.'; });
    return says_something ? valid : "user";
}

std::string to_distinct_username(std::string_view name, std::string_view pk) {
    std::string suffix = to_canonical_username(pk.substr(0, suffix_bytes_max));
    std::ranges::replace_if(suffix, [](char c) { return !is_allowed(c) || c == '.'; }, '_');
    const std::string base = to_sound(to_valid_username(name), name_bytes_max - 1 - suffix.size());
    return base + '_' + suffix;
}

}  // namespace pinhole::storage::django
