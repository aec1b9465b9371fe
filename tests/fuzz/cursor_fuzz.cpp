// Cursors of lists, from the URL to the store. Input: a byte of choices, then what is an index key
// in one half of the checks and a cursor as a client sends it in the other.
//
// A place in a list comes back from its URL as it went in; no text of a client's own is a cursor;
// and one of another caller, list or filter is none. The store reads a page from any place.
#include <boost/beast/http/verb.hpp>

#include "handlers/paging.hpp"
#include "server/target.hpp"
#include "storage/base/text.hpp"
#include "tests/fuzz/api_context.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

constexpr storage::entity_id caller = 7;

/// What the list of comments makes of this query.
handlers::result<storage::page_request> read_query(shared_call& call,
                                                   const http::query_parameters& query) {
    call.request().query = query;
    handlers::list_query list(call.call());
    list.reference("post", false);
    list.reference("author", true);
    return list.page_request();
}

std::string url_of(shared_call& call, const http::query_parameters& query,
                   const storage::position& position) {
    call.request().query = query;
    handlers::list_query list(call.call());
    list.reference("post", false);
    list.reference("author", true);
    require(list.page_request().has_value(), "the query is good");
    return list.url_of(position);
}

void check_way_and_back(const storage::position& position, const http::query_parameters& query) {
    shared_call call(caller);
    const auto target = http::parse_target(url_of(call, query, position));
    require(target.has_value(), "a page's URL can be read");
    const auto page = read_query(call, target->query);
    require(page && page->from, "a cursor of our own is one");
    require(page->from->key == position.key && page->from->direction == position.direction,
            "a place comes back as it went in");
    shared_call stranger(caller + 1);
    require(!read_query(stranger, target->query), "another caller's cursor is none");
    auto other_filter = target->query;
    other_filter.emplace_back(query.empty() ? "post" : "author", "5");
    require(!read_query(call, other_filter), "another filter's cursor is none");
    call.request().log().route = "/api/v1/likes";
    require(!read_query(call, target->query), "another list's cursor is none");
}

/// A place that a cursor names is a key that was in the store, so it is one that fits.
void check_store(const storage::position& position) {
    if (position.key.size() >= kv::key_bytes_max) {
        return;
    }
    const auto reader = shared_api().database().store().snapshot(kv::read_mode::blocking);
    const storage::page_request request{.size = 2, .from = position};
    require(storage::list_posts(*reader, caller, {}, request).results.empty() &&
                storage::list_users(*reader, request).results.empty() &&
                storage::list_comments(*reader, {.post = 5, .author = 6}, request).results.empty(),
            "nothing is found where nothing is");
}

}  // namespace

void check_input(std::string_view input) {
    const auto picked = take_byte(input);
    http::query_parameters query;
    if ((picked & 1U) != 0) {
        query.emplace_back("post", "42");
    }
    if ((picked & 2U) != 0) {
        query.emplace_back("page_size", std::to_string(1 + picked % 100U));
    }
    const storage::position position{
        (picked & 4U) != 0 ? storage::direction::next : storage::direction::previous,
        std::string(input)};
    check_way_and_back(position, query);
    check_store(position);
    shared_call call(caller);
    require(!read_query(call, {{"cursor", std::string(input)}}),
            "a client's own text is no cursor");
    require(!read_query(call, {{"page_size", "1000"}}), "a page has a largest size");
    const auto page = read_query(call, {{"page_size", std::string(input)}});
    require(!page || std::to_string(page->size) == input || input.starts_with('0'),
            "a size is the one that was sent");
}

}  // namespace pinhole::fuzz
