// A list's query as names and values: what the API can be asked, and the text that asks it. It
// shares no code with the query engine.
//
// Plain data and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pinhole::storage::test {

struct relation {
    const char* name;
    const char* target;
    const char* by;  ///< of a backward one: the reference on the other side
};

using names = std::vector<const char*>;
/// As a URL has them, decoded.
using parameters = std::vector<std::pair<std::string, std::string>>;

/// Each by its list.
const std::map<std::string, std::vector<relation>>& relations();
const std::map<std::string, names>& number_fields();
const std::map<std::string, names>& text_fields();

/// One test. Its operands are numbers unless it is of text; times are microseconds.
struct naive_test {
    std::vector<relation> path;
    /// `isnull` may have none: it asks of the path itself.
    std::string field;
    std::string lookup;
    std::vector<std::int64_t> numbers;
    std::vector<std::string> texts;
    bool is_text = false;
    bool is_time = false;
    std::string part;  ///< of a time
    bool wants_null = false;
    /// Another way to write the id at the end of a path: `author__pk`, or nothing (`author`).
    std::string id_as = "id";

    std::string name() const;
};

struct naive_condition {
    char what = 't';  ///< t: test, &: all, |: any, ~: not
    std::vector<naive_condition> parts;
    naive_test test;
};

/// One parameter. Requires: what is no expression is a test, or a test's negation.
struct naive_filter {
    naive_condition condition;
    bool is_expression = false;
};

struct naive_order {
    std::vector<relation> path;
    std::string field;
    bool is_text = false;
    bool descending = false;
};

struct naive_query {
    std::string list;
    std::vector<naive_filter> filters;  ///< one expression at most
    std::vector<naive_order> order;     ///< empty: the list's own
    std::uint32_t page_size = 20;
    bool wants_count = false;
    bool of_deleted = false;  ///< the caller's deleted posts; in the list's own order
};

/// Where a path that begins at this list ends; empty if there is no such path.
std::string end_of(const std::string& list, const std::vector<relation>& path);

/// The order with what the API adds: what breaks ties, or its default.
std::vector<naive_order> whole_order(const naive_query& of);

/// The filters and the order, without page and count.
parameters to_parameters(const naive_query& of);
/// `posts?likes__user=5&ordering=…`, for people: nothing is percent-encoded.
std::string to_text(const naive_query& of);

/// Whether a text matches one of the patterns that the tests make: literal characters, `.` and
/// `[…]`, each perhaps with `*` behind it, and `^` and `$` at the ends.
bool matches_pattern(const std::string& text, const std::string& pattern);

/// Upper case of the letters that the tests' texts have.
std::string upper(std::string text);
std::string lower(std::string text);

/// Each character as a string of its own.
std::vector<std::string> characters_of(const std::string& utf8);

std::int64_t part_of(const std::string& part, std::int64_t microseconds);

}  // namespace pinhole::storage::test
