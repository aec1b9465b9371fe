#include "storage/kv/store.hpp"

#include <future>
#include <utility>

namespace pinhole::kv {

outcome store::submit_and_wait(commit commit) {
    // Shared, because the committing thread may still be inside set_value when the waiter is gone.
    auto decided = std::make_shared<std::promise<outcome>>();
    auto result = decided->get_future();
    submit(std::move(commit), [decided](outcome what) { decided->set_value(what); });
    return result.get();
}

}  // namespace pinhole::kv
