#define BOOST_TEST_MODULE django
#include <boost/test/unit_test.hpp>
