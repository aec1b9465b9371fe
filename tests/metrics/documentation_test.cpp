// docs/operations.md names every metric there is, with its type, labels and meaning, and no other.
#include <fstream>
#include <set>
#include <sstream>

#include "tests/metrics/watched_server.hpp"

namespace pinhole::test {

namespace {

/// `| name | type | labels | meaning |`, as the manual has it.
std::string row_of(const metric_family& family) {
    std::set<std::string> labels;
    for (const auto& sample : family.samples) {
        for (const auto& [name, value] : sample.labels) {
            if (name != "le") {
                labels.insert(name);
            }
        }
    }
    std::string list;
    for (const std::string& label : labels) {
        list += (list.empty() ? "`" : ", `") + label + "`";
    }
    return "| `" + family.name + "` | " + family.type + " | " + list + " | " + family.help + " |";
}

std::set<std::string> rows_of_manual() {
    std::set<std::string> rows;
    std::ifstream manual(PINHOLE_OPERATIONS_MANUAL);
    for (std::string line; std::getline(manual, line);) {
        if (line.starts_with("| `pinhole_") || line.starts_with("| `process_")) {
            BOOST_TEST(rows.insert(line).second, "twice in the manual: " << line);
        }
    }
    return rows;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(the_manual_lists_every_metric, watched_server) {
    start();
    sign_up(port, "kim");
    BOOST_TEST(answered(1));
    const auto now = scrape();
    auto rows = rows_of_manual();
    for (const auto& family : now.families()) {
        const std::string row = row_of(family);
        BOOST_TEST(rows.erase(row) == 1U, "docs/operations.md lacks the line\n" << row);
    }
    for (const std::string& row : rows) {
        BOOST_ERROR("docs/operations.md has a line that is no metric's\n" << row);
    }
    stop();
}

}  // namespace pinhole::test
