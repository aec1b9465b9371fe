#define BOOST_TEST_MODULE api
#include <boost/test/unit_test.hpp>

#include "storage/media/probe.hpp"
#include "tests/api/described_answers.hpp"
#include "tests/api/server_fixture.hpp"

namespace {

struct process_setup {
    process_setup() { pinhole::media::start_decoders(); }
    ~process_setup() { pinhole::test::stop_shared_server(); }
    process_setup(const process_setup&) = delete;
    process_setup& operator=(const process_setup&) = delete;

    // Boost.Test's name for what still counts as a test.
    static void teardown() { pinhole::test::check_that_seen_answers_are_described(); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(process_setup);
