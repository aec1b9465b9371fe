#define BOOST_TEST_MODULE maintenance
#include <boost/test/unit_test.hpp>
