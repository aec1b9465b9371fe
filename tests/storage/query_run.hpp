// Asks the query engine what a client would: by the parameters' text, page by page, forth and back.
//
// Errors: whatever is wrong is said in a string, so that it can be tried again with another query.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "storage/query/list_query.hpp"
#include "tests/storage/naive_query.hpp"

namespace pinhole::storage::test {

using ids_or_fault = std::expected<std::vector<entity_id>, std::string>;

std::expected<query::list_request, std::string> to_request(const naive_query& of, entity_id caller);

std::vector<entity_id> ids_on(const query::list_answer& answer);

/// The ids on all pages, in order. At fault: what is refused; pages that walking back shows other
/// rows on than walking forth; a count that is not that of the rows.
ids_or_fault run_query(const kv::store& store, const naive_query& of, entity_id caller);

}  // namespace pinhole::storage::test
