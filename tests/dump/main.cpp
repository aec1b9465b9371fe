#define BOOST_TEST_MODULE dump
#include <boost/test/unit_test.hpp>
