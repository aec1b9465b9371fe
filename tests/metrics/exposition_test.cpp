// The reader of the text format is worth something only if it refuses.
#include "tests/metrics/exposition.hpp"

#include <boost/test/unit_test.hpp>

namespace pinhole::test {

BOOST_AUTO_TEST_SUITE(text_format)

BOOST_AUTO_TEST_CASE(what_is_well_formed_is_read) {
    const exposition read(
        "# HELP a_total What it \\\\ counts\n# TYPE a_total counter\n"
        "a_total{of=\"x\\\"y\\\\z\\n\",by=\"\"} 3\na_total{of=\"q\"} 1e+06\n"
        "# HELP b Size\n# TYPE b gauge\nb -0.5\n"
        "# HELP t_seconds Time\n# TYPE t_seconds histogram\n"
        "t_seconds_count{r=\"1\"} 3\nt_seconds_sum{r=\"1\"} 0.25\n"
        "t_seconds_bucket{r=\"1\",le=\"0.1\"} 2\nt_seconds_bucket{r=\"1\",le=\"+Inf\"} 3\n"
        "# HELP none Nothing yet\n# TYPE none gauge\n");
    BOOST_TEST(read.families().size() == 4U);
    BOOST_TEST(read.value("a_total", {{"of", "x\"y\\z\n"}, {"by", ""}}) == 3);
    BOOST_TEST(read.sum("a_total") == 1'000'003);
    BOOST_TEST(read.sum("a_total", {{"of", "q"}}) == 1'000'000);
    BOOST_TEST(read.value("b") == -0.5);
    BOOST_TEST(read.value("t_seconds_count", {{"r", "1"}}) == 3);
    BOOST_TEST(read.value("none") == 0);
    BOOST_CHECK_THROW(read.value("unheard_of"), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(what_is_not_is_refused) {
    const std::string head = "# HELP a Size\n# TYPE a gauge\n";
    const std::string time = "# HELP t Time\n# TYPE t histogram\n";
    for (const std::string& text : {
             std::string{"a 1\n"},                   // no family
             head + "a 1",                           // no end of line
             head + "b 1\n",                         // another family's
             head + "a 1\na 2\n",                    // twice
             head + "a{x=\"1\"} 1\na{x=\"1\"} 1\n",  // twice
             head + "a one\n",                       // no number
             head + "a 0x10\n",                      // no decimal one
             head + "a 1 2\n",                       // a timestamp
             head + "a\n",                           // no value
             head + "a  1\n",                        // two spaces
             head + "a{x=1} 1\n",                    // not quoted
             head + "a{x=\"1} 1\n",                  // no end
             head + "a{x=\"\\t\"} 1\n",              // no such escape
             head + "a{1x=\"\"} 1\n",                // no such label
             head + "a{x=\"\" y=\"\"} 1\n",          // no comma
             head + "a{x=\"\",x=\"\"} 1\n",          // a label twice
             head + "a{le=\"1\"} 1\n",               // no bucket
             head + "\na 1\n",                       // an empty line
             head + "# a comment\n",
             head + head,                           // a family twice
             std::string{"# TYPE a gauge\na 1\n"},  // no HELP
             std::string{"# HELP a Size\na 1\n"},   // no TYPE
             std::string{"# HELP a Size\n# TYPE b gauge\n"},
             std::string{"# HELP a Size\n# TYPE a size\n"},
             std::string{"# HELP a Size\n# TYPE a counter\n"},  // without _total
             std::string{"# HELP a_total Size\n# TYPE a_total gauge\n"},
             std::string{"# HELP a_total N\n# TYPE a_total counter\na_total -1\n"},
             time + "t_count 1\nt_sum 1\nt_bucket{le=\"1\"} 1\n",     // no last bucket
             time + "t_count 2\nt_sum 1\nt_bucket{le=\"+Inf\"} 1\n",  // another count
             time + "t_count 1\nt_bucket{le=\"+Inf\"} 1\n",           // no sum
             time + "t_count 1\nt_sum 1\nt_bucket{le=\"1\"} 2\nt_bucket{le=\"+Inf\"} 1\n",
         }) {
        BOOST_CHECK_THROW(exposition{text}, malformed_exposition);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
