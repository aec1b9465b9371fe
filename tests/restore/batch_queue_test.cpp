// What is handed to another thread arrives there, in order; what goes wrong there is told here.
#include "storage/base/batch_queue.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

namespace pinhole::storage::test {

namespace {

using queue = batch_queue<std::unique_ptr<int>>;

/// More than are ever under way.
constexpr int many = 3 * static_cast<int>(queue::items_per_batch * queue::batches_max) + 1;

}  // namespace

BOOST_AUTO_TEST_SUITE(batch_queues)

BOOST_AUTO_TEST_CASE(items_are_taken_in_order_and_all_of_them_by_a_drain) {
    std::vector<int> taken;
    queue numbers{[&](std::unique_ptr<int>& number) { taken.push_back(*number); }};
    numbers.drain();
    for (int number = 0; number < many; ++number) {
        numbers.push(std::make_unique<int>(number));
        if (number % 1000 == 999) {
            numbers.drain();
            BOOST_REQUIRE(taken.size() == static_cast<std::size_t>(number) + 1);
        }
    }
    numbers.drain();
    numbers.drain();
    BOOST_REQUIRE(taken.size() == static_cast<std::size_t>(many));
    for (int number = 0; number < many; ++number) {
        BOOST_REQUIRE(taken[static_cast<std::size_t>(number)] == number);
    }
}

BOOST_AUTO_TEST_CASE(what_the_taker_throws_is_thrown_to_who_goes_on) {
    std::atomic<int> taken = 0;
    queue numbers{[&](std::unique_ptr<int>& number) {
        ++taken;
        if (*number == 300) {
            throw std::runtime_error{"enough"};
        }
    }};
    const auto push_many = [&] {
        for (int number = 0; number < many; ++number) {
            numbers.push(std::make_unique<int>(number));
        }
    };
    BOOST_CHECK_THROW(push_many(), std::runtime_error);
    BOOST_CHECK_THROW(numbers.drain(), std::runtime_error);
    BOOST_TEST(taken == 301);
}

BOOST_AUTO_TEST_CASE(one_that_goes_forgets_what_is_queued) {
    std::promise<void> is_first_taken;
    std::promise<void> may_go_on;
    std::atomic<int> taken = 0;
    auto numbers = std::make_unique<queue>([&](std::unique_ptr<int>&) {
        if (taken++ == 0) {
            is_first_taken.set_value();
            may_go_on.get_future().wait();
        }
    });
    for (std::size_t item = 0; item < 3 * queue::items_per_batch; ++item) {
        numbers->push(std::make_unique<int>(0));
    }
    is_first_taken.get_future().wait();
    auto going = std::async(std::launch::async, [&] { numbers.reset(); });
    may_go_on.set_value();
    going.get();
    BOOST_TEST(taken <= static_cast<int>(3 * queue::items_per_batch));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
