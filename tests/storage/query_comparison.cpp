#include "tests/storage/query_comparison.hpp"

#include <cstdlib>

#include "tests/storage/shrink_query.hpp"

namespace pinhole::storage::test {

namespace {

std::string to_text(const ids_or_fault& ids) {
    if (!ids) {
        return " " + ids.error();
    }
    std::string text;
    for (const entity_id id : *ids) {
        text.append(" ").append(std::to_string(id));
    }
    return text;
}

}  // namespace

bool query_comparison::fails(const naive_query& query) const {
    const auto expected = expected_(query);
    return expected && run_query(in_.store(), query, me) != expected;
}

naive_query query_comparison::shrink(const naive_query& query) const {
    return shrink_query(query, [this](const naive_query& each) { return fails(each); });
}

std::optional<std::string> query_comparison::explain(const naive_query& query) const {
    const auto expected = expected_(query);
    if (!expected) {
        return test::to_text(query) + "\n  who should know cannot say: " + expected.error();
    }
    if (run_query(in_.store(), query, me) == expected) {
        return std::nullopt;
    }
    const naive_query smallest = shrink(query);
    std::string text = test::to_text(smallest);
    text.append("\n  page_size: ").append(std::to_string(smallest.page_size));
    text.append(smallest.wants_count ? ", with count" : "");
    text.append("\n  expected:").append(to_text(expected_(smallest)));
    text.append("\n  found:   ").append(to_text(run_query(in_.store(), smallest, me)));
    text.append("\n  shrunk from ").append(test::to_text(query));
    return text;
}

int queries_wanted(const char* variable, int ordinary) {
    const char* wanted = std::getenv(variable);
    return wanted != nullptr ? std::stoi(wanted) : ordinary;
}

}  // namespace pinhole::storage::test
