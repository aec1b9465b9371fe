// pinhole-admin WORD …: what an operator does with a data directory. `pinhole-admin --help` lists
// the words, docs/admin.md explains them.
#include <cstdio>
#include <exception>

#include "storage/base/standard_descriptors.hpp"
#include "tools/admin/interrupts.hpp"
#include "tools/admin/program.hpp"

int main(int argc, char** argv) {
    pinhole::storage::occupy_standard_descriptors();
    try {
        const pinhole::admin::interrupts interrupts;
        return pinhole::admin::run(argc, argv, interrupts.token());
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "pinhole-admin: %s\n", failure.what());
        return static_cast<int>(pinhole::admin::exit_code::failed);
    }
}
