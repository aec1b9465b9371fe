// A restore as a process of its own, so that it can be killed.
//   restore_child restore SOURCE DIR     restore_child merge SOURCE DIR
//   restore_child enter DIR              what everybody does who opens the directory
// Exit: 0 done, 1 refused.
#include <sodium.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "storage/restore/data_directory.hpp"
#include "storage/restore/restore.hpp"

namespace {

int run(const std::vector<std::string>& arguments) {
    using namespace pinhole::storage;
    if (arguments.at(0) == "enter") {
        (void)enter_data_directory(arguments.at(1));
        return 0;
    }
    const auto done =
        restore_dump(arguments.at(1), arguments.at(2), {.merge = arguments.at(0) == "merge"});
    if (!done) {
        std::fprintf(stderr, "%s\n", done.error().message.c_str());
        return 1;
    }
    for (const auto& fault : done->faults.kept()) {
        std::fprintf(stderr, "%s\n", to_string(fault).c_str());
    }
    return done->is_done ? 0 : 1;
}

}  // namespace

int main(int count, char** texts) {
    try {
        return sodium_init() < 0 ? 1 : run({texts + 1, texts + count});
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
