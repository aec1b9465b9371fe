// Django 3.2 on a PostgreSQL of its own, as a process that answers queries (answer_queries.py).
//
// Whatever it can't answer, or not in time, is an exception. It ends when this process does, in
// whatever way. For the test's own thread.
#pragma once

#include <sys/types.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "storage/base/unique_fd.hpp"
#include "tests/storage/naive_world.hpp"

namespace pinhole::test {

/// For a suite that needs it: skips where Django or PostgreSQL is missing, and says which.
boost::test_tools::assertion_result has_django(boost::unit_test::test_unit_id unit);

class django_process {
public:
    /// Blocks: until the world's rows are loaded, a second or two.
    explicit django_process(const storage::test::world& in);
    django_process(const django_process&) = delete;
    django_process& operator=(const django_process&) = delete;
    /// Blocks: until PostgreSQL has ended and its directory is gone.
    ~django_process();

    const std::string& versions() const { return versions_; }

    /// The ids of all rows that the query finds, in order.
    std::vector<storage::entity_id> find(const storage::test::naive_query& query);

private:
    void stop();
    std::string read_line();
    void write_line(std::string line);

    pid_t pid_ = -1;
    unique_fd channel_;
    std::string received_;
    std::string versions_;
};

}  // namespace pinhole::test
