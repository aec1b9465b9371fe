#include "storage/kv/statistics.hpp"

namespace pinhole::kv {

const statistics_source* statistics_of(const store& store) {
    return dynamic_cast<const statistics_source*>(&store);
}

const counters_source* counters_of(const store& store) {
    return dynamic_cast<const counters_source*>(&store);
}

}  // namespace pinhole::kv
