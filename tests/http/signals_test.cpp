#include "server/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

namespace pinhole::http {
namespace {

/// Gives this thread back the signals that it had.
struct mask_restorer {
    sigset_t before{};
    mask_restorer() { BOOST_REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0); }
    ~mask_restorer() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
};

BOOST_AUTO_TEST_SUITE(signals)

BOOST_AUTO_TEST_CASE(the_first_signal_ends_the_wait_and_the_second_runs_the_action) {
    const mask_restorer restorer;
    stop_signals signals;
    ::kill(::getpid(), SIGTERM);
    BOOST_TEST((signals.wait() == stop_signals::reason::terminated));
    std::promise<void> second;
    signals.on_next([&second] { second.set_value(); });
    ::kill(::getpid(), SIGINT);
    second.get_future().wait();
}

BOOST_AUTO_TEST_CASE(the_program_itself_can_end_the_wait) {
    const mask_restorer restorer;
    stop_signals signals;
    std::thread requester([&signals] { signals.request_stop(); });
    BOOST_TEST((signals.wait() == stop_signals::reason::requested));
    requester.join();
}

BOOST_AUTO_TEST_CASE(a_watcher_that_sees_no_signal_ends_with_its_owner) {
    const mask_restorer restorer;
    bool called = false;
    {
        stop_signals signals;
        signals.on_next([&called] { called = true; });
    }
    BOOST_TEST(!called);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
