#include "tests/soak/flatness.hpp"

#include <boost/test/unit_test.hpp>

namespace pinhole::test {

namespace {

template <class Function>
std::vector<double> samples(int count, const Function& function) {
    std::vector<double> made;
    made.reserve(static_cast<std::size_t>(count));
    for (int at = 0; at < count; ++at) {
        made.push_back(function(at));
    }
    return made;
}

bool is_flat(const std::vector<double>& values) {
    return judge("it", values, {.share = 0.1, .beside = 1}).is_flat;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(flatness)

BOOST_AUTO_TEST_CASE(what_does_not_change_is_flat) {
    BOOST_TEST(is_flat(samples(100, [](int) { return 50.0; })));
}

BOOST_AUTO_TEST_CASE(what_grows_steadily_is_not) {
    BOOST_TEST(!is_flat(samples(100, [](int at) { return 50.0 + at; })));
}

BOOST_AUTO_TEST_CASE(what_grows_only_to_warm_up_is_flat) {
    BOOST_TEST(is_flat(samples(100, [](int at) { return at < 25 ? 2.0 * at : 50.0; })));
}

BOOST_AUTO_TEST_CASE(a_saw_is_flat) {
    BOOST_TEST(is_flat(samples(100, [](int at) { return 50.0 + at % 7 * 10; })));
}

BOOST_AUTO_TEST_CASE(some_spikes_are_no_growth) {
    BOOST_TEST(is_flat(samples(100, [](int at) { return at % 5 == 4 ? 500.0 : 50.0; })));
}

BOOST_AUTO_TEST_CASE(what_falls_is_flat) {
    BOOST_TEST(is_flat(samples(100, [](int at) { return 150.0 - at; })));
}

BOOST_AUTO_TEST_CASE(too_few_samples_prove_nothing) {
    BOOST_TEST(!is_flat(samples(15, [](int) { return 50.0; })));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
