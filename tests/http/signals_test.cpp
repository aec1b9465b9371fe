#include "server/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

namespace pinhole::http {
namespace {

using reason = stop_signals::reason;

/// Gives this thread back the signals that it had, but none that came meanwhile.
struct mask_restorer {
    sigset_t before{};
    mask_restorer() { BOOST_REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0); }
    ~mask_restorer() {
        sigset_t stopping;
        sigemptyset(&stopping);
        sigaddset(&stopping, SIGTERM);
        sigaddset(&stopping, SIGINT);
        const timespec at_once{};
        while (::sigtimedwait(&stopping, nullptr, &at_once) > 0) {
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
};

BOOST_AUTO_TEST_SUITE(signals)

BOOST_AUTO_TEST_CASE(the_first_signal_ends_the_wait_and_the_second_is_seen_by_a_watch) {
    const mask_restorer restorer;
    stop_signals signals;
    ::kill(::getpid(), SIGTERM);
    BOOST_TEST((signals.wait() == reason::terminated));
    std::promise<reason> second;
    const stop_watch watch(signals, [&second](reason why) { second.set_value(why); });
    ::kill(::getpid(), SIGINT);
    BOOST_TEST((second.get_future().get() == reason::terminated));
}

BOOST_AUTO_TEST_CASE(the_program_itself_can_end_the_wait) {
    const mask_restorer restorer;
    stop_signals signals;
    std::thread requester([&signals] { signals.request_stop(); });
    BOOST_TEST((signals.wait() == reason::requested));
    requester.join();
}

BOOST_AUTO_TEST_CASE(a_request_to_stop_was_not_seen_after_a_signal) {
    const mask_restorer restorer;
    stop_signals signals;
    ::kill(::getpid(), SIGTERM);
    BOOST_TEST((signals.wait() == reason::terminated));
    std::promise<reason> next;
    const stop_watch watch(signals, [&next](reason why) { next.set_value(why); });
    signals.request_stop();
    BOOST_TEST((next.get_future().get() == reason::requested));
}

BOOST_AUTO_TEST_CASE(a_request_to_stop_outweighs_a_signal) {
    const mask_restorer restorer;
    stop_signals signals;
    ::kill(::getpid(), SIGTERM);
    signals.request_stop();
    BOOST_TEST((signals.wait() == reason::requested));
    std::promise<reason> next;
    const stop_watch watch(signals, [&next](reason why) { next.set_value(why); });
    BOOST_TEST((next.get_future().get() == reason::requested));
}

BOOST_AUTO_TEST_CASE(a_watch_that_sees_nothing_ends_with_its_owner_and_leaves_signals_to_the_next) {
    const mask_restorer restorer;
    stop_signals signals;
    bool called = false;
    {
        const stop_watch watch(signals, [&called](reason) { called = true; });
    }
    BOOST_TEST(!called);
    ::kill(::getpid(), SIGTERM);
    BOOST_TEST((signals.wait() == reason::terminated));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
