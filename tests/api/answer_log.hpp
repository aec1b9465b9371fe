// Remembers every answer that the API's tests have seen, so that the API's own description can be
// held against all of them at the end.
//
// Thread-safe.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "tests/http_client/http_client.hpp"

namespace pinhole::test {

struct seen_answer {
    std::string method;
    std::string path;  ///< without the query
    unsigned status = 0;
    std::set<std::string> fields;  ///< names of the header fields, as they were written

    auto operator<=>(const seen_answer&) const = default;
};

void note_answer(std::string_view method, std::string_view target, const http_response& answer);
std::set<seen_answer> seen_answers();

}  // namespace pinhole::test
