#include "tests/storage/query_run.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/query/evaluator.hpp"
#include "storage/query/parse.hpp"

namespace pinhole::storage::test {

namespace {

using page_ids = std::vector<entity_id>;
using answer_or_fault = std::expected<query::list_answer, std::string>;

/// A walk that goes round can't be longer than this.
constexpr std::size_t pages_max = 10'000;

query::entity entity_named(std::string_view list) {
    return std::ranges::find(query::all_entities(), list, &query::entity_entry::name)->self;
}

answer_or_fault run(const kv::store& store, const query::list_request& request) {
    const auto reader = store.snapshot(kv::read_mode::blocking);
    auto answer = query::run_list(*reader, request);
    if (!answer) {
        return std::unexpected{answer.error().message};
    }
    return std::move(*answer);
}

/// What is on the pages from the last one back to the first.
std::expected<void, std::string> walk_back(const kv::store& store, query::list_request request,
                                           const std::vector<page_ids>& pages,
                                           query::list_answer answer) {
    for (std::size_t i = pages.size() - 1; i > 0; --i) {
        if (!answer.rows.previous) {
            return std::unexpected{"page " + std::to_string(i + 1) + " has none before it"};
        }
        request.page.from = answer.rows.previous;
        auto page = run(store, request);
        if (!page) {
            return std::unexpected{page.error()};
        }
        answer = std::move(*page);
        if (ids_on(answer) != pages[i - 1]) {
            return std::unexpected{"page " + std::to_string(i) + " is another one on the way back"};
        }
    }
    if (answer.rows.previous) {
        return std::unexpected{std::string{"the first page has one before it"}};
    }
    return {};
}

}  // namespace

std::expected<query::list_request, std::string> to_request(const naive_query& of,
                                                           entity_id caller) {
    const query::parse_context context{entity_named(of.list), caller};
    query::list_request request{.root = context.root, .me = caller};
    std::string ordering = "-created_at";
    for (const auto& [name, value] : to_parameters(of)) {
        if (name == "ordering") {
            ordering = value;
            continue;
        }
        auto condition = name == "filter" ? query::parse_expression(context, value)
                                          : query::parse_parameter(context, name, value);
        if (!condition) {
            return std::unexpected{condition.error().message};
        }
        request.filter.parts.push_back(std::move(*condition));
    }
    auto order = query::parse_ordering(context, ordering);
    if (!order) {
        return std::unexpected{order.error().message};
    }
    request.order = std::move(*order);
    if (of.of_deleted) {
        request.deleted_since = timestamp{};
    }
    request.page.size = of.page_size;
    request.wants_count = of.wants_count;
    return request;
}

std::vector<entity_id> ids_on(const query::list_answer& answer) {
    std::vector<entity_id> ids;
    ids.reserve(answer.rows.results.size());
    for (const auto& row : answer.rows.results) {
        ids.push_back(query::id_of(row));
    }
    return ids;
}

ids_or_fault run_query(const kv::store& store, const naive_query& of, entity_id caller) {
    auto request = to_request(of, caller);
    if (!request) {
        return std::unexpected{request.error()};
    }
    std::vector<page_ids> pages;
    std::vector<entity_id> walked;
    std::optional<std::int64_t> count;
    query::list_answer answer;
    do {
        auto page = run(store, *request);
        if (!page) {
            return std::unexpected{page.error()};
        }
        answer = std::move(*page);
        pages.push_back(ids_on(answer));
        walked.insert(walked.end(), pages.back().begin(), pages.back().end());
        count = answer.count;
        request->page.from = answer.rows.next;
    } while (answer.rows.next && pages.size() < pages_max);
    if (of.wants_count && count != static_cast<std::int64_t>(walked.size())) {
        return std::unexpected{"count is " + std::to_string(count.value_or(-1)) + " of " +
                               std::to_string(walked.size()) + " rows"};
    }
    if (auto back = walk_back(store, *request, pages, std::move(answer)); !back) {
        return std::unexpected{back.error()};
    }
    return walked;
}

}  // namespace pinhole::storage::test
