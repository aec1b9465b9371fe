#include "storage/kv/statistics.hpp"

namespace pinhole::kv {

const statistics_source* statistics_of(const store& store) {
    return dynamic_cast<const statistics_source*>(&store);
}

}  // namespace pinhole::kv
