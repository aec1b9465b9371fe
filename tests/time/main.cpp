#define BOOST_TEST_MODULE time
#include <boost/test/unit_test.hpp>
