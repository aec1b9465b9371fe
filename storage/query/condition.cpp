#include "storage/query/condition.hpp"

namespace pinhole::storage::query {

namespace {

void add_requirements(const condition& of, requirements& found) {
    switch (of.what) {
        case condition::kind::test:
            found.tests.push_back(of.leaf.get());
            break;
        case condition::kind::any:
            found.alternatives.push_back(&of);
            break;
        case condition::kind::all:
            for (const condition& part : of.parts) {
                add_requirements(part, found);
            }
            break;
        case condition::kind::negation:
            break;
    }
}

}  // namespace

requirements find_requirements(const condition& of) {
    requirements found;
    add_requirements(of, found);
    return found;
}

}  // namespace pinhole::storage::query
