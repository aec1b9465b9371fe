#define BOOST_TEST_MODULE django_import
#include <boost/test/unit_test.hpp>
