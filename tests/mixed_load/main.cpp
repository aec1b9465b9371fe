#define BOOST_TEST_MODULE mixed_load
#include <boost/test/unit_test.hpp>
