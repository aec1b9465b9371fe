#include "storage/maintenance/try_commit.hpp"

#include <string>
#include <utility>

namespace pinhole::storage {

bool try_commit(kv::store& store, kv::commit commit, std::string_view unwritable) {
    switch (store.submit_and_wait(std::move(commit))) {
        case kv::outcome::ok:
            return true;
        case kv::outcome::conflict:
        case kv::outcome::exists:
            return false;
        case kv::outcome::unknown:
        case kv::outcome::unavailable:
            break;
    }
    throw kv::storage_failure{std::string{unwritable}};
}

}  // namespace pinhole::storage
