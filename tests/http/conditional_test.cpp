#include "server/conditional.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "server/transfer_pace.hpp"

namespace pinhole::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(conditional)

BOOST_AUTO_TEST_CASE(entity_tags) {
    BOOST_TEST(etag_matches_weakly("\"a\"", "\"a\""));
    BOOST_TEST(etag_matches_weakly("W/\"a\"", "\"a\""));
    BOOST_TEST(etag_matches_weakly("\"b\" , W/\"a\"", "\"a\""));
    BOOST_TEST(etag_matches_weakly(" * ", "\"a\""));
    BOOST_TEST(!etag_matches_weakly("\"b\"", "\"a\""));
    BOOST_TEST(!etag_matches_weakly("", "\"a\""));
    BOOST_TEST(!etag_matches_weakly("a", "\"a\""));
    BOOST_TEST(!etag_matches_weakly("\"x,\"a\"", "\"a\""));
    BOOST_TEST(etag_matches_strongly("\"b\",\"a\"", "\"a\""));
    BOOST_TEST(etag_matches_strongly("*", "\"a\""));
    BOOST_TEST(!etag_matches_strongly("W/\"a\"", "\"a\""));
    BOOST_TEST(!etag_matches_strongly("W/\"a\"", "W/\"a\""));
}

BOOST_AUTO_TEST_CASE(dates) {
    const std::string text = "Sun, 06 Nov 1994 08:49:37 GMT";
    const auto time = parse_http_date(text);
    BOOST_REQUIRE(time.has_value());
    BOOST_TEST(time->time_since_epoch().count() == 784111777);
    BOOST_TEST(to_http_date(*time) == text);
    BOOST_TEST((parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == time));
    BOOST_TEST((parse_http_date("Sun Nov  6 08:49:37 1994") == time));
    BOOST_TEST((parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT").has_value()));
    for (const auto* wrong :
         {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 24:49:37 GMT",
          "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, ", ", ", "Sun Nov",
          "Sun, 06 Nov 1994 08:49:37 GMTx", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
        BOOST_TEST(!parse_http_date(wrong), wrong);
    }
    for (long long i = 0; i < 4'000'000'000LL; i += 9'999'991) {
        const std::chrono::sys_seconds moment{seconds(i)};
        BOOST_REQUIRE((parse_http_date(to_http_date(moment)) == moment));
    }
}

BOOST_AUTO_TEST_CASE(pace) {
    const transfer_pace::clock::time_point now{};
    transfer_pace pace(seconds(10), 1000);
    BOOST_TEST((pace.deadline(now) == now + seconds(10)));
    pace.account(seconds(4), 1000);  // waited 4 s, earned 1 s
    BOOST_TEST((pace.deadline(now) == now + seconds(7)));
    pace.account({}, 1'000'000'000'000);  // never beyond the grace
    BOOST_TEST((pace.deadline(now) == now + seconds(10)));
    pace.account(seconds(11), 0);
    BOOST_TEST((pace.deadline(now) == now));
    // Exactly the minimum rate goes on for ever; half of it ends.
    transfer_pace steady(seconds(10), 1000);
    transfer_pace slow(seconds(10), 1000);
    for (int i = 0; i < 100; ++i) {
        steady.account(seconds(1), 1000);
        slow.account(seconds(1), 500);
    }
    BOOST_TEST((steady.deadline(now) > now + seconds(8)));
    BOOST_TEST((slow.deadline(now) <= now + milliseconds(500)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
