#include "storage/media/media_path.hpp"

#include <sodium/randombytes.h>
#include <sodium/utils.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace pinhole::media {
namespace {

constexpr std::size_t token_bytes = token_digits / 2;
constexpr std::size_t extension_bytes_max = 8;
constexpr std::size_t path_components_max = 8;

bool is_between(char c, char first, char last) {
    return c >= first && c <= last;
}

bool is_path_component(std::string_view text) {
    return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
        return is_between(c, '0', '9') || is_between(c, 'a', 'z') || is_between(c, 'A', 'Z') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace

bool is_media_path(std::string_view path) {
    if (path.size() > media_path_bytes_max) {
        return false;
    }
    for (std::size_t components = 1; components <= path_components_max; ++components) {
        const std::size_t slash = path.find('/');
        if (!is_path_component(path.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
    return false;
}

std::string to_media_url(std::string_view media_path) {
    return "/media/" + std::string(media_path);
}

bool is_token(std::string_view text) {
    return text.size() == token_digits && std::ranges::all_of(text, [](char c) {
               return is_between(c, '0', '9') || is_between(c, 'a', 'f');
           });
}

bool is_extension(std::string_view text) {
    return !text.empty() && text.size() <= extension_bytes_max &&
           std::ranges::all_of(
               text, [](char c) { return is_between(c, '0', '9') || is_between(c, 'a', 'z'); });
}

bool is_marker(std::string_view name) {
    return name.size() > token_digits && name[token_digits] == '.' &&
           is_token(name.substr(0, token_digits)) && is_extension(name.substr(token_digits + 1));
}

std::string make_token() {
    std::array<unsigned char, token_bytes> random;
    randombytes_buf(random.data(), random.size());
    std::array<char, token_digits + 1> digits;
    sodium_bin2hex(digits.data(), digits.size(), random.data(), random.size());
    return {digits.data(), token_digits};
}

std::string to_media_path(std::string_view marker) {
    assert(is_marker(marker));
    return std::string(marker.substr(0, shard_digits)) + "/" + std::string(marker);
}

std::string_view folder_of(std::string_view media_path) {
    const std::size_t slash = media_path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : media_path.substr(0, slash);
}

std::string_view name_of(std::string_view media_path) {
    return media_path.substr(media_path.rfind('/') + 1);
}

}  // namespace pinhole::media
