#define BOOST_TEST_MODULE api
#include <boost/test/unit_test.hpp>

#include "storage/media/probe.hpp"
#include "tests/api/server_fixture.hpp"

namespace {

struct process_setup {
    process_setup() { pinhole::media::start_decoders(); }
    ~process_setup() { pinhole::test::stop_shared_server(); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(process_setup);
