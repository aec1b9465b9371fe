#include "storage/base/time.hpp"

#include <algorithm>

namespace pinhole::storage {

namespace {

void write_digits(char* at, unsigned value, int width) {
    for (int place = width - 1; place >= 0; --place) {
        at[place] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

}  // namespace

timestamp now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

void append_rfc3339(std::string& out, timestamp instant) {
    using namespace std::chrono;
    const auto day = floor<days>(instant);
    const year_month_day date{day};
    const auto in_day = static_cast<std::uint64_t>((instant - day).count());
    const auto seconds = static_cast<unsigned>(in_day / 1'000'000);

    char text[] = "0000-00-00T00:00:00.000000Z";
    write_digits(text, static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999)),
                 4);
    write_digits(text + 5, static_cast<unsigned>(date.month()), 2);
    write_digits(text + 8, static_cast<unsigned>(date.day()), 2);
    write_digits(text + 11, seconds / 3600, 2);
    write_digits(text + 14, seconds / 60 % 60, 2);
    write_digits(text + 17, seconds % 60, 2);
    write_digits(text + 20, static_cast<unsigned>(in_day % 1'000'000), 6);
    out.append(text, sizeof text - 1);
}

std::string to_rfc3339(timestamp instant) {
    std::string out;
    append_rfc3339(out, instant);
    return out;
}

}  // namespace pinhole::storage
