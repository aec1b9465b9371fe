// What a test can't ask of a program that is built with a sanitizer. The server program is built
// with the same one as its test.
#pragma once

namespace pinhole::test {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
/// It multiplies what is held and what work costs, and keeps what is freed, to see who uses it.
inline constexpr bool costs_are_real = false;
#else
inline constexpr bool costs_are_real = true;
#endif

#if __has_feature(undefined_behavior_sanitizer)
/// It opens a pipe to look at an object's type, and takes the object for broken where there is no
/// descriptor left for that.
inline constexpr bool can_run_without_descriptors = false;
#else
inline constexpr bool can_run_without_descriptors = true;
#endif

}  // namespace pinhole::test
