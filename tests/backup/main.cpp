#define BOOST_TEST_MODULE backup
#include <sodium.h>

#include <boost/test/unit_test.hpp>

namespace {

struct libraries {
    libraries() { BOOST_REQUIRE(sodium_init() >= 0); }
};

}  // namespace

BOOST_TEST_GLOBAL_FIXTURE(libraries);
