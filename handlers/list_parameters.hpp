// The query string of a list: what it asks for, and the URL of the pages beside.
//
// A cursor is opaque, authenticated and bound to its list, its caller and its filters and order:
//   base64url(16-byte code, direction, sort key)
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "handlers/dispatch.hpp"
#include "storage/query/list_query.hpp"

namespace pinhole::handlers {

/// A list's query may have so many parameters: with each, every row is looked at once more.
inline constexpr std::size_t list_parameters_max = 64;

class list_parameters {
public:
    list_parameters(call& c, storage::query::entity root) : c_(c), root_(root) {}

    /// Errors: malformed, naming every bad parameter.
    result<storage::query::list_request> read();

    bool explains() const { return explains_; }

    /// The URL of a page beside this one. Requires: `read` succeeded.
    std::string url_of(const storage::query::position& position) const;

private:
    void refuse(std::string_view name, std::string code, std::string message);
    void take(const std::string& name, const std::string& value);
    bool take_control(const std::string& name, const std::string& value);
    void take_deleted();
    void take_page_size(const std::string& value);
    bool take_flag(std::string_view name, const std::string& value);
    /// What there is of a result; what it refuses is remembered.
    template <class Value>
    std::optional<Value> keep(result<Value> parsed);

    std::size_t query_bytes() const;
    std::string bound_to() const;
    std::string make_cursor(const storage::query::position& position) const;
    std::optional<storage::query::position> parse_cursor(std::string_view text) const;

    call& c_;
    storage::query::entity root_;
    storage::query::list_request request_ = {};
    bool explains_ = false;
    std::vector<storage::field_fault> faults_;
};

}  // namespace pinhole::handlers
