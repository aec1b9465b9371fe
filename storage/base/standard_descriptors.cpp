#include "storage/base/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace pinhole::storage {

void occupy_standard_descriptors() {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
        if (::fcntl(number, F_GETFD) != -1 || errno != EBADF) {
            continue;
        }
        // The lowest number that is free is this one.
        const int direction = number == STDOUT_FILENO ? O_RDONLY : O_WRONLY;
        if (::open("/dev/null", direction) != number) {  // NOLINT(*-vararg): as it is declared
            std::abort();
        }
    }
}

}  // namespace pinhole::storage
