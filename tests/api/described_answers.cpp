#include "tests/api/described_answers.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <ranges>
#include <set>
#include <string>
#include <vector>

#include "tests/api/answer_log.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// What any request may earn before its route is known, or where the server itself is at fault.
const std::set<unsigned> undescribed{408, 414, 417, 431, 500, 501, 505};

std::vector<std::string> segments_of(const std::string& path) {
    std::vector<std::string> segments;
    for (const auto part : path | std::views::split('/')) {
        if (!part.empty()) {
            segments.emplace_back(part.begin(), part.end());
        }
    }
    return segments;
}

bool fits(const std::string& pattern, const std::string& path) {
    if (pattern == "/media/{path}") {
        return path.starts_with("/media/");
    }
    return std::ranges::equal(
        segments_of(pattern), segments_of(path),
        [](const auto& wanted, const auto& is) { return wanted == is || wanted.front() == '{'; });
}

/// The operation that an answer came from; null if it is of no route.
const json* find_operation(const json& paths, const seen_answer& answer) {
    std::string method = answer.method == "HEAD" ? "get" : answer.method;
    std::ranges::transform(method, method.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const json* found = nullptr;
    for (const auto& path : paths.items()) {
        // A literal segment beats a parameter.
        const bool is_better = found == nullptr || !path.key().contains('{');
        if (fits(path.key(), answer.path) && is_better) {
            found = path.value().contains(method) ? &path.value().at(method) : nullptr;
        }
    }
    return found;
}

const json& resolve(const json& document, const json& value) {
    return value.contains("$ref") ? document.at(json::json_pointer(text(value, "$ref").substr(1)))
                                  : value;
}

void check_answer(const json& document, const seen_answer& answer) {
    const json* operation = find_operation(document.at("paths"), answer);
    if (operation == nullptr || undescribed.contains(answer.status)) {
        return;
    }
    BOOST_TEST_CONTEXT(answer.method << ' ' << answer.path << ": " << answer.status) {
        const json& responses = operation->at("responses");
        const std::string status = std::to_string(answer.status);
        BOOST_TEST(responses.contains(status), "the status is not described");
        if (!responses.contains(status)) {
            return;
        }
        const json described = resolve(document, responses.at(status)).value("headers", json{});
        for (const auto& known : document.at("components").at("headers").items()) {
            BOOST_TEST((!answer.fields.contains(known.key()) || described.contains(known.key())),
                       known.key() << " is not described");
        }
    }
}

}  // namespace

void check_that_seen_answers_are_described() {
    const auto answers = seen_answers();
    if (answers.empty()) {
        return;
    }
    auto nobody = shared_server().connect();
    const json document = nobody.get_json("/api/v1/openapi.json");
    for (const seen_answer& answer : answers) {
        check_answer(document, answer);
    }
}

}  // namespace pinhole::test
