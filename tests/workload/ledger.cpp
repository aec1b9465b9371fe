#include "tests/workload/ledger.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace pinhole::test {

std::string sha256_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL cannot compute SHA-256");
    }
    std::string hexadecimal;
    for (unsigned at = 0; at < size; ++at) {
        constexpr std::string_view digits = "0123456789abcdef";
        hexadecimal += digits[digest[at] >> 4U];
        hexadecimal += digits[digest[at] & 15U];
    }
    return hexadecimal;
}

std::int64_t number_of(const std::string& id) {
    return std::stoll(id);
}

std::vector<json> walk_newer(api_client& client, std::string url, std::int64_t seen_before) {
    std::vector<json> rows;
    while (!url.empty()) {
        const json page = client.get_json(url);
        for (const json& row : page.at("results")) {
            if (number_of(text(row, "id")) <= seen_before) {
                return rows;
            }
            rows.push_back(row);
        }
        url = page.at("next").is_null() ? std::string() : text(page, "next");
    }
    return rows;
}

bool creation::has_key() const {
    return std::ranges::any_of(headers,
                               [](const auto& field) { return field.first == "Idempotency-Key"; });
}

http_response creation::send(api_client& client) const {
    return client.request("POST", target, headers, body);
}

creation make_post_creation(std::string content, const std::vector<std::string>& files) {
    multipart_body form;
    form.field("content", content);
    std::vector<std::string> digests;
    digests.reserve(files.size());
    for (const std::string& file : files) {
        form.file("files", "photo.jpg", "image/jpeg", file);
        digests.push_back(sha256_of(file));
    }
    return {.what = creation::kind::post,
            .target = "/api/v1/posts",
            .content = std::move(content),
            .body = form.text(),
            .headers = {{"Content-Type", form.content_type()}},
            .sha256 = std::move(digests),
            .post = {}};
}

creation make_comment_creation(const std::string& post, std::string content) {
    std::string body = json{{"content", content}}.dump();
    return {.what = creation::kind::comment,
            .target = "/api/v1/posts/" + post + "/comments",
            .content = std::move(content),
            .body = std::move(body),
            .headers = {{"Content-Type", "application/json"}},
            .sha256 = {},
            .post = post};
}

creation make_account_creation(const std::string& username) {
    return {.what = creation::kind::account,
            .target = "/api/v1/auth/signup",
            .content = username,
            .body = json{{"username", username}, {"password", default_password}}.dump(),
            .headers = {{"Content-Type", "application/json"}},
            .sha256 = {},
            .post = {}};
}

creation with_key(creation made, const std::string& key) {
    made.headers.emplace_back("Idempotency-Key", key);
    return made;
}

post_entry to_post_entry(const creation& made, const json& row) {
    post_entry entry{.id = text(row, "id"), .content = possible(made.content), .files = {}};
    const json& files = row.at("files");
    if (files.size() != made.sha256.size()) {
        throw std::runtime_error("the post " + entry.id + " does not have the files it was sent");
    }
    entry.files.reserve(files.size());
    for (std::size_t at = 0; at < files.size(); ++at) {
        entry.files.push_back({.id = text(files[at], "id"),
                               .url = text(files[at], "url"),
                               .sha256 = made.sha256[at]});
    }
    return entry;
}

comment_entry to_comment_entry(const creation& made, const json& row) {
    return {.id = text(row, "id"), .post = made.post, .content = possible(made.content)};
}

}  // namespace pinhole::test
