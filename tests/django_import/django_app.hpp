// The app of app.py: a Django with users, posts and files, run as a process for each question.
//
// For the test's own thread. Errors: std::runtime_error with what it said, if it fails.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace pinhole::test {

/// For a suite that needs it: skips where Django is missing, and says what is.
boost::test_tools::assertion_result has_django_app(boost::unit_test::test_unit_id unit);

/// `app.py ARGUMENT…`: what it prints.
std::string run_django_app(const std::vector<std::string>& arguments);

}  // namespace pinhole::test
