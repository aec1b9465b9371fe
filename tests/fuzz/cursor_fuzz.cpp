// Cursors of lists, from the URL to the store. Input: a byte of choices, then what is a sort key
// in one half of the checks and a cursor as a client sends it in the other.
//
// A place in a list comes back from its URL as it went in; no text of a client's own is a cursor;
// and one of another caller, list or filter is none. The store reads a page from any place.
#include <boost/beast/http/verb.hpp>

#include "handlers/list_parameters.hpp"
#include "server/target.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "tests/fuzz/api_context.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

using namespace storage::query;

constexpr storage::entity_id caller = 7;

/// What the list of comments makes of this query.
handlers::result<list_request> read_query(shared_call& call, const http::query_parameters& query) {
    call.request().query = query;
    return handlers::list_parameters(call.call(), entity::comment).read();
}

std::string url_of(shared_call& call, const http::query_parameters& query, const position& place) {
    call.request().query = query;
    handlers::list_parameters parameters(call.call(), entity::comment);
    require(parameters.read().has_value(), "the query is good");
    return parameters.url_of(place);
}

void check_way_and_back(const position& place, const http::query_parameters& query) {
    shared_call call(caller);
    const auto target = http::parse_target(url_of(call, query, place));
    require(target.has_value(), "a page's URL can be read");
    const auto page = read_query(call, target->query);
    require(page && page->page.from, "a cursor of our own is one");
    require(page->page.from->key == place.key && page->page.from->direction == place.direction,
            "a place comes back as it went in");
    shared_call stranger(caller + 1);
    require(!read_query(stranger, target->query), "another caller's cursor is none");
    auto other_filter = target->query;
    other_filter.emplace_back(query.empty() ? "post" : "author", "5");
    require(!read_query(call, other_filter), "another filter's cursor is none");
    call.request().log().route = "/api/v1/likes";
    require(!read_query(call, target->query), "another list's cursor is none");
}

/// A list may begin at any place.
void check_store(const position& place) {
    if (place.key.size() >= kv::key_bytes_max / 2) {
        return;  // a sort key by time is 16 bytes
    }
    const auto reader = shared_api().database().store().snapshot(kv::read_mode::blocking);
    for (const auto& each : all_entities()) {
        for (const char* ordering : {"-created_at", "created_at", "id"}) {
            const list_request request{
                .root = each.self,
                .order = parse_ordering({each.self, caller}, ordering).value(),
                .page = {.size = 2, .from = place}};
            const auto found = run_list(*reader, request);
            require(found && found->rows.results.empty(), "nothing is found where nothing is");
        }
    }
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
    const position place{(picked & 4U) != 0 ? direction::next : direction::previous,
                         std::string(input)};
    check_way_and_back(place, query);
    check_store(place);
    shared_call call(caller);
    require(!read_query(call, {{"cursor", std::string(input)}}),
            "a client's own text is no cursor");
    require(!read_query(call, {{"page_size", "1000"}}), "a page has a largest size");
    const auto page = read_query(call, {{"page_size", std::string(input)}});
    require(!page || std::to_string(page->page.size) == input || input.starts_with('0'),
            "a size is the one that was sent");
}

}  // namespace pinhole::fuzz
