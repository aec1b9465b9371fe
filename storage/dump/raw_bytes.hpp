// Values as the bytes that they are in memory, for temporary files of this process alone. Pure;
// thread-safe.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace pinhole::storage::dump {

template <class T>
void append_raw(std::string& out, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Takes a value off the front. Requires: `append_raw` has put it there.
template <class T>
T take_raw(std::string_view& in) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, in.data(), sizeof value);
    in.remove_prefix(sizeof value);
    return value;
}

}  // namespace pinhole::storage::dump
