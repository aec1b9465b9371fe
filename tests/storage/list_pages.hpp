// Pages of lists as `run_list` answers them, newest first, for the tests of lists.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/query/evaluator.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using ids = std::vector<entity_id>;
using filters = std::vector<std::pair<std::string, std::string>>;

/// Who asks.
inline constexpr entity_id viewer = 1;

/// A page of a list with these parameters.
inline query::page<query::any_row> list(const kv::reader& reader, query::entity root,
                                        const filters& parameters,
                                        const query::page_request& page) {
    query::list_request request{.root = root, .page = page, .me = viewer};
    for (const auto& [name, value] : parameters) {
        request.filter.parts.push_back(query::parse_parameter({root, viewer}, name, value).value());
    }
    request.order = query::parse_ordering({root, viewer}, "-created_at").value();
    return query::run_list(reader, request).value().rows;
}

inline filters only(const std::string& name, entity_id id) {
    return {{name, std::to_string(id)}};
}
inline filters both(const std::string& first, entity_id a, const std::string& second, entity_id b) {
    return {{first, std::to_string(a)}, {second, std::to_string(b)}};
}

template <class Page>
ids ids_of(const Page& page) {
    ids found;
    for (const auto& row : page.results) {
        found.push_back(query::id_of(row));
    }
    return found;
}

}  // namespace pinhole::storage::test
