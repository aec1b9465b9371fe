#include "storage/pbkdf2.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include <charconv>
#include <new>

namespace pinhole::storage {

namespace {

constexpr std::string_view front = "pbkdf2_sha256$";
constexpr std::size_t salt_bytes_max = 128;

/// What stands before the next '$', which is taken off with it.
std::optional<std::string_view> take_part(std::string_view& text) {
    const auto end = text.find('$');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end + 1);
    return part;
}

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t iterations = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), iterations);
    if (ec != std::errc{} || end != text.data() + text.size() || iterations == 0 ||
        iterations > pbkdf2_iterations_max) {
        return std::nullopt;
    }
    return iterations;
}

}  // namespace

std::optional<pbkdf2_hash> parse_pbkdf2(std::string_view stored) {
    if (!stored.starts_with(front)) {
        return std::nullopt;
    }
    stored.remove_prefix(front.size());
    const auto iterations_text = take_part(stored);
    const auto salt = take_part(stored);
    const auto iterations = iterations_text ? parse_iterations(*iterations_text) : std::nullopt;
    if (!iterations || !salt || salt->empty() || salt->size() > salt_bytes_max) {
        return std::nullopt;
    }
    pbkdf2_hash parsed{.iterations = *iterations, .salt = std::string{*salt}};
    std::size_t length = 0;
    const char* end = nullptr;
    if (sodium_base642bin(parsed.key.data(), parsed.key.size(), stored.data(), stored.size(),
                          nullptr, &length, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        length != parsed.key.size() || end != stored.data() + stored.size()) {
        return std::nullopt;
    }
    return parsed;
}

bool verify_pbkdf2(const pbkdf2_hash& stored, std::string_view password) {
    std::array<std::uint8_t, 32> key{};
    const auto* salt = reinterpret_cast<const unsigned char*>(stored.salt.data());
    if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt,
                          static_cast<int>(stored.salt.size()), static_cast<int>(stored.iterations),
                          EVP_sha256(), static_cast<int>(key.size()), key.data()) != 1) {
        throw std::bad_alloc{};
    }
    return sodium_memcmp(key.data(), stored.key.data(), key.size()) == 0;
}

}  // namespace pinhole::storage
